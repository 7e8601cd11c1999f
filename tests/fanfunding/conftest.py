"""A shop with a creator, whose file is their own."""

import pytest

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA


@pytest.fixture
async def stream(data_folder, database_url):
    """Luna's shop, running; its books are audited when the test is over."""
    (data_folder / "luna.yaml").write_text(LUNA)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop
