"""Commands on a database that nobody serves: they take its lock themselves."""

import json
import sqlite3
from contextlib import closing

import pytest

from storefront.testing import TINY_SHOP

from .conftest import process, storefront


def test_keys_are_made_listed_and_revoked(config, tmp_path):
    data = tmp_path / "data"
    create = ["keys", "create", "--kind", "server", "--name", "bot", "--scope", "grants:write"]

    made = json.loads(storefront(*create, "--json", "-c", config, "-d", data).stdout)
    revoked = storefront("keys", "revoke", made["id"], "-c", config, "-d", data)
    (listed,) = json.loads(storefront("keys", "list", "--json", "-c", config, "-d", data).stdout)

    assert made["key"].startswith("sk_")
    assert revoked.returncode == 0, revoked.stderr
    assert (listed["id"], listed["name"], listed["scopes"]) == (made["id"], "bot", ["grants:write"])
    assert listed["revoked_at"] is not None
    assert "key" not in listed


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """A data folder with a new sandbox database, made by ``storefront migrate``, and the shop's YAML."""
    folder = tmp_path_factory.mktemp("migrated")
    config = folder / "shop.yaml"
    config.write_text(TINY_SHOP)
    told = storefront("migrate", "--json", "-c", config, "-d", folder / "data")
    (core,) = [found for found in json.loads(told.stdout) if found["history"] == "core"]
    assert core["current"] == core["wanted"]
    return config, folder / "data"


def test_asking_where_the_database_stands_makes_none(config, tmp_path):
    told = storefront("migrate", "--status", "--json", "-c", config, "-d", tmp_path / "data")

    (core,) = [found for found in json.loads(told.stdout) if found["history"] == "core"]
    assert core["current"] is None
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("report", "overview"), ("jobs", "list"), ("reviews", "list"), ("customers", "show", "ada"), ("keys", "list"),
        ("operators", "list"), ("purchases", "show", "pur_x"), ("export", "purchases"), ("promo-codes", "list"),
        ("webhooks", "list"), ("audit", "verify"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_only_reads_says_that_there_is_no_database_and_makes_none(config, tmp_path, command):
    told = storefront(*command, "-c", config, "-d", tmp_path / "data")

    assert told.returncode != 0
    (line,) = told.stderr.splitlines()
    assert line == (
        f"error: There is no database at {tmp_path}/data/storefront.sqlite: `storefront migrate` or `serve` makes one."
    )
    assert not (tmp_path / "data").exists()


def test_a_report_in_a_currency_of_which_nothing_is_counted_says_so(migrated):
    config, data = migrated
    told = storefront("report", "revenue", "--currency", "XXX", "-c", config, "-d", data)

    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.splitlines()[0] == (
        "error: Nothing was ever counted in XXX. Nothing is counted in any currency."
    )
    whole = storefront("report", "overview", "-c", config, "-d", data)
    assert whole.returncode == 0, whole.stderr


def test_a_sandbox_database_refuses_to_go_live(migrated, tmp_path):
    live = tmp_path / "live.yaml"
    live.write_text("shop: {name: Tiny shop}\nmode: live\nweb: {public_url: 'https://shop.example'}\n")

    told = process("serve", live, "--port", "0", "--data", migrated[1])

    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert line.startswith("error: ")
    assert "was made in sandbox mode and the configuration says mode: live" in line


def test_audit_verify_ends_with_0_on_good_books_and_with_1_on_bad_ones(migrated):
    config, data = migrated

    good = storefront("audit", "verify", "--deep", "-c", config, "-d", data)
    with closing(sqlite3.connect(data / "storefront.sqlite", isolation_level=None)) as connection:
        (trigger,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'entries_no_update'").fetchone()
        connection.execute("DROP TRIGGER entries_no_update")
        bad = storefront("audit", "verify", "--json", "-c", config, "-d", data)
        connection.execute(trigger)

    assert good.returncode == 0, good.stdout + good.stderr
    assert "The books are in order" in good.stdout
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["clean"] is False


def test_an_audit_of_nothing_is_no_clean_audit(config, tmp_path):
    told = storefront("audit", "verify", "-c", config, "-d", tmp_path / "data")

    assert told.returncode == 1
    assert told.stderr.startswith(f"error: There is no database at {tmp_path / 'data' / 'storefront.sqlite'}: ")


def test_reload_without_a_server_says_so(config, tmp_path):
    told = storefront("reload", "-c", config, "-d", tmp_path / "data")

    assert told.returncode == 1
    assert "No server runs on" in told.stderr


def test_payments_by_hand_are_listed_and_marked(tmp_path):
    config, data = tmp_path / "shop.yaml", tmp_path / "data"
    config.write_text(TINY_SHOP.replace("gateways: {sandbox: {}}", "gateways: {manual: {instructions: Send it.}}"))

    storefront("migrate", "-c", config, "-d", data)
    listed = storefront("payments", "list", "--json", "-c", config, "-d", data)
    unknown = storefront("payments", "receive", "man_1", "-c", config, "-d", data)

    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
    assert unknown.returncode != 0
    assert "No payment by hand has this reference." in unknown.stderr
