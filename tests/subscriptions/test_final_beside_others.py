"""What is owed after the end beside everything else: other plans of the family, grace, money that goes back."""

import re
from datetime import datetime, timedelta

import pytest
from storefront_subscriptions.config import Settings
from storefront_subscriptions.debts import debts_of
from storefront_subscriptions.settling_up import charge_finals_anew, settle_up

from storefront.core.clock import DAY_MS
from storefront.testing import running_shop
from tests.shop.topping_up import save_method

from .changing import charged, pass_days
from .subscribing import ASKS_ALWAYS, GOOD, begin, see, subscribe
from .test_final_invoices import FINAL, SHORT, STOLEN, final_of, finals, left, turn
from .test_usage import metered, now, use

OTHERS = FINAL.replace(
    "  boss: {kind",
    "  ant: {kind: subscription, family: work, title: Ant, interval: 30 days, prices: {gems: 1}}\n"
    "  elf: {kind: subscription, family: work, title: Elf, interval: year, prices: {USD: 100}}\n  boss: {kind",
    1,
)


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, OTHERS, database=database_url) as shop:
        yield shop


async def cancel(club, subscription):
    answer = await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    assert answer.status == 200, answer


async def owed(club, subscription):
    return (await see(club, subscription))["owed"]["amount"]


async def first_method(club):
    return club.query("SELECT id FROM payment_methods ORDER BY created_at")[0]["id"]


@pytest.mark.parametrize("how", ["is canceled", "is given up", "is paid"])
async def test_usage_in_the_grace_of_a_renewal_that_fails_is_asked_once_however_it_goes_on(club, how):
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await turn(club, SHORT)
    await pass_days(club, 30)
    assert (await see(club, subscription))["has_access"]
    await use(club, "call", 1000)
    assert (1, "api", "1000", 2250, 0, 2250) in await metered(club, subscription)
    if how == "is canceled":
        await turn(club, GOOD)
        await cancel(club, subscription)
        await pass_days(club, 37)
        # A day of thirty had its thirtieth of the 100 units that are included.
        assert await charged(club) == [1000, 2492]
    elif how == "is given up":
        for _ in range(9):
            await pass_days(club, 3)
        assert await owed(club, subscription) == 2442  # seven days of grace had 23.3 of the 100 units
        await turn(club, GOOD)
        answer = await begin(club, "worker", payment_method=await first_method(club))
        assert answer.json["total"]["amount"] == 3442, answer
    else:
        await turn(club, GOOD)
        await pass_days(club, 2)
        await pass_days(club, 28)
        assert await charged(club) == [1000, 1000, 3250]


async def test_what_is_used_while_access_goes_on_after_a_decline_for_good_is_owed_and_nothing_after_that(
    data_folder, database_url
):
    text = FINAL.replace("    families:", "    dunning: {hard_decline: cancel, grace: 7d}\n    families:", 1)
    async with running_shop(data_folder, text, database=database_url) as club:
        subscription = await subscribe(club, "worker")
        await pass_days(club, 1)
        await turn(club, STOLEN)
        await pass_days(club, 29.1)
        found = await see(club, subscription)
        assert (found["billing_state"], found["has_access"]) == ("canceled", True)
        await use(club, "call", 1000)
        await pass_days(club, 8)
        await use(club, "call", 50_000)
        await pass_days(club, 40)
        assert await owed(club, subscription) == 2442  # seven days had 23.3 of the 100 units
        assert await charged(club) == [1000]


async def test_a_plan_paid_in_something_else_leaves_the_debt_to_the_final_invoice(club):
    grant = {"customer": "ada", "asset": "gems", "amount": 5, "reason": "test"}
    await club.as_server().post("/v1/grants", grant, key="grant")
    subscription = await left(club)
    await subscribe(club, "ant", card=None)
    await pass_days(club, 0.1)
    assert ((await final_of(club, subscription))["state"], await charged(club)) == ("paid", [1000, 250])


async def test_what_comes_late_while_another_plan_stands_is_asked_when_that_one_ends(club):
    subscription = await left(club)
    elf = await begin(club, "elf", payment_method=await first_method(club))
    assert elf.json["total"]["amount"] == 350, elf
    await use(club, "call", 400, ago=timedelta(hours=3))
    for days in (0.1, 37):
        await pass_days(club, days)
    assert (await owed(club, subscription), await charged(club)) == (1000, [1000, 350])
    await cancel(club, elf.json["details"]["subscription"])
    await club.quiet()
    assert (await owed(club, subscription), await charged(club)) == (0, [1000, 350, 1000])


