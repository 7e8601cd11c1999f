"""A running arena, its customers' first gems, and how answers are counted."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import pytest

from storefront.testing import Answer, Shop, running_shop

from .arena import ARENA, fund_customers, tally


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
