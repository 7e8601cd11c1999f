"""Migrations of a database in use: up, down, up again; killed in the middle; refused where rows would be lost."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from sqlalchemy import select

from storefront.core import tables
from storefront.core.audit import verify_file
from storefront.core.migrating import History, MigrationFailed
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sqlite_database import SqliteDatabase

from .conftest import dump, fingerprint, rows, write_joined

HEAD = "0026"
KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from storefront.core.migrating import CORE, migrate_history, writing_engine

left = int(sys.argv[3])

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest):
    global left
    if not statement.startswith(("PRAGMA", "SELECT")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

with writing_engine(Path(sys.argv[1])).begin() as connection:
    migrate_history(connection, CORE, sys.argv[2])
"""
VERSIONS = """
import sqlalchemy as sa
from alembic import op

revision = "{0}"
down_revision = {1}
branch_labels = None
depends_on = None


def upgrade():
    op.create_table("fraud_{0}", sa.Column("id", sa.Text(), primary_key=True))


def downgrade():
    op.drop_table("fraud_{0}")
"""


async def test_a_database_of_0001_gets_its_credits_and_is_in_order(of_0001):
    lots = rows(of_0001, "SELECT id, amount, cost_amount, cost_currency, payment FROM lots ORDER BY id")

    await SqliteDatabase(of_0001).migrate()

    report = await verify_file(of_0001, deep=True)
    assert report.is_clean, report.explain()
    credited = "SELECT lot_id, amount, cost_amount, cost_currency, payment FROM credits ORDER BY lot_id"
    assert len(lots) == 7
    assert rows(of_0001, credited) == lots
    transfers = "SELECT t.destination, t.amount FROM credits c JOIN transfers t"
    transfers += " ON t.entry_id = c.entry_id AND t.position = c.transfer ORDER BY c.lot_id"
    assert rows(of_0001, transfers) == rows(of_0001, "SELECT account, amount FROM lots ORDER BY id")


async def test_a_credit_goes_to_the_lot_of_its_own_payment_where_instants_and_amounts_are_equal(of_0001):
    """Two packs of 500 gems of one customer, their lots found in the other order than they were paid."""
    with closing(sqlite3.connect(of_0001)) as connection:
        packs = "SELECT id, payment FROM lots WHERE amount = 500 AND account IN"
        packs += " (SELECT account FROM lots WHERE amount = 500 GROUP BY account HAVING count(*) = 2) ORDER BY id"
        (first, paid_first), (second, paid_second) = connection.execute(packs).fetchall()
        connection.execute("UPDATE lots SET opened_at = 0, payment = ? WHERE id = ?", (paid_second, first))
        connection.execute("UPDATE lots SET opened_at = 0, payment = ? WHERE id = ?", (paid_first, second))
        connection.commit()

    await SqliteDatabase(of_0001).migrate()

    strangers = "SELECT c.lot_id FROM credits c JOIN entries e ON e.id = c.entry_id"
    strangers += " JOIN payments p ON p.id = c.payment WHERE p.purchase_id <> e.about"
    assert rows(of_0001, strangers) == []


async def test_up_down_and_up_again_is_where_it_was(of_0001):
    database = SqliteDatabase(of_0001)
    old = fingerprint(of_0001)

    await database.migrate_to("core", "head")
    new = fingerprint(of_0001)
    await database.migrate_to("core", "0001")
    old_again = dump(of_0001)
    again = fingerprint(of_0001)
    await database.migrate_to("core", HEAD)

    assert len(old_again) > 100
    assert old != new
    assert (again, fingerprint(of_0001)) == (old, new)


async def test_webhook_endpoints_from_before_their_cap_was_counted_are_counted(of_0001):
    database = SqliteDatabase(of_0001)
    await database.migrate_to("core", "0010")
    with closing(sqlite3.connect(of_0001)) as connection:
        for name, state in [("a", "enabled"), ("b", "paused"), ("c", "disabled"), ("d", "deleted")]:
            values = f"('{name}', 'https://example.com', '', '[]', '{state}', NULL, 1, 0, 0, '', 0, 0)"
            connection.execute(f"INSERT INTO webhook_endpoints VALUES {values}")
        connection.commit()
    before = dump(of_0001)

    await database.migrate()

    counter = "SELECT anchor, value FROM counters WHERE key = 'webhook_endpoints'"
    assert rows(of_0001, counter) == [("webhook_endpoints", 3)]
    report = await verify_file(of_0001, deep=True)
    assert report.is_clean, report.explain()
    await database.migrate_to("core", "0010")
    assert dump(of_0001) == before


