"""Disputes and early warnings: what a payer's bank takes back is set aside, then taken, or given back exactly."""

import pytest

from storefront.core.asking_gateways import told_of_dispute
from storefront.core.refunds import read_reversals
from storefront.core.taking_back import advance
from tests.shop.test_gateway_refunds import refund, refunded_there


async def disputed(shop, purchase, status="needs_response"):
    """Let the bank move a dispute, and wait until the shop has taken it in."""
    await shop.sandbox.dispute(purchase, status)
    await shop.quiet()
    return await shop.seen(purchase)


async def test_an_open_dispute_freezes_what_the_money_bought(shop):
    pack = await shop.bought("gems-500")
    assert (await disputed(shop, pack))["dispute"] == "open"
    wallet = (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]
    assert (wallet["balance"], wallet["available"]) == (500, 0)
    refused = await shop.buy("sword")
    assert (refused.status, refused.json["code"]) == (402, "insufficient_funds")
    assert shop.balance("platform:disputes:USD") == -499


async def test_a_dispute_that_is_won_gives_back_exactly_what_was_frozen(shop):
    pack = await shop.bought("gems-500")
    await disputed(shop, pack)
    assert (await disputed(shop, pack, "won"))["dispute"] == "won"
    assert (await shop.buy("sword")).status == 201
    assert shop.balance("platform:disputes:USD") == 0
    assert shop.balance("platform:revenue:USD") == 499


async def drink(shop, quantity):
    path = "/v1/microtransactions/inventory/potion/consume"
    answer = await shop.as_customer().post(path, {"quantity": quantity}, key=f"drink-{quantity}")
    assert answer.status == 200, answer


async def test_a_dispute_that_is_lost_takes_what_is_left_and_the_rest_is_owed(shop):
    pack = await shop.bought("gems-500")
    await shop.bought("potion", quantity=8)
    await drink(shop, 8)
    await disputed(shop, pack)
    assert (await disputed(shop, pack, "lost"))["dispute"] == "lost"
    assert shop.balance("customer:ada:gems") == 0
    assert shop.balance("platform:revenue:USD") == 0
    assert shop.balance("platform:disputes:USD") == 0
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [120]
    await shop.bought("gems-500")
    assert shop.balance("customer:ada:gems") == 380


async def test_what_the_disputed_gems_bought_and_nobody_used_is_given_up_for_them(shop):
    pack = await shop.bought("gems-500")
    sword = await shop.bought("sword")
    potions = await shop.bought("potion", quantity=2)
    await shop.bought("key")
    await drink(shop, 1)

    assert (await disputed(shop, pack, "lost"))["dispute"] == "lost"

    # 350 gems were left; sword (120) and key (40) are undone; one of two potions is drunk, so 30 gems are owed.
    assert shop.balance("customer:ada:gems") == 0
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [30]
    assert ((await shop.seen(sword))["refunded"], (await shop.seen(potions))["refunded"]) == ("full", "none")
    owned = {item["sku"]: item["quantity"] for item in (await shop.as_customer().get("/v1/me")).json["items"]}
    assert owned == {"potion": 1}
    assert (await shop.as_customer().get("/v1/entitlements/sword")).json["allowed"] is False


async def test_a_stolen_card_does_not_pay_a_debt_for_good(shop):
    first = await shop.bought("gems-500")
    await shop.bought("potion", quantity=8)
    await drink(shop, 8)
    await disputed(shop, first, "lost")
    second = await shop.bought("gems-500")
    assert shop.balance("customer:ada:gems") == 380

    await disputed(shop, second, "lost")

    assert shop.balance("customer:ada:gems") == 0
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [120]


@pytest.mark.parametrize("ending", ["won", "lost"])
async def test_a_dispute_that_was_won_and_is_opened_again_freezes_once_more(shop, ending):
    pack = await shop.bought("gems-500")
    await disputed(shop, pack)
    await disputed(shop, pack, "won")
    assert (await disputed(shop, pack, "under_review"))["dispute"] == "open"
    assert (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]["available"] == 0
    assert shop.balance("platform:disputes:USD") == -499
    await shop.sandbox.webhooks("drop")
    await shop.sandbox.dispute(pack, ending)
    await shop.advance("8h")
    await shop.quiet()
    assert (await shop.seen(pack))["dispute"] == ending
    is_won = ending == "won"
    assert (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]["available"] == (500 if is_won else 0)
    assert (shop.balance("platform:disputes:USD"), shop.balance("platform:revenue:USD")) == (0, 499 if is_won else 0)


async def test_a_lost_dispute_that_its_bank_looks_at_again_stays_lost_until_it_is_won(shop):
    pack = await shop.bought("gems-500")
    await disputed(shop, pack, "lost")
    assert (await disputed(shop, pack, "appeal_under_review"))["dispute"] == "lost"
    assert (shop.balance("customer:ada:gems"), shop.balance("platform:revenue:USD")) == (0, 0)
    assert (await disputed(shop, pack, "won"))["dispute"] == "won"
    assert (shop.balance("customer:ada:gems"), shop.balance("platform:revenue:USD")) == (500, 499)


