"""A customer's client hears at once of what changed, wherever it was committed."""

import asyncio
import json

import aiohttp
import pytest

from storefront.core.watching import MOST_PER_CUSTOMER
from storefront.testing import HANG_SECONDS


class Listener:
    """Reads one stream of server-sent events."""

    def __init__(self, response):
        self.response = response

    async def next(self):
        """Return the next event as (id, data); heartbeats are passed over."""
        async with asyncio.timeout(HANG_SECONDS):
            event = {}
            while True:
                line = (await self.response.content.readline()).decode().rstrip("\n")
                if line.startswith(("id: ", "event: ", "data: ")):
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif not line and event:
                    assert event["event"] == "change"
                    return int(event["id"]), json.loads(event["data"])
                elif not line and self.response.content.at_eof():
                    return None


@pytest.fixture
async def browser():
    """A client that outlives the shop's own: it sees how the shop ends its streams."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def open_stream(shop, browser):
    opened = []

    async def ask(**headers):
        headers = {"Authorization": f"Bearer {await shop.session('ada')}", **headers}
        opened.append(await browser.get(f"{shop.url}/v1/stream", headers=headers))
        return opened[-1]

    yield ask
    for response in opened:
        response.close()


@pytest.fixture
def listen(open_stream):
    async def begin(**headers):
        return await _begun(await open_stream(**headers))

    return begin


async def _begun(response):
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/event-stream")
    return Listener(response)


async def test_a_change_is_told_at_once_with_its_version(shop, listen):
    await shop.bought("gems-500")
    listener = await listen()
    first = await listener.next()

    await shop.bought("potion")
    version, data = await listener.next()

    assert data == {"version": version}
    assert version > first[0]
    me = await shop.as_customer().get("/v1/me", **{"X-Customer-Version": str(version)})
    assert me.json["version"] == version
    assert me.json["wallets"]["gems"]["balance"] == 485


async def test_what_was_seen_already_is_not_told_again(shop, listen):
    await shop.bought("gems-500")
    version, _ = await (await listen()).next()

    listener = await listen(**{"Last-Event-ID": str(version)})
    await shop.bought("potion")

    assert (await listener.next())[0] > version


async def test_another_customers_changes_are_not_told(shop, listen):
    await shop.bought("gems-500")
    listener = await listen()
    version, _ = await listener.next()

    await shop.bought("gems-500", customer="bob")
    await shop.bought("potion")

    seen, _ = await listener.next()
    me = await shop.as_customer().get("/v1/me")
    assert version < seen <= me.json["version"]


async def test_streams_are_counted_per_customer_and_end_with_the_shop(shop, listen, open_stream):
    listeners = [await listen() for _ in range(MOST_PER_CUSTOMER)]
    refused = await shop.as_customer().get("/v1/stream")
    assert (refused.status, refused.json["code"]) == (409, "too_many_streams")

    listeners[0].response.close()
    other = await listen_when_there_is_room(shop, open_stream)

    await shop.stop()
    assert await other.next() is None
    await shop.start()


async def listen_when_there_is_room(shop, open_stream):
    """The server notices that a client has gone when it next writes to it."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            await shop.bought("gems-500")
            response = await open_stream()
            if response.status == 200:
                listener = Listener(response)
                await listener.next()
                return listener


async def test_only_a_customer_may_listen(shop):
    assert (await shop.as_server().get("/v1/stream")).status == 403
    assert (await shop.as_nobody().get("/v1/stream")).status == 401
