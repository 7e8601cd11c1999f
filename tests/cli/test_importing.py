"""``storefront import balances``: every mistake at once, each row once, and the books say the same."""

import json
import sqlite3
from contextlib import closing

import pytest

from .conftest import storefront

GOOD = (
    "customer,asset,amount,expires_at,reference\nada,gems,500,,\nbob,gems,20,2199-01-01T00:00:00Z,\nada,gems,7,,old-1\n"
)
REASON = ("--reason", "moved here")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "wallets.csv"
    path.write_text(GOOD)
    return path


def rows(data, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{data}/storefront.sqlite?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


LOTS = """
    SELECT c.external_id, l.amount, l.source, l.expires_at FROM lots l
    JOIN customers c ON l.account = 'customer:' || c.id || ':gems' ORDER BY 1, 2
"""
IN_THE_BOOKS = [("ada", 507, "granted", None), ("bob", 20, "granted", 7226582400000)]


def test_each_row_is_a_grant_with_its_reason_and_the_books_are_in_order(config, tmp_path, file):
    told = storefront("import", "balances", file, *REASON, "--json", "-c", config, "-d", tmp_path / "data")

    facts = json.loads(told.stdout)
    assert (facts["granted"], facts["granted_before"]) == (3, 0)
    assert facts["totals"] == facts["moved"] == {"gems": 527}
    assert facts["verified"] is True
    assert rows(tmp_path / "data", LOTS) == IN_THE_BOOKS
    assert rows(tmp_path / "data", "SELECT DISTINCT reason, actor FROM grants") == [("moved here", "operator:shell")]
    audit = "SELECT count(*) FROM audit_actions JOIN grants ON grants.id = audit_actions.about"
    assert rows(tmp_path / "data", audit) == [(3,)]
    deep = storefront("audit", "verify", "--deep", "-c", config, "-d", tmp_path / "data")
    assert deep.returncode == 0, deep.stdout


def test_an_import_that_was_cut_short_continues_and_gives_nothing_twice(served, tmp_path):
    half, whole = tmp_path / "half.csv", tmp_path / "whole.csv"
    lines = [f"player-{number},gems,{number + 1}" for number in range(1200)]
    half.write_text("\n".join(["customer,asset,amount", *lines[:600]]))
    whole.write_text("\n".join(["customer,asset,amount", *lines]))

    served.ask("import", "balances", half, *REASON)
    first = json.loads(served.ask("import", "balances", whole, *REASON, "--json").stdout)
    again = json.loads(served.ask("import", "balances", whole, *REASON, "--json").stdout)

    assert (first["granted"], first["granted_before"], first["moved"]) == (600, 600, {"gems": 720_600})
    assert (again["granted"], again["granted_before"], again["verified"]) == (0, 1200, True)
    assert rows(served.data, "SELECT count(*), sum(amount) FROM grants") == [(1200, 720_600)]
    assert served.ask("audit", "verify", "--deep").returncode == 0


def test_another_import_grants_again_and_a_changed_row_is_refused(config, tmp_path, file):
    where = ("-c", config, "-d", tmp_path / "data")
    storefront("import", "balances", file, *REASON, *where)
    other = storefront("import", "balances", file, *REASON, "--import-id", "second", "--json", *where)
    file.write_text(GOOD.replace("ada,gems,500", "ada,gems,501"))
    changed = storefront("import", "balances", file, *REASON, *where)

    # The row with a reference is another import's too: references are names within an import.
    assert json.loads(other.stdout)["granted"] == 3
    assert changed.returncode == 1
    assert "Line 2: was imported before as 500 gems" in changed.stderr
    assert "take the difference by a hold that is captured" in changed.stderr
    assert "refund" not in changed.stderr
    assert rows(tmp_path / "data", "SELECT count(*) FROM grants") == [(6,)]


def test_every_mistake_is_told_with_its_line_and_field_and_nothing_is_granted(config, tmp_path, file):
    file.write_text(
        "customer,asset,amount,expires_at,reference\n"
        'ada,gems,1.5,,\n"b\nob",gems,5,,\nada,gold,5,,\nada,gems,0,tomorrow,\neve,gems\n'
        "eve,gems,5,,x\neve,gems,5,2001-01-01T00:00:00Z,x\ndan,gems,9007199254740992,,\nzoe,gems,1,,\nzoe,gems,1,,\n"
    )

    told = storefront("import", "balances", file, *REASON, "--json", "-c", config, "-d", tmp_path / "data")

    places = [(m["line"], m["column"], m["path"]) for m in json.loads(told.stdout)["mistakes"]]
    assert told.returncode == 2
    assert places == [
        (2, 3, "amount"),
        (3, 1, "customer"),
        (5, 2, "asset"),
        (6, 3, "amount"),
        (6, 4, "expires_at"),
        (6, 1, "customer"),
        (7, 2, ""),
        (9, 4, "expires_at"),
        (9, 5, "reference"),
        (10, 3, "amount"),
        (12, 1, "customer"),
    ]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "1:1 customer: this column is missing"),
        (b"customer,asset,sum\nada,gems,1\n", "1:3 sum: is no column of this file"),
        (b"customer,asset,amount,amount\n", "1:4 amount: is there twice"),
        (b"customer;asset;amount\nada;gems;1\n", "1:1 has its columns separated by something else"),
        (b"customer,asset,amount\n\xff\xfe,gems,1\n", "2:1 is not UTF-8"),
        (b'customer,asset,amount\n"ada,gems,1\n', "2:1 is no CSV from here on"),
    ],
)
def test_a_file_that_is_none_is_explained(config, tmp_path, file, content, told):
    file.write_bytes(content)
    answer = storefront("import", "balances", file, *REASON, "-c", config, "-d", tmp_path / "data")
    assert answer.returncode == 2
    assert f"{file}:{told}" in answer.stderr


