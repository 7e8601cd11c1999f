"""Gifts of periods: the giver pays, the recipient has the periods, and nobody is charged unasked."""

import pytest

from storefront.testing import running_shop
from tests.shop.topping_up import save_method

from .changing import ask, charged, pass_days
from .gifting import GIVING, ask_gift, gift, theirs
from .pausing import days_from
from .subscribing import begin, events, invoices, may, see, subscribe
from .test_account import Account, browser


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, GIVING, database=database_url) as shop:
        yield shop


async def test_who_had_nothing_has_so_many_periods_and_then_it_is_over(club):
    purchase = await gift(club, "bronze", 3)
    assert (purchase["customer"]["id"], purchase["recipient"]) == ("ada", {"id": "bob"})
    assert purchase["total"] == {"amount": 3000, "currency": "USD"}
    (found,) = await theirs(club)
    assert (found["billing_state"], found["will_renew"], found["gifted"]) == (
        "active", False, {"periods_left": 2, "until": days_from(found["period_start"], 90)},
    )  # fmt: skip
    assert await may(club, "lounge", customer="bob")
    assert not await may(club, "lounge", customer="ada")
    (first,) = await invoices(club, found["id"], customer="bob")
    assert ([line["total"]["amount"] for line in first["lines"]], first["state"]) == ([1000, -1000], "paid")
    (got,) = (await club.as_customer("bob").get("/v1/me/gifts")).json["data"]
    assert (got["id"], got["from"], got["sku"]) == (purchase["id"], None, "bronze")

    await pass_days(club, 31)
    assert (await see(club, found["id"], customer="bob"))["gifted"]["periods_left"] == 1
    await pass_days(club, 58.9)
    assert await may(club, "lounge", customer="bob")
    await pass_days(club, 0.2)
    assert not await may(club, "lounge", customer="bob")
    over = await see(club, found["id"], customer="bob")
    assert (over["billing_state"], over["gifted"], over["access_until"]) == (
        "canceled", None, days_from(found["period_start"], 90),
    )  # fmt: skip
    assert await charged(club) == [3000]
    assert events(club)[:3] == ["created", "gifted", "started"]


async def test_periods_of_the_same_plan_come_after_the_present_one_and_before_the_next_charge(club):
    mine = await subscribe(club, "bronze", customer="bob")
    began = (await see(club, mine, customer="bob"))["period_start"]
    await pass_days(club, 10)
    await gift(club, "bronze", 2)
    await gift(club, "bronze", 1, by="cleo")
    found = await see(club, mine, customer="bob")
    assert (found["will_renew"], found["gifted"]) == (True, {"periods_left": 3, "until": days_from(began, 120)})
    refused = await ask(club, mine, "silver", by=club.as_customer("bob"))
    assert (refused.status, refused.json["code"], refused.json["until"]) == (409, "gift_ahead", days_from(began, 120))
    await pass_days(club, 105)
    assert await charged(club) == [1000, 2000, 1000]
    await pass_days(club, 6)
    assert await charged(club) == [1000, 2000, 1000, 1000]
    assert [one["total"]["amount"] for one in await invoices(club, mine, customer="bob")] == [1000, 0, 0, 0, 1000]
    assert "renewal_upcoming" not in events(club)


async def test_who_cancels_keeps_what_was_given_and_whoever_ends_it_at_once_gives_it_up(club):
    mine = await subscribe(club, "bronze", customer="bob")
    bob, path = club.as_customer("bob"), f"/v1/subscriptions/{mine}/cancel"
    assert (await bob.post(path, {})).status == 200
    await gift(club, "bronze", 1)
    await pass_days(club, 31)
    found = await see(club, mine, customer="bob")
    assert (found["billing_state"], found["will_renew"], found["has_access"]) == ("active", False, True)
    await pass_days(club, 30)
    assert ((await see(club, mine, customer="bob"))["billing_state"], await charged(club)) == (
        "canceled", [1000, 1000],
    )  # fmt: skip

    await gift(club, "bronze", 2, to="cleo")
    (theirs_now,) = await theirs(club, "cleo")
    await club.as_customer("cleo").post(f"/v1/subscriptions/{theirs_now['id']}/cancel", {"at": "now"})
    await club.quiet()
    assert ([one["billing_state"] for one in await theirs(club, "cleo")], events(club)[-1]) == (
        ["canceled"], "gift_given_up",
    )  # fmt: skip


