"""``storefront webhooks``, beside a running server and without one."""

import json
from pathlib import Path

from .conftest import Served, storefront

URL = "https://game.example/hooks"


def test_an_endpoint_is_made_paused_tested_replayed_rotated_and_removed_beside_a_server(served: Served) -> None:
    added = served.ask("webhooks", "add", URL, "--type", "none.such", "--json")
    endpoint = json.loads(added.stdout)
    paused = json.loads(served.ask("webhooks", "pause", endpoint["id"], "--json").stdout)
    sent = served.ask("webhooks", "test", endpoint["id"])
    rotated = json.loads(served.ask("webhooks", "rotate", endpoint["id"], "--json").stdout)
    listed = served.ask("webhooks", "list")
    shown = json.loads(served.ask("webhooks", "show", endpoint["id"], "--json").stdout)
    changed = served.ask("webhooks", "update", endpoint["id"], "--description", "game server", "--json")
    replayed = served.ask("webhooks", "replay", endpoint["id"], "--since", "2020-01-01T00:00:00Z")
    lately = served.ask("webhooks", "replay", endpoint["id"], "--since", "1h")
    assert lately.returncode == 0, lately.stderr
    page = served.ask("webhooks", "deliveries", endpoint["id"], "--json")
    removed = served.ask("webhooks", "remove", endpoint["id"])
    gone = served.ask("webhooks", "show", endpoint["id"])

    assert endpoint["secret"].startswith("whsec_")
    assert rotated["secret"] not in (endpoint["secret"], None)
    assert (paused["state"], "secret" in shown, "secret" in paused) == ("paused", False, False)
    assert "webhook_endpoint.test is on its way" in sent.stdout
    assert URL in listed.stdout
    assert json.loads(changed.stdout)["description"] == "game server"
    assert replayed.returncode == 0, replayed.stderr
    assert set(json.loads(page.stdout)) == {"data", "next"}
    assert (removed.returncode, gone.returncode) == (0, 1)
    assert "There is no such webhook endpoint" in gone.stderr


def test_it_works_on_a_shop_that_nobody_serves(config: Path, tmp_path: Path) -> None:
    def ask(*arguments: str) -> str:
        told = storefront("webhooks", *arguments, "--config", config, DATA=str(tmp_path / "data"))
        assert told.returncode == 0, told.stderr
        return told.stdout

    storefront("migrate", "--config", config, DATA=str(tmp_path / "data"))
    assert "Nobody gets events yet" in ask("list")
    endpoint = json.loads(ask("add", URL, "--json"))
    assert [one["id"] for one in json.loads(ask("list", "--json"))] == [endpoint["id"]]
    assert "paused" in ask("pause", endpoint["id"])
    assert "enabled" in ask("resume", endpoint["id"])
    assert ask("rotate", endpoint["id"]).strip().startswith("whsec_")
    assert json.loads(ask("deliveries", endpoint["id"], "--json")) == {"data": [], "next": None}


def test_an_address_inside_is_refused_with_words(config: Path, tmp_path: Path) -> None:
    told = storefront("webhooks", "add", "https://127.0.0.1/", "--config", config, DATA=str(tmp_path / "data"))
    assert told.returncode == 1
    assert "not an address on the public internet" in told.stderr
    assert "webhooks.allow" in told.stderr


def test_replay_wants_to_know_what(config: Path, tmp_path: Path) -> None:
    told = storefront("webhooks", "replay", "whe_x", "--config", config, DATA=str(tmp_path / "data"))
    assert told.returncode == 2
