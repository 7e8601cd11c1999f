"""What was used last is asked with a final invoice once a subscription has ended: collected like a renewal, once."""

import json
import re
from datetime import timedelta

import pytest

from storefront.testing import running_shop
from tests.shop.topping_up import save_method

from .changing import charged, pass_days
from .subscribing import ASKS_ALWAYS, GOOD, begin, events, may, see, subscribe
from .test_account import Account, browser
from .test_credits import gems
from .test_usage import WORKING, metered, use

FINAL = WORKING.replace("    usage: {at_end: owe}\n", "").replace(
    "prices: {USD: 1000}, usage: {", "prices: {USD: 1000}, grants: {lounge: true}, usage: {"
)
SHORT, STOLEN = "4000000000009995", "4000000000009979"


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, FINAL, database=database_url) as shop:
        yield shop


async def left(club, *, calls=200, card=GOOD, customer="ada"):
    """Subscribe, use something, and end it a day later; return the subscription, which owes (calls - 100) × 2.5."""
    subscription = await subscribe(club, "worker", customer=customer)
    await pass_days(club, 1)
    await use(club, "call", calls, customer=customer)
    await turn(club, card)
    answer = await club.as_customer(customer).post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    assert (answer.status, answer.json["billing_state"]) == (200, "canceled"), answer
    await club.quiet()
    return subscription


async def turn(club, card):
    method = club.query("SELECT reference FROM payment_methods ORDER BY created_at DESC")[0]["reference"]
    await club.sandbox.turn_card(method, card.replace(" ", ""))


async def final_of(club, subscription, customer="ada"):
    return (await see(club, subscription, customer=customer))["final_invoice"]


def finals(club):
    return [name for name in events(club) if name.startswith("final_")]


async def test_what_was_used_last_is_asked_once_an_hour_later_and_what_comes_late_after_that_is_asked_once(club):
    subscription = await left(club)
    found = await see(club, subscription)
    assert (found["owed"]["amount"], found["final_invoice"]) == (250, None)
    await use(club, "call", 20, ago=timedelta(hours=1))
    await pass_days(club, 0.1)
    found = await see(club, subscription)
    told = found["final_invoice"]
    assert (found["owed"]["amount"], told["state"], told["total"]["amount"]) == (0, "paid", 300)
    assert [(one["title"], one["total"]["amount"]) for one in told["lines"]] == [
        ("API calls: 200", 250),
        ("API calls: 220 instead of 200", 50),
    ]
    assert await charged(club) == [1000, 300]
    assert (await may(club, "lounge"), found["billing_state"]) == (False, "canceled")
    assert (await metered(club, subscription))[-1] == (0, "api", "220", 300, 300, 0)

    await use(club, "call", 40, ago=timedelta(hours=5))
    await use(club, "call", 1000)  # after the end: nobody's
    assert (await metered(club, subscription))[-1] == (0, "api", "260", 400, 300, 100)
    await pass_days(club, 36)
    assert await charged(club) == [1000, 300, 100]
    assert (await metered(club, subscription))[-1] == (0, "api", "260", 400, 400, 0)
    assert finals(club) == ["final_invoiced", "final_paid"] * 2


async def test_a_soft_decline_is_tried_again_as_dunning_says_and_then_it_is_owed_by_the_next_subscription(club):
    subscription = await left(club, card=SHORT)
    await pass_days(club, 0.1)
    told = await final_of(club, subscription)
    assert (told["state"], told["reason"], told["attempts"]) == ("open", "declined:insufficient_funds", 1)
    assert told["next_attempt_at"] is not None
    for _ in range(12):
        await pass_days(club, 2)
    told = await final_of(club, subscription)
    assert (told["state"], told["attempts"], told["next_attempt_at"]) == ("owed", 5, None)
    assert (await see(club, subscription))["owed"]["amount"] == 250
    assert finals(club) == ["final_invoiced", *["final_failed"] * 5, "final_owed"]
    await pass_days(club, 20)
    await turn(club, GOOD)
    answer = await begin(club, "worker", payment_method=club.query("SELECT id FROM payment_methods")[0]["id"])
    assert (answer.status, answer.json["total"]["amount"]) == (201, 1250)
    assert await charged(club) == [1000, 1250]


async def test_coming_back_while_it_is_tried_again_is_asked_once_and_another_card_pays_it_at_once(club):
    subscription = await left(club, card=SHORT)
    await pass_days(club, 0.1)
    again = await subscribe(club, "worker")
    await club.quiet()
    assert (await final_of(club, subscription))["state"] == "paid"
    assert await charged(club) == [1000, 1000, 250]
    assert (await see(club, again))["owed"]["amount"] == 0


async def test_coming_back_before_it_is_asked_pays_with_the_new_first_invoice_and_a_stranded_one_does_not(club):
    subscription = await left(club)
    answer = await begin(club, "worker")
    assert (answer.status, answer.json["total"]["amount"]) == (202, 1250)
    await pass_days(club, 0.1)
    assert (await see(club, subscription))["owed"]["amount"] == 0  # the first invoice has it
    await pass_days(club, 1)  # nobody pays that, and so the final invoice asks
    assert (await see(club, subscription))["owed"]["amount"] == 0
    assert ((await final_of(club, subscription))["state"], await charged(club)) == ("paid", [1000, 250])


