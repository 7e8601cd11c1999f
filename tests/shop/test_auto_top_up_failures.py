"""Automatic top-ups that fail: each is told, none becomes a storm, and nothing is charged that was not agreed."""

import pytest

from storefront.core.purchasing import Status
from storefront.core.releasing import give_up
from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP

from .topping_up import (
    ASKS_ALWAYS,
    DECLINES_LATER,
    MINE,
    TOPPED_UP,
    agreed,
    charged,
    ended,
    mine,
    save_method,
    spend,
    terms,
    told,
)

FULL_DAY = {"amount": 499, "currency": "USD"}


@pytest.fixture
async def shop(data_folder, database_url):
    async with running_shop(data_folder, TOPPED_UP, database=database_url) as running:
        yield running


async def fallen(shop, *card, **more):
    """Let ada agree, spend too much, and all of it come to an end."""
    method = await agreed(shop, *card, gems=110, **more)
    assert (await spend(shop, 1)).status == 201
    await shop.quiet()
    return method


async def lost(shop, method, *, is_found="4000000000009987"):
    """Let a saved card be reported as lost, or be found again."""
    (row,) = shop.query("SELECT reference FROM payment_methods WHERE id = ?", method)
    await shop.sandbox.turn_card(row["reference"], is_found)


def declined_charges(shop):
    return [row["reason"] for row in shop.query("SELECT reason FROM purchases WHERE status = 'failed' ORDER BY id")]


async def test_a_card_that_declines_is_asked_three_times_and_then_its_owner(shop):
    await fallen(shop, DECLINES_LATER)
    first = await mine(shop)
    assert (first["state"], first["last"]["state"]) == ("waiting", "failed")
    assert first["reason"] == "declined:generic_decline"

    await shop.advance("59m")
    assert len(declined_charges(shop)) == 1
    await shop.advance("1m")
    assert ((await ended(shop))["state"], len(declined_charges(shop))) == ("waiting", 2)
    await shop.advance("6h")

    last = await ended(shop)
    assert (last["state"], last["retry_at"], len(declined_charges(shop))) == ("paused", None, 3)
    await shop.advance("10d")
    assert len(declined_charges(shop)) == 3
    assert told(shop) == ["agreed", *["started", "failed", "resumed"] * 2, "started", "failed", "paused"]
    assert last["spent_today"]["amount"] == 0


async def test_a_spend_while_it_waits_begins_nothing(shop):
    await fallen(shop, DECLINES_LATER)

    assert (await spend(shop, 1)).status == 201
    await shop.quiet()

    assert len(declined_charges(shop)) == 1


async def test_a_wallet_that_was_filled_by_hand_meanwhile_is_only_watched_again(shop):
    await fallen(shop, DECLINES_LATER)
    await shop.bought("gems-500")

    await shop.advance("1h")

    assert ((await ended(shop))["state"], len(declined_charges(shop))) == ("on", 1)
    await spend(shop, 39)
    await shop.quiet()
    assert len(declined_charges(shop)) == 2


async def test_a_bank_that_forbids_to_ask_again_is_not_asked_again(shop):
    await lost(shop, await agreed(shop, gems=110))
    await spend(shop, 1)

    now = await ended(shop)

    assert (now["state"], now["reason"]) == ("paused", "declined:lost_card")
    await shop.advance("10d")
    assert len(declined_charges(shop)) == 1


async def test_agreeing_again_ends_a_pause(shop):
    method = await agreed(shop, gems=110)
    await lost(shop, method)
    await spend(shop, 1)
    await shop.quiet()
    await lost(shop, method, is_found="4242424242424242")

    again = await shop.as_customer().put(MINE, terms(method))

    assert again.json["state"] == "on"
    assert (await ended(shop))["last"]["state"] == "completed"
    assert await charged(shop) == [499]


