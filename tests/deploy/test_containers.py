"""The image and the compose file: what they copy exists, what they run is ours, no secret stands in them."""

import re
from pathlib import Path

import pytest
import yaml

from storefront.cli.serving import DRAIN_SECONDS
from tests.cli.conftest import storefront

from .conftest import DEPLOY, ROOT
from .reading import instructions, take, words

COMPOSE = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
SERVICES = COMPOSE["services"]
SHOP_YAML = DEPLOY / "compose/shop/shop.yaml"
OURS = SERVICES["storefront"]


def only(name: str) -> str:
    """Return the one instruction of this name."""
    (found,) = [text for instruction, text in instructions() if instruction == name]
    return found


def test_what_the_image_copies_is_in_the_tree_and_the_build_may_see_it():
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    seen = {line.removeprefix("!").rstrip("/") for line in ignore if line.startswith("!")}
    copied = [text.split()[:-1] for name, text in instructions() if name == "COPY" and "--from" not in text]
    sources = {source.rstrip("/") for each in copied for source in each}
    assert sources == {"pyproject.toml", "LICENSE", "README.md", "plugins", "sdk/js", "storefront"}
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert sources == seen
    assert "**" in ignore
    # A page of the shop loads the SDK by a link inside the tree: without its target the wheel would lack it.
    assert (ROOT / "storefront/pages/static/sdk").resolve() == ROOT / "sdk/js"


def test_the_image_runs_our_server_as_nobody_in_particular_and_stops_it_gently():
    assert take([*words(only("ENTRYPOINT")), *words(only("CMD"))][1:])["command"] == "serve"
    assert only("USER") == "10001:10001"
    assert only("STOPSIGNAL") == "SIGTERM"
    assert only("VOLUME") == "/data"
    given = dict(re.findall(r"(\w+)=(\S+)", only("ENV")))
    assert (given["DATA"], given["CREDENTIALS_DIRECTORY"], given["HOST"]) == ("/data", "/run/secrets", "0.0.0.0")
    assert given["PORT"] == only("EXPOSE")
    assert [name for name in given if re.search("SECRET|PASSWORD|TOKEN|KEY", name)] == []
    python = re.search(r"^ARG PYTHON=([\d.]+)$", (DEPLOY / "Dockerfile").read_text(), re.M)
    assert python is not None
    assert tuple(map(int, python[1].split("."))) >= (3, 11)
    assert len([name for name, _ in instructions() if name == "FROM"]) == 2


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded_watched_and_can_do_little(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} == limits.keys()
    assert not service.get("privileged")
    # Nothing is called `latest` by somebody else, and what the service names exists in the file.
    assert re.fullmatch(r"[a-z]+:(\d+|\$\{STOREFRONT_VERSION:-latest\})", service["image"])
    assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
    assert set(service["networks"]) <= COMPOSE["networks"].keys()
    named = [volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith(".")]
    assert set(named) <= COMPOSE["volumes"].keys()
    assert set(service.get("depends_on", {})) <= SERVICES.keys()
    assert all(wait == {"condition": "service_healthy"} for wait in service.get("depends_on", {}).values())


def test_no_secret_stands_in_the_compose_file_and_no_database_is_published():
    assert all(re.fullmatch(r"\./secrets/\w+", secret["file"]) for secret in COMPOSE["secrets"].values())
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|SECRET|TOKEN|KEY", variable) or value.startswith("/run/secrets/"), name
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["database"]["networks"] == ["inside"]
    assert SERVICES["database"]["image"] == "postgres:18"


def test_the_compose_file_serves_by_workers_and_gives_them_time_to_end():
    taken = take([*OURS["command"][:-1], "2"])
    assert (taken["command"], taken["workers"]) == ("serve", 2)
    assert take(OURS["healthcheck"]["test"][2:])["command"] == "health"
    assert OURS["healthcheck"]["test"][1] == "storefront"
    # Under --workers the parent waits five seconds more than a worker drains.
    assert int(OURS["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS + 5
    assert OURS["user"] == only("USER")
    build = OURS["build"]
    assert (DEPLOY / "compose" / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_the_shop_of_the_compose_file_is_without_mistakes_and_believes_caddy_alone(tmp_path: Path):
    text = SHOP_YAML.read_text()
    assert set(re.findall(r"\$\{credential:(\w+)\}", text)) == set(OURS["secrets"]) == COMPOSE["secrets"].keys()
    given = {
        "database_password": "a1b2c3",
        "stripe_secret_key": "sk_live_a1",
        "stripe_webhook_secret": "whsec_" + "a1" * 16,
    }
    for name, secret in given.items():
        (tmp_path / name).write_text(secret + "\n")
    place = {"CREDENTIALS_DIRECTORY": str(tmp_path), "SHOP_DOMAIN": "shop.example.com", "DATA": str(tmp_path / "data")}
    checked = storefront("check", SHOP_YAML, HOST="0.0.0.0", PORT="8080", **place)
    assert checked.returncode == 0, checked.stderr

    caddy = SERVICES["caddy"]["networks"]["edge"]["ipv4_address"]
    assert yaml.safe_load(text)["web"]["trusted_proxies"] == [caddy]
    assert caddy.startswith("172.31.250.")
    proxied = (DEPLOY / "compose/Caddyfile").read_text()
    assert "storefront:8080" in proxied
    assert "/metrics" in proxied


@pytest.mark.parametrize(
    ("name", "folder", "said"),
    [
        ("stripe_secret_key", "", "the credential 'stripe_secret_key' is nowhere"),
        ("gone", "here", "the file 'gone' of ${credential:…} does not exist"),
        ("../secret", "here", "a credential is written ${credential:name}"),
        (".hidden", "here", "a credential is written ${credential:name}"),
    ],
)
def test_a_credential_that_is_not_there_is_a_mistake_and_no_path_leads_out(tmp_path: Path, name, folder, said):
    (tmp_path / "here").mkdir()
    for secret in ("secret", "here/.hidden"):
        (tmp_path / secret).write_text("sk_live_not_to_be_read")
    config = tmp_path / "shop.yaml"
    config.write_text(f'shop: {{name: Mine}}\ngateways: {{stripe: {{secret_key: "${{credential:{name}}}"}}}}\n')
    told = storefront("check", config, CREDENTIALS_DIRECTORY=str(tmp_path / folder) if folder else "")
    assert told.returncode == 2
    assert said in told.stderr
    assert "not_to_be_read" not in told.stderr
