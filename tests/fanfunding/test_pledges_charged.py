"""At the deadline: pledges of a goal that is reached are charged, each once; of one that is missed nothing is."""

import pytest

from storefront.core.purchasing import Status
from storefront.core.releasing import give_up
from storefront.testing import running_shop
from tests.fanfunding.pledging import (
    ASKS,
    ONE,
    SHORT,
    STOLEN,
    VISA,
    charged,
    luna_tours,
    pledge,
    pledged,
    save,
    seen,
    told,
    tour,
    turn,
)
from tests.fanfunding.tipping import FAN_SHOP, begin_payout, dispute, purse, refund, tip

FAN = "kT3vQ9xWm2Lr8sYc"


@pytest.fixture
async def stream(data_folder, database_url):
    """Luna's shop, where she collects for a tour; its books are audited when the test is over."""
    (data_folder / "luna.yaml").write_text(luna_tours())
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


@pytest.fixture
async def strict(data_folder, database_url):
    """The same, and all goes back unless 80 % of the target are collected."""
    (data_folder / "luna.yaml").write_text(luna_tours(1000, ", min_collected: 80 %"))
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


async def test_a_goal_that_is_reached_charges_each_pledge_once_and_makes_tips_of_them(stream):
    paid = await pledged(stream, 600, message="For the road", name="Ada")
    short, stolen = await pledged(stream, 300), await pledged(stream, 250)
    asked = await pledged(stream, 200, card=ASKS, fan=FAN)
    await turn(stream, short, SHORT)
    await turn(stream, stolen, STOLEN)
    gone = await pledged(stream, 150, fan="wT3vQ9xWm2Lr8sYc")
    path = f"{ONE}/{gone['id']}/withdraw"
    assert (await stream.as_nobody().post(path, {"fan": "wT3vQ9xWm2Lr8sYc"})).status == 200
    await tip(stream, 100)
    assert (await tour(stream))["amount"]["amount"] == 1350
    await stream.advance("9d")
    assert (await charged(stream), told(stream, "goal.%")) == ([100], [])

    await stream.advance("1d1h")
    goal = await tour(stream)
    assert (goal["reached"], goal["campaign"]["state"], goal["campaign"]["collected"]["amount"]) == (
        True, "reached", 600,
    )  # fmt: skip
    late = await pledge(stream, 500)
    assert (late.status, late.json["code"], late.json["reason"]) == (409, "goal_not_open", "over")
    one = await seen(stream, paid, "collected")
    shown = (await stream.as_nobody().get(f"/v1/fanfunding/tips/{one['tip']}")).json
    assert (shown["state"], shown["name"], shown["message"], shown["amount"]["amount"]) == (
        "paid", "Ada", "For the road", 600,
    )  # fmt: skip
    assert purse(stream)["reserve"] == 540
    assert (await seen(stream, stolen, "failed"))["reason"] == "declined:stolen_card"
    assert (await seen(stream, short, "charging"))["next_attempt_at"] is not None

    away = await stream.as_nobody().post(f"{ONE}/{asked['id']}/finalize", {"fan": FAN})
    (told_link,) = stream.query("SELECT payload FROM events WHERE type = 'pledge.action_required'")
    url = away.json["action"]["redirect_url"]
    assert url in told_link["payload"]
    assert (await seen(stream, asked, "charging"))["action"] is None  # nobody else is told
    assert await stream.pay({"payment": {"redirect_url": url}}, ASKS, "pass") in (200, 303)
    await seen(stream, asked, "collected")

    await turn(stream, short, SHORT)
    await stream.advance("4d")
    await seen(stream, short, "charging")
    await stream.advance("4d")
    await seen(stream, short, "failed")
    goal = await tour(stream)
    assert (goal["reached"], goal["campaign"]["state"], goal["campaign"]["collected"]["amount"]) == (
        True, "collected", 800,
    )  # fmt: skip
    assert sorted(await charged(stream)) == [100, 200, 600]
    assert told(stream, "goal.%") == ["reached", "collected"]
    assert told(stream).count("charge_failed") == 4
    rows = stream.query("SELECT state, count(*) AS many FROM fanfunding_tips GROUP BY state ORDER BY state")
    assert [(row["state"], row["many"]) for row in rows] == [("paid", 3), ("void", 4)]
    mic = (await stream.as_nobody().get("/v1/fanfunding/creators/luna/goals")).json["data"][0]
    assert mic["amount"]["amount"] == 900
    assert [row["left"] for row in stream.query(
        "SELECT count(*) AS left FROM payment_methods WHERE forgotten_at IS NULL")] == [0]  # fmt: skip
    (bought,) = stream.query("SELECT purchase_id AS id FROM fanfunding_pledges WHERE id = ?", paid["id"])
    assert (await refund(stream, bought)).status == 201  # an ordinary tip's
    await seen(stream, paid, "collected")