async def test_a_bank_that_wants_to_see_its_customer_is_a_link_and_the_same_charge(shop):
    await fallen(shop, ASKS_ALWAYS)
    asked = await mine(shop)
    assert (asked["state"], asked["last"]["state"]) == ("on", "action_required")
    (event,) = shop.query("SELECT payload FROM events WHERE type = 'auto_top_up.action_required'")
    assert asked["last"]["redirect_url"] in event["payload"]
    await spend(shop, 1)
    await shop.quiet()
    assert told(shop) == ["agreed", "started", "action_required"]

    async with shop.http.post(
        asked["last"]["redirect_url"], data={"challenge": "pass"}, allow_redirects=False
    ) as answer:
        assert answer.status == 303

    assert (await ended(shop))["last"]["state"] == "completed"
    assert await charged(shop) == [499]
    assert shop.balance("customer:ada:gems") == 580


async def test_a_bank_that_waits_in_vain_is_not_asked_again(shop):
    await fallen(shop, ASKS_ALWAYS)

    await shop.advance("24h")

    now = await ended(shop)
    assert (now["state"], now["reason"], now["last"]["redirect_url"]) == ("paused", "not_confirmed", None)
    assert (await charged(shop), now["spent_today"]["amount"]) == ([], 0)
    assert told(shop) == ["agreed", "started", "action_required", "failed", "paused"]


async def test_a_customer_who_cancels_what_is_asked_is_left_alone(shop):
    await fallen(shop, ASKS_ALWAYS)
    purchase = (await mine(shop))["last"]["purchase"]

    assert (await shop.as_customer().post(f"/v1/purchases/{purchase}/cancel")).json["status"] == "canceled"

    now = await ended(shop)
    assert (now["state"], now["reason"]) == ("paused", "canceled_by_buyer")


async def test_a_full_day_waits_for_the_next_one(shop):
    await fallen(shop, daily_cap=FULL_DAY)
    await spend(shop, 34)

    full = await ended(shop)
    assert (full["state"], full["reason"], full["spent_today"]) == ("waiting", "daily_cap_reached", FULL_DAY)
    assert full["retry_at"].endswith("T00:00:00.000Z")
    assert await charged(shop) == [499]
    await shop.advance("24h")

    assert (await ended(shop))["last"]["state"] == "completed"
    assert (await charged(shop), shop.balance("customer:ada:gems")) == ([499, 499], 585)


async def test_the_shop_has_a_most_per_day_of_its_own(data_folder):
    few = TOPPED_UP.replace("auto_top_up: {}", "auto_top_up: {most_per_day: 1}")
    async with running_shop(data_folder, few) as shop:
        await fallen(shop)
        await spend(shop, 34)
        assert ((await ended(shop))["reason"], await charged(shop)) == ("daily_count_reached", [499])


async def test_a_threshold_below_the_shops_own_is_not_agreed_to(data_folder):
    high = TOPPED_UP.replace("auto_top_up: {}", "auto_top_up: {minimum_below: {gems: 101}}")
    async with running_shop(data_folder, high) as shop:
        method = await save_method(shop)
        refused = await shop.as_customer().put(MINE, terms(method))
        assert (refused.status, refused.json["errors"][0]["message"]) == (422, "must be at least 101")


CHANGES = [
    ("prices: {USD: 499, EUR: 479}", "prices: {USD: 500}", "price_rose"),
    ("gems-500: {kind", "gems-501: {kind", "unknown_offer"),
    ("prices: {USD: 499, EUR: 479}", "prices: {USD: 499}, available: {until: '2020-01-01T00:00:00Z'}", "offer_closed"),
    ("auto_top_up: {}", "auto_top_up: {allowed: false}", "not_allowed"),
]


@pytest.mark.parametrize(("was", "becomes", "reason"), CHANGES)
async def test_what_changed_since_it_was_agreed_stops_and_tells(data_folder, was, becomes, reason):
    async with running_shop(data_folder, TOPPED_UP) as shop:
        await agreed(shop, gems=110)
        (data_folder / "shop.yaml").write_text(TOPPED_UP.replace(was, becomes))
        await shop.restart()

        await spend(shop, 1)

        now = await ended(shop)
        assert (now["state"], now["reason"], await charged(shop)) == ("paused", reason, [])
        assert told(shop) == ["agreed", "started", "failed", "paused"]


