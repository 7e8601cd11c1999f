"""The systemd units: what they run is ours, they are shut in, and what they read of secrets is what the YAML names."""

import re
import shlex
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from storefront.cli.serving import DRAIN_SECONDS
from tests.cli.conftest import storefront

from .conftest import DEPLOY
from .reading import settings, take

UNITS = DEPLOY / "systemd"
SERVICES = ("storefront.service", "storefront-upkeep.service")
PROGRAM = "/opt/storefront/bin/storefront"
SHUT_IN = {
    "UMask": "0077",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "PrivateUsers": "yes",
    "ProtectProc": "invisible",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "SystemCallArchitectures": "native",
    "StateDirectory": "storefront",
    "StateDirectoryMode": "0700",
    "User": "storefront",
}


def of_service(unit: str) -> dict[str, list[str]]:
    """Return ``name -> values`` of the section ``[Service]``."""
    found = defaultdict(list)
    for section, name, value in settings(UNITS / unit):
        if section == "Service":
            found[name].append(value)
    return dict(found)


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_is_shut_in_and_runs_our_commands(unit):
    service = of_service(unit)
    assert {name: service.get(name) for name in SHUT_IN} == {name: [value] for name, value in SHUT_IN.items()}
    assert service["SystemCallFilter"] == ["@system-service", "~@privileged"]
    assert "/etc/storefront/secrets" in service["InaccessiblePaths"][0]
    ours = [shlex.split(line) for name in ("ExecStart", "ExecReload") for line in service.get(name, [])]
    commands = [take(words[1:])["command"] for words in ours if words[0] == PROGRAM]
    assert commands == (["serve", "reload"] if unit == "storefront.service" else ["backup", "audit verify"])
    assert {words[0] for words in ours} <= {PROGRAM, "/usr/bin/find"}


def test_the_server_is_given_time_to_end_and_no_wrong_yaml_is_tried_again_and_again():
    service = of_service("storefront.service")
    assert int(service["TimeoutStopSec"][0]) > DRAIN_SECONDS + 5
    assert service["KillMode"] == ["mixed"]
    assert (service["Type"], service["Restart"]) == (["exec"], ["on-failure"])
    assert service["RestartPreventExitStatus"] == ["2"]
    environment = dict(line.split("=", 1) for line in service["Environment"])
    assert (environment["CONFIG"], environment["DATA"]) == ("/etc/storefront/shop.yaml", "/var/lib/storefront")
    upkeep = dict(line.split("=", 1) for line in of_service("storefront-upkeep.service")["Environment"])
    assert upkeep.items() <= environment.items()


@pytest.mark.parametrize("unit", SERVICES)
def test_the_credentials_are_those_that_the_yaml_names(unit):
    wanted = set(re.findall(r"\$\{credential:(\w+)\}", (UNITS / "shop.yaml").read_text()))
    loaded = dict(line.split(":", 1) for line in of_service(unit)["LoadCredential"])
    assert loaded == {name: f"/etc/storefront/secrets/{name}" for name in wanted}


def test_the_shop_of_the_unit_is_without_mistakes_and_believes_this_machine_alone(tmp_path: Path):
    for name, secret in {"stripe_secret_key": "sk_live_a1", "stripe_webhook_secret": "whsec_" + "a1" * 16}.items():
        (tmp_path / name).write_text(secret)
    told = storefront("check", UNITS / "shop.yaml", CREDENTIALS_DIRECTORY=str(tmp_path), DATA=str(tmp_path / "data"))
    assert told.returncode == 0, told.stderr
    web = yaml.safe_load((UNITS / "shop.yaml").read_text())["web"]
    assert (web["host"], web["trusted_proxies"]) == ("127.0.0.1", ["127.0.0.1", "::1"])


def test_commands_of_operators_mean_the_shop_that_is_served():
    script = (UNITS / "storefront.sh").read_text()
    environment = dict(line.split("=", 1) for line in of_service("storefront.service")["Environment"])
    assert f"CONFIG={environment['CONFIG']} DATA={environment['DATA']}" in script
    assert f'{PROGRAM} "$@"' in script
    assert (UNITS / "storefront.sh").stat().st_mode & 0o111
    (timer,) = [value for _, name, value in settings(UNITS / "storefront-upkeep.timer") if name == "OnCalendar"]
    assert timer == "*-*-* 04:10:00"