async def test_a_goal_that_is_missed_charges_nobody_also_after_a_long_time_without_a_server(stream):
    await stream.bought("gems-500")
    ada = stream.as_customer()
    card, pending = await pledged(stream, 999), (await pledge(stream, 400)).json
    gems = (await pledge(stream, 499, "gems", by=ada, goal="raid")).json
    await stream.stop()
    stream.wall.move(40 * 86_400)  # longer than a wallet's part is set aside
    await stream.start()
    await seen(stream, card, "released")
    await seen(stream, gems, "released")
    await seen(stream, pending, "void")
    assert told(stream, "goal.%") == ["missed", "missed"]
    assert (await stream.as_customer().get("/v1/me")).json["wallets"]["gems"]["available"] == 500
    assert (await charged(stream), stream.query("SELECT id FROM purchases WHERE sku = 'fanfunding.tip'")) == ([499], [])
    assert stream.query("SELECT id FROM payment_methods WHERE forgotten_at IS NULL") == []
    goal = await tour(stream)
    assert (goal["reached"], goal["campaign"]["state"], goal["campaign"]["backers"]) == (False, "missed", 1)


async def test_what_is_set_aside_of_wallets_is_captured_or_free_at_the_deadline(stream):
    for fan in ("ada", "bob", "cleo"):
        await stream.bought("gems-500", customer=fan)
    mine = (await pledge(stream, 450, "gems", by=stream.as_customer(), goal="raid")).json
    bobs = (await pledge(stream, 50, "gems", by=stream.as_customer("bob"), goal="raid")).json
    missed = (await pledge(stream, 400, "gems", by=stream.as_customer("cleo"), goal="siege")).json
    await stream.advance("11d")
    for one in (mine, bobs):
        await seen(stream, one, "collected")
    await seen(stream, missed, "released")
    holds = stream.query("SELECT state, captured FROM holds ORDER BY captured")
    assert [(row["state"], row["captured"]) for row in holds] == [("released", 0), ("captured", 50), ("captured", 450)]
    for fan, left in (("ada", 50), ("bob", 450), ("cleo", 500)):
        assert (await stream.as_customer(fan).get("/v1/me")).json["wallets"]["gems"]["available"] == left
    assert purse(stream, "gems")["reserve"] == 450
    assert sorted(told(stream, "goal.%")) == ["collected", "missed", "reached"]


async def test_a_charge_whose_reply_is_lost_is_asked_for_and_never_made_again(stream):
    one = await pledged(stream, 1000)
    await stream.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", times=9)
    await stream.advance("11d")
    await stream.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", clear=True)
    await stream.advance("2h")
    await seen(stream, one, "collected")
    assert (await charged(stream), told(stream)) == ([1000], ["opened", "collected"])