def test_a_dry_run_grants_nothing_and_a_spreadsheets_file_is_read(config, tmp_path, file):
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    told = storefront("import", "balances", file, *REASON, "--dry-run", "-c", config, "-d", tmp_path / "data")
    assert told.returncode == 0, told.stderr
    assert "3 rows without a mistake, 527 gems in all. Nothing was granted." in told.stdout
    assert not (tmp_path / "data").exists()


def test_what_would_overfill_a_wallet_is_told_before_the_first_row_is_granted(config, tmp_path, file):
    where = ("-c", config, "-d", tmp_path / "data")
    first = storefront("import", "balances", file, *REASON, *where)
    most = 2**53 - 1
    file.write_text(
        "asset,customer,amount,reference\n"
        f"gems,zoe,1,\ngems,ada,{most - 507},a\ngems,ada,1,b\ngems,bob,{most - 20},\ngems,new,{most},c\ngems,new,1,d\n"
    )

    told = storefront("import", "balances", file, *REASON, "--import-id", "second", *where)
    as_json = storefront("import", "balances", file, *REASON, "--import-id", "second", "--json", *where)

    assert first.returncode == 0
    assert (told.returncode, as_json.returncode) == (2, 2)
    assert f"{file}:4:3 amount: fills the gems of ada to {most + 1}; a wallet takes {most}" in told.stderr
    assert "2 mistakes. Nothing was changed." in told.stderr
    assert [one["line"] for one in json.loads(as_json.stdout)["mistakes"]] == [4, 7]
    assert rows(tmp_path / "data", "SELECT count(*) FROM grants") == [(3,)]
    assert rows(tmp_path / "data", "SELECT count(*) FROM customers") == [(2,)]


def test_rows_that_were_granted_before_do_not_count_twice_against_what_a_wallet_takes(config, tmp_path, file):
    where = ("-c", config, "-d", tmp_path / "data")
    file.write_text(f"customer,asset,amount\nada,gems,{2**53 - 1}\n")

    once, again = (storefront("import", "balances", file, *REASON, *where) for _ in range(2))

    assert (once.returncode, again.returncode) == (0, 0), again.stderr
    assert "0 of 1 row granted (1 had been already)" in again.stdout
