"""The sealer: everything once, in commit order, in one chain, whoever dies and whoever else is at it."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from storefront.core.balances import open_balance
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Stale
from storefront.core.sealing.sealer import Sealer
from storefront.testing import HANG_SECONDS

from .conftest import Books, open_books


async def test_entries_are_sealed_once_in_commit_order_also_inside_a_commit(books: Books) -> None:
    await books.sell()
    many = sorted(await books.sell(entries=7))

    assert await books.sealer.seal_all() == 3
    assert await books.sealer.seal_all() == 0

    seals = [one.seal for one in await books.seals()]
    assert [(one.number, one.entries, one.entries_so_far) for one in seals] == [(1, 3, 3), (2, 3, 6), (3, 2, 8)]
    assert [(one.first_commit_no, one.last_commit_no) for one in seals] == [(1, 2), (2, 2), (2, 2)]
    assert [one.last_entry_id for one in seals] == [many[1], many[4], many[6]]


async def test_a_process_that_died_before_sealing_leaves_it_to_the_next(path: Path) -> None:
    for _ in range(3):
        async with open_books(path) as books:
            await books.sell(entries=2)
    async with open_books(path) as books:
        assert await books.sealer.seal_all() == 2
        await books.sell()
    async with open_books(path) as books:
        assert await books.sealer.seal_all() == 1
        report = await books.audit()

        assert report.is_clean, report.explain()
        assert report.sealing is not None
        assert (report.sealing.seals, report.sealing.sealed_entries, report.sealing.unsealed_entries) == (3, 7, 0)


async def test_two_sealers_never_fork_the_chain(books: Books) -> None:
    other_engine = CommitEngine(books.database.store, books.clock)
    other_engine.start()
    other = Sealer(books.database.reader, other_engine, books.clock, largest_seal=2)
    stale = 0
    for _ in range(20):
        await books.sell(entries=3)
        results = await asyncio.gather(books.sealer.seal_all(), other.seal_all(), return_exceptions=True)
        assert {type(result) for result in results} <= {int, Stale}, results
        stale += sum(isinstance(result, Stale) for result in results)
    await other.seal_all()
    await other_engine.stop()

    numbers = [one.seal.number for one in await books.seals()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (await books.seals())[-1].seal.entries_so_far == 60
    assert stale > 0, "they never met: the test has shown nothing"


async def test_a_few_entries_wait_and_many_do_not(books: Books) -> None:
    await books.sell(entries=2)
    assert await books.sealer.seal_due() == 0
    await books.sell()
    assert await books.sealer.seal_due() == 1
    await books.sell(entries=8)
    assert await books.sealer.seal_due() == 2
    assert (await books.seals())[-1].seal.entries_so_far == 9


async def test_in_the_background_a_lone_entry_is_sealed_when_it_has_waited(books: Books) -> None:
    engine = CommitEngine(books.database.store, books.clock)
    engine.start()
    sealer = Sealer(books.database.reader, engine, books.clock, patience_seconds=0)
    sealed = asyncio.Event()
    engine.follow(lambda notice: sealed.set() if "seals" in notice.tables else None)
    running = asyncio.create_task(sealer.run())
    await books.sell()
    async with asyncio.timeout(HANG_SECONDS):
        await sealed.wait()

    await books.sell()
    sealer.ask_to_stop()
    await running
    await engine.stop()

    assert (await books.seals())[-1].seal.entries_so_far == 2


async def test_open_balances_need_no_row_that_every_sale_updates(books: Books) -> None:
    reader = books.database.reader
    balances = [await open_balance(reader, "platform:revenue:USD")]
    for entries in (2, 4, 1):
        await books.sell(entries=entries)
        balances.append(await open_balance(reader, "platform:revenue:USD"))
        await books.sealer.seal_all()
        assert await open_balance(reader, "platform:revenue:USD") == balances[-1]
    await books.sell()

    assert balances == [0, 200, 600, 700]
    assert await open_balance(reader, "platform:revenue:USD") == 800
    assert await open_balance(reader, "gateway:cash:clearing:USD") == -800
    assert await open_balance(reader, "platform:revenue:EUR") == 0
    with closing(sqlite3.connect(books.database.path)) as connection:
        kept = connection.execute("SELECT account, balance, seal FROM checkpoints ORDER BY account").fetchall()
    assert kept == [("gateway:cash:clearing:USD", -700, 4), ("platform:revenue:USD", 700, 4)]
