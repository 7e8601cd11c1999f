"""One shop, one Node and one game's site for all tests of the JavaScript SDK; every test has a player of its own."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from storefront.testing import Shop, running_shop
from tests.sdk.conftest import Road
from tests.subscriptions.gifting import GIVING
from tests.webhooks.conftest import Receiver, receiving

from .runtimes import Node, game_site, running_node

MORE = """
meters: {{calls: {{event_type: api.call, aggregation: count}}}}
usage: {{api: {{meter: calls, mode: prepaid, asset: gems, model: per_unit, price: "0.01"}}}}
webhooks: {{allow: [{receiver}]}}
web: {{return_origins: ["{game}"]}}
leases: {{hours: 0}}  # those that sign some do so in test_leases; here every request is counted
"""
_NUMBERS = count(1)


class CuttableRoad(Road):
    """A road on which lines can be cut, and wait for nobody."""

    async def cut(self) -> None:
        """Cut every connection that is open."""
        for writer in self._open:
            writer.transport.abort()

    def asked(self, start: str) -> list[str]:
        """Return the heads of the requests that begin like this."""
        return [head for head in self.heads if head.startswith(start)]


class Player:
    """Somebody at the shop, whose client stands as ``me`` in the code; the way there is ``road``."""

    def __init__(self, name: str, token: str, road: CuttableRoad, node: Node) -> None:
        self.name = name
        self.token = token
        self._road = road
        self._node = node

    async def js(self, code: str, **given: Any) -> Any:
        """Run code in Node with ``me``, ``url``, ``token`` and ``name``, and what else is given."""
        me = "const me = kept.me ??= open(url, { token }); "
        return await self._node.run(me + code, url=self._road.url, token=self.token, name=self.name, **given)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site() -> AsyncIterator[TestServer]:
    async with game_site() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def game(site: TestServer, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """The shop of all these tests; its books are audited at the end."""
    config = GIVING + MORE.format(receiver=receiver.origin, game=str(site.make_url("")).rstrip("/"))
    async with running_shop(tmp_path_factory.mktemp("js"), config) as shop:
        yield shop


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def process() -> AsyncIterator[Node]:
    async with running_node() as node:
        yield node


@pytest_asyncio.fixture(loop_scope="session")
async def node(process: Node) -> AsyncIterator[Node]:
    """Node, whose clients are closed when the test is over."""
    yield process
    await process.close_all()


@pytest_asyncio.fixture(loop_scope="session")
async def road(game: Shop) -> AsyncIterator[CuttableRoad]:
    road = CuttableRoad(int(game.url.rpartition(":")[2]))
    await road.start()
    yield road
    await road.close()


@pytest_asyncio.fixture(loop_scope="session")
async def player(game: Shop, road: CuttableRoad, node: Node) -> Player:
    """A player with 500 gems, at the other end of the road."""
    name = f"player-{next(_NUMBERS)}"
    token = await game.session(name)
    grant = {"customer": name, "asset": "gems", "amount": 500, "reason": "start"}
    assert (await game.as_server().post("/v1/grants", grant, key=f"start-{name}")).status == 201
    return Player(name, token, road, node)
