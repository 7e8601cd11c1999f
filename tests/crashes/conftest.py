"""Worlds to kill: a server and its emulator as processes of their own, on temporary folders."""

from collections.abc import AsyncIterator

import pytest

from storefront.core.audit import verify_database, verify_file
from storefront.core.postgres_database import PostgresDatabase

from .processes import World


@pytest.fixture
async def standalone(tmp_path) -> AsyncIterator[World]:
    """A server, and an emulator in another process; their books are audited when the test is over."""
    world = World(tmp_path, standalone=True)
    try:
        await world.open()
        yield world
    finally:
        await world.close()


@pytest.fixture
async def mounted(tmp_path) -> AsyncIterator[World]:
    """A server that brings its emulator: both die together."""
    world = World(tmp_path, standalone=False)
    try:
        await world.open()
        yield world
    finally:
        await world.close()


@pytest.fixture
def audit():
    """Run ``audit verify --deep`` on a world's books and fail with what it finds."""

    async def is_clean(world: World) -> None:
        if world.database_url is None:
            report = await verify_file(world.database, deep=True)
        else:
            report = await verify_database(PostgresDatabase(world.database_url), deep=True)
        assert report.is_clean, report.explain()

    return is_clean
