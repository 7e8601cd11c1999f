"""Included credits: on their own clock, each slot once; changes and money that goes back take them along."""

import pytest
from storefront_sdk import StorefrontClient

from storefront.testing import SERVER_KEY, TINY_SHOP, running_shop

from .changing import change, pass_days
from .subscribing import GOOD, into_the_next_period, see
from .subscribing import subscribe as begun
from .test_account import Account, browser

DAY = 86_400
GRANTING = (
    TINY_SHOP.replace(
        "plugins: {microtransactions: {}}",
        "plugins: {microtransactions: {}, subscriptions: {pause: {customers: true}}}",
    )
    + """
  bronze: {kind: subscription, family: club, title: Bronze, interval: 30 days, prices: {USD: 1000},
           credits: {gems: {amount: 300, every: 30 days}}}
  silver: {kind: subscription, family: club, title: Silver, interval: 30 days, prices: {USD: 2000},
           credits: {gems: {amount: 900, every: 30 days}}}
  yearly: {kind: subscription, family: years, title: Yearly, interval: year, prices: {USD: 9000},
           credits: {gems: {amount: 500, every: 10 days, roll_over: {min: 50, max: 200, ceiling: 650}}}}
  taste: {kind: subscription, family: taste, title: Taste, free: true, credits: {gems: {amount: 5, every: day}}}
"""
)


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, GRANTING, database=database_url) as shop:
        yield shop


def slots(shop) -> int:
    return len(shop.query("SELECT id FROM subscriptions_credits"))


async def subscribe(shop, sku: str, *, customer: str = "ada") -> str:
    """Subscribe, and wait until that has granted what it grants: a job does it, once the payment is told."""
    before = slots(shop)
    subscription = await begun(shop, sku, customer=customer)
    await shop.until(lambda: slots(shop) > before)
    return subscription


async def changed(shop, subscription: str, tier: str, **more) -> None:
    before = slots(shop)
    await change(shop, subscription, tier, **more)
    await shop.until(lambda: slots(shop) > before)


async def gems(shop, customer: str = "ada") -> int:
    await shop.quiet()
    wallets = (await shop.as_customer(customer).get("/v1/me")).json["wallets"]
    return wallets["gems"]["available"] if "gems" in wallets else 0


async def drink(shop, count: int, customer: str = "ada") -> None:
    """Spend 15 gems so many times."""
    body = {"sku": "potion", "quantity": count, "pay_with": "wallet"}
    answer = await shop.as_customer(customer).post("/v1/purchases", body, key=f"drink-{customer}-{shop.wall()}-{count}")
    assert answer.status == 201, answer


def granted(shop) -> list[tuple[str, int]]:
    rows = shop.query("SELECT cause, amount FROM subscriptions_credits ORDER BY created_at, slot_start, number")
    return [(row["cause"], row["amount"]) for row in rows]


async def test_a_year_grants_every_ten_days_rolls_a_part_over_and_makes_up_for_forty_days_off(club):
    await subscribe(club, "yearly")
    assert await gems(club) == 500
    await drink(club, 30)
    await club.advance("10d")
    await club.advance("1m")
    assert await gems(club) == 550
    await club.advance("10d")
    assert await gems(club) == 650
    await club.stop()
    club.wall.move(40 * DAY)
    await club.start()
    club.parts.jobs.wake()
    assert await gems(club) == 650
    assert granted(club) == [
        ("granted", 500),
        ("granted", 500),
        ("rolled", 50),
        *[("granted", 500), ("rolled", 150)] * 5,
    ]


async def test_changes_share_out_a_slots_credits_by_time_and_are_no_farm(club):
    subscription = await subscribe(club, "bronze")
    await buy_gems(club)
    assert await gems(club) == 300 + 500
    await pass_days(club, 10)
    await changed(club, subscription, "silver")
    after_up = await gems(club)
    assert 695 <= after_up - 500 <= 700  # 300 x 10/30 + 900 x 20/30, and a moment
    down = {"by": club.as_server(), "timing": "now", "money": "charge_now"}
    await changed(club, subscription, "bronze", **down)
    assert 298 <= await gems(club) - 500 <= 300
    await changed(club, subscription, "silver")
    again = await gems(club)
    assert after_up - 2 <= again <= after_up
    await drink(club, 40)
    assert await gems(club) == again - 600
    for _ in range(2):
        await changed(club, subscription, "bronze", **down)
        assert await gems(club) == 500, "the granted ones were used, what was bought is untouched"
        await changed(club, subscription, "silver")
    assert 498 <= await gems(club) <= 600, "what was spent is not granted again"
    assert sum(amount for _, amount in granted(club)) - taken(club) <= 900
    told = (await club.as_customer().get(f"/v1/subscriptions/{subscription}/credits")).json
    assert [one["amount"] for one in told["next"]] == [900]
    assert [one["worth"] for one in told["data"]][-1] == 300
    async with StorefrontClient(club.url, key=SERVER_KEY) as server:
        found = await server.subscriptions.credits(subscription)
    assert ([one.raw for one in found.granted], found.next[0].amount) == (told["data"], 900)
    async with browser(club) as http:
        html = await Account(club, http).play_as("ada")
        assert "Brings 900 gems every 30 days, next on " in html
    await into_the_next_period(club, subscription)
    assert await gems(club) == 500 + 900


