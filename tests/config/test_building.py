"""The typed result, and what no schema can say."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import yaml

from storefront.core.config import (
    Config,
    ConfigError,
    LimitPer,
    Mode,
    PluginSchema,
    RateLimitPer,
    Window,
    build,
    full_schema,
    load_config,
    read_document,
)
from tests.signing import heart_of, new_signing_key

Load = Callable[..., Config]
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
SHOP = "shop: {name: Lanternfall}\n"


def test_the_example_configuration_loads(plugins: Mapping[str, PluginSchema]) -> None:
    config = load_config(EXAMPLE, environ={}, plugins=plugins)

    assert (config.shop.name, config.shop.publisher, config.mode) == ("Lanternfall", "Lowtide Games", Mode.SANDBOX)
    assert (config.web.host, config.web.port, config.data_dir) == ("127.0.0.1", 8080, ROOT / "data")
    assert config.database.url.reveal() == f"sqlite:///{ROOT}/data/storefront.sqlite"
    assert [key.key.reveal() for key in config.keys] == ["sk_sandbox_demo", "pk_sandbox_demo", "ak_sandbox_demo"]
    assert list(config.creators) == ["luna"]
    prices = {sku: dict(offer.prices) for sku, offer in config.offers.items()}
    assert prices["gems-500"] == {"USD": 499, "EUR": 499}
    assert prices["sword-of-dawn"] == {"gems": 120}
    assert prices["health-potion"] == {"gems": 15}
    assert config.offers["gems-500"].part == {"contents": {"gems": 500}}
    assert config.offers["sword-of-dawn"].grants == {"sword-of-dawn": True}
    lantern = config.offers["founders-lantern"].limits[0]
    assert (lantern.per, lantern.count, lantern.window) == (LimitPer.GLOBAL, 400, Window.LIFETIME)


def test_the_least_configuration_is_a_sandbox_with_everything_at_its_default(load: Load) -> None:
    config = load(SHOP)

    assert (config.mode, list(config.gateways), config.web.port) == (Mode.SANDBOX, ["sandbox"], 8080)
    assert (config.web.body_limit_bytes, config.purchases.expires_after_minutes) == (1_048_576, 35)
    assert (config.retention.idempotency_days, config.retention.webhook_bodies_days) == (30, 30)
    assert {name: [(one.per, one.rate) for one in limits] for name, limits in config.web.rate_limits.items()} == {
        "read": [(RateLimitPer.CUSTOMER, 500), (RateLimitPer.ADDRESS, 50)],
        "write": [(RateLimitPer.CUSTOMER, 500), (RateLimitPer.ADDRESS, 5)],
        "checkout": [(RateLimitPer.CUSTOMER, 500), (RateLimitPer.ADDRESS, 10)],
        "sign_in": [(RateLimitPer.CUSTOMER, 500), (RateLimitPer.ADDRESS, 30)],
        "webhook": [(RateLimitPer.ADDRESS, 200)],
        "promo_code": [(RateLimitPer.CUSTOMER, 10), (RateLimitPer.ADDRESS, 60)],
    }


def test_times_become_utc(load: Load) -> None:
    config = load(
        SHOP + "plugins: {microtransactions: {}}\noffers: {s: {kind: item, type: durable, title: S, prices: {USD: 99}, "
        "available: {from: 2026-12-01 09:00:00 +01:00, until: 2027-01-01T00:00:00Z}}}"
    )

    window = config.offers["s"].available
    assert window.from_ == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert window.until == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_live_shop_takes_real_money_only(load: Load) -> None:
    text = SHOP + "mode: live\nweb: {public_url: 'https://shop.example/'}\n"
    text += "gateways: {stripe: {secret_key: '${KEY}', webhook_secret: '${HOOK}'}}\n"

    config = load(text, environ={"KEY": "sk_live_1", "HOOK": "whsec_aaaaaaaaaaaaaaaaaaaa"})

    assert (config.mode, list(config.gateways), config.web.public_url) == (
        Mode.LIVE,
        ["stripe"],
        "https://shop.example",
    )


def test_a_plugin_to_be_skipped_is_left_out_with_its_offers_and_its_mistakes(
    load: Load, plugins: Mapping[str, PluginSchema], tmp_path: Path
) -> None:
    file = tmp_path / "shop.yaml"
    text = SHOP + "plugins: {microtransactions: {on_error: ON_ERROR, history_days: -1}}\n"
    text += "offers: {sword: {kind: item, type: durable, title: Sword, prices: {USD: 499}}}\n"

    file.write_text(text.replace("ON_ERROR", "skip"))
    config = load_config(file, environ={}, plugins=plugins)
    assert (list(config.plugins), list(config.offers), config.skipped_offers) == ([], [], ("sword",))
    assert [one.message for one in config.skipped["microtransactions"]] == ["must be a positive integer"]

    file.write_text(text.replace("ON_ERROR", "fail"))
    with pytest.raises(ConfigError, match="must be a positive integer"):
        load_config(file, environ={}, plugins=plugins)


def test_a_plugin_that_could_not_be_loaded_leaves_the_rest_on_sale(
    plugins: Mapping[str, PluginSchema], tmp_path: Path
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(
        SHOP + "plugins: {broken: {on_error: skip, whatever: 1}, microtransactions: }\n"
        "offers:\n  egg: {kind: egg, title: Egg, size: 3}\n"
        "  sword: {kind: item, type: durable, title: Sword, prices: {USD: 499}}\n"
    )

    config = build(read_document(file, {}), plugins=plugins, skipped=["broken"])

    assert (list(config.plugins), list(config.offers), config.skipped_offers) == (
        ["microtransactions"],
        ["sword"],
        ("egg",),
    )


def test_a_plugin_may_claim_a_top_level_key_and_bring_a_gateway(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP + "plugins: {fan: }\ncreators: {luna: {mood: calm}}\ngateways: {cash: {drawer: 3}}\n")
    fan = PluginSchema(
        claims={
            "creators": {
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/one"},
                "$defs": {"one": {"type": "object"}},
            }
        },
        gateways={"cash": {"type": "object", "properties": {"drawer": {"type": "integer"}}}},
    )

    config = load_config(file, environ={}, plugins={"fan": fan})

    assert config.claimed == {"creators": {"luna": {"mood": "calm"}}}
    assert config.gateways["cash"].options == {"drawer": 3}


def test_anchors_are_files_beside_the_yaml_and_webhooks_whose_address_is_never_shown(
    load: Load, tmp_path: Path
) -> None:
    secret = "whsec_" + "A" * 32
    config = load(
        SHOP + "audit: {anchors: [{file: kept/a.jsonl}, {file: /a.jsonl}, "
        "{webhook: 'https://hooks.example/T0/B0', secret: '${SECRET}'}, {webhook: 'http://localhost:9000/'}]}",
        environ={"SECRET": secret},
    )

    files = [anchor.file for anchor in config.audit.anchors]
    webhooks = [anchor.webhook and anchor.webhook.reveal() for anchor in config.audit.anchors]
    assert files == [tmp_path / "kept" / "a.jsonl", Path("/a.jsonl"), None, None]
    assert webhooks == [None, None, "https://hooks.example/T0/B0", "http://localhost:9000/"]
    assert config.audit.anchors[2].secret is not None
    assert config.audit.anchors[2].secret.reveal() == secret
    assert "T0" not in repr(config)
    assert config.audit.every_seconds == 300
    assert load(SHOP).audit.anchors == ()


def test_signing_keys_come_from_files_and_the_environment_and_are_never_shown(load: Load, tmp_path: Path) -> None:
    newer, older = new_signing_key(), new_signing_key()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "older.pem").write_text(older)

    config = load(
        SHOP + "signing: {keys: ['${NEWER}', '${file:secrets/older.pem}']}",
        environ={"NEWER": newer},
    )

    assert [key.reveal().strip() for key in config.signing.keys] == [newer.strip(), older.strip()]
    assert [pem for pem in (newer, older) if heart_of(pem) in repr(config)] == []
    assert load(SHOP).signing.keys == ()


def test_a_signing_key_may_not_stand_in_the_file(mistakes: Callable[..., list[str]]) -> None:
    pem = new_signing_key()
    text = SHOP + "signing:\n  keys:\n  - |\n" + "".join(f"    {line}\n" for line in pem.splitlines())

    assert mistakes(text) == [
        "shop.yaml:4:5 signing.keys[0]: must not stand in the file: take it from the environment or a file"
    ]


def test_a_plugins_secret_is_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP + "plugins: {mail: {password: '${PASSWORD}'}}\n")
    schema = {
        "type": "object",
        "properties": {"password": {"type": "string", "secret": True}},
        "additionalProperties": False,
    }

    config = load_config(file, environ={"PASSWORD": "hunter2"}, plugins={"mail": PluginSchema(config=schema)})

    assert repr(config.plugins["mail"].options) == "{'password': Secret(***)}"


def test_the_published_schema_accepts_the_example_as_it_is_written(plugins: Mapping[str, PluginSchema]) -> None:
    schema = full_schema(plugins)

    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    document = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    assert [error.message for error in validator.iter_errors(document)] == []
    document["web"]["port"] = "eighty"
    document["offers"]["sword-of-dawn"]["colour"] = "red"
    assert sorted(".".join(map(str, error.absolute_path)) for error in validator.iter_errors(document)) == [
        "offers.sword-of-dawn",
        "web.port",
    ]


def test_every_key_of_the_published_schema_is_described(plugins: Mapping[str, PluginSchema]) -> None:
    undescribed = list(_undescribed(full_schema(plugins), "", inside_condition=False))

    assert undescribed == []


def _undescribed(schema: object, path: str, *, inside_condition: bool) -> list[str]:
    found: list[str] = []
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            found += _undescribed(item, f"{path}[{index}]", inside_condition=inside_condition)
    if not isinstance(schema, dict):
        return found
    for key, value in schema.items():
        if key in ("if", "then", "examples"):
            continue
        if key == "properties" and isinstance(value, dict):
            for name, inner in value.items():
                if "description" not in inner and "$ref" not in inner:
                    found.append(f"{path}.{name}")
        found += _undescribed(value, f"{path}.{key}", inside_condition=inside_condition)
    return found
