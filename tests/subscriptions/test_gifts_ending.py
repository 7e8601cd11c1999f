"""What becomes of given periods when the plan that has them ends, waits to be paid, or loses their money."""

import pytest

from storefront.testing import running_shop

from .changing import charged, pass_days
from .gifting import GIVING, ask_gift, gift, theirs
from .pausing import days_from
from .subscribing import invoices, see, subscribe
from .test_account import Account, browser

EON = "  eon: {kind: subscription, family: eons, title: Eon, interval: 100 years, prices: {USD: 100}}\n"


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(
        data_folder, GIVING.replace("promo_codes:", f"{EON}promo_codes:"), database=database_url
    ) as shop:
        yield shop


def left_of_gifts(club):
    """Return each gift's state and the periods that it has left, the oldest first."""
    rows = club.query("SELECT state, remaining FROM subscriptions_gifts ORDER BY id")
    return [(row["state"], row["remaining"]) for row in rows]


async def test_a_second_gift_is_had_when_the_first_ones_money_ends_a_plan_that_was_canceled_and_to_be_paused(club):
    mine = await subscribe(club, "bronze", customer="bob")
    first = await gift(club, "bronze", 2)
    await gift(club, "bronze", 2, by="cleo")
    await pass_days(club, 31)
    assert (await club.as_server().post(f"/v1/subscriptions/{mine}/pause", {})).status == 200
    assert (await club.as_customer("bob").post(f"/v1/subscriptions/{mine}/cancel", {})).status == 200
    assert (await see(club, mine, customer="bob"))["gifted"]["periods_left"] == 3
    await club.sandbox.dispute(first, "lost")
    await club.quiet()
    new, old = await theirs(club)
    assert (old["id"], old["billing_state"], old["reason"]) == (mine, "canceled", "gift_dispute_lost")
    assert (new["billing_state"], new["has_access"], new["gifted"]["periods_left"]) == ("active", True, 1)
    assert left_of_gifts(club) == [("taken_back", 0), ("given", 1)]


async def test_the_credits_of_a_gift_that_was_given_up_go_with_its_money(club):
    given_up = await gift(club, "patron", 3)
    (found,) = await theirs(club)
    await club.as_customer("bob").post(f"/v1/subscriptions/{found['id']}/cancel", {"at": "now"})
    await club.quiet()
    assert (left_of_gifts(club), await gems(club, "bob")) == ([("given_up", 0)], 60)
    await refund_all(club, given_up)
    assert (left_of_gifts(club), await gems(club, "bob")) == ([("given_up", 0)], 0)


async def test_a_gift_waits_while_the_next_period_is_being_charged_and_begins_when_that_ends_the_plan(club):
    mine = await subscribe(club, "bronze", customer="bob")
    (saved,) = club.query("SELECT reference FROM payment_methods")
    await club.sandbox.misbehave("status", "POST /v1/payment_intents", status=500, times=99)
    await club.sandbox.turn_card(saved["reference"], "4000000000009995")
    await pass_days(club, 30.01)
    late = await given_beside_a_charge(club)
    assert ((await see(club, mine, customer="bob"))["billing_state"], left_of_gifts(club)) == (
        "active",
        [("waiting", 2)],
    )
    await club.sandbox.misbehave("status", "POST /v1/payment_intents", clear=True)
    await pass_days(club, 0.5)
    found = await see(club, mine, customer="bob")
    assert (late, found["billing_state"], left_of_gifts(club)) == ("completed", "past_due", [("waiting", 2)])

    async with browser(club) as http:
        page = Account(club, http)
        await page.play_as("bob")
        seen = await page.open()
        assert "2 periods were given to you. You have them once this plan is paid again, or is over." in seen
        assert "What was given to you begins then." in seen
    assert (await club.as_customer("bob").post(f"/v1/subscriptions/{mine}/cancel", {})).status == 200
    await club.quiet()
    new, old = await theirs(club)
    assert (old["billing_state"], new["billing_state"], new["gifted"]["periods_left"]) == ("canceled", "active", 1)
    assert left_of_gifts(club) == [("given", 1)]