async def test_a_checkout_that_nobody_pays_does_not_keep_a_debt_from_being_asked(club):
    subscription = await left(club)
    assert (await begin(club, "worker")).status == 202
    await pass_days(club, 1.1)
    assert await owed(club, subscription) == 0
    assert await charged(club) == [1000, 250]

    other = await left(club, customer="bob")
    ended = club.query("SELECT ended_at FROM subscriptions WHERE id = ?", other)[0]["ended_at"]
    await begin(club, "worker", customer="bob")  # stands when an hour has passed, ...
    await pass_days(club, 0.5)
    await pass_days(club, (ended + 34.9 * DAY_MS - now(club).timestamp() * 1000) / DAY_MS)
    answer = await begin(club, "worker", customer="bob")  # ... and another one when no event can come any more
    assert answer.status == 202, answer
    await pass_days(club, 2)
    assert (await final_of(club, other, customer="bob"))["state"] == "paid"
    assert sorted(await charged(club)) == [250, 250, 1000, 1000]


def move(about, cause, amount):
    return {"about": about, "cause": cause, "amount": amount}


def test_what_was_owed_first_is_paid_first_and_what_is_given_back_is_owed_as_before():
    moves = [move("old:USD", "kept", 100), move("new:USD", "kept", 50), move("i1", "taken", -120)]
    assert debts_of(moves)[0] == [("new", 30)]
    assert debts_of([*moves, move("i1", "given_back", 120)])[0] == [("old", 100), ("new", 20), ("new", 30)]
    # Credit is used up first.
    moves = [move("c", "kept", -80), move("old:USD", "kept", 100), move("new:USD:9", "kept", 5)]
    assert debts_of(moves)[0] == [("old", 20), ("new", 5)]
    debts, taken = debts_of([*moves, move("i2", "taken", -25)])
    assert (debts, taken["i2"]) == ([], [("old", 20), ("new", 5)])


async def test_written_off_in_vain_is_what_one_plan_left_and_never_what_another_one_of_the_family_did(
    data_folder, database_url
):
    text = OTHERS.replace("    families:", "    usage: {uncollected: write_off}\n    families:", 1)
    async with running_shop(data_folder, text, database=database_url) as club:
        first = await subscribe(club, "worker")
        await pass_days(club, 1)
        await use(club, "call", 200)
        await turn(club, SHORT)
        await pass_days(club, 28)
        for _ in range(10):
            await pass_days(club, 3)
        assert (await see(club, first))["billing_state"] == "canceled"
        await pass_days(club, 0.1)
        assert ((await final_of(club, first))["state"], await owed(club, first)) == ("written_off", 0)
        await turn(club, GOOD)
        second = (await begin(club, "worker", payment_method=await first_method(club))).json["details"]["subscription"]
        ended = club.query("SELECT ended_at FROM subscriptions WHERE id = ?", first)[0]["ended_at"]
        await pass_days(club, (ended + 35 * DAY_MS - now(club).timestamp() * 1000) / DAY_MS - 0.02)
        await use(club, "call", 1100)
        await cancel(club, second)
        assert await owed(club, second) == 2500
        await pass_days(club, 0.021)  # the second look at the first one
        assert (await owed(club, second), await charged(club)) == (2500, [1000, 1000, 1000])
        await pass_days(club, 0.1)
        assert await charged(club) == [1000, 1000, 1000, 2500]


@pytest.mark.parametrize("how", ["before it is asked", "while it is tried again"])
async def test_money_of_the_last_period_that_goes_back_after_the_end_leaves_nothing_to_ask(club, how):
    subscription = await left(club, card=SHORT)
    if how == "while it is tried again":
        await pass_days(club, 0.1)
        assert (await final_of(club, subscription))["state"] == "open"
    purchase = club.query("SELECT id FROM purchases ORDER BY created_at")[0]["id"]
    answer = await club.as_server().post(f"/v1/purchases/{purchase}/refunds", {"reason": "all"}, key="all")
    assert answer.status == 201, answer
    await club.quiet()
    assert ((await final_of(club, subscription))["state"], await owed(club, subscription)) == ("written_off", 0)
    await turn(club, GOOD)
    await save_method(club)
    for days in (3, 37):
        await pass_days(club, days)
    assert (await owed(club, subscription), await charged(club)) == (0, [1000])
    answer = await begin(club, "worker", payment_method=await first_method(club))
    assert answer.json["total"]["amount"] == 1000, answer


async def test_money_that_goes_back_lets_go_of_ones_own_debt_only(club):
    """Of 100 that the first plan left, the final invoice of the second one asks again; the second one's goes back."""
    first = await left(club, card=STOLEN)
    await pass_days(club, 0.1)
    assert (await final_of(club, first))["state"] == "owed"
    elf = await begin(club, "elf")  # asks for the 250, and is not paid
    assert elf.json["total"]["amount"] == 350, elf
    await pass_days(club, 1.1)
    assert await owed(club, first) == 250
    purchase = club.query("SELECT id FROM purchases ORDER BY created_at")[0]["id"]
    await club.as_server().post(f"/v1/purchases/{purchase}/refunds", {"reason": "all"}, key="all")
    await club.quiet()
    assert await owed(club, first) == 0
    assert finals(club) == ["final_invoiced", "final_failed", "final_owed", "final_written_off"]


