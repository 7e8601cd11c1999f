"""Renewals that fail: softly, for good, without an answer, or until the payer confirms; and how they recover."""

import json

import pytest

from tests.shop.topping_up import save_method

from .subscribing import ASKS_ALWAYS, GOOD, events, invoices, may, see, subscribe


async def charged(shop):
    return [amount for _, amount in await shop.sandbox.charged()]


async def with_card(shop, card, sku="basic"):
    """Subscribe with a good card, and have another one charged from then on; return the subscription."""
    subscription = await subscribe(shop, sku)
    method = shop.query("SELECT reference FROM payment_methods")[0]["reference"]
    await shop.sandbox.turn_card(method, card.replace(" ", ""))
    return subscription


async def right(shop, key):
    """Return what the state tells of a right: whether it renews, what period it is, and since when it fails."""
    found = (await shop.as_customer().get("/v1/me")).json["entitlements"][key]
    return found["will_renew"], found["period"], found["billing_issue_at"]


async def test_a_soft_decline_is_tried_again_on_schedule_and_then_ends_it(club):
    subscription = await with_card(club, "4000 0000 0000 9995")
    assert await right(club, "lounge") == (True, "normal", None)
    due = (await see(club, subscription))["period_end"]
    await club.advance("32d")
    found = await see(club, subscription)
    assert (found["billing_state"], found["reason"]) == ("past_due", "declined:insufficient_funds")
    assert await may(club, "lounge")
    assert await right(club, "lounge") == (True, "grace", due)
    await club.advance("8d")
    assert not await may(club, "lounge")
    await club.advance("20d")
    assert (await see(club, subscription))["billing_state"] == "canceled"
    assert (await invoices(club, subscription))[0]["attempts"] == 5
    assert await charged(club) == [499]
    assert events(club).count("renewal_failed") == 4


async def test_paid_at_a_later_attempt_it_keeps_its_anchor(club):
    subscription = await with_card(club, "4000 0000 0000 9995")
    before = await see(club, subscription)
    await club.advance("32d")
    method = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await club.sandbox.turn_card(method, GOOD.replace(" ", ""))
    await club.advance("2d")
    after = await see(club, subscription)
    assert (after["billing_state"], after["period_start"]) == ("active", before["period_end"])
    assert await charged(club) == [499, 499]


async def test_a_decline_for_good_is_not_tried_again_until_there_is_another_method(club):
    subscription = await with_card(club, "4000 0000 0000 9979")
    await club.advance("32d")
    found = await see(club, subscription)
    assert (found["billing_state"], found["next_attempt_at"]) == ("unpaid", None)
    assert await may(club, "lounge")
    await club.advance("20d")
    assert (await invoices(club, subscription))[0]["attempts"] == 1
    assert not await may(club, "lounge")
    await save_method(club)
    await club.quiet()
    found = await see(club, subscription)
    assert found["billing_state"] == "active"
    assert await may(club, "lounge")
    assert await charged(club) == [499, 499]


@pytest.mark.parametrize("told", ["by a webhook", "when asked"])
async def test_a_reply_that_was_lost_is_asked_for_and_never_charged_again(club, told):
    subscription = await subscribe(club)
    await club.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", times=9)
    if told == "when asked":
        await club.sandbox.webhooks("drop")
    await club.advance("31d")
    assert (await see(club, subscription))["billing_state"] == "active"
    assert await charged(club) == [499, 499]
    await club.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", clear=True)
    await club.advance("3d")  # a decline would have been tried again by now
    found = await see(club, subscription)
    assert (found["billing_state"], [one["state"] for one in await invoices(club, subscription)]) == (
        "active",
        ["paid", "paid"],
    )
    assert "renewal_failed" not in events(club)
    assert await charged(club) == [499, 499]


async def test_a_payer_who_must_confirm_gets_a_link_and_stays_on_their_anchor(club):
    subscription = await with_card(club, ASKS_ALWAYS)
    before = await see(club, subscription)
    await club.advance("30d")
    await club.advance("1h")
    assert (await see(club, subscription))["billing_state"] == "past_due"
    asked = club.query("SELECT payload FROM events WHERE type = 'subscription.action_required'")
    assert len(asked) == 1
    url = json.loads(asked[0]["payload"])["redirect_url"]
    async with club.http.post(url, data={"challenge": "pass"}, allow_redirects=False) as answer:
        assert answer.status == 303
    purchase = (await invoices(club, subscription))[0]["purchase"]
    assert (await club.settled({"id": purchase}))["status"] == "completed"
    after = await see(club, subscription)
    assert (after["billing_state"], after["period_start"]) == ("active", before["period_end"])
