"""Automatic top-ups: a wallet that falls below what its owner agreed to is filled by one purchase."""

import pytest

from storefront.testing import running_shop

from .topping_up import MINE, TOPPED_UP, agreed, charged, ended, mine, save_method, spend, terms, told


@pytest.fixture
async def shop(data_folder, database_url):
    async with running_shop(data_folder, TOPPED_UP, database=database_url) as running:
        yield running


async def test_a_spend_that_leaves_too_little_is_followed_by_one_purchase(shop):
    await agreed(shop, gems=115)

    spent = await spend(shop, 2)

    assert spent.status == 201
    assert (await ended(shop))["last"]["state"] == "completed"
    assert shop.balance("customer:ada:gems") == 585
    assert await charged(shop) == [499]
    assert told(shop) == ["agreed", "started", "completed"]
    (bought,) = shop.query("SELECT id, pay_with, status, sku FROM purchases WHERE auto_top_up IS NOT NULL")
    assert (bought["sku"], bought["pay_with"], bought["status"]) == ("gems-500", "sandbox", "completed")
    assert (await shop.seen(bought))["auto_top_up"] == (await mine(shop))["last"]["id"]


async def test_a_spend_that_leaves_enough_begins_nothing(shop):
    await agreed(shop, gems=115)

    await spend(shop, 1)

    assert (await ended(shop))["last"] is None
    assert await charged(shop) == []


async def test_the_next_fall_is_another_top_up(shop):
    await agreed(shop, gems=110)
    await spend(shop, 1)
    await ended(shop)

    await spend(shop, 34)
    await ended(shop)

    assert await charged(shop) == [499, 499]
    assert shop.balance("customer:ada:gems") == 585
    assert (await mine(shop))["spent_today"] == {"amount": 998, "currency": "USD"}


async def test_a_wallet_that_has_too_little_already_is_topped_up_by_agreeing(shop):
    await agreed(shop, gems=0)

    assert (await ended(shop))["last"]["state"] == "completed"
    assert shop.balance("customer:ada:gems") == 500


async def test_a_hold_is_no_spend_until_it_is_captured(shop):
    await agreed(shop, gems=110)
    body = {"customer": "ada", "asset": "gems", "amount": 50, "expires_in_seconds": 300, "reason": "auction 1"}
    hold = (await shop.as_server().post("/v1/holds", body, key="hold")).json
    assert (await ended(shop))["last"] is None

    captured = await shop.as_server().post(f"/v1/holds/{hold['id']}/capture", {}, key="capture")

    assert captured.status == 200
    assert (await ended(shop))["last"]["state"] == "completed"
    assert shop.balance("customer:ada:gems") == 560


async def test_a_refund_that_empties_a_wallet_buys_nothing_again(shop):
    await agreed(shop, gems=0)
    await ended(shop)
    (bought,) = shop.query("SELECT id FROM purchases")

    refunded = await shop.as_server().post(f"/v1/purchases/{bought['id']}/refunds", {"reason": "no"}, key="back")

    assert refunded.status == 201
    await ended(shop)
    assert shop.balance("customer:ada:gems") == 0
    assert await charged(shop) == [499]


async def test_who_is_short_is_told_that_a_top_up_is_under_way(shop):
    await agreed(shop, gems=110)
    await shop.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", times=9)
    await spend(shop, 1)

    short = await shop.buy("sword")

    assert (short.status, short.json["code"]) == (402, "insufficient_funds")
    assert short.json["auto_top_up"] == {"state": "under_way"}
    await shop.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", clear=True)
    await shop.advance("5m")
    assert (await ended(shop))["last"]["state"] == "completed"
    assert await charged(shop) == [499]
    assert (await shop.buy("sword")).status == 201


async def test_who_agreed_to_nothing_is_told_nothing_of_it(shop):
    assert "auto_top_up" not in (await shop.buy("sword")).json


async def test_what_is_switched_off_charges_nobody(shop):
    await agreed(shop, gems=110)
    for _ in range(2):
        assert (await shop.as_customer().delete(f"{MINE}/gems")).status == 204

    await spend(shop, 1)

    assert ((await ended(shop))["state"], (await mine(shop))["reason"]) == ("off", "switched_off")
    assert await charged(shop) == []
    assert told(shop) == ["agreed", "switched_off"]


async def test_agreeing_anew_replaces_what_was_agreed(shop):
    method = await agreed(shop, gems=110)
    changed = await shop.as_customer().put(MINE, terms(method, below=50, sku="gems-1200", daily_cap=usd(999)))
    assert (changed.json["below"], changed.json["at_most"]) == (50, usd(999))

    await spend(shop, 1)
    assert (await ended(shop))["last"] is None
    await spend(shop, 4)

    await ended(shop)
    assert await charged(shop) == [999]
    assert shop.balance("customer:ada:gems") == 1235


async def test_the_games_server_agrees_for_a_customer_and_both_are_on_record(shop):
    method = await save_method(shop)
    path = "/v1/customers/ada/auto-top-up"

    set_up = await shop.as_server().put(path, terms(method))
    ended_by = await shop.as_server().delete(f"{path}/gems")

    assert (set_up.status, set_up.json["consent"]["text"], ended_by.status) == (200, "auto-top-up-1", 204)
    rows = shop.query(
        "SELECT actor, action, about, facts FROM audit_actions WHERE action LIKE 'auto_top_up.%' ORDER BY id"
    )
    assert [(row["action"], row["about"]) for row in rows] == [
        ("auto_top_up.agreed", set_up.json["id"]), ("auto_top_up.ended", set_up.json["id"]),
    ]  # fmt: skip
    assert all(row["actor"].startswith("key:") for row in rows), rows
    assert '"text":"auto-top-up-1"' in rows[0]["facts"]
    assert (await shop.as_server().get(path)).json["data"][0]["state"] == "off"
    await shop.quiet()


def usd(amount):
    return {"amount": amount, "currency": "USD"}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"consent": False}, "/consent"),
        ({"asset": "USD"}, "/sku"),
        ({"sku": "potion"}, "/sku"),
        ({"sku": "chest"}, "/sku"),
        ({"below": 0}, "/below"),
        ({"daily_cap": usd(498)}, "/daily_cap/amount"),
        ({"at_most": usd(498)}, "/at_most/amount"),
        ({"at_most": {"amount": 499, "currency": "EUR"}}, "/at_most/currency"),
        ({"daily_cap": {"amount": 998, "currency": "JPY"}}, "/currency"),
    ],
)
async def test_what_cannot_be_kept_is_not_agreed_to(shop, more, field):
    method = await save_method(shop)

    refused = await shop.as_customer().put(MINE, terms(method, **more))

    assert refused.status == 422, refused
    assert refused.json["errors"][0]["pointer"] == field
    assert (await shop.as_customer().get(MINE)).json["data"] == []


async def test_anothers_method_is_not_there(shop):
    method = await save_method(shop)
    assert (await shop.as_customer("bob").put(MINE, terms(method))).status == 404
    assert (await shop.as_customer("bob").delete(f"{MINE}/gems")).status == 404


async def test_a_shop_that_does_not_offer_it_says_so(tmp_path):
    async with running_shop(tmp_path) as plain:
        method = await save_method(plain)
        refused = await plain.as_customer().put(MINE, terms(method))
        assert (refused.status, refused.json["code"]) == (409, "auto_top_up_not_offered")
