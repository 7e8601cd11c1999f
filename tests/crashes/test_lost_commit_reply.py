"""The line to PostgreSQL breaks between COMMIT and its reply: the shop finds out what happened, or says it cannot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from storefront.testing import Answer, Shop, running_shop

from .proxy import Proxy, proxy_before

HANG_SECONDS = 30.0
WRITING = "SELECT backend_xid::text::bigint FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
GIVEN = "SELECT pg_current_xact_id()::text::bigint"
POTIONS = """
    SELECT coalesce(sum(quantity), 0) FROM items JOIN customers ON customers.id = customer_id WHERE external_id = $1
"""
GEMS = """
    SELECT sum(remaining)::bigint FROM lots JOIN customers ON account = 'customer:' || customers.id || ':gems'
    WHERE external_id = $1
"""


@pytest.fixture
async def proxied(tmp_path, postgres_database) -> AsyncIterator[tuple[Shop, Proxy]]:
    """A shop whose PostgreSQL is behind a proxy."""
    async with _proxied_shop(tmp_path, postgres_database) as found:
        yield found


@pytest.mark.parametrize("lost", ["the reply", "the commit"])
async def test_a_purchase_whose_commit_was_not_answered_is_answered_and_happens_once(proxied, lost):
    shop, proxy = proxied
    await _fund(shop, "ada")
    proxy.lose(lost, of=b"the-key")
    asked = asyncio.create_task(shop.buy("potion", key="the-key"))
    await proxy.until_lost(1)

    proxy.cut()

    first = await asked
    again = await shop.buy("potion", key="the-key")
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await _potions(proxy, "ada") == 1


@pytest.mark.parametrize("lost", ["the reply", "the commit"])
async def test_using_up_an_item_is_answered_and_happens_once_too(proxied, lost):
    shop, proxy = proxied
    await _fund(shop, "ada")
    assert (await shop.buy("potion", quantity=3)).status == 201
    proxy.lose(lost, of=b"the-key")
    asked = asyncio.create_task(_use_up(shop, key="the-key"))
    await proxy.until_lost(1)

    proxy.cut()

    first = await asked
    again = await _use_up(shop, key="the-key")
    assert (first.status, again.status) == (200, 200), first
    assert (first.json["remaining"], again.json) == (2, first.json)


async def test_every_lane_can_lose_its_reply_at_the_same_time(proxied):
    shop, proxy = proxied
    for name in ("ada", "bob"):
        await _fund(shop, name)
    asked = []
    for number, name in enumerate(("ada", "bob"), start=1):
        proxy.lose("the reply", of=f"key-of-{name}".encode())
        asked.append(asyncio.create_task(shop.buy("potion", key=f"key-of-{name}", customer=name)))
        await proxy.until_lost(number)

    proxy.cut()

    answers = await asyncio.gather(*asked)
    assert [answer.status for answer in answers] == [201, 201]
    assert [await _potions(proxy, name) for name in ("ada", "bob")] == [1, 1]


async def test_while_the_database_stays_away_the_outcome_is_unknown_and_its_key_resolves_it(proxied):
    shop, proxy = proxied
    asked = {}
    for number, (name, lost) in enumerate({"ada": "the reply", "bob": "the commit"}.items(), start=1):
        await _fund(shop, name)
        proxy.lose(lost, of=f"key-of-{name}".encode())
        asked[name] = asyncio.create_task(shop.buy("potion", key=f"key-of-{name}", customer=name))
        await proxy.until_lost(number)

    proxy.shut()
    proxy.cut()

    unknown = {name: await answer for name, answer in asked.items()}
    assert {_refusal(answer) for answer in unknown.values()} == {(503, "outcome_unknown", "1")}
    proxy.open()
    resolved = {name: await shop.buy("potion", key=f"key-of-{name}", customer=name) for name in asked}
    assert {answer.status for answer in resolved.values()} == {201}
    replayed = [name for name, answer in resolved.items() if "Idempotent-Replayed" in answer.headers]
    assert replayed == ["ada"]
    assert [await _potions(proxy, name) for name in ("ada", "bob")] == [1, 1]


async def test_a_number_that_is_given_again_after_a_crash_does_not_vouch_for_a_lost_purchase(
    tmp_path, new_postgres_server
):
    # The lost transaction must not be in the write-ahead log, so nothing may write that but commits.
    server = new_postgres_server(settings={"wal_writer_delay": "10s", "autovacuum": "off"})
    async with _proxied_shop(tmp_path, await server.new_database()) as (shop, proxy):
        await _fund(shop, "ada")
        proxy.lose("the commit", of=b"the-key", is_last=True)
        asked = asyncio.create_task(shop.buy("potion", key="the-key"))
        await proxy.until_lost(1)
        number = await _transaction_under_way(proxy.server_url)

        server.restart("immediate")
        assert await _use_up_numbers(proxy.server_url, number) <= number, "the crash did not take the number back"
        proxy.open()

        answer = await asked
        stored = await _potions(proxy, "ada")
        assert (answer.status, stored) in ((201, 1), (503, 0)), answer
        assert (await shop.buy("potion", key="the-key")).status == 201
        assert await _potions(proxy, "ada") == 1


@asynccontextmanager
async def _proxied_shop(folder, database_url: str) -> AsyncIterator[tuple[Shop, Proxy]]:
    async with proxy_before(database_url) as proxy, running_shop(folder, database=proxy.url) as shop:
        yield shop, proxy


async def _fund(shop: Shop, name: str) -> None:
    bought = await shop.buy("gems-500", customer=name)
    await shop.pay(bought)
    assert (await shop.settled(bought))["status"] == "completed"
    await shop.quiet()


async def _potions(proxy: Proxy, name: str) -> int:
    """Count what a customer has of them, and make sure that each was paid for."""
    (quantity,), (gems,) = [await _ask(proxy.server_url, sql, name) for sql in (POTIONS, GEMS)]
    assert gems == 500 - 15 * quantity
    return int(quantity)


async def _use_up(shop: Shop, *, key: str) -> Answer:
    return await shop.as_customer().post("/v1/microtransactions/inventory/potion/consume", {}, key=key)


def _refusal(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.json["code"], answer.headers["Retry-After"]


async def _transaction_under_way(url: str) -> int:
    """Return the highest number of those that write now: the lost one, and maybe one that the shop makes by itself."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            found = await _ask(url, WRITING)
            if found:
                return max(int(number) for number in found)
            await asyncio.sleep(0.01)


async def _use_up_numbers(url: str, until: int) -> int:
    """Commit transactions until one had the number ``until`` or a higher one; return the first number there was."""
    first = given = (await _ask(url, GIVEN))[0]
    while given < until:
        given = (await _ask(url, GIVEN))[0]
    return int(first)


async def _ask(url: str, sql: str, *arguments: Any) -> list[Any]:
    """Return the first column of what the database answers, past the proxy."""
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(sql, *arguments)]
    finally:
        await connection.close()