async def test_money_that_comes_after_another_attempt_was_paid_goes_back(stream):
    one = await pledged(stream, 1000, card=ASKS, fan=FAN)
    await stream.advance("10d1h")
    url = (await stream.as_nobody().post(f"{ONE}/{one['id']}/finalize", {"fan": FAN})).json["action"]["redirect_url"]
    (first,) = stream.query("SELECT purchase_id AS id FROM fanfunding_pledges")
    await give_up(stream.parts.services, first["id"], Status.EXPIRED, reason="not_paid_in_time")
    await turn(stream, one, VISA.replace(" ", ""))
    await stream.advance("4d")
    await seen(stream, one, "collected")
    assert await stream.pay({"payment": {"redirect_url": url}}, ASKS, "pass") in (200, 303)
    await stream.until(lambda: stream.query("SELECT id FROM reversals WHERE state = 'completed'"))
    await stream.quiet()
    assert ((await stream.seen(first))["status"], await charged(stream)) == ("canceled", [1000, 1000])
    assert [row["state"] for row in stream.query("SELECT state FROM fanfunding_tips ORDER BY state")] == [
        "paid",
        "void",
    ]
    assert purse(stream)["reserve"] == 900


async def test_a_wallet_pays_also_when_what_was_set_aside_has_been_free_again(stream):
    await stream.bought("gems-500")
    one = (await pledge(stream, 500, "gems", by=stream.as_customer(), goal="raid")).json
    await stream.stop()
    stream.wall.move(41 * 86_400)  # longer than a wallet's part is set aside
    await stream.start()
    await seen(stream, one, "collected")
    assert [row["state"] for row in stream.query("SELECT state FROM holds")] == ["expired"]
    assert purse(stream, "gems")["reserve"] == 450


async def test_with_too_little_collected_everything_goes_back(strict):
    first, second = await pledged(strict, 699), await pledged(strict, 100)
    lost = await pledged(strict, 400)
    await turn(strict, lost, STOLEN)
    assert (await tour(strict))["campaign"]["min_collected"] == {"amount": 800, "currency": "USD"}
    await strict.advance("11d")
    for one in (first, second):
        await seen(strict, one, "refunded")
    (failed,) = strict.query("SELECT payload FROM events WHERE type = 'goal.failed'")
    assert '"reason":"too_little_collected"' in failed["payload"]
    assert '"collected":{"amount":799' in failed["payload"]
    refunds = strict.query("SELECT amount FROM reversals WHERE state = 'completed' ORDER BY amount")
    assert [row["amount"] for row in refunds] == [100, 699]
    assert purse(strict) == {"reserve": 0, "payable": 0, "debt": 0}
    goal = await tour(strict)
    assert (goal["reached"], goal["campaign"]["state"]) == (False, "failed")
    assert told(strict, "goal.%") == ["reached", "failed"]


async def test_with_just_enough_collected_it_stays(strict):
    first = await pledged(strict, 800)
    lost = await pledged(strict, 400)
    await turn(strict, lost, STOLEN)
    await strict.advance("11d")
    await seen(strict, first, "collected")
    assert (await tour(strict))["campaign"]["state"] == "collected"
    assert told(strict, "goal.%") == ["reached", "collected"]


async def test_nothing_is_paid_out_of_what_may_all_go_back(strict):
    first, waits = await pledged(strict, 900), await pledged(strict, 100)
    await turn(strict, waits, SHORT)
    await strict.advance("10d1h")
    await seen(strict, first, "collected")
    await strict.advance("3d")  # the hold is one day, and the other is charged for a week
    await turn(strict, waits, SHORT)
    assert (purse(strict)["reserve"], (await begin_payout(strict)).json["reason"]) == (810, "not_payable")
    await strict.advance("5d")
    assert (await tour(strict))["campaign"]["state"] == "collected"
    await strict.advance("1d")
    assert (await begin_payout(strict)).json["amount"]["amount"] == 810


