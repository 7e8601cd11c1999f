"""Changing a tier at once: what it costs to the unit, and that the tier changes with the payment and not before."""

import pytest

from storefront.testing import running_shop

from .changing import CHANGING, DAY, amounts, ask, change, charged, look, pass_days
from .subscribing import ASKS_ALWAYS, events, invoices, may, see, subscribe


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        yield shop


async def test_an_upgrade_at_half_time_costs_half_of_the_difference_and_gives_the_tier_at_once(club):
    subscription = await subscribe(club, "bronze")
    club.wall.move(15 * DAY)
    seen = await look(club, subscription, "silver")
    assert (amounts(seen), seen["total"]["amount"]) == ([1000, -500], 500)
    purchase = await change(club, subscription, None, token=seen["token"])
    assert purchase["total"]["amount"] == 500
    assert await charged(club) == [1000, 500]
    found = await see(club, subscription)
    assert (found["sku"], found["price"]["amount"], found["pending_change"]) == ("silver", 2000, None)
    me = (await club.as_customer().get("/v1/me")).json
    assert me["entitlements"]["rooms"]["value"] == 5
    assert events(club)[-1] == "changed"
    await pass_days(club, 16)
    assert await charged(club) == [1000, 500, 2000]
    assert [one["sku"] for one in await invoices(club, subscription)] == ["silver", "bronze"]


async def test_up_down_and_up_on_one_day_leaves_what_was_paid_and_no_credit(club):
    subscription = await subscribe(club, "bronze")
    club.wall.move(15 * DAY)
    await change(club, subscription, "silver")
    await change(club, subscription, "bronze", by=club.as_server(), timing="now", money="charge_now")
    found = await see(club, subscription)
    assert (found["sku"], found["credit"]["amount"]) == ("bronze", 500)
    seen = await look(club, subscription, "silver")
    assert (amounts(seen), seen["total"]["amount"]) == ([1000, -500, -500], 0)
    await change(club, subscription, "silver")
    found = await see(club, subscription)
    assert (found["sku"], found["credit"]["amount"], found["owed"]["amount"]) == ("silver", 0, 0)
    assert await charged(club) == [1000, 500]
    await pass_days(club, 16)
    assert await charged(club) == [1000, 500, 2000]


async def test_from_a_year_to_thirty_days_begins_a_period_and_its_credit_pays_the_next_ones(club):
    subscription = await subscribe(club, "bronze", interval="year")
    club.wall.move(73 * DAY)
    seen = await look(club, subscription, "bronze", interval="30 days")
    assert (seen["direction"], seen["money"]) == ("interval", "full_new_period")
    assert (amounts(seen), seen["total"]["amount"]) == ([1000, -8000, 7000], 0)
    await change(club, subscription, None, token=seen["token"])
    found = await see(club, subscription)
    assert (found["interval"], found["credit"]["amount"]) == ("30 days", 7000)
    assert (found["period_start"], found["period_end"]) == (seen["period_start"], seen["period_end"])
    await pass_days(club, 31)
    found = await see(club, subscription)
    assert (found["billing_state"], found["credit"]["amount"]) == ("active", 6000)
    assert await charged(club) == [10000]
    year, first, second = reversed(await invoices(club, subscription))
    assert (year["period_end"], first["period_end"]) == (first["period_start"], second["period_start"])
    assert [one["total"]["amount"] for one in (year, first, second)] == [10000, 0, 0]


async def test_to_a_year_charges_the_whole_year_less_the_rest_and_has_a_new_anchor(club):
    subscription = await subscribe(club, "bronze")
    club.wall.move(15 * DAY)
    seen = await look(club, subscription, "bronze", interval="year")
    assert (amounts(seen), seen["total"]["amount"]) == ([10000, -500], 9500)
    await change(club, subscription, None, token=seen["token"])
    found = await see(club, subscription)
    assert (found["period_start"], found["period_end"]) == (seen["change_at"], seen["period_end"])
    assert await charged(club) == [1000, 9500]


