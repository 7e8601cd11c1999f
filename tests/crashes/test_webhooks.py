"""SIGKILL while webhooks are on their way: every event arrives after the restart, under the id it had before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from storefront.cli.asking import ask_server

from .processes import HANG_SECONDS, POLL_SECONDS, World

ROUNDS = 2
EACH_ROUND = 8


class Receiver:
    """Takes what comes while it is open; while it is closed, whoever posts waits, and then hears that it was no use."""

    def __init__(self) -> None:
        self.taken: dict[str, list[bytes]] = {}
        self.cut_off: set[str] = set()
        self.opened = asyncio.Event()
        self.came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.came.set()
        if not self.opened.is_set():
            self.cut_off.add(request.headers["webhook-id"])
            await self.opened.wait()
            return web.Response(status=503)
        self.taken.setdefault(request.headers["webhook-id"], []).append(body)
        return web.Response(status=204)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/", self.take)
        server = TestServer(app)
        await server.start_server()
        try:
            yield str(server.make_url("/")).rstrip("/")
        finally:
            self.opened.set()
            await server.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.heavy)])
def database(request: pytest.FixtureRequest) -> str | None:
    """Where the books are kept; on PostgreSQL two workers serve them, and one of them leads."""
    return request.getfixturevalue("postgres_database") if request.param == "postgres" else None


async def test_a_kill_during_delivery_loses_no_event(tmp_path: Path, database: str | None, audit) -> None:
    receiver = Receiver()
    async with receiver.listening() as origin:
        more = f"webhooks: {{allow: ['{origin}']}}\n"
        world = World(tmp_path, standalone=True, database=database, workers=1 if database is None else 2, more=more)
        try:
            await world.open()
            made = {"url": f"{origin}/", "description": "", "event_types": ["purchase.pending"]}
            await ask_server(tmp_path / "data", "webhooks.add", made)
            for number in range(ROUNDS):
                receiver.opened.clear()
                receiver.came.clear()
                for one in range(EACH_ROUND):
                    assert (await world.buy(f"ada-{one}", "gems-500", key=f"{number}-{one}")).status == 202
                async with asyncio.timeout(HANG_SECONDS):
                    await receiver.came.wait()  # a delivery is on its way, and has no answer
                world.server.kill()
                receiver.opened.set()
                await world.start()
            await _until_all_is_delivered(world)
            events = await world.rows("SELECT id FROM events WHERE type = 'purchase.pending'")
            assert {row[0] for row in events} == set(receiver.taken)
            assert len(events) == ROUNDS * EACH_ROUND
            assert all(len(set(bodies)) == 1 for bodies in receiver.taken.values())
            assert receiver.cut_off != set()
            await audit(world)
        finally:
            await world.close()


async def _until_all_is_delivered(world: World) -> None:
    delivered = "SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered'"
    async with asyncio.timeout(HANG_SECONDS * 3):
        while await world.rows(delivered) != [(ROUNDS * EACH_ROUND,)]:  # noqa: ASYNC110 another process does it
            await asyncio.sleep(POLL_SECONDS)