async def test_credits_that_joined_one_lot_are_found_again(joined):
    database, new = SqliteDatabase(joined), dump(joined)
    lots = "SELECT l.source, c.amount FROM credits c JOIN lots l ON l.id = c.lot_id ORDER BY c.entry_id"
    assert rows(joined, lots) == [("gift", 5), ("reward", 50), ("reward", 7), ("purchased", 30)]

    await database.migrate_to("core", "0001")
    assert "credits" not in {name for (name,) in rows(joined, "SELECT name FROM sqlite_schema")}
    await database.migrate_to("core", HEAD)

    assert dump(joined) == new
    report = await verify_file(joined, deep=False)
    assert report.is_clean, report.explain()


@pytest.mark.parametrize(
    ("planted", "table"),
    [
        ("INSERT INTO seals VALUES (1, 1, 1, 'ent_1', 1, 1, x'00', x'00', x'00', 0)", "seals"),
        ("INSERT INTO grants VALUES ('g', 'c', 'gems', 1, NULL, NULL, 'why', 'me', NULL, NULL, 0)", "grants"),
        (
            "INSERT INTO credits SELECT entry_id, 9, transfer, lot_id, 1, source, payment, cost_amount, cost_currency,"
            " priority, expires_at FROM credits LIMIT 1",
            "credits",
        ),
        (
            "INSERT INTO freezes VALUES ('rev_1', 'c', 'open', '{}', '[]', '[]', '[]', '[]', 'me', NULL, 0, NULL)",
            "freezes",
        ),
        ("INSERT INTO debts VALUES ('c', 'gems', 1, 100, 0, 0, 0)", "debts"),
        ("INSERT INTO receipts VALUES ('R', 1, 'receipt', 'pur_1', 'pur_1', 'cus_1', 1, 0, 'k', 'jws')", "receipts"),
    ],
    ids=["seals", "grants", "credits", "freezes", "debts", "receipts"],
)
async def test_going_down_never_drops_what_cannot_be_written_again(of_0001, planted, table):
    database = SqliteDatabase(of_0001)
    await database.migrate()
    with closing(sqlite3.connect(of_0001)) as connection:
        connection.execute(planted)
        connection.commit()
    before = fingerprint(of_0001)

    with pytest.raises(MigrationFailed, match=f"The ledger would lose rows: {table} "):
        await database.migrate_to("core", "0001")

    assert fingerprint(of_0001) == before


async def test_going_down_never_lets_go_what_waits_to_pay_a_debt(of_0001):
    database = SqliteDatabase(of_0001)
    await database.migrate()
    waits = "INSERT INTO freezes VALUES ('r', 'c', 'taken', '{}', '[]', '[]', '[]', '[[\"h\",\"gems\",\"l\",1]]', 'me',"
    waits += " NULL, 0, 0)"
    with closing(sqlite3.connect(of_0001)) as connection:
        connection.execute(waits)
        connection.commit()

    with pytest.raises(MigrationFailed, match="freezes has rows that wait for holds to pay a debt"):
        await database.migrate_to("core", "0010")

    with closing(sqlite3.connect(of_0001)) as connection:
        connection.execute("UPDATE freezes SET waiting = '[]'")
        connection.commit()
    await database.migrate_to("core", "0010")


async def test_the_ledger_itself_is_never_taken_down(of_0001):
    before = fingerprint(of_0001)
    with pytest.raises(MigrationFailed, match="The ledger would lose rows: 0001 holds the ledger itself"):
        await SqliteDatabase(of_0001).migrate_to("core", "base")
    assert fingerprint(of_0001) == before


@pytest.mark.parametrize("statement", [1, 2, 9, 14, 17, 20])
def test_killed_on_the_way_up_it_is_as_it_was_and_can_go_again(of_0001, statement):
    before = fingerprint(of_0001)

    assert migrate_and_die(of_0001, HEAD, statement) == -signal.SIGKILL
    assert fingerprint(of_0001) == before
    assert migrate_and_die(of_0001, HEAD, 10_000) == 0
    assert rows(of_0001, "SELECT count(*) FROM credits") == [(7,)]


@pytest.mark.parametrize("statement", [1, 4, 8])
async def test_killed_on_the_way_down_it_is_as_it_was(of_0001, statement):
    await SqliteDatabase(of_0001).migrate()
    before = fingerprint(of_0001)

    assert migrate_and_die(of_0001, "0001", statement) == -signal.SIGKILL
    assert fingerprint(of_0001) == before


