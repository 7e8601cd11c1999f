"""The power fails at any moment: what was answered is there when it is back, whole, and the books balance.

The store writes through a recorder; then the disk is cut at each sync and at random moments between, and what a
machine may find is opened with the standard library's SQLite. ``STOREFRONT_CUTS=10000`` cuts as often,
``STOREFRONT_SEED`` repeats the choices of a run.
"""

import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pytest

from storefront.core.audit import verify_file
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import Plan
from storefront.core.sqlite_database import SqliteDatabase

from .power import Disk, Synced, Written
from .trading import DATABASE, NOW, Customers, Recording, deposit, read_rows, record

LOG = f"{DATABASE}-wal"
CUTS_PER_RECORDING = 250
ROUNDS = 30
CONTROL_CUTS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """What was wrong after a power cut at ``position`` of the log: answered commits ``lost``, or books ``damaged``."""

    position: int
    fault: str
    reason: str


@pytest.fixture
def seed() -> int:
    seed = int(os.environ.get("STOREFRONT_SEED", random.randrange(1_000_000)))
    print(f"seed {seed}")
    return seed


async def test_what_was_answered_survives_a_power_cut_at_any_moment(tmp_path, seed, capsys):
    cuts = int(os.environ.get("STOREFRONT_CUTS", "60"))
    tally: Counter[str] = Counter()
    for number in range(-(-cuts // CUTS_PER_RECORDING)):
        chance, folder = random.Random(f"{seed}:{number}"), tmp_path / str(number)
        recording = await record(folder / "shop", _trade(chance), restart_after=ROUNDS // 2)
        moments = _moments(recording, chance, min(CUTS_PER_RECORDING, cuts - tally["cuts"]))

        findings = [finding async for finding in _cut(recording, moments, chance, folder / "after")]

        assert findings == [], f"seed {seed}"
        assert _checkpoints(recording) >= 5
        tally += Counter(cuts=len(moments), events=len(recording.log), answers=len(recording.answers))
    with capsys.disabled():
        print(f"\nseed {seed}: {tally['cuts']} power cuts in {tally['events']} writes and syncs, 0 of "
              f"{tally['answers']} answered plans lost, every book clean")  # fmt: skip


async def test_without_syncs_the_simulation_sees_answered_commits_lost_and_books_damaged(tmp_path, seed):
    chance = random.Random(seed)
    recording = await record(tmp_path / "shop", _trade(chance), restart_after=ROUNDS // 2, synchronous="OFF")

    faults = await _faults(recording, chance, tmp_path / "after", "lost", "damaged")

    assert faults >= {"lost", "damaged"}


async def test_with_rarer_syncs_it_sees_answered_commits_lost_and_nothing_damaged(tmp_path, seed):
    chance = random.Random(seed)
    recording = await record(tmp_path / "shop", _trade(chance), restart_after=ROUNDS // 2, synchronous="NORMAL")

    faults = await _faults(recording, chance, tmp_path / "after", "lost")

    assert faults == {"lost"}


async def test_a_checkpoint_unsynced_when_the_log_begins_anew_is_seen(tmp_path, seed):
    chance = random.Random(seed)
    recording = await record(tmp_path / "shop", _trade(chance))
    nothing = Written(DATABASE, 0, b"")  # in a sync's place it keeps every position
    recording.log[:] = [nothing if event == Synced(DATABASE) else event for event in recording.log]

    faults = await _faults(recording, chance, tmp_path / "after", "damaged")

    assert "damaged" in faults


async def test_a_shop_goes_on_after_a_power_cut(tmp_path, seed):
    chance = random.Random(seed)
    recording = await record(tmp_path / "shop", _trade(chance))
    disk = Disk(recording.files)
    for event in recording.log[: chance.randrange(len(recording.log) // 2, len(recording.log))]:
        disk.apply(event)
    _write_files(tmp_path / "after", disk.after_power_cut(chance))

    database = SqliteDatabase(tmp_path / "after" / DATABASE)
    await database.open(mode="sandbox")
    engine = CommitEngine(database.store, Clock(lambda: NOW))
    engine.start()
    outcome = await engine.commit(deposit("cus_after", 7))
    await engine.stop()
    await database.close()

    assert outcome.customer_change("cus_after")["changed"]["wallets"]["gems"]["available"] == 7
    report = await verify_file(database.path, deep=True)
    assert report.is_clean, report.explain()


async def test_each_of_100_lone_purchases_is_answered_after_its_sync(tmp_path, seed):
    customers = Customers(random.Random(seed), 4)

    recording = await record(tmp_path / "shop", _alone(customers, 100))

    assert len({answer.commit_no for answer in recording.answers}) == 1 + 100
    assert _answers_before_their_sync(recording) == []


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
async def test_an_answer_before_its_sync_is_seen(tmp_path, seed, synchronous):
    customers = Customers(random.Random(seed), 4)

    recording = await record(tmp_path / "shop", _alone(customers, 10), synchronous=synchronous)

    assert _answers_before_their_sync(recording) != []


def _trade(chance: random.Random) -> Iterator[list[Plan]]:
    customers = Customers(chance, 8)
    yield customers.come()
    for _ in range(ROUNDS - 1):
        yield customers.act()


def _alone(customers: Customers, count: int) -> Iterator[list[Plan]]:
    """Purchases one by one, each when the one before was answered."""
    yield customers.come()
    for _ in range(count):
        yield [customers.buy()]


def _moments(recording: Recording, chance: random.Random, count: int) -> list[int]:
    """Choose positions of the log, in order: half right before or after a sync or an answer, half anywhere."""
    log = recording.log
    syncs = [number for number, event in enumerate(log) if isinstance(event, Synced)]
    edges = [*syncs, *(number + 1 for number in syncs), *(answer.position for answer in recording.answers)]
    at_edges = [chance.choice(edges) for _ in range(count // 2)] if edges else []
    return sorted([*at_edges, *(chance.randrange(len(log) + 1) for _ in range(count - len(at_edges)))])


async def _cut(recording: Recording, moments: list[int], chance: random.Random, folder: Path) -> AsyncIterator[Finding]:
    """Cut the power at each moment, and yield what is wrong with what is left."""
    disk, position = Disk(recording.files), 0
    for number, moment in enumerate(moments):
        for event in recording.log[position:moment]:
            disk.apply(event)
        position = moment
        left = folder / str(number)
        _write_files(left, disk.after_power_cut(chance))
        answered = max((one.commit_no for one in recording.answers if one.position <= moment), default=0)
        try:
            fault = await _judge(recording, left / DATABASE, answered)
        except sqlite3.DatabaseError as error:
            fault = ("damaged", str(error))
        if fault is not None:
            yield Finding(moment, *fault)
        shutil.rmtree(left)


async def _faults(recording: Recording, chance: random.Random, folder: Path, *wanted: str) -> set[str]:
    """Cut until every wanted fault was seen, ``CONTROL_CUTS`` times at most, and return all that were."""
    seen: set[str] = set()
    async with aclosing(_cut(recording, _moments(recording, chance, CONTROL_CUTS), chance, folder)) as findings:
        async for finding in findings:
            seen.add(finding.fault)
            if seen.issuperset(wanted):
                break
    return seen


async def _judge(recording: Recording, path: Path, answered: int) -> tuple[str, str] | None:
    """Tell whether a database is exactly the shop as of one of its commits, none that was answered missing."""
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as connection:
        connection.execute("PRAGMA synchronous=OFF")  # the judge's own writes need not last
        (verdict, *_), *_ = connection.execute("PRAGMA integrity_check").fetchall()
        numbers = [connection.execute(f"SELECT max(commit_no) FROM {table}").fetchone()[0]
                   for table in ("events", "entries", "item_movements")]  # fmt: skip
    commit_no = max((number for number in numbers if number is not None), default=0)
    if verdict != "ok":
        return "damaged", verdict
    if read_rows(path) != recording.books[commit_no]:
        return "damaged", f"the rows are not those of commit {commit_no}"
    report = await verify_file(path, deep=True)
    if not report.is_clean:
        return "damaged", report.explain()
    if commit_no < answered:
        return "lost", f"commit {answered} was answered, and {commit_no} is the last"
    return None


def _write_files(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _checkpoints(recording: Recording) -> int:
    """Count how often the log was begun anew: its header was written again."""
    return sum(isinstance(event, Written) and (event.file, event.offset) == (LOG, 0) for event in recording.log)


def _answers_before_their_sync(recording: Recording) -> list[int]:
    """Return the commits without a write to the log, or without a sync of it between their last and the answer."""
    early, begin = [], 0
    for commit_no, answers in groupby(recording.answers, attrgetter("commit_no")):
        end = min(answer.position for answer in answers)
        events = [event for event in recording.log[begin:end] if event.file == LOG]
        if not any(isinstance(event, Written) for event in events) or not isinstance(events[-1], Synced):
            early.append(commit_no)
        begin = end
    return early
