"""A slot of included credits is granted once, whoever goes on with its subscription at the same time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.config import Settings

from storefront.testing import Shop, running_shop
from tests.subscriptions.changing import DAY
from tests.subscriptions.subscribing import subscribe
from tests.subscriptions.test_credits import GRANTING, gems, granted

CROWD = range(16)
ROUNDS = range(4)


@pytest.fixture
async def club(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, GRANTING, database=database_url) as shop:
        yield shop


async def test_of_16_who_go_on_with_a_subscription_at_once_one_grants_each_slot(club):
    settings = Settings.of(club.parts.host.config.plugins["subscriptions"].options)
    subscription = await subscribe(club, "yearly")
    await club.until(lambda: granted(club))
    for turn in ROUNDS:
        club.wall.move(10 * DAY)
        await asyncio.gather(*(advance(club.parts.services, settings, subscription) for _ in CROWD))
        assert granted(club) == [("granted", 500), *[("granted", 500), ("rolled", 150)] * (turn + 1)]
        assert await gems(club) == 650
