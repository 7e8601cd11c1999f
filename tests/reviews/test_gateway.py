"""Purchases by card that wait for a review: money is authorised, judged, and taken once or never."""

import pytest

from storefront.testing import running_shop
from tests.shop.test_gateway_faults import give_up
from tests.shop.topping_up import save_method

from .conftest import Reviews

GEMS, REVENUE, UNAPPLIED = "customer:ada:gems", "platform:revenue:USD", "customer:ada:unapplied:USD"


def balances(shop):
    return shop.balance(GEMS), shop.balance(REVENUE), shop.balance(UNAPPLIED)


async def pay_by_debit(shop, sku="gems-500"):
    """Buy with a bank account, whose money takes days."""
    opened = await shop.buy(sku, currency="EUR")
    form = {"iban": "DE89370400440532013000", "action": "pay"}
    async with shop.http.post(opened.json["payment"]["redirect_url"], data=form, allow_redirects=False) as answer:
        assert answer.status == 303
    return opened


async def test_a_payment_that_is_allowed_is_authorised_judged_with_all_facts_and_captured_once(shop, reviews):
    opened = await shop.buy("gems-500", currency="USD")
    assert (opened.status, opened.json["status"]) == (202, "pending")
    assert await shop.pay(opened) == 303
    done = await shop.settled(opened)
    await shop.quiet()

    assert (done["status"], done["payment"]["state"]) == ("completed", "received")
    assert await reviews.money(opened) == ("succeeded", 1, 499, 0)
    assert balances(shop) == (500, 499, 0)
    (facts,) = reviews.judge.asked
    assert (str(facts.state), facts.amount.amount_minor) == ("authorized", 499)
    names = ("brand", "country", "funding", "risk_level", "three_d_secure")
    assert [facts.card[name] for name in names] == ["visa", "US", "credit", "normal", None]
    assert (facts.card["risk_score"], facts.card["checks"]["cvc_check"]) == (17, "pass")
    assert len(facts.card["fingerprint"]) == 16
    assert shop.query("SELECT value FROM counters WHERE key = 'judge:payments'") == [{"value": 1}]
    assert await reviews.listed("") == []


async def test_while_nobody_judges_payments_they_are_captured_at_once(shop, reviews):
    reviews.judge.judges_payments = False
    opened = await shop.buy("gems-500", currency="USD")
    await shop.pay(opened)
    await shop.settled(opened)
    assert [str(facts.state) for facts in reviews.judge.asked] == ["received"]
    assert shop.query("SELECT is_screened, verdict FROM payments") == [{"is_screened": 0, "verdict": None}]


@pytest.mark.parametrize("about", ["purchase", "payment"])
async def test_in_review_its_money_is_authorised_and_approving_takes_it_once(shop, reviews, about):
    reviews.say(**{about: "REVIEW"})
    opened = await shop.buy("gems-500", currency="USD")
    assert (opened.status, opened.json["status"]) == (202, "pending")
    if about == "purchase":
        early = await reviews.decide(opened, "approve")
        assert (early.status, early.json["code"]) == (409, "review_not_open")
    assert await shop.pay(opened) == 303
    await reviews.comes(opened, "in_review")

    seen = await shop.seen(opened)
    assert (seen["status"], seen["payment"]["state"], seen["payment"]["redirect_url"]) == (
        "pending",
        "authorized",
        None,
    )
    assert await reviews.money(opened) == ("requires_capture", 0, 0, 0)
    assert balances(shop) == (0, 0, 0)
    finalized = await shop.as_customer().post(f"/v1/purchases/{opened.json['id']}/finalize")
    assert (finalized.status, finalized.json["status"]) == (200, "pending")
    (review,) = await reviews.listed()
    assert (review["money"], review["reasons"]) == ("authorized", [f"the {about} looks odd"])

    for _ in range(2):
        approved = await reviews.decide(opened, "approve")
        assert (approved.status, approved.json["status"], approved.json["card"]["last4"]) == (200, "completed", "4242")
    await shop.quiet()
    assert await reviews.money(opened) == ("succeeded", 1, 499, 0)
    assert balances(shop) == (500, 499, 0)
    assert reviews.told(opened) == ["pending", "in_review", "completed"]


async def test_rejected_or_canceled_its_authorisation_is_given_back(shop, reviews):
    rejected = await reviews.in_review("statue")
    for _ in range(2):
        answer = await reviews.decide(rejected, "reject", "stolen")
        assert (answer.status, answer.json["status"], answer.json["decision"]) == (200, "rejected", "rejected")
    canceled = await reviews.in_review("statue")  # the last one is free again
    answer = await shop.as_customer().post(f"/v1/purchases/{canceled.json['id']}/cancel")
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    await shop.quiet()

    for purchase in (rejected, canceled):
        assert await reviews.money(purchase) == ("canceled", 0, 0, 0)
        assert (await shop.seen(purchase))["payment"]["state"] == "voided"
    assert (await shop.as_customer().get("/v1/me")).json["items"] == []
    assert balances(shop) == (0, 0, 0)