async def test_what_is_disputed_when_too_little_is_collected_goes_back_once_the_dispute_is_won(strict):
    first, second, lost = await pledged(strict, 400), await pledged(strict, 300), await pledged(strict, 300)
    await turn(strict, lost, SHORT)
    await strict.advance("10d1h")
    await seen(strict, first, "collected")
    (bought,) = strict.query("SELECT purchase_id AS id FROM fanfunding_pledges WHERE id = ?", first["id"])
    await dispute(strict, bought)
    await turn(strict, lost, STOLEN)
    await strict.advance("8d")
    assert (await tour(strict))["campaign"]["state"] == "failed"
    await seen(strict, second, "refunded")
    await seen(strict, first, "collected")
    await dispute(strict, bought, "won")
    await strict.advance("1d1h")
    await seen(strict, first, "refunded")
    causes = strict.query("SELECT cause, amount FROM reversals WHERE state = 'completed' ORDER BY amount")
    assert [(row["cause"], row["amount"]) for row in causes] == [("refund", 300), ("refund", 400)]
    assert purse(strict) == {"reserve": 0, "payable": 0, "debt": 0}


async def test_a_pledge_whose_refund_fails_at_the_bank_is_refunded_anew_and_never_the_creators(strict):
    first, lost = await pledged(strict, 799), await pledged(strict, 300)
    await turn(strict, lost, STOLEN)
    await strict.advance("10d1h")
    await seen(strict, first, "refunded")
    (made,) = (await strict.sandbox.books())["refunds"]
    await strict.sandbox.end_refund(made["id"], "failed")
    one = await seen(strict, first, "collected")
    assert one["reason"] == "refund_failed"
    assert [row["kind"] for row in strict.query("SELECT kind FROM alarms WHERE about = ?", first["id"])] == [
        "pledge_not_given_back"
    ]
    await strict.advance("3d")
    assert (await begin_payout(strict)).json["reason"] == "not_payable"
    await strict.advance("5d")
    await seen(strict, first, "refunded")
    assert [one["status"] for one in (await strict.sandbox.books())["refunds"]] == ["failed", "succeeded"]
    assert purse(strict) == {"reserve": 0, "payable": 0, "debt": 0}


async def test_a_pledge_that_cannot_be_given_back_exactly_holds_up_no_other(data_folder, database_url):
    dinars = luna_tours(1000, ", min_collected: 100 %").replace(
        "target: {USD: 1000}, mode", "target: {KWD: 10000}, mode"
    )
    (data_folder / "luna.yaml").write_text(dinars.replace("min: {USD: 100, gems: 10}\n", "min: {USD: 100, KWD: 100}\n"))
    config = FAN_SHOP.replace("currencies: [USD, EUR, gems]", "currencies: [USD, EUR, gems, KWD]")
    async with running_shop(data_folder, config, database=database_url) as shop:
        odd, even, lost = [await pledged(shop, 3500, currency="KWD") for _ in range(3)]
        await turn(shop, lost, SHORT)
        await shop.advance("10d1h")
        (bought,) = shop.query("SELECT purchase_id AS id FROM fanfunding_pledges WHERE id = ?", odd["id"])
        await dispute(shop, bought, "lost", amount=333)  # a gateway gives dinars back in steps of ten
        await turn(shop, lost, STOLEN)
        await shop.advance("8d")
        assert (await seen(shop, even, "refunded"))["reason"] == "too_little_collected"
        assert (await seen(shop, odd, "refunded"))["reason"] == "refund_too_fine"
        assert [row["about"] for row in shop.query("SELECT about FROM alarms")] == [odd["id"]]
        await shop.advance("8d")
        assert (await begin_payout(shop, currency="KWD")).json["reason"] == "not_payable"


TAX = """
tax:
  by: table
  prices: exclusive
  default_country: DE
  rates: [{country: DE, class: tips, percent: "19"}]
"""


async def test_a_pledge_says_what_is_charged_with_tax(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(luna_tours(300))
    async with running_shop(data_folder, FAN_SHOP + TAX, database=database_url) as shop:
        begun = await pledge(shop, 1000)
        assert begun.json["total"] == {"amount": 1190, "currency": "USD"}
        await save(shop, begun)
        async with shop.http.get(f"/tip/luna/pledges/{begun.json['id']}") as page:
            assert "your card is charged $11.90 ($10.00 and tax) then" in await page.text()
        await shop.advance("10d1h")
        await seen(shop, begun.json, "collected")
        assert await charged(shop) == [1190]
