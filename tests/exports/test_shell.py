"""``storefront export LIST``: from a file that nobody serves, which stays as it is, and from a served one, audited."""

import csv
import hashlib
import json
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pyarrow.parquet
import pytest

from storefront.testing import TINY_SHOP
from tests.cli.conftest import process, serving, storefront
from tests.exports.bazaar import BAZAAR, LUNA_TODAY
from tests.migrations.conftest import DATA


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(TINY_SHOP)
    return path


@pytest.fixture
def where(config, tmp_path):
    """A shop that sold in November 2026, which nobody serves."""
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data/storefront.sqlite")) as connection:
        connection.executescript((DATA / "0001.sql").read_text())
    where = ("-c", config, "-d", tmp_path / "data")
    assert storefront("migrate", *where).returncode == 0
    return where


def test_lists_of_a_shop_that_nobody_serves_become_whole_files_and_nothing_is_changed(where, tmp_path):
    books = tmp_path / "data/storefront.sqlite"
    before = hashlib.sha256(books.read_bytes()).digest()
    sheet, columnar = tmp_path / "purchases.csv", tmp_path / "purchases.parquet"

    told = storefront("export", "purchases", "--to", sheet, "--json", *where)
    again = storefront("export", "purchases", "--to", sheet, *where)
    forced = storefront("export", "rows", "purchases", "--to", sheet, "--force", "--filter", "state=completed", *where)
    typed = storefront("export", "purchases", "--to", columnar, "--customer", "ada", *where)

    facts = json.loads(told.stdout)
    table = pyarrow.parquet.read_table(columnar)
    with sheet.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert (facts["list"], facts["format"], facts["to"], facts["audited"]) == ("purchases", "csv", str(sheet), False)
    assert (again.returncode, "--force writes over it" in again.stderr) == (2, True)
    assert (forced.returncode, {row["status"] for row in found}) == (0, {"completed"})
    assert facts["rows"] >= len(found) > 0
    assert typed.returncode == 0, typed.stderr
    assert set(table["customer"].to_pylist()) == {"ada"}
    assert (sheet.stat().st_mode & 0o777, list(tmp_path.glob(".*.part"))) == (0o600, [])
    assert hashlib.sha256(books.read_bytes()).digest() == before


def test_without_a_file_stdout_holds_the_list_alone(where):
    told = process("export", "customers", "--format", "jsonl", *where)
    assert told.returncode == 0, told.stderr
    assert {json.loads(line)["customer"] for line in told.stdout.splitlines()} >= {"ada"}
    assert told.stderr.endswith("of customers.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["secrets"], 2, "there is no list called secrets"),
        (["purchases", "--filter", "color=red"], 1, "The list purchases has from, until, customer"),
        (["purchases", "--from", "yesterday"], 1, "This is not a time."),
        (["purchases", "--customer", "nobody"], 1, "There is no customer nobody."),
        (["purchases", "--filter", "state"], 2, "NAME=VALUE"),
        (["purchases", "--json"], 2, "--to"),
    ],
)
def test_what_cannot_be_meant_writes_nothing(where, arguments, code, says):
    told = storefront("export", *arguments, *where)
    assert (told.returncode, says in told.stderr, told.stdout) == (code, True, "")


def test_the_lists_are_named_with_their_columns(where):
    told = json.loads(storefront("export", "list", "--json", *where).stdout)
    purchases = next(one for one in told if one["list"] == "purchases")
    total = {"name": "total_minor", "type": "integer", "unit": "smallest unit of currency"}
    assert total in purchases["columns"]
    assert "purchases" in storefront("export", "list", *where).stdout


def test_the_commands_of_the_guide_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(BAZAAR)
    (tmp_path / "luna.yaml").write_text(LUNA_TODAY.replace("DEADLINE", "2099-01-01T00:00:00Z"))
    where = ("-c", "shop.yaml", "-d", "data")
    assert storefront("migrate", *where).returncode == 0
    guide = (Path(__file__).parents[2] / "docs/exports.md").read_text()
    commands = [
        shlex.split(line.partition("#")[0].partition("|")[0])[1:]
        for line in guide.splitlines()
        if line.startswith("storefront export ")
    ]
    assert len(commands) == 5
    for number, command in enumerate(commands):
        to = () if "--to" in command or command[-1] == "list" else ("--to", f"{number}.txt")
        told = storefront(*command, *to, *where)
        assert told.returncode == 0, (command, told)
    assert {path.name for path in tmp_path.glob("*.*")} >= {"purchases.csv", "payments.parquet", "3.txt", "4.txt"}


def test_a_server_that_writes_no_parquet_does_not_load_its_library():
    """It is the largest of all that the shop may load."""
    asked = (
        "import sys, storefront.app, storefront.cli.commands, storefront_fanfunding, storefront.core.exporting.formats"
    )
    found = subprocess.run(
        [sys.executable, "-c", f"{asked}; print('pyarrow' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert found.stdout == "False\n"


def test_an_export_from_a_served_shop_stands_in_its_audit_trail(config, tmp_path):
    output = tmp_path / "keys.csv"
    with serving(config, tmp_path / "served") as served:
        made = served.ask("keys", "create", "--kind", "operator", "--name", "=1+1")
        told = served.ask("export", "keys", "--to", output, "--from", "2020-01-01T00:00:00Z", "--json")
        failed = served.ask("export", "keys", "--customer", "ada")
        with closing(sqlite3.connect(tmp_path / "served/storefront.sqlite")) as connection:
            rows = connection.execute(
                "SELECT actor, action, about, facts FROM audit_actions WHERE action LIKE 'export.%' ORDER BY id"
            ).fetchall()
    assert (made.returncode, told.returncode, failed.returncode) == (0, 0, 1), told.stderr
    facts = json.loads(told.stdout)
    assert (facts["rows"], facts["audited"]) == (1, True)
    begun = {"format": "csv", "filters": {"from": "2020-01-01T00:00:00.000Z"}}
    assert [(*row[:3], json.loads(row[3])) for row in rows] == [
        ("operator:shell", "export.begun", "keys", begun),
        ("operator:shell", "export.ended", "keys", {**begun, "rows": 1, "whole": True}),
    ]
    assert "'=1+1" in output.read_text()
