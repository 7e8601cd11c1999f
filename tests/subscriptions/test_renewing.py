"""Subscribing, renewing, ending: over the gateway, from the wallet, for nothing, after a trial."""

from datetime import datetime

from .access_oracle import month_after
from .changing import pass_days
from .subscribing import begin, events, invoices, may, see, subscribe


async def test_a_tier_is_paid_and_gives_its_rights(club):
    subscription = await subscribe(club, "premium")
    found = await see(club, subscription)
    assert (found["billing_state"], found["has_access"], found["will_renew"]) == ("active", True, True)
    me = (await club.as_customer().get("/v1/me")).json
    assert me["entitlements"]["rooms"]["source"] == {"type": "subscription", "id": subscription, "sku": "premium"}
    assert [one["id"] for one in me["subscriptions"]] == [subscription]
    assert [amount for _, amount in await club.sandbox.charged()] == [999]


async def test_it_renews_once_a_period_and_keeps_its_anchor(club):
    subscription = await subscribe(club)
    first = await see(club, subscription)
    for days in (32, 32, 31):
        await pass_days(club, days)
    assert [amount for _, amount in await club.sandbox.charged()] == [499] * 4
    assert [one["state"] for one in await invoices(club, subscription)] == ["paid"] * 4
    anchor, fourth = (
        int(datetime.fromisoformat(one["period_start"]).timestamp()) for one in (first, await see(club, subscription))
    )
    assert fourth == month_after(anchor, 3)
    assert await may(club, "lounge")
    assert events(club).count("renewed") == 3


async def test_before_it_is_paid_it_gives_nothing_and_an_unpaid_one_is_over_after_a_day(club):
    subscription = await subscribe(club, card=None)
    assert (await see(club, subscription))["billing_state"] == "incomplete"
    assert not await may(club, "lounge")
    await club.advance("2d")
    assert (await see(club, subscription))["billing_state"] == "incomplete_expired"
    await subscribe(club)


async def test_there_is_one_of_a_family(club):
    first = await subscribe(club)
    again = await begin(club, "premium")
    assert (again.status, again.json["code"], again.json["subscription"]) == (409, "already_subscribed", first)


async def test_canceled_at_the_end_it_gives_its_rights_till_then_and_may_be_taken_back(club):
    subscription = await subscribe(club)
    mine = club.as_customer()
    ends = (await mine.post(f"/v1/subscriptions/{subscription}/cancel", {})).json
    assert (ends["will_renew"], ends["access_until"]) == (False, ends["period_end"])
    assert (await mine.post(f"/v1/subscriptions/{subscription}/resume", {})).json["will_renew"]
    await mine.post(f"/v1/subscriptions/{subscription}/cancel", {})
    await club.advance("20d")
    assert await may(club, "lounge")
    await club.advance("15d")
    assert not await may(club, "lounge")
    found = await see(club, subscription)
    assert (found["billing_state"], found["ended_at"] is not None) == ("canceled", True)
    assert len(await club.sandbox.charged()) == 1


async def test_ended_now_it_gives_nothing_more(club):
    subscription = await subscribe(club)
    over = await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    assert (over.json["billing_state"], over.json["has_access"]) == ("canceled", False)
    assert not await may(club, "lounge")
    again = await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    assert (again.status, again.json["code"]) == (409, "subscription_over")


async def test_a_trial_is_free_once_and_then_ends_without_a_method(club):
    subscription = await subscribe(club, "tried")
    assert (await see(club, subscription))["billing_state"] == "trialing"
    assert (await club.as_customer().get("/v1/me")).json["entitlements"]["chapters"]["period"] == "trial"
    assert await may(club, "chapters")
    await club.advance("15d")
    assert (await see(club, subscription))["billing_state"] == "canceled"
    assert not await may(club, "chapters")
    again = await begin(club, "tried")
    assert again.json["total"] == {"amount": 300, "currency": "USD"}


async def test_a_free_tier_renews_for_nothing(club):
    subscription = await subscribe(club, "free")
    await club.advance("65d")
    assert [one["total"]["amount"] for one in await invoices(club, subscription)] == [0, 0, 0]
    assert await may(club, "talk")


async def test_from_the_wallet_it_renews_while_there_are_gems_and_fails_softly_without(club):
    grant = {"customer": "ada", "asset": "gems", "amount": 700, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", grant, key="start")).status == 201
    subscription = await subscribe(club, currency="gems")
    await club.advance("32d")
    assert (await club.as_customer().get("/v1/me")).json["wallets"]["gems"]["balance"] == 100
    await club.advance("30d")
    found = await see(club, subscription)
    assert (found["billing_state"], found["reason"]) == ("past_due", "insufficient_funds")
    await club.advance("30d")
    assert (await see(club, subscription))["billing_state"] == "canceled"
    assert not await may(club, "lounge")
