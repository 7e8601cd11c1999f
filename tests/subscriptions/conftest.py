"""A shop with tiers, and what tests of subscriptions do again and again."""

import pytest

from storefront.testing import TINY_SHOP, running_shop

TIERS = """
  basic: {kind: subscription, family: membership, title: Basic, prices: {USD: 499, gems: 300}, grants: {lounge: true}}
  premium: {kind: subscription, family: membership, title: Premium, prices: {USD: 999},
            grants: {lounge: true, rooms: 5}, also: [{interval: year, prices: {USD: 9990}}]}
  tried: {kind: subscription, family: reading, title: Reading, prices: {USD: 300}, trial: 14d, grants: [chapters]}
  free: {kind: subscription, family: talking, title: Talking, free: true, grants: {talk: true}}
"""
SUBSCRIBED = (
    TINY_SHOP.replace(
        "plugins: {microtransactions: {}}", "plugins: {microtransactions: {}, subscriptions: {}}"
    ).replace(
        "chapters: {title: May read on}",
        "chapters: {title: May read on}, lounge: {title: Lounge}, rooms: {title: Rooms}, talk: {title: May talk}",
    )
    + TIERS
)


@pytest.fixture
async def club(data_folder, database_url):
    """A shop with tiers, running; its books are audited when the test is over."""
    async with running_shop(data_folder, SUBSCRIBED, database=database_url) as shop:
        yield shop
