"""The audit as a whole: a book in order, a snapshot of a live one, a damaged one, and what people see."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from storefront.core.audit import render, verify, verify_file
from storefront.core.audit.check import NEEDS_DEEP
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import Plan
from storefront.core.sqlite_database import SqliteDatabase


async def test_a_book_in_order_is_clean(books: Path) -> None:
    report = await verify_file(books, deep=True)

    assert [violation.message for violation in report.violations] == []
    assert report.is_clean
    assert report.counts["purchases"] == 7
    assert report.counts["entries"] == 17
    assert (report.counts["holds"], report.counts["credits"]) == (2, 10)


async def test_what_has_no_objects_yet_is_never_reported_as_passed(books: Path) -> None:
    report = await verify_file(books, deep=True)

    passed = {check.name for check in report.checks}
    left_out = {one.name for one in report.not_yet}
    assert {"A1-anchors", "L7-real", "E2-chain", "S7-erasure", "P3-destination"} <= left_out
    assert not passed & left_out


async def test_without_deep_only_the_ledger_is_checked(books: Path, plant: Callable[..., None]) -> None:
    plant(["DELETE FROM audit_actions"])

    report = await verify_file(books, deep=False)

    assert report.is_clean
    assert {check.name for check in report.checks} == {
        *("L1", "L2", "L2-checkpoints", "L2-holds", "L2-freezes", "L2-debts", "L3"),
        *("L4", "L4-guards", "L5", "L6", "L7", "L9", "A1"),
    }
    assert ("A2", NEEDS_DEEP) in {(one.name, one.reason) for one in report.not_yet}


async def test_a_served_database_is_audited_by_its_own_reader_and_by_another(books: Path) -> None:
    database = SqliteDatabase(books)
    await database.open(mode="sandbox")
    engine = CommitEngine(database.store, Clock(lambda: 0))
    engine.start()
    plan = Plan(actor="test", anchors={"cus_ada"})
    plan.emit("customer.waved", anchor="cus_ada", subject="cus_ada", payload={})
    await engine.commit(plan)

    async with database.reader.connect() as connection:
        inside = await verify(connection, deep=True)
    outside = await verify_file(books, deep=True)
    await engine.stop()
    await database.close()

    assert inside.is_clean
    assert outside.is_clean
    assert inside.counts["events"] == outside.counts["events"] == 19


async def test_what_is_written_while_the_audit_runs_is_not_seen(books: Path) -> None:
    def write(name: str, done: int, total: int) -> None:
        if done == 1:
            with sqlite3.connect(books) as connection:
                connection.execute("UPDATE counters SET value = 4, key = key || 'x'")
            connection.close()

    during = await verify_file(books, deep=True, progress=write)
    after = await verify_file(books, deep=True)

    assert during.is_clean
    assert not after.is_clean


async def test_progress_names_each_check_once(books: Path) -> None:
    calls: list[tuple[str, int, int]] = []

    report = await verify_file(books, deep=True, progress=lambda *call: calls.append(call))

    ran = len(report.checks)
    assert calls == [*((check.name, n, ran) for n, check in enumerate(report.checks)), ("", ran, ran)]


async def test_a_check_that_cannot_read_its_rows_has_not_passed(books: Path, plant: Callable[..., None]) -> None:
    plant(["UPDATE catalog_versions SET document = '{\"offers\": 5}'"])

    report = await verify_file(books, deep=True)

    assert {check.name for check in report.checks if not check.has_passed} == {"E1-rights", "E3", "E4"}
    assert report.violations[0].message.startswith("E3 could not be checked to its end: Expected `object`, got `int`")


async def test_a_damaged_page_is_reported_not_raised(books: Path) -> None:
    overwrite_page_of(books, "transfers")

    report = await verify_file(books, deep=True)

    failed = {check.name for check in report.checks if not check.has_passed}
    assert {"database", "L1", "L2"} <= failed


async def test_of_many_violations_the_first_are_kept_and_all_are_counted(
    books: Path, plant: Callable[..., None]
) -> None:
    plant(
        [
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) "
            "INSERT INTO entries SELECT 'ent_x' || i, 9, 'odd', 'quest', 'cus_ada', 'test', NULL, 0, 0, NULL FROM n"
        ]
    )

    report = await verify_file(books, deep=True)

    assert {check.name: check.violations for check in report.checks if not check.has_passed} == {"L1": 250}
    assert len(report.violations) == 100


async def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "shop.db"

    with pytest.raises(FileNotFoundError, match="There is no database"):
        await verify_file(missing, deep=True)
    with pytest.raises(FileNotFoundError):
        await verify_file(missing, deep=True)


async def test_a_folder_with_an_odd_name_is_no_obstacle(books: Path, tmp_path: Path) -> None:
    folder = tmp_path / "100 % ada?mode=rw#1"
    folder.mkdir()
    moved = Path(shutil.copy(books, folder / "shop.db"))

    assert (await verify_file(moved, deep=True)).is_clean


async def test_the_json_names_checks_violations_and_what_was_left_out(books: Path, plant: Callable[..., None]) -> None:
    plant(["UPDATE items SET quantity = 2 WHERE sku = 'sword'"])

    report = json.loads((await verify_file(books, deep=True)).to_json())

    assert report["clean"] is False
    assert report["violations"] == [
        {"check": "E1", "ids": ["cus_ada", "sword"], "message": "cus_ada owns 2 sword, its movements say 1"}
    ]
    assert [check["name"] for check in report["checks"] if not check["passed"]] == ["E1"]
    assert report["counts"]["transfers"] == 19
    assert {"name", "title", "reason"} == set(report["not_yet"][0])


async def test_people_see_what_failed_and_what_was_not_checked(books: Path, plant: Callable[..., None]) -> None:
    clean = printed(render(await verify_file(books, deep=True)))
    plant(["UPDATE items SET quantity = 2 WHERE sku = 'sword'"])
    report = await verify_file(books, deep=True)
    broken = printed(render(report))

    assert "The books are in order: 62 checks over 17 entries, 19 transfers, 7 purchases, 18 events." in clean
    assert "A1-anchors: no anchor was at hand" in clean.partition("Not checked")[2]
    assert "– I2, W1-signatures, W3, O2-complete, O3, O4, A4: no stored row can show it; tests do\n" in clean
    assert "--deep" not in clean
    assert "E1  cus_ada owns 2 sword, its movements say 1" in broken
    assert report.explain() == "E1: cus_ada owns 2 sword, its movements say 1"
    assert "The books are NOT in order: 1 of 62 checks failed" in broken


async def test_what_a_quick_audit_leaves_out_is_one_line(books: Path) -> None:
    report = await verify_file(books, deep=False)
    left_out = sum(one.reason == NEEDS_DEEP for one in report.not_yet)
    said = printed(render(report)).partition("Not checked\n")[2]

    assert left_out > 10
    assert said.startswith(f"– {left_out} more checks run with --deep\n")
    assert said.count("\n–") < 15


def overwrite_page_of(path: Path, table: str) -> None:
    with sqlite3.connect(path) as connection:
        page, size = connection.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)


def printed(renderable: object) -> str:
    console = Console(width=160, no_color=True)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()
