"""A running arena, its customers' first gems, and how answers are counted."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import pytest

from storefront.testing import Answer, Shop, running_shop

from .arena import ARENA, fund_customers, tally

ROUNDS_ON_A_SECOND_DATABASE = 2
PLAYED_WHOLE = ("test_wallet", "test_last_unit")
"""Races that play all rounds on both databases: one wallet (T2), and the last unit."""


@pytest.fixture(autouse=True)
def _fewer_rounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a race runs on both databases, play all its rounds on SQLite and the first two on PostgreSQL.

    ``make test-heavy`` plays all of them there (``--database``).
    """
    if "database_kind" not in request.fixturenames or request.config.getoption("--database"):
        return
    rounds, plays_all = getattr(request.module, "ROUNDS", None), request.module.__name__.endswith(PLAYED_WHOLE)
    if isinstance(rounds, range) and not plays_all and request.getfixturevalue("database_kind") == "postgres":
        monkeypatch.setattr(request.module, "ROUNDS", rounds[:ROUNDS_ON_A_SECOND_DATABASE])


@pytest.fixture
async def arena(data_folder, database_url) -> AsyncIterator[Shop]:
    """The arena, running; its books are audited when the race is over."""
    async with running_shop(data_folder, ARENA, database=database_url) as shop:
        yield shop


@pytest.fixture
def fund(arena: Shop) -> Callable[..., Awaitable[None]]:
    """Give customers ``packs`` × 100 gems each, by purchases that are really paid, all at the same time."""
    return partial(fund_customers, arena)


@pytest.fixture(name="tally")
def tally_fixture() -> Callable[[Iterable[Answer]], dict[tuple[int, Any], int]]:
    return tally
