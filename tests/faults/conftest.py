"""One shop for many cases, each with a customer of its own: its books are audited when all are over."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from storefront.testing import Shop, running_shop
from tests.shop.test_gateway_refunds import refund


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with running_shop(tmp_path_factory.mktemp("shop")) as running:
        pack = await running.bought("gems-500", customer="somebody")  # so that there are older ids of each kind
        assert (await refund(running, pack, amount=100)).status == 201
        yield running
