"""Files, references and includes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storefront.core.config import Config, ConfigError, Secret, load_config, read_document

Load = Callable[..., Config]
Mistakes = Callable[..., list[str]]

SHOP = "shop: {name: Lanternfall}\n"


def test_a_reference_becomes_a_number_where_a_number_is_meant(load: Load) -> None:
    config = load(
        "shop: {name: '${NAME}'}\nweb: {port: '${PORT}', anonymous_catalog: '${OPEN:-false}'}\n",
        environ={"NAME": "42", "PORT": "9090"},
    )

    assert (config.shop.name, config.web.port, config.web.anonymous_catalog) == ("42", 9090, False)


def test_a_default_stands_in_for_a_missing_or_empty_variable(load: Load) -> None:
    text = "shop: {name: '${NAME:-Lantern}fall', publisher: '$${NAME}'}\n"
    text += "web: {rate_limits: {read: {per: key, rate: '${R:-7}'}}}\n"

    for environ in ({}, {"NAME": ""}):
        config = load(text, environ=environ)
        assert (config.shop.name, config.shop.publisher) == ("Lanternfall", "${NAME}")
        assert config.web.rate_limits["read"][0].rate == 7


def test_a_file_reference_reads_the_file_beside_without_its_last_line_break(load: Load, tmp_path: Path) -> None:
    (tmp_path / "stripe.key").write_text("sk_test_from_a_file\n")

    config = load(
        SHOP + "gateways: {stripe: {secret_key: '${file:stripe.key}', webhook_secret: ['${A}', '${B}']}}",
        environ={"A": "whsec_aaaaaaaaaaaaaaaaaaaa", "B": "whsec_bbbbbbbbbbbbbbbbbbbb"},
    )

    stripe = config.gateways["stripe"]
    assert stripe.secret("secret_key") == Secret("sk_test_from_a_file")
    assert [one.reveal()[6] for one in stripe.secrets("webhook_secret")] == ["a", "b"]


def test_secrets_are_masked_wherever_the_configuration_is_printed(load: Load) -> None:
    config = load(
        SHOP + "keys: [{key: '${KEY}', kind: server}, {key: sk_sandbox_demo, kind: server}]",
        environ={"KEY": "sk_abcdefghijklmnopqrstuvwxyz"},
    )

    assert config.keys[0].key.reveal() == "sk_abcdefghijklmnopqrstuvwxyz"
    for shown in (repr(config), str(config.keys[0].key), f"{config.keys[0].key}", f"{config.keys!r}"):
        assert "abcdef" not in shown
        assert "sandbox_demo" not in shown


def test_a_misplaced_secret_is_not_repeated_in_a_message(mistakes: Mistakes) -> None:
    found = mistakes(
        SHOP + "entitlements: {}\noffers: {sword: {kind: item, type: '${KEY}', title: S, "
        "grants: ['${KEY}'], prices: {USD: '${KEY}'}}}\n"
        "plugins: {microtransactions: {}}\nmode: '${KEY}'\n",
        environ={"KEY": "hunter2hunter2"},
    )

    assert len(found) == 4
    assert "hunter2" not in "".join(found)


def test_files_merge_deeply_and_a_leaf_is_said_once(load: Load, mistakes: Mistakes) -> None:
    main = "include: [more/*.yaml]\nshop: {name: Lanternfall}\n"

    assert load(main, more__a="shop: {publisher: Lowtide}\n").shop.publisher == "Lowtide"
    assert mistakes(main, more__a="shop:\n  name: Lowtide\n") == [
        f"more/a.yaml:2:3 shop.name: is written twice; first at {_folder(load)}shop.yaml:2:8"
    ]


def test_a_creators_file_becomes_that_creator(load: Load) -> None:
    config = load(
        "include: [creators/*.yaml]\n" + SHOP, creators__luna="creator: luna\nname: Luna\ntips: {min: {USD: 100}}\n"
    )

    assert config.creators == {"luna": {"name": "Luna", "tips": {"min": {"USD": 100}}}}
    assert [file.name for file in config.files] == ["shop.yaml", "luna.yaml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: Luna\n", "creators/luna.yaml:1:1 creator: must be the creator's id"),
        ("creator: nova\nname: Nova\n", "creators/luna.yaml:1:10 creator: must be the name of its file"),
        (
            "keys: [{key: '${K}', kind: operator}]\n",
            "creators/luna.yaml:1:14 keys[0].key: ${…} is not allowed in a creator's file",
        ),
    ],
)
def test_a_creators_file_says_nothing_but_its_creator(mistakes: Mistakes, text: str, message: str) -> None:
    found = mistakes("include: [creators/*.yaml]\n" + SHOP, creators__luna=text, environ={"K": "ak_" + "x" * 30})

    assert message in found


def test_a_symbolic_link_does_not_lead_out_of_the_folder(mistakes: Mistakes, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.yaml"
    outside.write_text("mode: live\n")
    (tmp_path / "link.yaml").symlink_to(outside)

    assert mistakes("include: [link.yaml]\n" + SHOP) == [
        "shop.yaml:1:11 include: leads out of the folder of the main file"
    ]


def test_a_missing_main_file_is_a_mistake_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_document(tmp_path / "shop.yaml", {})

    assert (
        str(caught.value) == f"{tmp_path}/shop.yaml:1:1 {tmp_path}/shop.yaml cannot be read: No such file or directory"
    )


def test_a_document_names_its_plugins_before_anything_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("nonsense: 1\nplugins: {fraud: {on_error: skip}, microtransactions: }\n")

    document = read_document(file, {})

    assert document.enabled_plugins == ("fraud", "microtransactions")
    assert document.skippable_plugins == ("fraud",)


def test_yaml_means_what_its_current_version_says(load: Load) -> None:
    config = load(
        "shop: {name: no, publisher: 12:30:00}\nweb: {port: 0o17}\nx-spare: &a {no: 1}\nlogging: {<<: *b}\n".replace(
            "<<: *b", "level: info"
        )
    )

    assert (config.shop.name, config.shop.publisher, config.web.port) == ("no", "12:30:00", 15)


def test_anchors_and_merge_keys_work(load: Load) -> None:
    config = load(
        SHOP + "plugins: {microtransactions: {}}\nx-base: &base {kind: item, type: durable, prices: {USD: 499}}\n"
        "offers:\n  sword: {<<: *base, title: Sword}\n  cloak: {<<: *base, title: Cloak, prices: {USD: 99}}\n"
    )

    assert [(offer.title["en"], offer.prices) for offer in config.offers.values()] == [
        ("Sword", {"USD": 499}),
        ("Cloak", {"USD": 99}),
    ]


def test_too_much_is_refused_quickly(tmp_path: Path) -> None:
    cases = {
        "deep": "a: " + "[" * 5000,
        "large": "a: " + "x" * 1_100_000,
        "number": "a: " + "9" * 10_000,
        "escape": 'a: "\\UFFFFFFFF"',
        "itself": "a: &a [*a]",
        "half": 'a: "\\ud800"',
    }
    for name, text in cases.items():
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        with pytest.raises(ConfigError):
            load_config(file, environ={}, plugins={})


def _folder(load: Load) -> str:
    config = load(SHOP)
    return f"{config.files[0].parent}/"
