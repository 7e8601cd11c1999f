"""A1, A1-anchors, L2-checkpoints: whatever is changed in sealed books is named, and what is not sealed is a fact."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from storefront.core.audit import Outside, Report, render, verify_file
from storefront.core.sealing.anchors import Anchor, BadAnchor, Kept, read_anchors
from storefront.core.sealing.canonical import ENTRY_COLUMNS, PART_COLUMNS

Plant = Callable[..., None]

# Seals hold three, three and two entries: the pack and two rewards; sword, potions, a reversal; Bob's.
DELETE_SWORD = [f"DELETE FROM {table} WHERE {column} = 'ent_sword'" for table, column in (
    ("transfers", "entry_id"), ("draws", "entry_id"), ("entries", "id"))]  # fmt: skip
# What the plant is called -> (statements, what the audit says of A1).
PLANTS: dict[str, tuple[list[str], str]] = {
    "a deleted entry": (
        DELETE_SWORD,
        "entry 1 of 3 in seal 2 is missing: it stood between the beginning of the seal and ent_potion; "
        "the books still refer to ent_sword",
    ),
    "a deleted entry whose purchase is gone too": (
        [*DELETE_SWORD, "UPDATE purchases SET entry_id = NULL WHERE id = 'pur_sword'"],
        "entry 1 of 3 in seal 2 is missing: it stood between the beginning of the seal and ent_potion",
    ),
    "an entry that moved behind the last seal": (
        ["UPDATE entries SET commit_no = 900 WHERE id = 'ent_potion'"],
        "entry 2 of 3 in seal 2 is missing: it stood between ent_sword and ent_reversal",
    ),
    "a deleted transfer": (
        ["DELETE FROM transfers WHERE entry_id = 'ent_reward_10'"],
        "entry ent_reward_10 was changed after it was sealed: it is entry 3 of 3 in seal 1",
    ),
    "a deleted draw": (
        ["DELETE FROM draws WHERE entry_id = 'ent_sword'"],
        "entry ent_sword was changed after it was sealed: it is entry 1 of 3 in seal 2",
    ),
    "a deleted credit": (
        ["DELETE FROM credits WHERE entry_id = 'ent_reward_50'"],
        "entry ent_reward_50 was changed after it was sealed: it is entry 2 of 3 in seal 1",
    ),
    "an entry put between others": (
        [
            "INSERT INTO entries SELECT 'ent_x', commit_no, kind, about, anchor, actor, reverses, occurred_at, "
            "recorded_at, facts FROM entries WHERE id = 'ent_sword'"
        ],
        "entry ent_x was added behind ent_sword: seal 2 does not hold it",
    ),
    "an entry put before all others": (
        ["INSERT INTO entries VALUES ('ent_x', -7, 'odd', 'quest', 'cus_ada', 'test', NULL, 0, 0, NULL)"],
        "entry ent_x was added behind the beginning of the seal: seal 1 does not hold it",
    ),
    "a transfer put into an entry": (
        ["INSERT INTO transfers SELECT entry_id, 1, source, destination, asset, amount FROM transfers "
         "WHERE entry_id = 'ent_sword'"],
        "entry ent_sword was changed after it was sealed",
    ),
    "two entries with each other's place": (
        [
            "CREATE TABLE places AS SELECT id, commit_no FROM entries WHERE id IN ('ent_sword', 'ent_potion')",
            "UPDATE entries SET commit_no = (SELECT p.commit_no FROM places AS p WHERE p.id <> entries.id) "
            "WHERE id IN ('ent_sword', 'ent_potion')",
        ],
        "entries ent_sword and ent_potion were swapped (commit_no): the first of them is entry 1 of 3 in seal 2",
    ),
    "two entries with each other's place, at the end of a seal": (
        [
            "CREATE TABLE places AS SELECT id, commit_no FROM entries WHERE id IN ('ent_gift_30', 'ent_capture')",
            "UPDATE entries SET commit_no = (SELECT p.commit_no FROM places AS p WHERE p.id <> entries.id) "
            "WHERE id IN ('ent_gift_30', 'ent_capture')",
        ],
        "entries ent_capture and ent_gift_30 were swapped (commit_no): sealed were entry 3 of 3 in seal 5 and "
        "entry 2 of 3 in seal 5",
    ),
    "two entries with each other's transfers": (
        [
            "UPDATE transfers SET entry_id = 'x' WHERE entry_id = 'ent_sword'",
            "UPDATE transfers SET entry_id = 'ent_sword' WHERE entry_id = 'ent_potion'",
            "UPDATE transfers SET entry_id = 'ent_potion' WHERE entry_id = 'x'",
        ],
        "entries ent_sword and ent_potion were swapped (transfers): the first of them is entry 1 of 3 in seal 2",
    ),
    "bytes that are no text": (
        ["UPDATE entries SET about = CAST(X'ff41' AS TEXT) WHERE id = 'ent_potion'"],
        "entry 2 of 3 in seal 2, the one after ent_sword, cannot be read: Could not decode to UTF-8",
    ),
    "the same bytes as another type": (
        ["UPDATE entries SET kind = CAST(kind AS BLOB) WHERE id = 'ent_sword'"],
        "entry ent_sword was changed after it was sealed",
    ),
    "a whole number as a fraction": (
        ["UPDATE transfers SET amount = 120.5 WHERE entry_id = 'ent_sword'"],
        "entry ent_sword was changed after it was sealed",
    ),
    "several changed entries of one seal": (
        ["UPDATE entries SET actor = 'nobody' WHERE id IN ('ent_sword', 'ent_potion')"],
        "entry ent_sword was changed after it was sealed: it is entry 1 of 3 in seal 2; 1 more differ in this seal",
    ),
    "a deleted seal": (
        ["DELETE FROM seals WHERE number = 2", "DELETE FROM seal_leaves WHERE number = 2"],
        "seal 2 is missing: the books go on with seal 3",
    ),
    "the first seals deleted": (["DELETE FROM seals WHERE number < 3"], "seal 1 to 2 is missing"),
    "a changed header": (
        ["UPDATE seals SET sealed_at = sealed_at + 1 WHERE number = 2"],
        "the header of seal 2 was changed: it does not give the seal's hash",
    ),
    "another hash": (
        ["UPDATE seals SET hash = zeroblob(32) WHERE number = 1"],
        "seal 2 does not continue the chain: it names another hash than that of seal 1",
    ),
    "another root": (
        ["UPDATE seals SET root = zeroblob(32) WHERE number = 2"],
        "the leaf hashes of seal 2 do not give its root",
    ),
    "a root that is no hash": (["UPDATE seals SET root = 7 WHERE number = 2"], "the header of seal 2 was changed"),
    "another count": (
        ["UPDATE seals SET entries_so_far = 7 WHERE number = 2"],
        "seal 2 counts 7 entries so far, but 3 before it and 3 of its own",
    ),
    "leaf hashes cut": (
        ["UPDATE seal_leaves SET leaves = substr(leaves, 1, 40) WHERE number = 2"],
        "the leaf hashes of seal 2 do not give its root",
    ),
    "leaf hashes deleted": (
        ["DELETE FROM seal_leaves WHERE number = 2"], "the leaf hashes of seal 2 are missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTS)
async def test_what_was_changed_in_sealed_books_is_named(name: str, sealed_books: Path, plant: Plant) -> None:
    statements, message = PLANTS[name]
    plant(statements)

    found = said(await verify_file(sealed_books, deep=False), "A1")

    assert any(message in sentence for sentence in found), found


COLUMNS = [("entries", column) for column in ENTRY_COLUMNS if column != "id"]
COLUMNS += [(table, column) for table, columns in PART_COLUMNS.items() for column in columns]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
async def test_a_change_in_any_column_names_the_entry(
    table: str, column: str, sealed_books: Path, plant: Plant
) -> None:
    entry, key = ("ent_reward_50", "entry_id") if table == "credits" else ("ent_sword", "entry_id")
    key = "id" if table == "entries" else key
    changed = f"CASE typeof({column}) WHEN 'text' THEN {column} || 'x' WHEN 'integer' THEN {column} + 9 ELSE 1 END"
    if (table, column) == ("entries", "commit_no"):
        changed = "commit_no - 1"  # further on it would only be missing
    plant([f"UPDATE {table} SET {column} = {changed} WHERE {key} = '{entry}'"])

    report = await verify_file(sealed_books, deep=False)

    first = next(violation for violation in report.violations if violation.check == "A1")
    assert first.ids == (entry,), report.explain()


async def test_sealed_books_are_clean_and_say_how_far_they_are_sealed(sealed_books: Path, plant: Plant) -> None:
    sealed = await verify_file(sealed_books, deep=True)
    plant(["DELETE FROM seals WHERE number = 6", "DELETE FROM seal_leaves WHERE number = 6",
           "UPDATE checkpoints SET seal = 5"])  # fmt: skip
    partly = await verify_file(sealed_books, deep=True)

    assert sealed.is_clean, sealed.explain()
    assert sealed.sealing is not None
    assert (sealed.sealing.seals, sealed.sealing.sealed_entries, sealed.sealing.unsealed_entries) == (6, 17, 0)
    assert sealed.sealing.oldest_unsealed_seconds is None
    assert said(partly, "A1") == []
    assert partly.sealing is not None
    assert (partly.sealing.seals, partly.sealing.sealed_entries, partly.sealing.unsealed_entries) == (5, 15, 2)
    assert partly.sealing.oldest_unsealed_seconds is not None
    assert json.loads(partly.to_json())["sealing"]["unsealed_entries"] == 2
    assert "15 entries are sealed, in 5 seals; 2 are not yet, the oldest for" in printed(partly)


async def test_progress_moves_inside_the_long_check(sealed_books: Path) -> None:
    calls: list[tuple[str, float, int]] = []

    report = await verify_file(sealed_books, deep=False, progress=lambda *call: calls.append(call))

    steps = [done for name, done, _ in calls if name == "A1"]
    number = [check.name for check in report.checks].index("A1")
    assert steps == [number, *(number + n / 17 for n in (3, 6, 9, 12, 15)), number + 1]


CHECKPOINTS = {
    "a changed checkpoint": (
        ["UPDATE checkpoints SET balance = balance + 1 WHERE account = 'platform:revenue:USD'"],
        ["the checkpoint of platform:revenue:USD says 500, its sealed transfers say 499"],
    ),
    "a deleted checkpoint": (
        ["DELETE FROM checkpoints WHERE account = 'platform:sink:gems'"],
        ["the checkpoint of platform:sink:gems says 0, its sealed transfers say 163"],
    ),
    "a checkpoint of a wallet": (
        ["INSERT INTO checkpoints VALUES ('customer:cus_ada:gems', 393, 6)"],
        ["customer:cus_ada:gems has a checkpoint, but is no open account"],
    ),
    "a checkpoint ahead of the seals": (
        ["UPDATE checkpoints SET seal = 9 WHERE account = 'platform:sink:gems'"],
        ["the checkpoint of platform:sink:gems stands at seal 9, the books end with seal 6"],
    ),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
async def test_a_checkpoint_that_does_not_equal_its_transfers_is_named(
    name: str, sealed_books: Path, plant: Plant
) -> None:
    statements, messages = CHECKPOINTS[name]
    plant(statements)

    report = await verify_file(sealed_books, deep=True)

    assert {check.name for check in report.checks if not check.has_passed} == {"L2-checkpoints"}
    assert said(report, "L2-checkpoints") == messages


async def test_removing_the_last_seals_alone_leaves_checkpoints_that_tell(sealed_books: Path, plant: Plant) -> None:
    plant(["DELETE FROM seals WHERE number = 6", "DELETE FROM seal_leaves WHERE number = 6"])

    report = await verify_file(sealed_books, deep=False)

    assert any("stands at seal 6, the books end with seal 5" in one for one in said(report, "L2-checkpoints"))


@pytest.fixture
def anchors(sealed_books: Path) -> list[Kept]:
    """An anchor of each of the six seals, of this database."""
    with closing(sqlite3.connect(sealed_books)) as connection:
        connection.execute("INSERT INTO settings VALUES ('database_id', 'dbs_book')")
        connection.commit()
        rows = connection.execute("SELECT number, hash, entries_so_far FROM seals ORDER BY number").fetchall()
    return [
        Kept(f"anchors.jsonl:{n}", Anchor(database="dbs_book", shop="Book", seal=n, hash=digest.hex(),
                                          entries_so_far=count, sealed_at="2025-11-21T09:30:00.000Z"))
        for n, digest, count in rows
    ]  # fmt: skip


CUT = [
    "DELETE FROM seals WHERE number = 6",
    "DELETE FROM seal_leaves WHERE number = 6",
    "DELETE FROM transfers WHERE entry_id IN (SELECT id FROM entries WHERE anchor = 'cus_bob')",
    "DELETE FROM draws WHERE entry_id IN (SELECT id FROM entries WHERE anchor = 'cus_bob')",
    "DELETE FROM credits WHERE entry_id IN (SELECT id FROM entries WHERE anchor = 'cus_bob')",
    "DELETE FROM entries WHERE anchor = 'cus_bob'",
    "DELETE FROM accounts WHERE owner = 'customer:cus_bob'",
    "DELETE FROM lots WHERE account LIKE 'customer:cus_bob%'",
    "UPDATE checkpoints SET seal = 5",
    "UPDATE checkpoints SET balance = balance + 7 WHERE account = 'platform:issuance:gems'",
    "UPDATE checkpoints SET balance = balance - 7 WHERE account = 'platform:sink:gems'",
]


async def test_a_tail_cut_off_without_a_trace_is_seen_by_an_anchor_alone(
    sealed_books: Path, plant: Plant, anchors: list[Kept]
) -> None:
    before = await verify_file(sealed_books, deep=True, outside=Outside(anchors))
    plant(CUT)
    blind = await verify_file(sealed_books, deep=True, outside=Outside(anchors[:5]))
    seeing = await verify_file(sealed_books, deep=True, outside=Outside(anchors))

    assert before.is_clean, before.explain()
    assert blind.is_clean, blind.explain()
    assert said(seeing, "A1-anchors") == [
        "anchors.jsonl:6, of 2025-11-21T09:30:00.000Z, vouches for 17 entries up to seal 6; "
        "the books end with 15 sealed entries and seal 5: their tail was cut off"
    ]
    assert "A1-anchors" in {one.name for one in (await verify_file(sealed_books, deep=True)).not_yet}


async def test_books_that_were_rewritten_and_sealed_anew_are_seen_by_an_anchor(
    finished_book: Path, sealed_books: Path, plant: Plant, anchors: list[Kept], seal: Callable[[Path], object]
) -> None:
    shutil.copy(finished_book, sealed_books)
    plant(["UPDATE entries SET kind = 'gift' WHERE id = 'ent_reward_10'",
           "INSERT INTO settings VALUES ('database_id', 'dbs_book')"])  # fmt: skip
    await seal(sealed_books)

    report = await verify_file(sealed_books, deep=True, outside=Outside(anchors))

    assert said(report, "A1") == []
    assert len(said(report, "A1-anchors")) == 6
    assert "that seal has another hash" in said(report, "A1-anchors")[0]


async def test_anchors_of_another_database_vouch_for_nothing_here(sealed_books: Path, anchors: list[Kept]) -> None:
    strangers = [Kept(one.place, Anchor(**{**vars_of(one.anchor), "database": "dbs_other"})) for one in anchors]

    mixed = await verify_file(sealed_books, deep=False, outside=Outside([*anchors, *strangers]))
    only = await verify_file(sealed_books, deep=False, outside=Outside(strangers))

    assert mixed.is_clean
    assert said(only, "A1-anchors") == ["the anchors vouch for dbs_other; this database is dbs_book"]


def test_a_file_of_anchors_may_hold_webhook_bodies_and_a_torn_line_but_nothing_else(
    tmp_path: Path, anchors: list[Kept]
) -> None:
    path = tmp_path / "anchors.jsonl"
    line = anchors[0].anchor.to_json()
    path.write_bytes(line + b'\n\n{"type": "seal.closed", "timestamp": "x", "data": ' + line + b"}\n" + line[:50])

    assert [(kept.place, kept.anchor) for kept in read_anchors(path)] == [
        ("anchors.jsonl:1", anchors[0].anchor),
        ("anchors.jsonl:3", anchors[0].anchor),
    ]
    path.write_bytes(line + b"\n" + line[:50] + b"\n")
    with pytest.raises(BadAnchor, match=r"anchors.jsonl:2 is not an anchor"):
        read_anchors(path)


def vars_of(anchor: Anchor) -> dict[str, object]:
    return {name: getattr(anchor, name) for name in anchor.__struct_fields__}


def said(report: Report, check: str) -> list[str]:
    return [violation.message for violation in report.violations if violation.check == check]


def printed(report: Report) -> str:
    console = Console(width=160, no_color=True)
    with console.capture() as capture:
        console.print(render(report))
    return capture.get()