async def given_beside_a_charge(club):
    """Give bob two periods while the gateway answers no charge; they are paid on its page."""
    await club.as_customer("ada").get("/v1/me")
    asked = await ask_gift(club, "bronze", 2)
    await club.pay(asked)
    purchase = await club.settled(asked)
    await club.quiet()
    return purchase["status"]


async def test_a_pause_that_is_canceled_gives_up_nothing_and_credits_of_before_go_with_the_gifts_money(club):
    mine, server = await subscribe(club, "patron", customer="bob"), club.as_server()
    path = f"/v1/subscriptions/{mine}"
    await pass_days(club, 10)
    assert (await server.post(f"{path}/pause", {"at": "now"})).status == 200
    await pass_days(club, 10)
    assert (await server.post(f"{path}/resume", {})).status == 200  # periods begin 20 days later than slots of credits
    purchase = await gift(club, "patron", 2)
    await pass_days(club, 45)
    assert (await server.post(f"{path}/pause", {})).status == 200
    await pass_days(club, 16)
    assert ((await see(club, mine, customer="bob"))["billing_state"], await gems(club, "bob")) == ("paused", 40)
    assert (await club.as_customer("bob").post(f"{path}/cancel", {})).status == 200
    await club.quiet()
    new, old = await theirs(club)
    assert (old["billing_state"], new["billing_state"], left_of_gifts(club)) == ("canceled", "active", [("given", 0)])
    assert await gems(club, "bob") == 100
    await refund_all(club, purchase)
    assert await gems(club, "bob") == 0


async def test_a_given_periods_own_purchase_for_nothing_is_refunded_without_effect(club):
    await gift(club, "patron", 3)
    (found,) = await theirs(club)
    (first,) = await invoices(club, found["id"], customer="bob")
    await refund_all(club, {"id": first["purchase"]})
    assert [one["billing_state"] for one in await theirs(club)] == ["active"]
    assert (left_of_gifts(club), await gems(club, "bob")) == ([("given", 2)], 60)


async def test_periods_beyond_the_calendar_are_refused_before_they_are_paid(club):
    for name in ("ada", "bob"):
        await club.as_customer(name).get("/v1/me")
    refused = await ask_gift(club, "eon", 80)  # 80 centuries from 2026 on
    assert (refused.status, refused.json["code"], refused.json["errors"][0]["pointer"]) == (
        422, "invalid_request", "/periods",
    )  # fmt: skip
    await gift(club, "eon", 40)
    assert (await ask_gift(club, "eon", 39)).json["code"] == "invalid_request"
    assert (await ask_gift(club, "eon", 38)).status == 202


async def test_a_gift_begins_by_itself_where_another_ones_money_had_paused_the_plan(club):
    mine = await subscribe(club, "bronze", customer="bob")
    first = await gift(club, "bronze", 1)
    await pass_days(club, 35)
    await refund_all(club, first)
    assert (await see(club, mine, customer="bob"))["pause"]["cause"] == "gift_gone"
    await pass_days(club, 5)
    await gift(club, "bronze", 2, by="cleo")
    found = await see(club, mine, customer="bob")
    assert (found["billing_state"], found["has_access"], found["gifted"]) == (
        "active", True, {"periods_left": 1, "until": days_from(found["period_start"], 60)},
    )  # fmt: skip
    await pass_days(club, 59)
    assert await charged(club) == [1000, 1000, 2000]
    await pass_days(club, 2)
    assert await charged(club) == [1000, 1000, 2000, 1000]


async def gems(club, customer):
    return (await club.as_customer(customer).get("/v1/me")).json["wallets"]["gems"]["balance"]


async def refund_all(club, purchase):
    path, body = f"/v1/purchases/{purchase['id']}/refunds", {"reason": "asked"}
    back = await club.as_server().post(path, body, key=purchase["id"])
    assert back.status == 201, back
    await club.quiet()