async def test_it_is_renewed_only_once_its_recipient_has_a_method_and_says_so(club):
    await gift(club, "bronze", 1)
    (found,) = await theirs(club)
    bob, path = club.as_customer("bob"), f"/v1/subscriptions/{found['id']}/resume"
    assert (await bob.post(path, {})).json["code"] == "no_payment_method"
    await save_method(club, customer="bob")
    await club.quiet()
    assert not (await see(club, found["id"], customer="bob"))["will_renew"]
    assert (await bob.post(path, {})).json["will_renew"]
    await pass_days(club, 31)
    assert ((await see(club, found["id"], customer="bob"))["billing_state"], await charged(club)) == (
        "active", [1000, 1000],
    )  # fmt: skip


async def test_a_gift_whose_money_goes_back_ends_what_is_left_and_the_credits_that_it_brought(club):
    purchase = await gift(club, "patron", 3)
    (found,) = await theirs(club)
    await pass_days(club, 31)
    assert (await club.as_customer("bob").get("/v1/me")).json["wallets"]["gems"]["balance"] == 60
    path = f"/v1/purchases/{purchase['id']}/refunds"
    assert (await club.as_server().post(path, {"reason": "no", "amount": 1500}, key="part")).status == 201
    await club.quiet()
    assert (await see(club, found["id"], customer="bob"))["billing_state"] == "active"
    assert (await club.as_server().post(path, {"reason": "asked"}, key="rest")).status == 201
    await club.quiet()
    over = await see(club, found["id"], customer="bob")
    assert (over["billing_state"], over["reason"], over["gifted"]) == ("canceled", "gift_refunded", None)
    assert not await may(club, "vip", customer="bob")
    assert (await club.as_customer("bob").get("/v1/me")).json["wallets"]["gems"]["balance"] == 0
    await pass_days(club, 60)
    assert len(await theirs(club)) == 1


async def test_a_disputed_gift_pauses_a_plan_of_ones_own_and_begins_the_next_gift_at_once(club):
    mine = await subscribe(club, "bronze", customer="bob")
    first = await gift(club, "bronze", 2)
    second = await gift(club, "bronze", 1, by="cleo")
    await pass_days(club, 40)
    await lose_dispute(club, first)
    found = await see(club, mine, customer="bob")
    assert (found["billing_state"], found["has_access"]) == ("active", True)
    assert found["gifted"] == {"periods_left": 0, "until": days_from(found["period_start"], 30)}
    await pass_days(club, 5)
    await lose_dispute(club, second)
    found = await see(club, mine, customer="bob")
    assert (found["billing_state"], found["has_access"], found["pause"]["cause"]) == ("paused", False, "gift_gone")
    await pass_days(club, 40)
    assert await charged(club) == [1000, 2000, 1000]
    again = await club.as_customer("bob").post(f"/v1/subscriptions/{mine}/resume", {})
    assert again.json["billing_state"] == "active"
    assert await charged(club) == [1000, 2000, 1000, 1000]


async def lose_dispute(club, purchase):
    await club.sandbox.dispute(purchase, "lost")
    await club.quiet()


async def test_what_no_plan_can_take_is_refused_before_it_is_paid_or_waits_for_the_plan_to_be_over(club):
    mine = await subscribe(club, "silver", customer="bob")
    hidden = await ask_gift(club, "bronze", 1)
    assert (hidden.status, hidden.json["code"], "possible" in hidden.json) == (409, "gift_not_possible", False)
    told = await ask_gift(club, "bronze", 1, server=True)
    assert (told.json["code"], told.json["possible"]) == (
        "gift_needs_same_plan", {"sku": "silver", "interval": "30 days", "seats": 1},
    )  # fmt: skip
    assert (await ask_gift(club, "guest", 1)).json["code"] == "invalid_request"
    assert (await ask_gift(club, "bronze", 1, to="ada")).json["code"] == "invalid_request"
    assert (await begin(club, "bronze", periods=2)).json["code"] == "invalid_request"

    late = await ask_gift(club, "silver", 1)  # paid when their plan is another one already
    assert (await ask(club, mine, "gold", by=club.as_customer("bob"))).status == 201
    await club.pay(late)
    assert (await club.settled(late))["status"] == "completed"
    await club.quiet()
    assert (await see(club, mine, customer="bob"))["gifted"] is None
    assert (await club.as_customer("bob").post(f"/v1/subscriptions/{mine}/cancel", {})).status == 200
    await pass_days(club, 31)
    new, old = await theirs(club)
    assert ((new["sku"], new["billing_state"]), (old["sku"], old["billing_state"])) == (
        ("silver", "active"), ("gold", "canceled"),
    )  # fmt: skip


