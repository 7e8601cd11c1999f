"""A payment gateway that fails: the same key goes on, nobody is charged twice, nothing is swallowed."""

import asyncio

import pytest

from storefront.core import releasing
from storefront.core.purchasing import Status

CREATE = "POST /v1/checkout/sessions"
LOOK_UP = "GET /v1/checkout/sessions/*"


async def test_a_retry_after_a_lost_reply_charges_once(shop):
    await shop.sandbox.misbehave("lose_reply", CREATE, times=3)
    first = await shop.buy("gems-500", key="k1")
    assert (first.status, first.json["code"]) == (503, "gateway_unavailable")

    again = await shop.buy("gems-500", key="k1")
    assert (again.status, again.json["status"]) == (202, "pending")
    assert await shop.pay(again) == 303
    await shop.settled(again)

    assert len((await shop.sandbox.books())["sessions"]) == 1
    assert shop.query("SELECT id FROM purchases") == [{"id": again.json["id"]}]
    assert await shop.sandbox.charged() == [(again.json["id"], 499)]
    assert shop.balance("customer:ada:gems") == 500


@pytest.mark.parametrize(
    ("fault", "more"),
    [
        ("lose_reply", {}),
        ("lose_request", {}),
        ("status", {"status": 500}),
        ("status", {"status": 503, "after": True}),
        ("truncate", {}),
        ("rate_limit", {}),
    ],
)
async def test_one_fault_while_opening_is_not_seen_by_the_buyer(shop, fault, more):
    await shop.sandbox.misbehave(fault, CREATE, **more)
    answer = await shop.buy("gems-500", key="k1")
    if answer.status == 503:
        assert answer.json["code"] == "gateway_unavailable"
        answer = await shop.buy("gems-500", key="k1")
    assert answer.status == 202
    assert len((await shop.sandbox.books())["sessions"]) == 1
    assert shop.query("SELECT count(*) AS n FROM purchases") == [{"n": 1}]


async def test_an_answer_that_names_another_purchases_checkout_is_asked_for_again(shop):
    other = await shop.bought("gems-500", customer="bob")
    await shop.sandbox.misbehave("duplicate_id", CREATE)
    lost = await shop.buy("gems-500", key="k1")
    assert (lost.status, lost.json["code"]) == (503, "gateway_unavailable")

    again = await shop.buy("gems-500", key="k1")
    assert await shop.pay(again) == 303

    assert (await shop.settled(again))["status"] == "completed"
    assert await shop.sandbox.charged() == [(other["id"], 499), (again.json["id"], 499)]


async def test_a_buyer_who_never_retries_gets_a_checkout_that_expires(shop):
    await shop.sandbox.misbehave("lose_reply", CREATE, times=3)
    lost = await shop.buy("statue", key="k1")
    assert lost.status == 503
    assert (await shop.buy("statue", customer="bob")).json["code"] == "sold_out"

    await shop.advance("40m")

    assert shop.query("SELECT status FROM purchases") == [{"status": "expired"}]
    await shop.bought("statue", customer="bob")


async def test_a_webhook_that_comes_before_the_checkout_is_known_completes_it(shop):
    await shop.sandbox.misbehave("lose_reply", CREATE, times=3)
    assert (await shop.buy("gems-500", key="k1")).status == 503
    session = (await shop.sandbox.books())["sessions"][0]["id"]
    assert await shop.pay({"payment": {"redirect_url": f"{shop.url}/sandbox/pay/{session}"}}) == 303
    await shop.quiet()

    again = await shop.buy("gems-500", key="k1")

    assert (await shop.settled(again))["status"] == "completed"
    assert len(await shop.sandbox.charged()) == 1
    assert shop.balance("customer:ada:gems") == 500


@pytest.mark.parametrize(("fault", "times"), [("status", 4), ("rate_limit", 2), ("lose_reply", 1), ("truncate", 2)])
async def test_a_gateway_that_fails_when_asked_is_asked_again(shop, fault, times):
    purchase = await shop.buy("gems-500")
    await shop.sandbox.misbehave(fault, LOOK_UP, times=times)

    assert await shop.pay(purchase) == 303
    await shop.advance("5m")

    assert (await shop.settled(purchase))["status"] == "completed"
    assert shop.balance("customer:ada:gems") == 500
    assert await shop.sandbox.charged() == [(purchase.json["id"], 499)]


async def test_finalize_says_so_when_the_gateway_is_away_and_changes_nothing(shop):
    await shop.sandbox.webhooks("drop")
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase) == 303
    await shop.sandbox.misbehave("status", LOOK_UP, times=3, status=500)

    path = f"/v1/purchases/{purchase.json['id']}/finalize"
    away = await shop.as_customer("ada").post(path)
    there = await shop.as_customer("ada").post(path)

    assert (away.status, away.json["code"]) == (503, "gateway_unavailable")
    assert (there.status, there.json["status"]) == (200, "completed")


async def test_a_slow_gateway_keeps_nobody_else_waiting(shop):
    await shop.bought("gems-500", customer="bob")
    await shop.sandbox.misbehave("delay", CREATE, seconds=0.5)
    slow = asyncio.ensure_future(shop.buy("gems-500"))
    quick = await shop.buy("sword", customer="bob")
    assert quick.status == 201
    assert not slow.done()
    assert (await slow).status == 202


async def give_up(shop, purchase) -> None:
    """End a purchase while its checkout stays open, as a payment that was under way for long would find it."""
    await releasing.give_up(shop.parts.services, purchase.json["id"], Status.EXPIRED, reason="not_paid_in_time")


async def test_money_that_comes_after_the_shop_gave_up_still_buys(shop):
    purchase = await shop.buy("gems-500")
    await give_up(shop, purchase)

    assert await shop.pay(purchase) == 303
    await shop.quiet()

    assert (await shop.seen(purchase))["status"] == "completed"
    assert shop.balance("customer:ada:gems") == 500
    assert await shop.sandbox.charged() == [(purchase.json["id"], 499)]


async def test_late_money_for_what_is_sold_out_by_now_is_kept_as_owed(shop):
    late = await shop.buy("statue")
    await give_up(shop, late)
    await shop.bought("statue", customer="bob")

    assert await shop.pay(late) == 303
    await shop.quiet()

    assert (await shop.seen(late))["status"] == "paid"
    assert shop.balance("customer:ada:unapplied:USD") == 2500
    assert shop.balance("platform:revenue:USD") == 2500
    assert [row["kind"] for row in shop.query("SELECT kind FROM alarms")] == ["goods_owed"]
    await shop.advance("1h")
    assert shop.query("SELECT quantity FROM items") == [{"quantity": 1}]


async def test_a_webhook_during_an_older_look_up_is_not_lost(shop):
    purchase = await shop.buy("gems-500")
    await shop.sandbox.misbehave("delay", LOOK_UP, seconds=0.4, after=True)
    path = f"/v1/purchases/{purchase.json['id']}/finalize"
    early = asyncio.ensure_future(shop.as_customer("ada").post(path))
    for _ in range(1000):  # until the look-up is under way
        if purchase.json["id"] in shop.parts.services.settlements:
            break
        await asyncio.sleep(0)

    assert await shop.pay(purchase) == 303

    assert (await early).status == 200
    assert (await shop.settled(purchase))["status"] == "completed"
