"""Commands while a server runs: they ask it through its control socket."""

import json
import signal
import sqlite3
import stat
import time
from contextlib import closing

import aiohttp
import pytest

from storefront.testing import TINY_SHOP

from .conftest import HANG_SECONDS, process

TAX = """
tax:
  seller: {name: Tiny GmbH, tax_id: DE123456789, country: DE, address: [Am Hafen 1]}
  default_country: DE
  rates: [{country: DE, class: digital, percent: "19"}]
"""
NEW_OFFER = "  cloak: {kind: item, type: durable, title: Cloak, prices: {gems: 80}}\n"


async def get(url, path, key=None):
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession() as http, http.get(url + path, headers=headers) as response:
        return response.status, await response.json()


async def skus(served):
    return {offer["sku"] for offer in (await get(served.url, "/v1/catalog"))[1]["offers"]}


async def test_the_shop_is_ready_once_it_says_so(served):
    status, body = await get(served.url, "/readyz")

    assert (status, body["status"]) == (200, "ready")
    assert stat.S_IMODE((served.data / "control.sock").stat().st_mode) == 0o600


async def test_a_key_made_beside_the_server_works_at_once_until_it_is_revoked(served):
    made = json.loads(served.ask("keys", "create", "--kind", "operator", "--name", "me", "--json").stdout)
    before = await get(served.url, "/v1/keys", made["key"])
    revoked = served.ask("keys", "revoke", made["id"])
    after = await get(served.url, "/v1/keys", made["key"])

    assert [key["id"] for key in before[1]["data"]] == [made["id"]]
    assert (before[0], revoked.returncode, after[0]) == (200, 0, 401)


@pytest.mark.parametrize("url", ["sqlite:///other.sqlite", "postgresql://shop:hush@127.0.0.1:1/shop"])
def test_a_server_does_nothing_for_a_shop_whose_books_are_elsewhere(served, tmp_path, url):
    other, rows = tmp_path / "other.yaml", tmp_path / "balances.csv"
    other.write_text(f"{TINY_SHOP}\ndatabase: {{url: '{url}'}}\n")
    rows.write_text("customer,asset,amount\nada,gems,500\n")
    asked = [["keys", "create", "--kind", "operator", "--name", "me"], ["migrate"], ["migrate", "--status"]]
    if url.startswith("sqlite"):
        assert process("migrate", "-c", other, "-d", tmp_path / "data").returncode == 0
        asked.append(["import", "balances", rows, "--reason", "moved"])
    keys = served.ask("keys", "list", "--json").stdout

    for words in asked:
        told = process(*words, "-c", other, "-d", served.data)
        assert told.returncode == 1
        assert f"The server on {served.data} keeps its books in {served.data}/storefront.sqlite" in told.stderr
        assert "Nothing was done" in told.stderr
        assert "hush" not in told.stderr
    assert served.ask("keys", "list", "--json").stdout == keys
    with closing(sqlite3.connect(served.data / "storefront.sqlite")) as books:
        assert books.execute("SELECT count(*) FROM customers").fetchone() == (0,)


def test_a_second_server_on_the_same_data_is_refused_in_one_line(served):
    told = process("serve", served.config, "--port", "0", "--data", served.data)

    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert f"Process {served.process.pid} already serves {served.data}" in line


def test_a_taken_port_is_refused_in_one_line(served, tmp_path):
    port = served.url.rpartition(":")[2]

    told = process("serve", served.config, "--port", port, "--data", tmp_path / "data")

    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert f"Cannot listen on 127.0.0.1, port {port}" in line


def test_migrate_leaves_a_served_database_alone(served):
    refused = served.ask("migrate")
    status = served.ask("migrate", "--status", "--json")

    assert (refused.returncode, status.returncode) == (1, 0)
    assert "A server runs on" in refused.stderr
    (core,) = [found for found in json.loads(status.stdout) if found["history"] == "core"]
    assert core["current"] == core["wanted"]


def test_plugins_and_the_audit_may_be_asked_at_any_time(served):
    plugins = json.loads(served.ask("plugins", "--json").stdout)
    audit = served.ask("audit", "verify", "--deep")

    (plugin,) = [found for found in plugins["plugins"] if found["name"] == "microtransactions"]
    assert plugins["server_running"] is True
    assert (plugin["state"], plugin["installed"]) == ("active", True)
    assert audit.returncode == 0, audit.stdout


async def test_reload_sells_by_the_new_yaml_and_by_the_old_one_if_it_is_broken(served):
    served.config.write_text(TINY_SHOP + NEW_OFFER)
    good = served.ask("reload", "--json")
    after_the_good = await skus(served)
    served.config.write_text(TINY_SHOP + NEW_OFFER + "  boots: {kind: item, tipe: durable, title: Boots}\n")
    bad = served.ask("reload")
    after_the_bad = await skus(served)
    served.config.write_text(TINY_SHOP.replace("Tiny shop", "Small shop"))
    renamed = served.ask("reload")

    assert json.loads(good.stdout)["changed"] is True
    assert "cloak" in after_the_good
    assert bad.returncode == 2
    assert "offers.boots.tipe:" in bad.stderr
    assert after_the_bad == after_the_good
    assert renamed.returncode == 0
    assert "only in effect after a restart: shop" in renamed.stdout
    assert "cloak" not in await skus(served)


async def test_a_changed_tax_table_is_in_effect_at_once_and_is_not_said_to_wait(served):
    served.config.write_text(TINY_SHOP + TAX)
    taxed = served.ask("reload")
    served.config.write_text(TINY_SHOP + TAX + "webhooks: {allow: ['http://receiver.lan:9000']}\n")
    waiting = served.ask("reload", "--json")

    assert "The new catalog is on sale" in taxed.stdout
    assert "restart" not in taxed.stdout
    assert json.loads(waiting.stdout)["needs_restart"] == ["webhooks"]


async def test_sighup_reloads_too(served):
    served.config.write_text(TINY_SHOP + NEW_OFFER)
    served.process.send_signal(signal.SIGHUP)

    give_up = time.monotonic() + HANG_SECONDS
    while "cloak" not in await skus(served):
        assert time.monotonic() < give_up, "the server did not reload"
    served.config.write_text(TINY_SHOP)
    assert served.ask("reload").returncode == 0