async def test_a_method_that_was_forgotten_stops_and_tells(shop):
    method = await agreed(shop, gems=110)
    assert (await shop.as_customer().delete(f"/v1/payment-methods/{method}")).status == 204

    await spend(shop, 1)

    now = await ended(shop)
    assert (now["state"], now["reason"], await charged(shop)) == ("paused", "payment_method_gone", [])


async def test_a_reply_that_is_lost_charges_once(shop):
    await agreed(shop, gems=110)
    await shop.sandbox.webhooks("drop")
    await shop.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", times=9)
    await spend(shop, 1)
    await shop.until(lambda: shop.query("SELECT 1 FROM jobs WHERE kind = 'auto_top_up.run' AND last_error IS NOT NULL"))
    assert (await mine(shop))["last"]["state"] == "charging"
    await shop.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", clear=True)

    await shop.advance("15m")

    assert (await ended(shop))["last"]["state"] == "completed"
    assert (await charged(shop), shop.balance("customer:ada:gems")) == ([499], 595)


async def test_a_dispute_switches_it_off(shop):
    await fallen(shop)
    purchase = {"id": (await mine(shop))["last"]["purchase"]}

    await shop.sandbox.dispute(purchase)
    now = await ended(shop)

    assert (now["state"], now["reason"]) == ("off", "dispute")
    await shop.sandbox.dispute(purchase, "won")
    await shop.quiet()
    await spend(shop, 34)
    assert ((await ended(shop))["state"], await charged(shop)) == ("off", [499])


@pytest.mark.parametrize("answer", ["refund", "alarm"])
async def test_a_warning_of_fraud_switches_it_off(data_folder, answer):
    warned = f"{TINY_SHOP}\nauto_top_up: {{}}\npurchases: {{early_fraud_warnings: {answer}}}\n"
    async with running_shop(data_folder, warned) as shop:
        await fallen(shop)
        await shop.sandbox.warn_of_fraud({"id": (await mine(shop))["last"]["purchase"]})

        now = await ended(shop)

        assert (now["state"], now["reason"]) == ("off", "fraud_warning")
        assert told(shop, "switched_off") == ["switched_off"]


async def test_who_owes_is_not_charged_for_their_debt(shop):
    await agreed(shop, gems=0, below=5)
    await shop.quiet()
    pack = await shop.bought("gems-500")
    await spend(shop, 65)
    await shop.quiet()
    await shop.sandbox.dispute(pack)
    await shop.sandbox.dispute(pack, "lost")
    await shop.quiet()
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [475]
    assert await charged(shop) == [499, 499]
    assert (await mine(shop))["state"] == "on"
    body = {"customer": "ada", "asset": "gems", "amount": 485, "reason": "sorry"}
    await shop.as_server().post("/v1/grants", body, key="sorry")
    assert shop.query("SELECT amount FROM debts") == [{"amount": 0}]


async def test_money_that_comes_when_all_was_over_is_a_top_up_after_all(shop):
    """Its time was over in our books at the very moment in which its payer confirmed it: they have paid, and get it."""
    await fallen(shop, ASKS_ALWAYS)
    asked = (await mine(shop))["last"]
    await shop.sandbox.webhooks("drop")
    async with shop.http.post(asked["redirect_url"], data={"challenge": "pass"}, allow_redirects=False) as answer:
        assert answer.status == 303
    services = shop.parts.services
    await give_up(services, asked["purchase"], Status.EXPIRED, reason="not_paid_in_time")
    assert ((await mine(shop))["state"], (await mine(shop))["spent_today"]["amount"]) == ("paused", 0)

    settled = await shop.as_customer().post(f"/v1/purchases/{asked['purchase']}/finalize")

    assert settled.json["status"] == "completed"
    late = await ended(shop)
    assert (late["state"], late["last"]["state"], late["spent_today"]["amount"]) == ("paused", "completed", 499)
    assert (await charged(shop), shop.balance("customer:ada:gems")) == ([499], 595)