async def test_a_retry_that_is_refused_before_there_is_a_purchase_counts_no_decline_twice(data_folder, database_url):
    text = FINAL + "\npurchases: {most_pending: 1, expires_after_minutes: 1440}\n"
    async with running_shop(data_folder, text, database=database_url) as club:
        subscription = await left(club, card=SHORT)
        await pass_days(club, 0.1)
        renewing = await subscribe(club, "worker", customer="bob")
        await turn(club, SHORT)
        assert (await club.buy("gems-500")).status == 202
        await pass_days(club, 1.97)
        assert (await club.buy("gems-500")).status == 202
        await pass_days(club, 0.05)
        reasons = club.query("SELECT payload FROM events WHERE type = 'subscription.final_failed' ORDER BY commit_no")
        found = [re.search(r'"reason":"([a-z_:]+)"', one["payload"])[1] for one in reasons]
        assert found == ["declined:insufficient_funds", "too_many_pending"]
        told = await final_of(club, subscription)
        assert (told["attempts"], told["state"]) == (2, "open")

        await pass_days(club, 28)  # the renewal of the other one, and its retry
        assert (await see(club, renewing, customer="bob"))["billing_state"] == "past_due"
        await club.as_customer("bob").get("/v1/me")
        await pass_days(club, 1.5)
        assert (await club.buy("gems-500", customer="bob")).status == 202
        await pass_days(club, 0.6)
        reasons = club.query("SELECT payload FROM events WHERE type = 'subscription.renewal_failed' ORDER BY commit_no")
        found = [re.search(r'"reason":"([a-z_:]+)"', one["payload"])[1] for one in reasons]
        assert found == ["declined:insufficient_funds", "too_many_pending"]


async def test_a_final_invoice_whose_gateway_has_left_the_shop_is_owed(data_folder, database_url):
    async with running_shop(data_folder, FINAL, database=database_url) as club:
        subscription = await left(club, card=SHORT)
        await pass_days(club, 0.1)
        text = FINAL.replace("gateways: {sandbox: {}}", "gateways: {manual: {instructions: {en: pay}}}", 1)
        assert text != FINAL
        (data_folder / "shop.yaml").write_text(text)
        await club.restart()
        club.wall.move(3 * 86_400)
        await settle_up(club.parts.services, Settings.of({}), subscription)
        told = await final_of(club, subscription)
        assert (told["state"], told["reason"]) == ("owed", "invalid_request")


async def test_a_card_saved_while_the_old_one_is_being_confirmed_is_charged_once_that_has_failed(club):
    subscription = await left(club, card=ASKS_ALWAYS)
    await pass_days(club, 0.1)
    told = await final_of(club, subscription)
    await save_method(club)
    await club.quiet()
    assert (await final_of(club, subscription))["purchase"] == told["purchase"]
    await club.as_customer().post(f"/v1/purchases/{told['purchase']}/cancel", {})
    # The job of the card that was saved may come late.
    await charge_finals_anew(club.parts.services, Settings.of({}), club.query("SELECT id FROM customers")[0]["id"])
    await club.quiet()
    assert ((await final_of(club, subscription))["state"], await charged(club)) == ("paid", [1000, 250])


async def test_what_comes_late_after_it_was_written_off_is_written_off(data_folder, database_url):
    text = FINAL.replace("    families:", "    usage: {uncollected: write_off}\n    families:", 1)
    async with running_shop(data_folder, text, database=database_url) as club:
        subscription = await left(club, card=STOLEN)
        await pass_days(club, 0.1)
        assert (await final_of(club, subscription))["state"] == "written_off"
        await use(club, "call", 400, ago=timedelta(hours=5))
        await turn(club, GOOD)
        await pass_days(club, 37)
        assert (await owed(club, subscription), await charged(club)) == (0, [1000])
        assert finals(club).count("final_written_off") == 2


async def test_who_comes_back_at_once_is_not_asked_for_what_the_shop_writes_off(data_folder, database_url):
    text = FINAL.replace("    families:", "    usage: {at_end: write_off}\n    families:", 1)
    async with running_shop(data_folder, text, database=database_url) as club:
        await left(club)
        answer = await begin(club, "worker", payment_method=await first_method(club))
        assert (answer.status, answer.json["total"]["amount"]) == (201, 1000)


async def test_the_hour_in_which_the_last_period_ends_is_charged(club):
    subscription = await subscribe(club, "worker")
    assert (await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {})).status == 200
    left_ms = datetime.fromisoformat((await see(club, subscription))["period_end"]).timestamp() * 1000
    left_ms -= now(club).timestamp() * 1000 + 1000
    await pass_days(club, left_ms / DAY_MS)
    await use(club, "call", 200)
    for _ in range(2):  # it ends, and an hour later that is asked
        await pass_days(club, 0.1)
    assert ((await final_of(club, subscription))["state"], await charged(club)) == ("paid", [1000, 250])


async def test_beginning_other_plans_uses_up_no_attempt(club):
    subscription = await left(club, card=SHORT)
    await pass_days(club, 0.1)
    for _ in range(3):
        other = (await begin(club, "guest")).json["details"]["subscription"]
        await cancel(club, other)
        await club.quiet()
    assert (await final_of(club, subscription))["attempts"] == 1