async def test_a_refused_payment_is_given_back_and_rejected(shop, reviews):
    reviews.say(payment="REFUSE")
    opened = await shop.buy("gems-500", currency="USD")
    assert await shop.pay(opened) == 303
    await reviews.comes(opened, "rejected")

    assert await reviews.money(opened) == ("canceled", 0, 0, 0)
    assert balances(shop) == (0, 0, 0)
    assert shop.query("SELECT kind FROM alarms") == []
    assert len(reviews.judge.asked) == 1


async def test_nobody_decides_and_it_is_rejected_in_time_for_its_authorisation(shop, reviews):
    waiting = await reviews.in_review()
    until = shop.query("SELECT r.expires_at - r.opened_at AS ms, p.authorized_until - r.expires_at AS spare "
                       "FROM reviews r JOIN payments p ON p.purchase_id = r.purchase_id")  # fmt: skip
    assert until[0]["ms"] == 72 * 3_600_000
    assert until[0]["spare"] >= 86_400_000
    await shop.advance("71h")
    assert reviews.status(waiting) == "in_review"
    await shop.advance("2h")

    assert reviews.status(waiting) == "rejected"
    assert await reviews.money(waiting) == ("canceled", 0, 0, 0)
    late = await reviews.decide(waiting, "approve")
    assert (late.status, late.json["decision"]) == (409, "expired")


async def test_however_long_reviews_may_take_one_ends_a_day_before_its_authorisation(judge, strangers, tmp_path):
    config = f"{strangers.shop('judge: {}')}\npurchases: {{review_hours: 720}}\n"
    async with running_shop(tmp_path, config) as shop:
        reviews = Reviews(shop)
        waiting = await reviews.in_review()
        spare = shop.query("SELECT p.authorized_until - r.expires_at AS ms FROM reviews r "
                           "JOIN payments p ON p.purchase_id = r.purchase_id")  # fmt: skip
        assert spare == [{"ms": 86_400_000}]
        await shop.advance("143h")
        assert reviews.status(waiting) == "in_review"
        await shop.advance("2h")

        assert reviews.status(waiting) == "rejected"
        assert await reviews.money(waiting) == ("canceled", 0, 0, 0)
        assert shop.query("SELECT decision FROM reviews") == [{"decision": "expired"}]


async def test_a_debits_money_waits_as_received_and_goes_back_when_it_is_rejected(shop, reviews):
    reviews.say(purchase="REVIEW")
    rejected, approved = await pay_by_debit(shop), await pay_by_debit(shop)
    await shop.advance("4d")
    assert [reviews.status(one) for one in (rejected, approved)] == ["in_review", "in_review"]
    assert shop.balance("customer:ada:unapplied:EUR") == 958
    assert (shop.balance(GEMS), shop.query("SELECT kind FROM alarms")) == (0, [])
    assert {review["money"] for review in await reviews.listed()} == {"received"}

    assert (await reviews.decide(rejected, "reject", "no")).json["status"] == "rejected"
    assert (await reviews.decide(approved, "approve")).json["status"] == "completed"
    await shop.advance("5d")

    assert await reviews.money(rejected) == ("succeeded", 1, 479, 479)
    assert await reviews.money(approved) == ("succeeded", 1, 479, 0)
    seen = await shop.seen(rejected)
    assert (seen["status"], seen["refunded"], seen["payment"]["state"]) == ("rejected", "full", "refunded")
    assert (shop.balance(GEMS), shop.balance("customer:ada:unapplied:EUR")) == (500, 0)
    assert shop.balance("platform:revenue:EUR") == 479


async def test_a_refused_debit_is_refunded_and_if_the_gateway_will_not_an_operator_is_told_and_does_it(shop, reviews):
    reviews.say(payment="REFUSE")
    await shop.sandbox.misbehave("status", "POST /v1/refunds", status=400)
    refused = await pay_by_debit(shop)
    await shop.sandbox.end_debit(refused, "succeeded")
    await reviews.comes(refused, "rejected")
    assert shop.balance("customer:ada:unapplied:EUR") == 479
    assert shop.query("SELECT kind, about FROM alarms") == [
        {"kind": "money_not_given_back", "about": refused.json["id"]}
    ]

    path = f"/v1/purchases/{refused.json['id']}/refunds"
    assert (await shop.as_server().post(path, {"reason": "rejected"}, key="again")).status == 202
    await shop.advance("5d")

    assert await reviews.money(refused) == ("succeeded", 1, 479, 479)
    assert (reviews.status(refused), shop.balance("customer:ada:unapplied:EUR")) == ("rejected", 0)


async def test_goods_that_cannot_be_given_after_an_approval_are_owed(shop, reviews):
    waiting = await reviews.in_review("pass")
    reviews.say(purchase="ALLOW")
    await shop.bought("pass", currency="USD")

    answer = await reviews.decide(waiting, "approve")
    await shop.quiet()

    assert (answer.status, answer.json["status"], answer.json["decision"]) == (200, "paid", "approved")
    assert shop.query("SELECT kind FROM alarms") == [{"kind": "goods_owed"}]
    assert balances(shop) == (0, 700, 700)


