"""Velocity under a rush: never more pass than the limit, and what was refused has left no trace but its decision."""

import asyncio
import json

import pytest

from storefront.testing import running_shop
from tests.fraud.screened import decisions, shop_with

RULES = """
{id: pace, do: block, when: "sku == 'potion' && velocity.customer.count_1h > 12"}
{id: network, do: block, when: "sku == 'key' && velocity.ip.sum_1h > 20 * 4000"}
"""


@pytest.fixture
async def screened(data_folder, database_url):
    """A shop with limits on the pace of one customer, and on what one address spends."""
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as shop:
        yield shop


async def test_of_sixty_four_at_once_no_more_pass_than_the_limit(screened):
    await screened.bought("gems-500")

    answers = await asyncio.gather(*(screened.buy("potion") for _ in range(64)))

    # The pack was the first of the hour.
    assert sorted(answer.status for answer in answers) == [201] * 11 + [403] * 53
    assert screened.balance("customer:ada:gems") == 500 - 11 * 15
    (row,) = screened.query("SELECT buckets FROM fraud_counters WHERE dimension = 'customer'")
    assert sum(one[1] for one in json.loads(row["buckets"])["d"]) == 65  # refused attempts count, too
    assert [one["outcome"] for one in decisions(screened)].count("refused") == 53


async def test_of_many_customers_at_one_address_no_more_pass_than_the_limit(screened):
    names = [f"fan-{number}" for number in range(16)]
    await asyncio.gather(*(screened.bought("gems-500", customer=name) for name in names))
    await screened.advance("2h")  # the packs are out of the window

    answers = await asyncio.gather(*(screened.buy("key", customer=name) for name in names * 4))

    # A key is 40 gems, which the shop's rate calls $40.00.
    assert sorted(answer.status for answer in answers) == [201] * 20 + [403] * 44
    assert len(screened.query("SELECT 1 FROM purchases WHERE sku = 'key'")) == 20
