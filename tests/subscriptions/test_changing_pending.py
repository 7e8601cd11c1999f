"""A change that is being paid while other things happen: a newer one, the period's end, an end, late money."""

import pytest

from storefront.testing import running_shop

from .changing import CHANGING, DAY, ask, change, charged, pass_days
from .subscribing import events, invoices, may, see, subscribe


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        yield shop


def states(club) -> list[str]:
    return [row["state"] for row in club.query("SELECT state FROM subscriptions_changes ORDER BY id")]


async def refunded(club) -> list[int]:
    return [refund["amount"] for refund in (await club.sandbox.books())["refunds"]]


async def test_a_newer_change_takes_the_place_of_one_that_nobody_has_paid_whose_page_is_closed(club):
    subscription = await subscribe(club, "guest")
    first = await ask(club, subscription, "bronze")
    second = await ask(club, subscription, "silver")
    assert (first.status, second.status) == (202, 202)
    assert (await club.seen(first))["status"] == "canceled"
    assert await club.pay(first) != 303
    await club.pay(second)
    assert (await club.settled(second))["status"] == "completed"
    assert ((await see(club, subscription))["sku"], states(club)) == ("silver", ["replaced", "done"])
    assert len(await charged(club)) == 1


async def test_one_that_was_paid_before_the_newer_one_came_is_honoured_and_the_newer_one_starts_from_it(club):
    subscription = await subscribe(club, "guest")
    await club.sandbox.webhooks("drop", times=9)
    first = await ask(club, subscription, "bronze")
    assert await club.pay(first) == 303
    purchase = await change(club, subscription, "silver")
    assert ((await see(club, subscription))["sku"], states(club)) == ("silver", ["done", "done"])
    assert (await club.seen(first))["status"] == "completed"
    assert purchase["total"]["amount"] in (999, 1000)
    assert len(await charged(club)) == 2


async def test_at_the_periods_end_an_unpaid_change_is_dropped_and_money_that_comes_after_is_given_back(club):
    subscription = await subscribe(club, "guest")
    club.wall.move(29 * DAY + DAY // 12)
    answer = await ask(club, subscription, "gold")
    assert (answer.status, answer.json["total"]["amount"]) == (202, 92)
    await club.sandbox.misbehave("status", "POST /v1/checkout/sessions/*/expire", status=500, times=99)
    club.wall.move(22 * 3600)
    club.parts.jobs.wake()
    await club.until(lambda: states(club) == ["dropped"])
    await club.until(lambda: len(club.query("SELECT id FROM subscriptions_invoices WHERE state = 'paid'")) == 2)
    assert await club.pay(answer) == 303
    assert (await club.settled(answer))["status"] in ("paid", "canceled")
    await club.until(lambda: club.query("SELECT id FROM reversals WHERE state = 'completed'"))
    await club.quiet()
    assert (await charged(club), await refunded(club)) == ([92], [92])
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"], await may(club, "rooms")) == ("guest", "active", False)
    assert (await club.seen(answer))["status"] == "canceled"


async def test_one_that_is_taken_back_is_paid_no_more(club):
    subscription = await subscribe(club, "guest")
    answer = await ask(club, subscription, "bronze")
    taken = await club.as_customer().delete(f"/v1/subscriptions/{subscription}/change")
    assert (taken.status, taken.json["pending_change"]) == (200, None)
    assert await club.pay(answer) != 303
    assert (states(club), await charged(club)) == (["revoked"], [])


async def test_nobody_pays_within_a_day_and_the_change_is_over(club):
    subscription = await subscribe(club, "guest")
    await ask(club, subscription, "bronze")
    await pass_days(club, 25 / 24)
    assert ((await see(club, subscription))["pending_change"], states(club)) == (None, ["failed"])
    assert events(club)[-1] == "change_failed"


async def test_one_that_ends_now_lets_nobody_pay_for_a_change_of_it(club):
    subscription = await subscribe(club, "guest")
    answer = await ask(club, subscription, "bronze")
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    assert await club.pay(answer) != 303
    assert (states(club), (await see(club, subscription))["billing_state"]) == (["dropped"], "canceled")


async def test_a_cancel_for_the_end_lets_a_change_be_paid_that_ends_with_the_period_too(club):
    subscription = await subscribe(club, "bronze")
    club.wall.move(15 * DAY)
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {})
    await change(club, subscription, "silver")
    found = await see(club, subscription)
    assert (found["sku"], found["access_until"]) == ("silver", found["period_end"])
    await pass_days(club, 16)
    assert ((await see(club, subscription))["billing_state"], len(await invoices(club, subscription))) == (
        "canceled",
        1,
    )
    assert not await may(club, "lounge")


async def test_a_reply_that_was_lost_is_asked_for_and_the_change_charged_once(club):
    subscription = await subscribe(club, "bronze")
    await club.sandbox.webhooks("drop")
    await club.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", times=99)
    first = await ask(club, subscription, "silver", key="lost")
    assert first.status == 503, first
    assert (await see(club, subscription))["sku"] == "bronze"
    await club.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", clear=True)
    again = await ask(club, subscription, "silver", key="lost")
    assert (again.status, again.json["status"]) == (201, "completed")
    assert ((await see(club, subscription))["sku"], len(await charged(club))) == ("silver", 2)