async def test_a_challenge_asks_for_three_d_secure_and_the_judge_hears_how_it_went(shop, reviews):
    reviews.say(purchase="CHALLENGE")
    opened = await shop.buy("gems-500", currency="USD")
    assert await shop.pay(opened, challenge="pass") == 303
    await shop.settled(opened)
    assert [facts.card["three_d_secure"] for facts in reviews.judge.asked] == ["authenticated"]


async def test_what_is_captured_or_let_go_at_the_gateway_by_hand_is_taken_in(shop, reviews):
    captured, voided = await reviews.in_review(), await reviews.in_review()
    await shop.sandbox.call(f"payment_intents/{await shop.sandbox.payment_of(captured)}/capture", {})
    await shop.sandbox.call(f"payment_intents/{await shop.sandbox.payment_of(voided)}/cancel", {})
    await reviews.comes(voided, "rejected")

    (review,) = await reviews.listed()
    assert (review["purchase"], review["money"]) == (captured.json["id"], "received")
    assert balances(shop) == (0, 0, 499)
    assert (await reviews.decide(captured, "approve")).json["status"] == "completed"
    assert balances(shop) == (500, 499, 0)


async def test_an_approval_of_what_its_bank_has_let_go_takes_nothing_and_rejects(shop, reviews):
    waiting = await reviews.in_review()
    await shop.sandbox.webhooks("drop")
    await shop.sandbox.call(f"payment_intents/{await shop.sandbox.payment_of(waiting)}/cancel", {})

    answer = await reviews.decide(waiting, "approve")

    assert (answer.status, answer.json["decision"], answer.json["status"]) == (200, "approved", "rejected")
    assert shop.query("SELECT reason, payment_state FROM purchases") == [
        {"reason": "authorization_lost", "payment_state": "voided"}
    ]
    assert balances(shop) == (0, 0, 0)


async def test_an_authorisation_that_comes_after_the_end_is_given_back(shop, reviews):
    late = await shop.buy("gems-500", currency="USD")
    await give_up(shop, late)
    assert await shop.pay(late) == 303
    await shop.quiet()

    assert await reviews.money(late) == ("canceled", 0, 0, 0)
    assert (reviews.status(late), balances(shop)) == ("expired", (0, 0, 0))


async def test_a_saved_card_is_authorised_and_judged_too(shop, reviews):
    method = await save_method(shop)
    reviews.say(payment="REVIEW")
    bought = await shop.buy("gems-500", currency="USD", payment_method=method, pay_with="sandbox")
    assert (bought.status, bought.json["status"]) == (202, "pending")
    assert await reviews.money(bought) == ("requires_capture", 0, 0, 0)
    assert (await reviews.decide(bought, "approve")).json["status"] == "completed"
    assert await reviews.money(bought) == ("succeeded", 1, 499, 0)


async def test_the_money_of_a_purchase_in_review_that_goes_back_by_hand_ends_it(shop, reviews):
    reviews.judge.judges_payments = False
    reviews.say(payment="REVIEW")
    waiting = await shop.buy("gems-500", currency="USD")
    await shop.pay(waiting)
    await reviews.comes(waiting, "in_review")
    assert await reviews.money(waiting) == ("succeeded", 1, 499, 0)

    await shop.sandbox.refund_by_hand(waiting)
    await reviews.comes(waiting, "rejected")

    assert (await reviews.listed(), balances(shop)) == ([], (0, 0, 0))
    late = await reviews.decide(waiting, "approve")
    assert (late.status, late.json["code"]) == (409, "review_decided")


async def test_a_review_outlives_a_restart_and_a_gateway_that_is_away(shop, reviews):
    approved, rejected = await reviews.in_review(), await reviews.in_review()
    await shop.sandbox.misbehave("lose_reply", "POST /v1/payment_intents/*/capture", times=9)
    await shop.sandbox.misbehave("lose_request", "POST /v1/payment_intents/*/cancel", times=3)
    await shop.sandbox.webhooks("drop")
    for purchase, how in ((approved, "approve"), (rejected, "reject")):
        answer = await reviews.decide(purchase, how)
        assert (answer.status, answer.json["state"], answer.json["status"]) == (202, "deciding", "in_review")
    assert balances(shop) == (0, 0, 0)
    other = await reviews.decide(approved, "reject")
    assert (other.status, other.json["code"]) == (409, "review_decided")
    canceled = await shop.as_customer().post(f"/v1/purchases/{approved.json['id']}/cancel")
    assert canceled.status == 200  # it is decided, and its buyer learns no more than how it is now
    await shop.restart()
    await shop.advance("5m")

    assert [reviews.status(one) for one in (approved, rejected)] == ["completed", "rejected"]
    assert await reviews.money(approved) == ("succeeded", 1, 499, 0)
    assert await reviews.money(rejected) == ("canceled", 0, 0, 0)
    assert balances(shop) == (500, 499, 0)
