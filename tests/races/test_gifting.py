"""Giving, renewing and canceling at once: every given period is had once, and nothing that was given is charged.

The books are audited when a test is over: S1, S2 and S11 count the periods.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.config import Settings
from storefront_subscriptions.gifts import waiting_gifts
from storefront_subscriptions.giving import take_gift

from storefront.testing import Shop, running_shop
from tests.subscriptions.changing import DAY
from tests.subscriptions.gifting import GIVING, ask_gift, theirs
from tests.subscriptions.pausing import paused
from tests.subscriptions.subscribing import invoices, see

from .test_pausing import GEMS, balance, member, paid, skip_to_end

CROWD = range(8)
ROUNDS = range(2)
SETTINGS = Settings.of({})


@pytest.fixture
async def club(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, GIVING, database=database_url) as shop:
        for giver in ("ada", *(f"giver-{one}" for one in CROWD)):
            body = {"customer": giver, "asset": "gems", "amount": 100 * GEMS, "reason": "start"}
            assert (await shop.as_server().post("/v1/grants", body, key=f"start-{giver}")).status == 201
        yield shop


async def give_all(club, rival: str) -> None:
    """Let each giver give two periods at once."""
    asked = (ask_gift(club, "bronze", 2, to=rival, by=f"giver-{one}", currency="gems") for one in CROWD)
    assert {answer.status for answer in await asyncio.gather(*asked)} == {201}


async def test_of_many_gifts_at_once_one_begins_and_the_others_follow_it(club):
    for turn in ROUNDS:
        rival = f"rival-{turn}"
        await club.as_customer(rival).get("/v1/me")
        await give_all(club, rival)
        await club.quiet()
        (found,) = await theirs(club, rival)
        assert (found["billing_state"], found["gifted"]["periods_left"]) == ("active", 15)


async def test_many_gifts_that_waited_are_taken_at_once_each_once(club):
    for turn in ROUNDS:
        rival = f"rival-{turn}"
        subscription = await member(club, rival)
        club.wall.move(DAY)
        await paused(club, subscription, by=club.as_server())
        await give_all(club, rival)
        await club.quiet()
        (known,) = club.query("SELECT id FROM customers WHERE external_id = ?", rival)
        waiting = [one["id"] for one in await waiting_gifts(club.parts.services, known["id"])]
        assert len(waiting) == 8
        await club.as_customer(rival).post(f"/v1/subscriptions/{subscription}/resume", {})
        takes = (take_gift(club.parts.services, SETTINGS, one) for one in waiting * 4)
        await asyncio.gather(*takes)
        await club.quiet()
        assert (await see(club, subscription, customer=rival))["gifted"]["periods_left"] == 16


async def test_gifts_beside_a_renewal_come_after_it_or_in_its_place(club):
    for turn in ROUNDS:
        rival = f"rival-{turn}"
        subscription = await member(club, rival)
        before = await balance(club, rival)
        await skip_to_end(club, subscription, rival)
        renewals = (advance(club.parts.services, SETTINGS, subscription) for _ in CROWD)
        await asyncio.gather(give_all(club, rival), *renewals)
        await club.quiet()
        found = await see(club, subscription, customer=rival)
        charged = (before - await balance(club, rival)) // GEMS
        assert charged in (0, 1)
        assert found["gifted"]["periods_left"] == 15 + charged
        assert await paid(club, subscription, rival) == 2
        club.wall.move(5 * 30 * DAY)
        club.parts.jobs.wake()
        await club.quiet()
        had = await invoices(club, subscription, customer=rival)
        assert [one["state"] for one in had] == ["paid"] * 7
        assert sum(one["total"]["amount"] for one in had) == GEMS * (1 + charged)


async def test_a_gift_beside_a_cancel_is_had_by_somebody_who_still_has_a_plan_or_begins_one(club):
    for turn in ROUNDS:
        rival = f"rival-{turn}"
        subscription = await member(club, rival)
        club.wall.move(DAY)
        path, mine = f"/v1/subscriptions/{subscription}/cancel", club.as_customer(rival)
        ends = (mine.post(path, {"at": "now"} if turn else {}) for _ in CROWD)
        await asyncio.gather(give_all(club, rival), *ends)
        await club.quiet()
        states = club.query(
            "SELECT state, sum(remaining) AS remaining FROM subscriptions_gifts WHERE customer_id = "
            "(SELECT id FROM customers WHERE external_id = ?) GROUP BY state", rival
        )  # fmt: skip
        kept = {row["state"]: row["remaining"] for row in states}
        begun = [one for one in await theirs(club, rival) if one["billing_state"] == "active"]
        assert "waiting" not in kept
        assert sum(one["gifted"]["periods_left"] for one in begun if one["gifted"]) == kept.get("given", 0)
        if not turn:
            assert (len(begun), kept) == (1, {"given": 16})