async def test_paid_in_gems_it_is_the_givers_and_a_trial_goes_on_before_it(club):
    grant = {"customer": "ada", "asset": "gems", "amount": 700, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", grant, key="start")).status == 201
    await gift(club, "bronze", 2, currency="gems")
    (found,) = await theirs(club)
    assert (found["pay_with"], (await club.as_customer().get("/v1/me")).json["wallets"]["gems"]["balance"]) == (
        "wallet", 100,
    )  # fmt: skip
    tried = await subscribe(club, "taster", customer="bob")
    await gift(club, "taster", 1)
    trying = await see(club, tried, customer="bob")
    assert (trying["billing_state"], trying["gifted"]) == (
        "trialing", {"periods_left": 1, "until": days_from(trying["period_end"], 30)},
    )  # fmt: skip
    await pass_days(club, 15)
    assert (await see(club, tried, customer="bob"))["billing_state"] == "active"
    assert await charged(club) == [500]


async def test_what_was_given_outlives_a_plan_that_ended_by_its_own_money_and_a_pause(club):
    mine = await subscribe(club, "bronze", customer="bob")
    await gift(club, "bronze", 2)
    (own,) = [one["purchase"] for one in await invoices(club, mine, customer="bob")]
    back = await club.as_server().post(f"/v1/purchases/{own}/refunds", {"reason": "asked"}, key="own")
    assert back.status == 201
    await club.quiet()
    new, old = await theirs(club)
    assert (old["id"], old["billing_state"], old["gifted"]) == (mine, "canceled", None)
    assert (new["billing_state"], new["gifted"]["periods_left"], new["will_renew"]) == ("active", 1, False)

    await save_method(club, customer="bob")
    path = f"/v1/subscriptions/{new['id']}"
    assert (await club.as_customer("bob").post(f"{path}/resume", {})).json["will_renew"]
    refused = await club.as_server().post(f"{path}/pause", {"at": "now"})
    assert (refused.status, refused.json["code"]) == (409, "pauses_with_period")
    assert (await club.as_server().post(f"{path}/pause", {})).status == 200
    await pass_days(club, 45)
    found = await see(club, new["id"], customer="bob")
    assert (found["billing_state"], found["gifted"]) == ("paused", {"periods_left": 1, "until": None})
    again = (await club.as_customer("bob").post(f"{path}/resume", {})).json
    assert (again["billing_state"], again["gifted"]["periods_left"], await charged(club)) == (
        "active", 0, [1000, 2000],
    )  # fmt: skip
    assert again["period_end"] == days_from(again["period_start"], 30)
    await pass_days(club, 31)
    assert await charged(club) == [1000, 2000, 1000]


async def test_the_account_page_says_what_was_given_until_when_and_how_it_goes_on(club):
    await gift(club, "bronze", 2)
    (found,) = await theirs(club)
    async with browser(club) as http:
        page = Account(club, http)
        await page.play_as("bob")
        seen = await page.open()
        assert "A gift: yours until" in seen
        assert "To keep Bronze after that, for $10.00 every 30 days, save a card first." in seen
        assert 'href="#change-club"' not in seen
        await save_method(club, customer="bob")
        assert "Go on after that, for $10.00 every 30 days" in await page.open()
        assert (await page.press("/account/resume"))[0] == 303
        assert "A gift pays until" in await page.open()
    assert (await see(club, found["id"], customer="bob"))["will_renew"]
