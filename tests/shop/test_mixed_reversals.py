"""Several reversals of one purchase, in any order and ending: goods go back once, and stay only while money does."""

import pytest

from tests.shop.test_disputes import disputed, drink
from tests.shop.test_gateway_refunds import refund

SLOW_TO_REFUND = "4000 0000 0000 7726"


def gems(shop):
    return shop.balance("customer:ada:gems")


async def fail_refund(shop, number=0):
    """Let the bank send a refund back, whatever it was called before."""
    await shop.sandbox.end_refund((await shop.sandbox.books())["refunds"][number]["id"], "failed")
    await shop.quiet()


async def pay_slowly(shop, sku="gems-500"):
    answer = await shop.buy(sku)
    assert await shop.pay(answer, SLOW_TO_REFUND) == 303
    return await shop.settled(answer)


@pytest.mark.parametrize("then", ["refund", "dispute", "warning"])
async def test_goods_that_were_given_again_are_taken_again(shop, then):
    pack = await shop.bought("gems-500")
    await refund(shop, pack)
    await fail_refund(shop)
    assert gems(shop) == 500

    if then == "refund":
        assert (await refund(shop, pack)).json["taken_back"]["credits"][0]["taken"] == 500
    elif then == "dispute":
        await disputed(shop, pack, "lost")
    else:
        await shop.sandbox.warn_of_fraud(pack)
        await shop.quiet()

    assert gems(shop) == 0
    assert shop.balance("platform:revenue:USD") == 0


async def test_a_dispute_that_was_won_on_appeal_does_not_shield_from_a_refund(shop):
    pack = await shop.bought("gems-500")
    await disputed(shop, pack, "lost")
    await disputed(shop, pack, "won")
    assert (await refund(shop, pack)).status == 201
    assert gems(shop) == 0


async def test_goods_that_a_failed_refund_frees_go_to_the_dispute_that_stands(shop):
    pack = await pay_slowly(shop)
    assert (await refund(shop, pack)).status == 202
    await disputed(shop, pack)
    await fail_refund(shop)
    wallet = (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]
    assert (wallet["balance"], wallet["available"]) == (500, 0)
    await disputed(shop, pack, "lost")
    assert gems(shop) == 0


async def test_a_refund_that_fails_after_the_dispute_was_lost_gives_nothing_again(shop):
    pack = await shop.bought("gems-500")
    await refund(shop, pack)
    await disputed(shop, pack, "lost")
    await fail_refund(shop)
    assert gems(shop) == 0


async def test_a_refund_by_hand_takes_over_from_ours_that_then_fails(shop):
    pack = await shop.bought("gems-500")
    await shop.sandbox.misbehave("status", "POST /v1/refunds", times=99, status=500)
    assert (await refund(shop, pack)).status == 503
    await shop.sandbox.order("misbehave", clear=True)
    await shop.sandbox.refund_by_hand(pack)
    await shop.quiet()
    await shop.advance("2h")
    await shop.quiet()
    assert gems(shop) == 0
    assert (await shop.seen(pack))["refunded"] == "full"
    assert shop.balance("platform:revenue:USD") == 0
    assert shop.balance("platform:losses:USD") == 0


async def test_a_won_appeal_strikes_off_what_was_owed(shop):
    pack = await shop.bought("gems-500")
    await shop.bought("potion", quantity=8)
    await drink(shop, 8)
    await disputed(shop, pack, "lost")
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [120]
    await disputed(shop, pack, "won")
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [0]
    assert gems(shop) == 380


async def test_a_won_appeal_gives_again_what_had_only_paid_debts(shop):
    first, second = await shop.bought("gems-500"), await shop.bought("gems-500")
    await shop.bought("potion", quantity=66)
    await drink(shop, 66)
    await disputed(shop, first, "lost")
    await disputed(shop, second, "lost")
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [990]
    third = await shop.bought("gems-500")  # of it nothing reaches the wallet
    await disputed(shop, third, "lost")
    await shop.bought("gems-500")
    await shop.bought("gems-500")
    assert ([row["amount"] for row in shop.query("SELECT amount FROM debts")], gems(shop)) == ([0], 10)

    assert (await disputed(shop, third, "won"))["dispute"] == "won"

    assert gems(shop) == 510
    lots = shop.query("SELECT cost_amount, cost_currency, payment FROM lots WHERE remaining = 500")
    paid = shop.query("SELECT id FROM payments WHERE purchase_id = ?", third["id"])
    assert [tuple(lot.values()) for lot in lots] == [(499, "USD", paid[0]["id"])]