async def test_money_back_takes_the_periods_credits_and_one_that_is_due_grants_none_until_it_is_paid(club):
    subscription = await subscribe(club, "silver")
    await subscribe(club, "silver", customer="bob")
    await club.sandbox.turn_card(card_of(club, "bob"), "4000000000009995")
    await drink(club, 10)
    await into_the_next_period(club, subscription)
    assert (await gems(club), await gems(club, "bob")) == (900, 0)
    bobs = (await club.as_customer("bob").get("/v1/subscriptions")).json["data"][0]
    assert (bobs["billing_state"], bobs["has_access"]) == ("past_due", True)
    await club.sandbox.turn_card(card_of(club, "bob"), "4242424242424242")
    await pass_days(club, 3)
    assert await gems(club, "bob") == 900
    paid = club.query(
        "SELECT purchase_id FROM subscriptions_invoices WHERE subscription_id = ? AND period = 1", subscription
    )[0]["purchase_id"]
    answer = await club.as_server().post(f"/v1/purchases/{paid}/refunds", {"reason": "asked"}, key="back")
    assert answer.status in (201, 202), answer
    await club.until(lambda: club.query("SELECT id FROM subscriptions WHERE billing_state = 'canceled'"))
    assert await gems(club) == 0
    assert (await see(club, subscription))["reason"] == "refunded"
    bobs_paid = club.query(
        "SELECT purchase_id FROM subscriptions_invoices WHERE subscription_id = ? AND period = 1", bobs["id"]
    )[0]["purchase_id"]
    await drink(club, 10, customer="bob")
    await club.sandbox.dispute({"id": bobs_paid}, "lost")
    ended = "SELECT id FROM subscriptions WHERE billing_state = 'canceled' AND reason = 'dispute_lost'"
    await club.until(lambda: club.query(ended))
    assert await gems(club, "bob") == 0
    await pass_days(club, 31)
    assert await gems(club) == 0


async def test_a_tier_for_nothing_is_not_begun_anew_for_its_credits(club):
    subscription = await subscribe(club, "taste")
    for _ in range(2):
        await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
        subscription = await begun(club, "taste")
    await club.advance("12h")
    assert (await gems(club), granted(club)) == (5, [("granted", 5)])
    for _ in range(2):
        await club.advance("12h")
    assert (await gems(club), granted(club)) == (5, [("granted", 5)] * 2)


async def test_a_pause_takes_the_rest_of_a_slot_and_grants_nothing_until_it_is_over(club):
    subscription = await subscribe(club, "bronze")
    await pass_days(club, 10)
    refused = await club.as_customer().post(f"/v1/subscriptions/{subscription}/pause", {"at": "now"})
    assert (refused.status, refused.json["code"]) == (409, "pauses_with_period")
    paused = await club.as_server().post(f"/v1/subscriptions/{subscription}/pause", {"at": "now"})
    assert paused.json["billing_state"] == "paused"
    await club.until(lambda: slots(club) == 2)
    assert 99 <= await gems(club) <= 100
    await pass_days(club, 35)  # half of the second slot is over
    assert (await gems(club), slots(club)) == (0, 2)
    told = (await club.as_customer().get(f"/v1/subscriptions/{subscription}/credits")).json
    assert told["next"] == []
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/resume", {})
    await club.until(lambda: slots(club) == 3)
    assert 148 <= await gems(club) <= 150
    await pass_days(club, 16)
    assert await gems(club) == 300


async def buy_gems(shop) -> None:
    bought = await shop.as_customer().post("/v1/purchases", {"sku": "gems-500", "pay_with": "sandbox"}, key="gems")
    await shop.pay(bought, GOOD)
    assert (await shop.settled(bought))["status"] == "completed"


def card_of(shop, customer: str) -> str:
    sql = "SELECT reference FROM payment_methods JOIN customers c ON c.id = customer_id WHERE c.external_id = ?"
    return shop.query(sql, customer)[0]["reference"]


def taken(shop) -> int:
    sql = """SELECT coalesce(sum(t.amount), 0) AS taken FROM transfers t JOIN entries e ON e.id = t.entry_id
             WHERE e.kind = 'subscription.credits_taken'"""
    return shop.query(sql)[0]["taken"]
