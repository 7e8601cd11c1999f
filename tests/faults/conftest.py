"""One shop for many cases, each with a customer of its own: its books are audited when all are over."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from storefront.testing import Shop, running_shop
from tests.faults.stories import Known, known_to


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with running_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def known(shop: Shop) -> Known:
    """Ids that the shop knows already, of another customer's."""
    return await known_to(shop)
