"""Payments that go as they mostly go: declined, confirmed, abandoned, canceled, with webhooks early, late or lost."""

import asyncio

import pytest


async def test_a_declined_card_is_followed_by_one_that_works(shop):
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase, card="4000 0000 0000 0002") == 402
    await shop.quiet()
    assert (await shop.seen(purchase))["status"] == "pending"
    assert shop.balance("customer:ada:gems") == 0

    assert await shop.pay(purchase) == 303
    assert (await shop.settled(purchase))["status"] == "completed"
    assert shop.balance("customer:ada:gems") == 500
    assert await shop.sandbox.charged() == [(purchase.json["id"], 499)]


async def test_a_declined_and_abandoned_purchase_expires_and_frees_its_stock(shop):
    purchase = await shop.buy("statue")
    assert await shop.pay(purchase, card="4000 0000 0000 0002") == 402
    taken = await shop.buy("statue", customer="bob")
    assert (taken.status, taken.json["code"]) == (409, "sold_out")

    await shop.advance("36m")

    over = await shop.seen(purchase)
    assert (over["status"], over["payment"]["state"]) == ("expired", "voided")
    assert over["payment"]["redirect_url"] is None
    assert await shop.pay(purchase) == 410
    await shop.bought("statue", customer="bob")
    assert len(await shop.sandbox.charged()) == 1
    assert shop.balance("platform:revenue:USD") == 2500


async def test_nobody_pays_for_an_abandoned_checkout_after_it_expired(shop):
    purchase = await shop.buy("gems-500")
    await shop.sandbox.webhooks("drop")
    await shop.advance("36m")
    assert (await shop.seen(purchase))["status"] == "expired"
    assert await shop.pay(purchase) == 410
    assert await shop.sandbox.charged() == []


async def test_3d_secure_failed_then_passed_charges_once(shop):
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase, card="4000 0025 0000 3155", challenge="fail") == 402
    await shop.quiet()
    assert (await shop.seen(purchase))["status"] == "pending"
    assert shop.balance("customer:ada:gems") == 0

    assert await shop.pay(purchase, card="4000 0025 0000 3155", challenge="pass") == 303
    assert (await shop.settled(purchase))["status"] == "completed"
    assert shop.balance("customer:ada:gems") == 500
    assert await shop.sandbox.charged() == [(purchase.json["id"], 499)]


async def test_a_question_of_the_bank_left_open_gives_nothing(shop):
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase, card="4000 0025 0000 3155") == 200
    await shop.quiet()
    finalized = await shop.as_customer("ada").post(f"/v1/purchases/{purchase.json['id']}/finalize")
    assert (finalized.status, finalized.json["status"]) == (200, "pending")
    assert shop.balance("customer:ada:gems") == 0


async def test_finalize_completes_when_the_webhook_is_lost(shop):
    await shop.sandbox.webhooks("drop")
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase) == 303
    assert (await shop.seen(purchase))["status"] == "pending"

    path = f"/v1/purchases/{purchase.json['id']}/finalize"
    finalized = await shop.as_customer("ada").post(path)
    again = await shop.as_customer("ada").post(path)

    assert (finalized.status, finalized.json["status"]) == (200, "completed")
    assert again.json == finalized.json
    assert shop.balance("customer:ada:gems") == 500


async def test_the_sweep_completes_when_the_webhook_is_lost(shop):
    await shop.sandbox.webhooks("drop")
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase) == 303

    await shop.advance("2m")

    assert (await shop.seen(purchase))["status"] == "completed"
    assert shop.balance("customer:ada:gems") == 500


async def test_a_webhook_may_come_before_the_page_has_answered(shop):
    await shop.sandbox.webhooks("before_reply")
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase) == 303
    assert (await shop.settled(purchase))["status"] == "completed"
    assert shop.balance("customer:ada:gems") == 500


