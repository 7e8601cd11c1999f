"""Many at once about what a subscription left when it ended: asked by a final invoice or a new first one, once.

The books are audited when a test is over: what is carried is the sum of its movements, each invoice is paid once.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.config import Settings
from storefront_subscriptions.settling_up import settle_up

from storefront.testing import Shop, running_shop
from tests.subscriptions.changing import pass_days
from tests.subscriptions.subscribing import begin, invoices, see, subscribe
from tests.subscriptions.test_credits import gems
from tests.subscriptions.test_final_invoices import FINAL
from tests.subscriptions.test_usage import now

from .test_subscriptions import skip_to_end

RIVALS = range(8)


@pytest.fixture
async def club(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, FINAL, database=database_url) as shop:
        yield shop


async def members(club) -> list[tuple[str, str]]:
    """Have everybody pay 10 gems for a period and use what costs 8; return names and subscriptions."""
    found = []
    for name in (f"rival-{at}" for at in RIVALS):
        found.append((name, await join(club, name)))
    await pass_days(club, 0.05)
    for name, _ in found:
        await crowd(club, name, "ore", 4)
    return found


async def test_coming_back_beside_a_final_invoice_asks_for_what_was_used_once(club):
    """Many events of the same customer hold up both commits, so that each is decided before the other is written."""
    for name, subscription in await members(club):
        mine = club.as_customer(name)
        answer = await mine.post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
        assert answer.status == 200, answer
        await club.quiet()
        club.wall.move(3_601)
        busy = [crowd(club, name, f"disk-{part}", 100) for part in range(4)]
        look = settle_up(club.parts.services, Settings.of({}), subscription)
        *_, answer = await asyncio.gather(*busy, look, begin(club, "miner", customer=name))
        assert answer.status == 201 or answer.json["code"] == "change_outdated", answer
        again = 10 if answer.status == 201 else 0
        assert await gems(club, customer=name) == 100 - 10 - 8 - again
    assert club.query("SELECT amount FROM subscriptions_carried WHERE amount <> 0") == []


async def test_a_cancellation_taken_back_beside_the_end_goes_on_and_is_paid_or_is_over_and_is_not(club):
    """Whoever hears that it goes on pays for the next period; whoever hears that it is over pays what was used."""
    for name in (f"rival-{at}" for at in RIVALS):
        subscription = await join(club, name)
        await pass_days(club, 0.05)
        await crowd(club, name, "ore", 4)
        path, mine = f"/v1/subscriptions/{subscription}", club.as_customer(name)
        assert (await mine.post(f"{path}/cancel", {})).json["will_renew"] is False
        await skip_to_end(club, subscription, customer=name)
        busy = [crowd(club, name, f"disk-{part}", 100) for part in range(4)]
        end = advance(club.parts.services, Settings.of({}), subscription)
        *_, answer = await asyncio.gather(*busy, end, mine.post(f"{path}/resume", {}))
        await club.quiet()
        goes_on = answer.status == 200
        assert goes_on or answer.json["code"] == "subscription_over", answer
        found = await see(club, subscription, customer=name)
        assert (found["billing_state"], found["will_renew"]) == ("active" if goes_on else "canceled", goes_on)
        paid = [one["state"] for one in await invoices(club, subscription, customer=name)]
        assert paid == (["paid", "paid"] if goes_on else ["paid"])
        assert await gems(club, customer=name) == 100 - 10 - (18 if goes_on else 0)
        if goes_on:
            assert (await mine.post(f"{path}/cancel", {"at": "now"})).status == 200


async def join(club, name: str) -> str:
    """Have somebody who has 100 gems pay 10 for a period; return the subscription."""
    grant = {"customer": name, "asset": "gems", "amount": 100, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", grant, key=f"start-{name}")).status == 201
    return await subscribe(club, "miner", card=None, customer=name)


async def crowd(club, name: str, what: str, count: int) -> None:
    """Tell of so many events at once."""
    kind = what.partition("-")[0]
    told = [{"specversion": "1.0", "id": f"{name}-{what}-{at}", "source": "/game", "type": kind, "subject": name,
             "time": now(club).isoformat(timespec="seconds"), "data": {"n": 1}} for at in range(count)]  # fmt: skip
    answer = await club.as_server().post("/v1/usage", told)
    assert answer.json["accepted"] == count, answer