async def test_a_lost_reply_is_asked_for_and_never_charged_again(club):
    subscription = await left(club)
    await club.sandbox.webhooks("drop")
    await club.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", times=9)
    await pass_days(club, 0.1)
    await pass_days(club, 3)
    assert ((await final_of(club, subscription))["state"], await charged(club)) == ("paid", [1000, 250])
    assert finals(club) == ["final_invoiced", "final_paid"]


async def test_whoever_must_confirm_gets_a_link_and_a_decline_for_good_ends_it(club):
    subscription = await left(club, card=ASKS_ALWAYS)
    await pass_days(club, 0.1)
    told = await final_of(club, subscription)
    asked = json.loads(
        club.query("SELECT payload FROM events WHERE type = 'subscription.action_required'")[0]["payload"]
    )
    assert told["redirect_url"] == asked["redirect_url"]
    async with club.http.post(told["redirect_url"], data={"challenge": "pass"}, allow_redirects=False) as answer:
        assert answer.status == 303
    await club.settled({"id": told["purchase"]})
    await club.quiet()
    assert (await final_of(club, subscription))["state"] == "paid"

    hard = await left(club, card=STOLEN, customer="bob")
    await pass_days(club, 0.1)
    told = await final_of(club, hard, customer="bob")
    assert (told["state"], told["attempts"]) == ("owed", 1)
    await save_method(club, customer="bob")
    await pass_days(club, 36)
    assert (await see(club, hard, customer="bob"))["owed"]["amount"] == 250  # for the next of the family to ask


async def test_from_the_wallet_gems_pay_it_and_too_few_are_tried_again(club):
    grant = {"customer": "ada", "asset": "gems", "amount": 15, "reason": "test"}
    await club.as_server().post("/v1/grants", grant, key="grant")
    subscription = await subscribe(club, "miner", card=None)
    await pass_days(club, 1)
    for _ in range(4):
        await use(club, "ore")
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    await pass_days(club, 0.1)
    told = await final_of(club, subscription)
    assert (told["state"], told["reason"], await gems(club)) == ("open", "insufficient_funds", 5)
    await club.as_server().post("/v1/grants", {**grant, "amount": 5}, key="more")
    await pass_days(club, 2)
    assert ((await final_of(club, subscription))["state"], await gems(club)) == ("paid", 2)


@pytest.mark.parametrize("word", ["at_end: write_off", "uncollected: write_off"])
async def test_what_the_shop_writes_off_is_asked_of_nobody(data_folder, database_url, word):
    text = FINAL.replace("    families:", f"    usage: {{{word}}}\n    families:", 1)
    async with running_shop(data_folder, text, database=database_url) as club:
        subscription = await left(club, card=STOLEN)
        await pass_days(club, 0.1)
        told = await final_of(club, subscription)
        assert (told["state"], told["total"]["amount"], await charged(club)) == ("written_off", 250, [1000])
        assert (await see(club, subscription))["owed"]["amount"] == 0
        await turn(club, GOOD)
        answer = await begin(club, "worker", payment_method=club.query("SELECT id FROM payment_methods")[0]["id"])
        assert (answer.status, answer.json["total"]["amount"]) == (201, 1000)


async def test_money_that_went_back_leaves_nothing_to_ask_and_no_card_leaves_it_owed(club):
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await use(club, "call", 200)
    purchase = club.query("SELECT id FROM purchases")[0]["id"]
    answer = await club.as_server().post(f"/v1/purchases/{purchase}/refunds", {"reason": "all"}, key="all")
    assert answer.status == 201, answer
    await club.quiet()
    await pass_days(club, 36)
    found = await see(club, subscription)
    told = (found["billing_state"], found["owed"]["amount"], found["final_invoice"]["state"])
    assert told == ("canceled", 0, "written_off")
    assert (await metered(club, subscription))[-1] == (0, "api", "200", 250, 250, 0)
    assert await charged(club) == [1000]

    bare = await subscribe(club, "worker", customer="bob")
    await pass_days(club, 1)
    await use(club, "call", 200, customer="bob")
    bob = club.as_customer("bob")
    for one in (await bob.get("/v1/payment-methods")).json["data"]:
        assert (await bob.delete(f"/v1/payment-methods/{one['id']}")).status in (200, 204)
    await bob.post(f"/v1/subscriptions/{bare}/cancel", {"at": "now"})
    await pass_days(club, 36)
    found = await see(club, bare, customer="bob")
    assert (found["owed"]["amount"], found["final_invoice"]) == (250, None)


async def test_the_account_page_says_what_is_still_asked_and_what_the_next_plan_asks(club):
    async with browser(club) as http:
        page = Account(club, http)
        subscription = await subscribe(club, "worker")
        await pass_days(club, 1)
        await use(club, "call", 200)
        await turn(club, SHORT)
        html = await page.play_as("ada")
        assert "What you use until then is charged a last time. You can take it back until then." in html
        assert (await page.post("/account/cancel", subscription=subscription))[1].endswith("note=canceled")
        await pass_days(club, 29.1)
        await pass_days(club, 0.1)
        html = await page.play_as("ada")
        assert re.search(
            r"Your payment of \$2.50 for what you used last of Worker did not go through\. We try again on ", html
        )
        await turn(club, STOLEN)
        await pass_days(club, 2.1)
        html = await page.play_as("ada")
        assert "$2.50 for what you used of Worker is not paid. Your next plan asks for it." in html
        assert "did not go through" not in html
