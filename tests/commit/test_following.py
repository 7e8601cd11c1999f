"""Followers of commits miss nothing and see nothing twice, whatever is still under way beside them."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import func, select

from storefront.core.accounts import issuance
from storefront.core.announcing import Announcer
from storefront.core.audit import verify_database
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import DatabaseAway
from storefront.core.commit.plan import Claim, Deposit, LotTerms, Plan
from storefront.core.enduring import Endurance
from storefront.core.events import START, read_events
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sealing.sealer import Sealer
from storefront.core.tables import entries, events, seals

HELD_SECONDS = 5.0
COMMITS = 1_000
CUSTOMERS = 20


@pytest.fixture
async def three_processes(postgres_database):
    """Engines with connections of their own, as server processes have them: two that trade, one that is late."""
    databases = [PostgresDatabase(postgres_database) for _ in range(3)]
    engines = []
    for database in databases:
        await database.open(mode="sandbox")
        engines.append(CommitEngine(database.store, Clock()))
        engines[-1].start()
    yield databases, engines
    for engine in engines:
        await engine.stop()
    for database in databases:
        await database.close()


def deposit(customer_id: str, number: int) -> Plan:
    plan = Plan(actor="test", anchors={customer_id})
    plan.entry("test.credit", about=f"gift-{number}", anchor=customer_id)
    plan.add(Deposit("entry", customer_id, "gems", 1, issuance("gems"), LotTerms(source="granted")))
    plan.emit("test.credited", anchor=customer_id, subject=f"gift-{number}", payload={})
    return plan


async def test_a_transaction_held_open_beside_a_thousand_commits_hides_and_repeats_nothing(
    three_processes, postgres_database
):
    databases, engines = three_processes
    holder = await asyncpg.connect(postgres_database)
    held = holder.transaction()
    await held.start()
    await holder.execute("INSERT INTO claims (key, about) VALUES ('held', 'test')")  # gives it a number, too
    loop = asyncio.get_running_loop()
    until = loop.time() + HELD_SECONDS

    is_over = asyncio.Event()
    seen: list[tuple[int, str, int]] = []
    following = asyncio.create_task(follow(databases[1].reader, seen, is_over))
    sealer = Sealer(databases[1].reader, engines[1], Clock(), patience_seconds=0, largest_seal=50)
    sealing = asyncio.create_task(sealer.run())
    trading = [asyncio.create_task(trade(engines[n % 2], n, loop, until)) for n in range(CUSTOMERS)]
    # This batch has a number in the midst of all, and waits for the holder before it can commit.
    late = deposit("cus_late", 0)
    late.add(Claim("held", "late"))
    await asyncio.wait(trading, timeout=HELD_SECONDS / 2)
    waiting = asyncio.create_task(commit_at_last(engines[2], late))
    done = await asyncio.gather(*trading)
    seen_while_held = len(seen)
    assert not waiting.done()
    await held.rollback()
    await waiting
    is_over.set()
    await following
    sealer.ask_to_stop()
    await sealing
    await holder.close()

    (booked,) = await databases[0].reader.scan(select(func.count().label("entries")).select_from(entries))
    (sealed,) = await databases[0].reader.scan(select(func.max(seals.c.entries_so_far).label("entries")))
    assert sealed["entries"] == booked["entries"] == sum(done) + 1
    report = await verify_database(databases[0], deep=True)
    assert report.is_clean, report.explain()
    rows = await databases[0].reader.scan(select(events.c.commit_no, events.c.anchor, events.c.sequence))
    stored = [(row["commit_no"], row["anchor"], row["sequence"]) for row in rows]
    assert sum(done) >= COMMITS
    assert len(stored) == sum(done) + 1
    assert seen_while_held < len(stored)
    assert sorted(seen) == sorted(stored)
    assert len(set(seen)) == len(seen)
    for customer in {anchor for _, anchor, _ in seen}:
        sequences = [sequence for _, anchor, sequence in seen if anchor == customer]
        assert sequences == list(range(1, len(sequences) + 1))


async def test_an_open_transaction_of_another_database_holds_nothing_back(three_processes, postgres, postgres_database):
    databases, engines = three_processes
    elsewhere = await postgres.new_database()
    foreign, own = await asyncpg.connect(elsewhere), await asyncpg.connect(postgres_database)
    try:
        foreign_held, own_held = foreign.transaction(), own.transaction()
        await foreign_held.start()
        await foreign.execute("SELECT pg_current_xact_id()")
        await engines[0].commit(deposit("cus_ada", 1))
        assert len(await read_events(databases[1].reader, START, 10)) == 1

        await own_held.start()
        await own.execute("SELECT pg_current_xact_id()")
        await engines[0].commit(deposit("cus_ada", 2))
        assert len(await read_events(databases[1].reader, START, 10)) == 1
        await own_held.rollback()
        assert len(await read_events(databases[1].reader, START, 10)) == 2
    finally:
        await own.close()
        await foreign.close()
        await postgres.drop_database(elsewhere)


async def commit_at_last(engine: CommitEngine, plan: Plan) -> None:
    """Commit, and try again where the wait for the holder grew too long for one statement."""
    while True:
        try:
            await engine.commit(plan)
        except DatabaseAway:
            continue
        return


async def trade(engine: CommitEngine, number: int, loop: asyncio.AbstractEventLoop, until: float) -> int:
    """Commit without pause until the time is over and there are enough; return how many."""
    count = 0
    while loop.time() < until or count < COMMITS // CUSTOMERS:
        await engine.commit(deposit(f"cus_{number}", count))
        count += 1
    return count


async def follow(reader, seen: list[tuple[int, str, int]], is_over: asyncio.Event) -> None:
    """Read the feed behind a cursor, again and again, and once more when all is over."""
    cursor, is_last = START, False
    while True:
        found = await read_events(reader, cursor, 100)
        seen += [event.cursor for event in found]
        if found:
            cursor = found[-1].cursor
        elif is_last:
            return
        else:
            is_last = is_over.is_set()
            await asyncio.sleep(0)


async def test_a_commit_of_many_long_names_is_announced_whole(three_processes, postgres_database):
    """PostgreSQL refuses a notice of 8,000 bytes or more; this one would have 30,000."""
    _, engines = three_processes
    speaking, hearing = (Announcer(postgres_database, engine, Endurance()) for engine in engines[:2])
    heard: dict[str, int] = {}
    engines[1].follow(lambda notice: None if notice.is_ours else heard.update(notice.versions))
    names = [f"sku:{'x' * 90}-{number}" for number in range(300)]
    plan = Plan(actor="test", anchors=set(names))
    for name in names:
        plan.emit("test.touched", anchor=name, subject=name, payload={})
    speaking.start()
    hearing.start()
    try:
        async with asyncio.timeout(60):
            while set(names) - set(heard):
                await engines[0].commit(plan)
                await asyncio.sleep(0.05)
    finally:
        await speaking.stop()
        await hearing.stop()
