"""Shops that several processes serve; a module's tests share one, and use customers of their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial

import pytest

from storefront.testing import TINY_SHOP
from tests.postgres import Postgres
from tests.races.arena import ARENA, fund_customers

from .cluster import Cluster, Served, cluster_of, serving


@pytest.fixture(scope="module")
def module_database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database for all tests of a module."""
    url = asyncio.run(postgres.new_database())
    yield url
    asyncio.run(postgres.drop_database(url))


@pytest.fixture(scope="module")
def served_arena(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``serve --workers 3`` with the arena; at the end all of it must have stopped well."""
    with serving(tmp_path_factory.mktemp("arena"), ARENA, module_database, "--workers", "3") as served:
        yield served
        assert served.stop() == 0, served.log.read_text()


@pytest.fixture
async def arena(served_arena: Served) -> AsyncIterator[Cluster]:
    """The arena over connections to all three processes; its books are audited when the race is over."""
    async with cluster_of(served_arena, processes=3) as cluster:
        yield cluster


@pytest.fixture
def fund(arena: Cluster) -> Callable[..., Awaitable[None]]:
    """Give customers ``packs`` × 100 gems each."""
    return partial(fund_customers, arena)


@pytest.fixture(scope="module")
def served_shop(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``serve --workers 2`` with the tiny shop, and a creator whose file lies beside it."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "luna.yaml").write_text("name: Luna\ntips: {min: {USD: 100}}\n")
    plugins = "plugins: {microtransactions: {}, fanfunding: {creators: {luna: {file: luna.yaml}}}}"
    config = TINY_SHOP.replace("plugins: {microtransactions: {}}", plugins)
    with serving(folder, config, module_database, "--workers", "2") as served:
        yield served
        assert served.stop() == 0, served.log.read_text()


@pytest.fixture
async def shop(served_shop: Served) -> AsyncIterator[Cluster]:
    """The tiny shop, served by two processes; its books are audited when the test is over."""
    async with cluster_of(served_shop, processes=2) as cluster:
        yield cluster