@pytest.mark.parametrize("order", ["as_created", "reversed", "shuffled"])
async def test_every_webhook_five_times_in_any_order_gives_once(shop, order):
    await shop.sandbox.webhooks("hold")
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase) == 303

    receipts = await shop.sandbox.release(order, copies=5)
    await shop.quiet()

    assert {receipt["answer"] for receipt in receipts} == {"200"}
    types = [receipt["type"] for receipt in receipts]
    assert types.count("checkout.session.completed") == 5
    assert (await shop.seen(purchase))["status"] == "completed"
    assert shop.balance("customer:ada:gems") == 500
    assert shop.balance("platform:revenue:USD") == 499
    states = shop.query("SELECT DISTINCT state FROM inbox ORDER BY state")
    assert states in ([{"state": "processed"}], [{"state": "ignored"}, {"state": "processed"}])
    assert shop.query("SELECT count(*) AS n FROM inbox") == [{"n": len(set(types))}]


async def test_webhook_finalize_and_sweep_at_once_settle_once(shop):
    await shop.sandbox.webhooks("hold")
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase) == 303

    path = f"/v1/purchases/{purchase.json['id']}/finalize"
    finalized = [shop.as_customer("ada").post(path) for _ in range(8)]
    answers = await asyncio.gather(*finalized, shop.sandbox.release(copies=3), shop.advance("2m"))
    await shop.quiet()

    assert {answer.json["status"] for answer in answers[:8]} == {"completed"}
    assert shop.balance("customer:ada:gems") == 500
    settled = shop.query("SELECT type FROM events WHERE subject = ?", purchase.json["id"])
    assert [event["type"] for event in settled] == ["purchase.pending", "purchase.completed"]
    assert await shop.sandbox.charged() == [(purchase.json["id"], 499)]


async def test_cancel_closes_the_checkout_and_frees_its_stock(shop):
    purchase = await shop.buy("statue")
    path = f"/v1/purchases/{purchase.json['id']}/cancel"
    canceled = await shop.as_customer("ada").post(path)
    again = await shop.as_customer("ada").post(path)

    assert (canceled.status, canceled.json["status"]) == (200, "canceled")
    assert again.json == canceled.json
    assert await shop.pay(purchase) == 410
    assert (await shop.buy("statue", customer="bob")).status == 202


async def test_the_buyer_canceled_also_if_the_webhook_is_faster_than_the_reply(shop):
    purchase = await shop.buy("statue")
    await shop.sandbox.misbehave("delay", "POST /v1/checkout/sessions/*/expire", seconds=2, after=True)
    asking = asyncio.create_task(shop.as_customer("ada").post(f"/v1/purchases/{purchase.json['id']}/cancel"))

    await shop.until(lambda: shop.query("SELECT 1 FROM purchases WHERE status = 'canceled'"))
    assert (await asking).json["status"] == "canceled"

    assert shop.query("SELECT reason FROM purchases") == [{"reason": "canceled_by_buyer"}]


async def test_cancel_after_the_buyer_has_paid_completes(shop):
    await shop.sandbox.webhooks("drop")
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase) == 303
    answer = await shop.as_customer("ada").post(f"/v1/purchases/{purchase.json['id']}/cancel")
    assert (answer.status, answer.json["status"]) == (200, "completed")
    assert shop.balance("customer:ada:gems") == 500


@pytest.mark.parametrize("_", range(3))
async def test_cancel_and_pay_at_once_end_in_one_of_the_two(shop, _):
    purchase = await shop.buy("gems-500")
    cancel = shop.as_customer("ada").post(f"/v1/purchases/{purchase.json['id']}/cancel")

    status, canceled = await asyncio.gather(shop.pay(purchase), cancel)
    await shop.quiet()

    seen = await shop.seen(purchase)
    charged = await shop.sandbox.charged()
    assert canceled.status == 200
    if status == 303:
        assert (seen["status"], charged) == ("completed", [(purchase.json["id"], 499)])
        assert shop.balance("customer:ada:gems") == 500
    else:
        assert (seen["status"], charged) == ("canceled", [])
        assert shop.balance("customer:ada:gems") == 0


async def test_a_purchase_completed_is_not_canceled_any_more(shop):
    purchase = await shop.bought("gems-500")
    answer = await shop.as_customer("ada").post(f"/v1/purchases/{purchase['id']}/cancel")
    assert (answer.status, answer.json["status"]) == (200, "completed")
    assert shop.balance("customer:ada:gems") == 500
