"""Many at once about what a subscription left when it ended: asked by a final invoice or a new first one, once.

The books are audited when a test is over: what is carried is the sum of its movements, each invoice is paid once.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from storefront_subscriptions.config import Settings
from storefront_subscriptions.settling_up import settle_up

from storefront.testing import Shop, running_shop
from tests.subscriptions.changing import pass_days
from tests.subscriptions.subscribing import begin, see, subscribe
from tests.subscriptions.test_credits import gems
from tests.subscriptions.test_final_invoices import FINAL
from tests.subscriptions.test_usage import use

CROWD = range(8)
ROUNDS = range(4)


@pytest.fixture
async def club(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, FINAL, database=database_url) as shop:
        yield shop


async def left(club, name: str) -> str:
    """Pay 10 gems for a period, use what costs 8, and end it; return the subscription."""
    grant = {"customer": name, "asset": "gems", "amount": 100, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", grant, key=f"start-{name}")).status == 201
    subscription = await subscribe(club, "miner", card=None, customer=name)
    await pass_days(club, 1)
    for _ in range(4):
        await use(club, "ore", customer=name)
    await club.as_customer(name).post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    return subscription


async def test_coming_back_beside_a_final_invoice_asks_for_what_was_used_once(club):
    for turn in ROUNDS:
        name = f"rival-{turn}"
        subscription = await left(club, name)
        club.wall.move(3_601)
        looks = [settle_up(club.parts.services, Settings.of({}), subscription) for _ in CROWD]
        *_, answer = await asyncio.gather(*looks, begin(club, "miner", customer=name))
        assert answer.status in (201, 409), answer
        await club.quiet()
        final = (await see(club, subscription, customer=name))["final_invoice"]
        again = 10 if answer.status == 201 else 0
        assert await gems(club, customer=name) == 100 - 10 - 8 - again, (final, answer)
        assert (await see(club, subscription, customer=name))["owed"]["amount"] == 0
        assert club.query("SELECT amount FROM subscriptions_carried WHERE amount <> 0") == []
