"""Pausing, resuming, renewing and canceling at once: one charge a period, and none while it is paused.

The books are audited when a test is over: S1 and S10 say that nothing was paid for the time of a pause.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.config import Settings

from storefront.testing import Shop, running_shop
from tests.subscriptions.changing import DAY
from tests.subscriptions.pausing import PAUSING, paused
from tests.subscriptions.subscribing import invoices, see, subscribe

CROWD = range(16)
ROUNDS = range(2)
GEMS = 300


@pytest.fixture
async def club(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, PAUSING, database=database_url) as shop:
        yield shop


async def member(club, name: str) -> str:
    """Subscribe somebody from a wallet that would pay many periods; return the subscription."""
    body = {"customer": name, "asset": "gems", "amount": 100 * GEMS, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", body, key=f"start-{name}")).status == 201
    return await subscribe(club, "bronze", currency="gems", customer=name)


async def paid(club, subscription: str, name: str) -> int:
    found = await invoices(club, subscription, customer=name)
    return sum(one["state"] == "paid" for one in found)


async def skip_to_end(club, subscription: str, name: str) -> None:
    """Let all clocks jump to just behind the end of a subscription's period; its own job wakes as well."""
    ends = datetime.fromisoformat((await see(club, subscription, customer=name))["period_end"])
    club.wall.move(round(ends.timestamp() - club.parts.services.clock.now() / 1000) + 1)


async def test_a_pause_beside_a_renewal_stops_it_or_credits_it(club):
    settings = Settings.of({"pause": {"customers": True}})
    for turn in ROUNDS:
        name = f"rival-{turn}"
        subscription = await member(club, name)
        await skip_to_end(club, subscription, name)
        path, trusted = f"/v1/subscriptions/{subscription}/pause", club.as_server()
        renewals = [advance(club.parts.services, settings, subscription) for _ in CROWD]
        await asyncio.gather(*renewals, *(trusted.post(path, {"at": "now"}) for _ in CROWD))
        found = await see(club, subscription, customer=name)
        assert (found["billing_state"], found["has_access"]) == ("paused", False)
        club.wall.move(40 * DAY)
        club.parts.jobs.wake()
        await club.quiet()
        assert await paid(club, subscription, name) in (1, 2)


async def test_of_many_who_pause_at_once_one_begins_a_pause_and_the_rest_is_credited_once(club):
    subscription = await subscribe(club, "bronze")
    club.wall.move(15 * DAY)
    path, mine = f"/v1/subscriptions/{subscription}/pause", club.as_customer()
    answers = await asyncio.gather(*(mine.post(path, {"at": "now"}) for _ in CROWD))
    assert {one.status for one in answers} == {200}
    assert (await see(club, subscription))["credit"]["amount"] == 500
    assert len(club.query("SELECT id FROM subscriptions_pauses")) == 1


async def test_of_many_who_resume_at_once_one_begins_a_period_and_it_is_charged_once(club):
    for turn in ROUNDS:
        name = f"rival-{turn}"
        subscription = await member(club, name)
        club.wall.move(DAY)
        await paused(club, subscription, by=club.as_customer(name))
        before = await balance(club, name)
        path, mine = f"/v1/subscriptions/{subscription}/resume", club.as_customer(name)
        answers = await asyncio.gather(*(mine.post(path, {}) for _ in CROWD))
        assert {one.status for one in answers} == {200}
        assert (await see(club, subscription, customer=name))["billing_state"] == "active"
        assert (await paid(club, subscription, name), before - await balance(club, name)) == (2, GEMS)


async def test_a_pause_beside_a_cancel_and_a_resume_ends_in_one_state_and_charges_nothing_after_the_end(club):
    for turn in ROUNDS:
        name = f"rival-{turn}"
        subscription = await member(club, name)
        club.wall.move(DAY)
        path, mine = f"/v1/subscriptions/{subscription}", club.as_customer(name)
        acts = (("pause", {"at": "now"}), ("resume", {}), ("cancel", {"at": "now"}), ("pause", {}))
        await asyncio.gather(*(mine.post(f"{path}/{acts[at % 4][0]}", acts[at % 4][1]) for at in CROWD))
        found = await see(club, subscription, customer=name)
        assert (found["billing_state"], found["has_access"], found["pause"]) == ("canceled", False, None)
        held = club.query("SELECT state FROM subscriptions_pauses WHERE subscription_id = ?", subscription)
        assert {row["state"] for row in held} <= {"done", "revoked", "dropped"}


async def balance(club, name: str) -> int:
    return int((await club.as_customer(name).get("/v1/me")).json["wallets"]["gems"]["balance"])