def migrate_and_die(path, revision: str, statement: int) -> int:
    """Migrate in a process that kills itself before its n-th writing statement; answers how it ended."""
    command = [sys.executable, "-c", KILLED, str(path), revision, str(statement)]
    return subprocess.run(command, env=dict(os.environ), timeout=60, check=False).returncode


async def test_an_old_program_refuses_a_newer_database_and_leaves_it_alone(of_0001):
    with closing(sqlite3.connect(of_0001)) as connection:
        connection.execute("UPDATE storefront_version SET version_num = '0999'")
        connection.commit()
    before = fingerprint(of_0001)

    with pytest.raises(MigrationFailed, match="written by a newer version of Storefront"):
        await SqliteDatabase(of_0001).open(mode="sandbox")

    assert fingerprint(of_0001) == before
    assert not (of_0001.parent / "backups").exists()


async def test_an_old_plugin_refuses_its_newer_tables_and_may_go_back_and_forth(of_0001, tmp_path):
    newer, older = (a_history(tmp_path / name, count) for name, count in (("newer", 2), ("older", 1)))
    await SqliteDatabase(of_0001, histories=[newer]).migrate()

    with pytest.raises(MigrationFailed, match="written by a newer version of the plugin fraud"):
        await SqliteDatabase(of_0001, histories=[older]).migrate()
    assert rows(of_0001, "SELECT count(*) FROM fraud_0002") == [(0,)]

    before = await SqliteDatabase(of_0001, histories=[newer]).migrate_to("fraud", "0001")
    (_, stand) = await SqliteDatabase(of_0001, histories=[older]).revisions()
    await SqliteDatabase(of_0001, histories=[older]).migrate_to("fraud", "base")

    assert (before.current, stand.current, stand.wanted) == ("0002", "0001", "0001")
    assert rows(of_0001, "SELECT name FROM sqlite_schema WHERE name LIKE 'fraud%'") == []


def a_history(folder, count: int) -> History:
    versions = folder / "versions"
    versions.mkdir(parents=True)
    for number in range(1, count + 1):
        down = repr(f"{number - 1:04}") if number > 1 else None
        (versions / f"{number:04}_it.py").write_text(VERSIONS.format(f"{number:04}", down))
    return History("fraud", folder)


@pytest.mark.parametrize(("history", "revision"), [("core", "0042"), ("core", "00"), ("nobody", "0001")])
async def test_a_revision_that_is_not_there_is_refused_with_those_that_are(of_0001, history, revision):
    with pytest.raises(MigrationFailed, match=r"There is no .*; there are: (base, 0001, 0002|core)"):
        await SqliteDatabase(of_0001).migrate_to(history, revision)


async def test_a_database_is_copied_before_its_tables_change_and_the_newest_five_stay(of_0001):
    before, backups = fingerprint(of_0001), of_0001.parent / "backups"

    await SqliteDatabase(of_0001).migrate()
    (first,) = backups.iterdir()
    await SqliteDatabase(of_0001).migrate()
    assert list(backups.iterdir()) == [first]
    assert first.name.startswith(f"before-{HEAD}-")
    assert (fingerprint(first), first.stat().st_mode & 0o777) == (before, 0o600)

    for revision in ("0001", HEAD) * 3:
        await SqliteDatabase(of_0001).migrate_to("core", revision)
    assert len(list(backups.iterdir())) == 5
    assert first not in backups.iterdir()


async def test_a_new_database_is_not_backed_up(tmp_path):
    await SqliteDatabase(tmp_path / "new.sqlite").migrate()
    assert not (tmp_path / "backups").exists()


async def test_without_a_backup_nothing_changes(of_0001):
    (of_0001.parent / "backups").write_text("in the way")
    before = fingerprint(of_0001)
    with pytest.raises(MigrationFailed, match="could not be backed up before its tables change"):
        await SqliteDatabase(of_0001).migrate()
    assert fingerprint(of_0001) == before


async def test_on_postgresql_too_it_goes_down_and_up_and_never_below_the_ledger(postgres_database):
    database = PostgresDatabase(postgres_database)
    await write_joined(database)
    credits = select(tables.credits).order_by(tables.credits.c.entry_id)
    before = await database.read(lambda connection: connection.execute(credits).all())

    await database.migrate_to("core", "0001")
    (down,) = await database.revisions()
    with pytest.raises(MigrationFailed, match="The ledger would lose rows"):
        await database.migrate_to("core", "base")
    await database.migrate_to("core", "head")

    assert down.current == "0001"
    assert len(before) == 4
    assert await database.read(lambda connection: connection.execute(credits).all()) == before
