"""Subscribing, renewing and canceling at once: one subscription, one charge a period, and nothing after the end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.config import Settings

from storefront.testing import Shop, running_shop
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.subscribing import GOOD, invoices, see, subscribe

CROWD = range(32)
ROUNDS = range(5)
OUTCOMES = frozenset({"active", "canceled"})


@pytest.fixture
async def club(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, SUBSCRIBED, database=database_url) as shop:
        yield shop


async def give_gems(club, customer, amount):
    body = {"customer": customer, "asset": "gems", "amount": amount, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", body, key=f"start-{customer}")).status == 201


async def test_of_32_who_subscribe_at_once_from_one_wallet_one_does(club):
    for turn in ROUNDS:
        rival = f"rival-{turn}"
        await give_gems(club, rival, 32 * 300)
        session = club.as_customer(rival)
        body = {"sku": "basic", "currency": "gems"}
        answers = await asyncio.gather(
            *(session.post("/v1/subscriptions", body, key=f"{turn}-{number}") for number in CROWD)
        )
        assert sorted(answer.status for answer in answers) == [201] + [409] * 31
        assert (await session.get("/v1/me")).json["wallets"]["gems"]["balance"] == 31 * 300


async def test_of_32_who_try_at_once_one_does(club):
    for turn in ROUNDS:
        session = club.as_customer(f"rival-{turn}")
        await session.get("/v1/me")
        answers = await asyncio.gather(
            *(session.post("/v1/subscriptions", {"sku": "tried"}, key=f"{turn}-{number}") for number in CROWD)
        )
        trials = [answer for answer in answers if answer.status == 201]
        assert len(trials) == 1, [answer.json for answer in answers if answer.status != 409]


async def test_32_workers_on_one_renewal_charge_it_once(club):
    subscription = await subscribe(club, card=GOOD)
    settings, services = Settings.of({}), club.parts.services
    for turn in ROUNDS:
        await skip_to_end(club, subscription)
        await asyncio.gather(*(advance(services, settings, subscription) for _ in CROWD))
        assert [one["state"] for one in await invoices(club, subscription)] == ["paid"] * (turn + 2)
        charges = [charge["amount"] for charge in (await club.sandbox.books())["charges"]]
        assert charges == [499] * (turn + 2)


async def skip_to_end(club, subscription, *, customer="ada"):
    """Let all clocks jump to just behind the end of a subscription's period; its own job wakes as well."""
    ends = datetime.fromisoformat((await see(club, subscription, customer=customer))["period_end"])
    club.wall.move(round(ends.timestamp() - club.parts.services.clock.now() / 1000) + 1)


async def test_a_renewal_beside_a_cancel_is_paid_or_never_asked_for(club):
    for turn in ROUNDS:
        customer = f"rival-{turn}"
        await give_gems(club, customer, 600)
        subscription = await subscribe(club, currency="gems", customer=customer)
        await skip_to_end(club, subscription, customer=customer)
        services, mine = club.parts.services, club.as_customer(customer)
        path = f"/v1/subscriptions/{subscription}/cancel"
        renewals = [advance(services, Settings.of({}), subscription) for _ in range(16)]
        cancels = [mine.post(path, {"at": "now" if number % 2 else "period_end"}) for number in range(16)]
        await asyncio.gather(*renewals, *cancels)
        found = await see(club, subscription, customer=customer)
        assert found["billing_state"] in OUTCOMES
        paid = [one for one in await invoices(club, subscription, customer=customer) if one["state"] == "paid"]
        balance = (await mine.get("/v1/me")).json["wallets"]["gems"]["balance"]
        assert balance == 600 - 300 * len(paid)
