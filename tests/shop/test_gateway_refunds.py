"""Refunds of what a gateway was paid: money goes back through it, goods come back, whatever happens on the way."""

import asyncio

from storefront.core.ids import new_id


async def refund(shop, purchase, *, key=None, **more):
    path = f"/v1/purchases/{purchase['id']}/refunds"
    return await shop.as_server().post(path, {"reason": "asked for", **more}, key=key or new_id("key"))


async def refunded_there(shop):
    """Return what the gateway's own books say was given back."""
    return sum(one["amount"] for one in (await shop.sandbox.books())["refunds"] if one["status"] == "succeeded")


async def test_a_whole_refund_gives_the_money_back_and_takes_the_gems(shop):
    pack = await shop.bought("gems-500")

    made = await refund(shop, pack)

    assert (made.status, made.json["state"], made.json["amount"]["amount"]) == (201, "completed", 499)
    told = {"asset": "gems", "source": "purchased", "demanded": 500, "taken": 500, "written_off": 0, "owed": 0}
    assert made.json["taken_back"]["credits"] == [told]
    assert await refunded_there(shop) == 499
    assert shop.balance("customer:ada:gems") == 0
    assert shop.balance("platform:revenue:USD") == 0
    seen = await shop.seen(pack)
    assert (seen["status"], seen["refunded"], seen["payment"]["state"]) == ("completed", "full", "refunded")


async def test_a_retry_of_the_same_refund_gives_the_money_back_once(shop):
    pack = await shop.bought("gems-500")
    first = await refund(shop, pack, key="once")
    again = await refund(shop, pack, key="once")
    assert (first.status, again.status) == (201, 201)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    assert await refunded_there(shop) == 499


async def test_a_lost_reply_gives_the_money_back_once(shop):
    pack = await shop.bought("gems-500")
    await shop.sandbox.webhooks("drop")
    await shop.sandbox.misbehave("lose_reply", "POST /v1/refunds", times=9)

    lost = await refund(shop, pack, key="once")
    assert (lost.status, lost.json["code"]) == (503, "gateway_unavailable")
    (row,) = shop.query("SELECT state FROM reversals")
    # On a slow machine the shop may have asked the gateway by itself before we look.
    assert (row["state"], shop.balance("customer:ada:gems")) in (("pending", 500), ("completed", 0))
    spending = await shop.buy("sword")
    assert (spending.status, spending.json["code"]) == (402, "insufficient_funds"), "what is set aside is not spent"

    await shop.sandbox.misbehave("lose_reply", "POST /v1/refunds", clear=True)
    await shop.sandbox.webhooks("normal")
    again = await refund(shop, pack, key="once")
    assert (again.status, again.json["state"]) == (201, "completed")
    assert await refunded_there(shop) == 499
    assert shop.balance("customer:ada:gems") == 0


async def test_a_retry_after_the_webhook_has_told_the_end_answers_how_it_ended(shop):
    pack = await shop.bought("gems-500")
    await shop.sandbox.misbehave("lose_reply", "POST /v1/refunds", times=9)
    lost = await refund(shop, pack, key="once")
    await shop.until(lambda: shop.query("SELECT 1 AS n FROM reversals WHERE state = 'completed'"))

    again = await refund(shop, pack, key="once")
    third = await refund(shop, pack, key="once")

    assert (lost.status, again.status, again.json["state"]) == (503, 201, "completed")
    assert again.json["taken_back"]["credits"][0]["taken"] == 500
    assert (third.status, third.json) == (201, again.json)
    assert await refunded_there(shop) == 499


async def test_a_refund_in_parts_takes_goods_with_the_last_one(shop):
    pack = await shop.bought("gems-500")
    part = await refund(shop, pack, amount=200)
    assert (part.json["quantity"], part.json["taken_back"]["credits"]) == (0, [])
    assert (await shop.seen(pack))["refunded"] == "part"
    rest = await refund(shop, pack)
    assert (rest.json["amount"]["amount"], rest.json["quantity"]) == (299, 1)
    assert await refunded_there(shop) == 499
    assert shop.balance("customer:ada:gems") == 0
    too_much = await refund(shop, pack)
    assert (too_much.status, too_much.json["code"]) == (409, "already_refunded")


async def test_many_refunds_at_once_never_give_back_more_than_was_paid(shop):
    pack = await shop.bought("gems-500")
    answers = await asyncio.gather(*(refund(shop, pack, amount=200) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201, 201] + [409] * 6
    assert await refunded_there(shop) == 400


async def test_spent_goods_refuse_unless_they_are_written_off_or_owed(shop):
    pack = await shop.bought("gems-500")
    await shop.bought("sword")
    refused = await refund(shop, pack)
    assert (refused.status, refused.json["code"]) == (409, "goods_used")
    assert await refunded_there(shop) == 0

    owed = await refund(shop, pack, strategy="debt")
    assert owed.json["taken_back"]["credits"][0]["taken"] == 380
    assert owed.json["taken_back"]["credits"][0]["owed"] == 120
    assert shop.balance("customer:ada:gems") == 0
    await shop.bought("gems-500")
    assert shop.balance("customer:ada:gems") == 380


async def test_a_refund_that_the_gateway_refuses_leaves_everything_as_it_was(shop):
    pack = await shop.bought("gems-500")
    await shop.sandbox.misbehave("status", "POST /v1/refunds", times=9, status=400)
    failed = await refund(shop, pack)
    assert (failed.status, failed.json["code"]) == (409, "refund_failed")
    await shop.quiet()
    assert shop.balance("customer:ada:gems") == 500
    assert (await shop.buy("sword")).status == 201
    assert (await shop.seen(pack))["refunded"] == "none"


async def test_a_dry_run_asks_the_gateway_nothing(shop):
    pack = await shop.bought("gems-500")
    await shop.quiet()
    before = shop.rows()
    shown = await refund(shop, pack, dry_run=True)
    assert (shown.status, shown.json["amount"]["amount"], shown.json["dry_run"]) == (200, 499, True)
    assert shop.rows() == before
    assert await refunded_there(shop) == 0