async def test_a_lateral_change_costs_nothing_and_takes_the_rights_that_the_new_tier_lacks(club):
    subscription = await subscribe(club, "silver")
    club.wall.move(3 * DAY)
    assert (await look(club, subscription, "opal"))["direction"] == "lateral"
    await change(club, subscription, "opal")
    assert [await may(club, key) for key in ("lounge", "rooms", "terrace")] == [True, False, True]
    await change(club, subscription, "silver", by=club.as_server(), money="none")
    assert [await may(club, key) for key in ("lounge", "rooms", "terrace")] == [True, True, False]
    assert await charged(club) == [2000]


async def test_on_the_next_invoice_it_is_given_at_once_and_paid_then(club):
    subscription = await subscribe(club, "bronze")
    club.wall.move(15 * DAY)
    seen = await look(club, subscription, "plus")
    assert (amounts(seen), seen["total"]["amount"]) == ([750, -500, -250], 0)
    await change(club, subscription, "plus")
    found = await see(club, subscription)
    assert (found["sku"], found["owed"]["amount"]) == ("plus", 250)
    await pass_days(club, 16)
    assert await charged(club) == [1000, 1750]
    assert (await see(club, subscription))["owed"]["amount"] == 0


async def test_what_is_too_little_for_the_gateway_is_due_with_the_next_invoice(club):
    subscription = await subscribe(club, "bronze")
    club.wall.move(29 * DAY + DAY // 2)
    seen = await look(club, subscription, "silver")
    assert (amounts(seen), seen["total"]["amount"]) == ([33, -17, -16], 0)
    await change(club, subscription, "silver")
    await pass_days(club, 1)
    assert await charged(club) == [1000, 2016]


async def test_a_payer_who_must_confirm_keeps_the_old_tier_until_they_have(club):
    subscription = await subscribe(club, "bronze")
    method = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await club.sandbox.turn_card(method, ASKS_ALWAYS.replace(" ", ""))
    answer = await ask(club, subscription, "silver")
    assert (answer.status, answer.json["status"]) == (202, "pending")
    found = await see(club, subscription)
    assert (found["sku"], found["pending_change"]["tier"]) == ("bronze", "silver")
    url = found["pending_change"]["redirect_url"]
    assert url == answer.json["payment"]["redirect_url"]
    assert events(club)[-1] == "change_ordered"
    async with club.http.post(url, data={"challenge": "pass"}, allow_redirects=False) as confirmed:
        assert confirmed.status == 303
    assert (await club.settled(answer))["status"] == "completed"
    found = await see(club, subscription)
    assert (found["sku"], found["pending_change"]) == ("silver", None)


async def test_a_decline_changes_nothing_and_says_so(club):
    subscription = await subscribe(club, "bronze")
    method = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await club.sandbox.turn_card(method, "4000000000000002")
    answer = await ask(club, subscription, "silver")
    assert (answer.status, answer.json["code"]) == (402, "payment_declined")
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"], found["pending_change"]) == ("bronze", "active", None)
    assert events(club)[-1] == "change_failed"


async def test_without_a_saved_method_the_answer_says_where_to_pay(club):
    subscription = await subscribe(club, "guest")
    answer = await ask(club, subscription, "bronze")
    assert (answer.status, await may(club, "rooms")) == (202, False)
    await club.pay(answer)
    assert (await club.settled(answer))["status"] == "completed"
    assert await may(club, "rooms")
    await pass_days(club, 31)
    assert await charged(club) == [1000, 1000]


async def test_the_same_key_changes_once_and_gets_the_same_answer(club):
    subscription = await subscribe(club, "bronze")
    first = await ask(club, subscription, "silver", key="once")
    again = await ask(club, subscription, "silver", key="once")
    other = await ask(club, subscription, "gold", key="once")
    assert (first.status, again.json) == (201, first.json)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert len(await charged(club)) == 2


async def test_in_a_trial_another_tier_with_a_trial_is_tried_on_and_one_without_begins_to_be_paid(club):
    subscription = await subscribe(club, "taster")
    club.wall.move(5 * DAY)
    await change(club, subscription, "eater")
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"]) == ("eater", "trialing")
    seen = await look(club, subscription, "feaster")
    assert amounts(seen) == [1900]
    await change(club, subscription, None, token=seen["token"])
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"], found["period_start"]) == ("feaster", "active", seen["change_at"])
    await pass_days(club, 31)
    assert await charged(club) == [1900, 1900]
