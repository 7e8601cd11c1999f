"""Changes that wait for the period's end: shown, replaced, taken back, carried out with the renewal's payment."""

import pytest

from storefront.testing import running_shop
from tests.shop.topping_up import save_method

from .changing import CHANGING, DAY, amounts, ask, change, charged, look, pass_days
from .subscribing import events, invoices, may, see, subscribe


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        yield shop


async def test_a_downgrade_waits_for_the_end_and_the_renewal_charges_the_new_tier(club):
    subscription = await subscribe(club, "silver")
    seen = await look(club, subscription, "bronze")
    assert (seen["timing"], amounts(seen), seen["period_start"]) == ("period_end", [1000], seen["change_at"])
    answer = await ask(club, subscription, token=seen["token"])
    assert (answer.status, answer.json["sku"]) == (200, "silver")
    pending = answer.json["pending_change"]
    assert (pending["state"], pending["tier"], pending["change_at"]) == ("scheduled", "bronze", seen["change_at"])
    assert (await see(club, subscription))["pending_change"] == pending
    me = (await club.as_customer().get("/v1/me")).json["subscriptions"][0]
    assert me["pending_change"]["tier"] == "bronze"
    await pass_days(club, 31)
    found = await see(club, subscription)
    assert (found["sku"], found["pending_change"], await charged(club)) == ("bronze", None, [2000, 1000])
    assert (await club.as_customer().get("/v1/me")).json["entitlements"]["rooms"]["value"] == 1
    assert events(club)[-2:] == ["changed", "renewed"]


async def test_it_is_taken_back_and_may_be_taken_back_again(club):
    subscription = await subscribe(club, "silver")
    await ask(club, subscription, "bronze")
    for _ in range(2):
        answer = await club.as_customer().delete(f"/v1/subscriptions/{subscription}/change")
        assert (answer.status, answer.json["pending_change"]) == (200, None)
    assert events(club)[-2:] == ["change_scheduled", "change_revoked"]
    await pass_days(club, 31)
    assert (await see(club, subscription))["sku"] == "silver"


async def test_a_newer_one_takes_its_place(club):
    subscription = await subscribe(club, "silver")
    await ask(club, subscription, "bronze")
    await ask(club, subscription, "guest")
    assert (await see(club, subscription))["pending_change"]["tier"] == "guest"
    await change(club, subscription, "gold")
    found = await see(club, subscription)
    assert (found["sku"], found["pending_change"]) == ("gold", None)
    states = club.query("SELECT state FROM subscriptions_changes ORDER BY id")
    assert [row["state"] for row in states] == ["replaced", "replaced", "done"]


async def test_down_to_a_free_tier_and_up_again(club):
    subscription = await subscribe(club, "bronze")
    await ask(club, subscription, "guest")
    await pass_days(club, 31)
    found = await see(club, subscription)
    assert (found["sku"], found["price"]["amount"], await may(club, "rooms")) == ("guest", 0, False)
    assert await may(club, "lounge")
    club.wall.move(14 * DAY)
    await change(club, subscription, "bronze")
    assert (await charged(club))[0] == 1000
    assert await may(club, "rooms")
    assert len(await charged(club)) == 2


async def test_another_asset_begins_with_the_next_period(club):
    grant = {"customer": "ada", "asset": "gems", "amount": 700, "reason": "start"}
    subscription = await subscribe(club, "bronze")
    assert (await club.as_server().post("/v1/grants", grant, key="start")).status == 201
    refused = await ask(club, subscription, "silver", currency="gems", timing="now")
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/timing")
    answer = await ask(club, subscription, "silver", currency="gems")
    assert answer.json["pending_change"]["price"] == {"amount": 600, "currency": "gems"}
    await pass_days(club, 31)
    found = await see(club, subscription)
    assert (found["sku"], found["pay_with"]) == ("silver", "wallet")
    assert (await club.as_customer().get("/v1/me")).json["wallets"]["gems"]["balance"] == 100


async def test_from_gems_to_money_without_a_method_it_waits_for_one_and_is_paid_once_it_is_saved(club):
    grant = {"customer": "ada", "asset": "gems", "amount": 300, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", grant, key="start")).status == 201
    subscription = await subscribe(club, "bronze", currency="gems")
    answer = await ask(club, subscription, "silver", currency="USD")
    assert answer.json["pending_change"]["price"] == {"amount": 2000, "currency": "USD"}
    await pass_days(club, 31)
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"], found["reason"]) == ("bronze", "unpaid", "no_payment_method")
    await save_method(club)
    await club.quiet()
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"], await charged(club)) == ("silver", "active", [2000])


async def test_another_interval_at_the_end_begins_where_the_period_ends(club):
    subscription = await subscribe(club, "bronze")
    before = await see(club, subscription)
    answer = await ask(club, subscription, "bronze", by=club.as_server(), interval="year", timing="period_end")
    assert answer.status == 200
    await pass_days(club, 31)
    found = await see(club, subscription)
    assert (found["interval"], found["period_start"]) == ("year", before["period_end"])
    assert await charged(club) == [1000, 10000]


async def test_fewer_seats_come_with_the_next_period(club):
    subscription = await subscribe(club, "bronze", seats=3)
    answer = await ask(club, subscription, "bronze", seats=1)
    assert (answer.status, answer.json["pending_change"]["direction"]) == (200, "seats_down")
    await pass_days(club, 31)
    assert ((await see(club, subscription))["seats"], await charged(club)) == (1, [3000, 1000])


async def test_a_renewal_that_fails_keeps_the_old_tier_and_paid_late_brings_the_new_one(club):
    subscription = await subscribe(club, "silver")
    await ask(club, subscription, "bronze")
    method = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await club.sandbox.turn_card(method, "4000000000009995")
    await pass_days(club, 31)
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"]) == ("silver", "past_due")
    refused = await ask(club, subscription, "gold")
    assert (refused.status, refused.json["code"]) == (409, "payment_due")
    taken = await club.as_customer().delete(f"/v1/subscriptions/{subscription}/change")
    assert (taken.status, taken.json["code"]) == (409, "renewal_under_way")
    await club.sandbox.turn_card(method, "4242424242424242")
    await pass_days(club, 3)
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"], found["pending_change"]) == ("bronze", "active", None)


async def test_one_that_ends_takes_what_waits_with_it(club):
    subscription = await subscribe(club, "silver")
    await ask(club, subscription, "bronze")
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel")
    refused = await ask(club, subscription, "guest")
    assert (refused.status, refused.json["code"]) == (409, "ends_with_period")
    await pass_days(club, 31)
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"], found["pending_change"]) == ("silver", "canceled", None)
    assert len(await invoices(club, subscription)) == 1
    assert "change_dropped" in events(club)