async def test_items_that_are_given_again_leave_the_books_in_order(shop):
    chest = await shop.bought("chest")
    await refund(shop, chest)
    await fail_refund(shop)
    assert [row["quantity"] for row in shop.query("SELECT quantity FROM items")] == [1]
    assert (await refund(shop, chest)).status == 201
    assert [row["quantity"] for row in shop.query("SELECT quantity FROM items")] == [0]


async def test_a_dispute_for_nearly_everything_takes_it_all(shop):
    pack = await shop.bought("gems-500")
    await shop.sandbox.dispute(pack, amount=498)
    await shop.sandbox.dispute(pack, "lost")
    await shop.quiet()
    assert gems(shop) == 0


async def owed_chest(shop):
    """Two chests are paid, one can be owned: the other one's goods are owed."""
    answers = [await shop.buy("chest") for _ in range(2)]
    for answer in answers:
        assert await shop.pay(answer, SLOW_TO_REFUND) == 303
    seen = [await shop.settled(answer) for answer in answers]
    return (next(one for one in seen if one["status"] == status) for status in ("completed", "paid"))


async def test_goods_are_not_given_for_money_that_may_go_back(shop):
    given, owed = await owed_chest(shop)
    assert (await refund(shop, owed)).status == 202
    assert (await refund(shop, given)).status == 202
    for number in (0, 1):
        await shop.sandbox.end_refund((await shop.sandbox.books())["refunds"][number]["id"], "succeeded")
    await shop.quiet()
    await shop.advance("1h")
    assert [row["quantity"] for row in shop.query("SELECT quantity FROM items")] == [0]
    assert (await shop.seen(owed))["status"] == "canceled"


async def test_a_refund_of_owed_goods_that_fails_owes_them_again(shop):
    _, owed = await owed_chest(shop)
    await refund(shop, owed)
    await shop.sandbox.end_refund((await shop.sandbox.books())["refunds"][0]["id"], "succeeded")
    await shop.quiet()
    assert (await shop.seen(owed))["status"] == "canceled"
    await fail_refund(shop)
    seen = await shop.seen(owed)
    assert (seen["status"], seen["refunded"]) == ("paid", "none")
    customer = shop.query("SELECT id FROM customers WHERE external_id = 'ada'")[0]["id"]
    assert shop.balance(f"customer:{customer}:unapplied:USD") in (0, 1499)
    assert (await shop.as_customer().post(f"/v1/purchases/{owed['id']}/finalize")).status == 200


async def test_money_of_owed_goods_is_refunded_in_parts_and_asks_for_no_goods(shop):
    _, owed = await owed_chest(shop)
    part = await refund(shop, owed, amount=500)
    assert (part.status, part.json["quantity"]) == (202, 0)
    rest = await refund(shop, owed)
    assert rest.json["amount"]["amount"] == 999
    again = await refund(shop, owed)
    assert (again.status, again.json["code"]) == (409, "already_refunded")


async def test_a_charge_whose_answer_was_lost_is_not_canceled_away(shop):
    saved = await shop.buy("gems-500", save_payment_method=True)
    assert await shop.pay(saved) == 303
    await shop.settled(saved)
    method = (await shop.as_customer().get("/v1/payment-methods")).json["data"][0]
    await shop.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", times=9)
    lost = await shop.buy("gems-1200", payment_method=method["id"], key="lost")
    assert lost.status == 503
    await shop.sandbox.order("misbehave", clear=True)
    purchase_id = shop.query("SELECT id FROM purchases WHERE sku = 'gems-1200'")[0]["id"]

    canceled = await shop.as_customer().post(f"/v1/purchases/{purchase_id}/cancel")

    assert (canceled.status, canceled.json["status"]) == (200, "completed")
    assert gems(shop) == 1700


async def test_a_method_that_was_forgotten_before_its_charge_holds_up_nothing(shop):
    saved = await shop.buy("gems-500", save_payment_method=True)
    assert await shop.pay(saved) == 303
    await shop.settled(saved)
    method = (await shop.as_customer().get("/v1/payment-methods")).json["data"][0]
    await shop.sandbox.misbehave("lose_request", "POST /v1/payment_intents", times=9)
    assert (await shop.buy("statue", payment_method=method["id"])).status == 503
    await shop.sandbox.order("misbehave", clear=True)
    assert (await shop.as_customer().delete(f"/v1/payment-methods/{method['id']}")).status == 204
    await shop.advance("2h")
    assert (await shop.buy("statue", customer="bob")).status == 202