async def test_an_answer_from_before_its_end_does_not_open_a_dispute_again(shop):
    pack = await shop.bought("gems-500")
    await disputed(shop, pack)
    services = shop.parts.services
    (before,) = await read_reversals(services.reader, pack["id"])
    old = told_of_dispute(await services.gateway("sandbox").look_up_dispute(before["gateway_ref"]))
    await disputed(shop, pack, "won")
    after, _ = await advance(services, before["id"], old, seen=before)
    assert (after["state"], shop.balance("platform:disputes:USD")) == ("won", 0)


async def test_a_lost_dispute_that_is_won_on_appeal_gives_everything_again(shop):
    pack = await shop.bought("gems-500")
    await disputed(shop, pack, "lost")
    assert shop.balance("customer:ada:gems") == 0
    assert (await disputed(shop, pack, "won"))["dispute"] == "won"
    assert shop.balance("customer:ada:gems") == 500
    assert shop.balance("platform:revenue:USD") == 499


@pytest.mark.parametrize("before", [("needs_response", "won"), ("won",), ("lost", "won"), ("lost", "won") * 2])
async def test_a_dispute_that_was_won_and_is_lost_after_all_takes_the_goods(shop, before):
    pack = await shop.bought("gems-500")
    for status in before:
        await disputed(shop, pack, status)
    assert (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]["available"] == 500
    assert (await disputed(shop, pack, "lost"))["dispute"] == "lost"
    assert shop.balance("customer:ada:gems") == 0
    assert shop.query("SELECT amount FROM debts WHERE amount > 0") == []
    assert shop.balance("platform:revenue:USD") == 0
    assert (await disputed(shop, pack, "won"))["dispute"] == "won"
    assert (shop.balance("customer:ada:gems"), shop.balance("platform:revenue:USD")) == (500, 499)


async def test_an_inquiry_that_becomes_a_dispute_takes_the_goods(shop):
    pack = await shop.bought("gems-500")
    assert (await disputed(shop, pack, "warning_needs_response"))["dispute"] == "none"
    assert (await disputed(shop, pack, "needs_response"))["dispute"] == "open"
    refused = await shop.buy("sword")
    assert (refused.status, refused.json["code"]) == (402, "insufficient_funds")
    assert (await disputed(shop, pack, "lost"))["dispute"] == "lost"
    assert (shop.balance("customer:ada:gems"), shop.balance("platform:revenue:USD")) == (0, 0)


async def test_an_inquiry_takes_nothing(shop):
    pack = await shop.bought("gems-500")
    assert (await disputed(shop, pack, "warning_needs_response"))["dispute"] == "none"
    assert (await shop.buy("sword")).status == 201
    assert (await disputed(shop, pack, "warning_closed"))["dispute"] == "none"


@pytest.mark.parametrize("ending", ["won", "lost"])
async def test_a_dispute_whose_webhooks_are_lost_is_found_in_the_gateways_books(shop, ending):
    pack = await shop.bought("gems-500")
    await shop.sandbox.webhooks("drop")
    await shop.sandbox.dispute(pack)
    await shop.sandbox.dispute(pack, ending)
    await shop.advance("2h")
    await shop.quiet()
    assert (await shop.seen(pack))["dispute"] == ending
    assert shop.balance("customer:ada:gems") == (500 if ending == "won" else 0)


async def test_an_early_warning_gives_the_money_back_before_it_is_disputed(shop):
    pack = await shop.bought("gems-500")
    await shop.sandbox.warn_of_fraud(pack)
    await shop.quiet()
    seen = await shop.seen(pack)
    assert (seen["refunded"], seen["dispute"]) == ("full", "none")
    assert await refunded_there(shop) == 499
    assert shop.balance("customer:ada:gems") == 0
    await shop.sandbox.webhooks("duplicate")
    await shop.quiet()
    assert await refunded_there(shop) == 499


async def test_a_refund_made_by_hand_at_the_gateway_is_taken_in(shop):
    pack = await shop.bought("gems-500")
    await shop.sandbox.refund_by_hand(pack)
    await shop.quiet()
    seen = await shop.seen(pack)
    assert (seen["refunded"], seen["refunds"][0]["state"]) == ("full", "completed")
    assert shop.balance("customer:ada:gems") == 0


async def test_a_refund_that_fails_at_last_gives_the_goods_again(shop):
    pack = await shop.bought("gems-500")
    made = await refund(shop, pack)
    assert shop.balance("customer:ada:gems") == 0
    there = (await shop.sandbox.books())["refunds"][0]["id"]
    await shop.sandbox.end_refund(there, "failed")
    await shop.quiet()
    seen = await shop.seen(pack)
    assert (seen["refunded"], seen["refunds"][0]["state"]) == ("none", "failed")
    assert made.json["state"] == "completed"
    assert shop.balance("customer:ada:gems") == 500
    assert shop.balance("platform:revenue:USD") == 499


async def test_a_dispute_after_a_part_was_refunded_takes_the_rest_once(shop):
    pack = await shop.bought("gems-500")
    assert (await refund(shop, pack, amount=200)).status == 201
    await disputed(shop, pack)
    await disputed(shop, pack, "lost")
    assert shop.balance("customer:ada:gems") == 0
    assert shop.balance("platform:revenue:USD") == 0
    seen = await shop.seen(pack)
    assert (seen["refunded"], seen["dispute"]) == ("part", "lost")
