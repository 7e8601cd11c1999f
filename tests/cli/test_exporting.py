"""``storefront export journal``: a month of postings that balance, mapped, harmless to a spreadsheet."""

import csv
import json
import sqlite3
from contextlib import closing

import pytest

from storefront.core.journal import Month, harmless, show_amount
from tests.migrations.conftest import DATA

from .conftest import storefront

MAPPING = """
customer:*: "2000 Customers' balances"
platform:revenue:*: 4000 Revenue
gateway:*:clearing:*: 1200 Clearing
"""


@pytest.fixture
def shop(config, tmp_path):
    """A shop that sold in November 2026: gems for dollars and euros, a sword, potions and a chest."""
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data/storefront.sqlite")) as connection:
        connection.executescript((DATA / "0001.sql").read_text())
    where = ("-c", config, "-d", tmp_path / "data")
    assert storefront("migrate", *where).returncode == 0
    return where


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_transfer_of_the_month_is_a_posting_and_the_month_balances(shop, tmp_path):
    output = tmp_path / "november.csv"
    told = storefront("export", "journal", "--month", "2026-11", "--output", output, "--json", *shop)

    facts, found = json.loads(told.stdout), read(output)
    totals = {(total["account"], total["asset"]): (total["debit"], total["credit"]) for total in facts["totals"]}
    assert facts["postings"] == len(found) == 18
    assert facts["balanced"] is True
    # Five packs at 4.99, one at 9.99 and a chest at 14.99 in dollars; one pack at 4.79 in euros.
    assert totals["platform:revenue:USD", "USD"] == ("0.00", "49.93")
    assert totals["gateway:sandbox:clearing:EUR", "EUR"] == ("4.79", "0.00")
    assert totals["platform:issuance:gems", "gems"] == ("4200", "0")
    first = found[0]
    assert (first["kind"], first["debit"], first["credit"]) == (
        "purchase.settled", "gateway:sandbox:clearing:USD", "platform:revenue:USD",
    )  # fmt: skip
    assert (first["asset"], first["amount"], first["date"][:7]) == ("USD", "4.99", "2026-11")
    assert "ada" not in output.read_text()
    assert output.stat().st_mode & 0o777 == 0o600


def test_another_month_is_empty_and_stdout_holds_csv_alone(shop):
    told = storefront("export", "journal", "--month", "2026-12", *shop)
    assert told.returncode == 0
    assert told.stdout.splitlines() == ["date,entry,kind,about,debit,credit,asset,amount,actor"]
    assert told.stderr == "2026-12: 0 postings.\n"


def test_a_mapping_names_accounts_and_one_that_none_fits_stops_it(shop, tmp_path):
    mapping, output = tmp_path / "accounts.yaml", tmp_path / "november.csv"
    arguments = ["export", "journal", "--month", "2026-11", "--mapping", mapping, "--output", output, *shop]
    mapping.write_text(MAPPING)
    missing = storefront(*arguments)
    written = output.exists()
    mapping.write_text(MAPPING + 'platform:*: "9000 Other"\n')
    whole = storefront(*arguments, "--json")

    assert (missing.returncode, written) == (1, False)
    assert "fits 2 accounts, so nothing was written: platform:issuance:gems, platform:sink:gems" in missing.stderr
    assert whole.returncode == 0, whole.stderr
    names = {row[side] for row in read(output) for side in ("debit", "credit")}
    assert names == {"2000 Customers' balances", "4000 Revenue", "1200 Clearing", "9000 Other"}
    totals = [(total["account"], total["asset"]) for total in json.loads(whole.stdout)["totals"]]
    assert len(totals) == len(set(totals))
    assert {account for account, _ in totals} == names


def test_customers_are_named_as_the_game_does_where_that_is_asked_for(shop, tmp_path):
    output = tmp_path / "november.csv"
    storefront("export", "journal", "--month", "2026-11", "--customer-names", "-o", output, *shop)
    assert "customer:ada:gems" in {row["credit"] for row in read(output)}


@pytest.mark.parametrize(
    ("content", "place"),
    [("- a list", "1:1"), ("platform:*: {a: 1}", "1:13"), ("a: b: c", "1:5"), ("platform:*: ''", "1:13")],
)
def test_a_mapping_with_mistakes_is_explained(shop, tmp_path, content, place):
    mapping = tmp_path / "accounts.yaml"
    mapping.write_text(content)
    told = storefront("export", "journal", "--month", "2026-11", "--mapping", mapping, *shop)
    assert told.returncode == 2
    assert f"{mapping}:{place}" in told.stderr


@pytest.mark.parametrize("month", ["2026-13", "November", "2026-1", "0000-01"])
def test_a_month_that_is_none_is_wrong_usage(shop, month):
    assert storefront("export", "journal", "--month", month, *shop).returncode == 2


def test_an_id_that_begins_like_a_formula_is_no_formula_in_a_spreadsheet(shop, tmp_path):
    mapping = tmp_path / "accounts.yaml"
    mapping.write_text('"*": "=HYPERLINK(1)"\n')
    output = tmp_path / "november.csv"
    storefront("export", "journal", "--month", "2026-11", "--mapping", mapping, "-o", output, *shop)
    assert {row["debit"] for row in read(output)} == {"'=HYPERLINK(1)"}
    assert [harmless(cell) for cell in ("+1", "-1", "@a", "\tx", "a=1")] == ["'+1", "'-1", "'@a", "'\tx", "a=1"]


def test_a_month_is_half_open_and_amounts_have_their_assets_digits():
    december = Month.parse("2026-12")
    assert (december.begins, december.ends) == (1796083200000, 1798761600000)
    assert [show_amount(5, 0), show_amount(5, 2), show_amount(12345, 3)] == ["5", "0.05", "12.345"]
