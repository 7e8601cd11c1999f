"""A dispute that is lost while a hold pins what the money bought: what comes back later is not free."""

import asyncio

import pytest

from storefront.core.commit.job_rows import hold_job_id
from storefront.core.commit.plan import Plan, Remove
from tests.shop.test_disputes import disputed
from tests.shop.test_gateway_refunds import refund
from tests.shop.test_holds import act, hold


async def seen(shop):
    """Ada's wallet: (balance, available, held, owed)."""
    wallet = (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]
    return wallet["balance"], wallet["available"], wallet["held"], wallet["owed"]


async def gift(shop, amount):
    body = {"customer": "ada", "asset": "gems", "amount": amount, "reason": "a prize"}
    answer = await shop.as_server().post("/v1/grants", body, key=f"gift-{amount}")
    assert answer.status == 201, answer


@pytest.fixture
async def lost(shop):
    """Ada bids 400 of her 500 gems, and her payment is disputed and lost: 100 are taken, 400 owed. Answers the hold."""
    pack = await shop.bought("gems-500")
    held = await hold(shop, 400)
    await disputed(shop, pack)
    await disputed(shop, pack, "lost")
    assert await seen(shop) == (400, 0, 400, 400)
    return pack, held


async def ended(shop, held, way):
    if way == "over":
        await shop.advance("10m")
        await shop.quiet()
        return
    verb = "release" if way == "released" else "capture"
    answer = await act(shop, held, verb, {"amount": 150} if verb == "capture" else None)
    assert answer.status == 200, answer
    assert answer.json["customer"]["changed"]["wallets"] == (await shop.as_customer().get("/v1/me")).json["wallets"]


@pytest.mark.parametrize("way", ["released", "over", "captured in part"])
async def test_what_the_hold_gives_back_pays_what_is_owed(shop, lost, way):
    _, held = lost

    await ended(shop, held, way)

    assert await seen(shop) == (0, 0, 0, 150 if way == "captured in part" else 0)
    refused = await shop.buy("potion")
    assert (refused.status, refused.json["code"]) == (402, "insufficient_funds")
    assert shop.balance("platform:sink:gems") == (150 if way == "captured in part" else 0)


async def test_a_dispute_that_is_lost_at_once_waits_for_the_hold_too(shop):
    pack = await shop.bought("gems-500")
    held = await hold(shop, 400)
    assert (await disputed(shop, pack, "lost"))["dispute"] == "lost"
    assert await seen(shop) == (400, 0, 400, 400)
    await ended(shop, held, "captured in part")
    assert await seen(shop) == (0, 0, 0, 150)


async def test_what_a_refund_let_them_owe_is_paid_by_the_hold(shop):
    """Nothing is taken twice, and gifts are left alone."""
    pack = await shop.bought("gems-500")
    held = await hold(shop, 400)
    await gift(shop, 50)
    assert (await refund(shop, pack, strategy="debt")).status == 201
    assert await seen(shop) == (450, 50, 400, 400)
    await ended(shop, held, "released")
    assert await seen(shop) == (50, 50, 0, 0)


async def test_what_a_refund_wrote_off_stays_with_them(shop):
    pack = await shop.bought("gems-500")
    held = await hold(shop, 400)
    assert (await refund(shop, pack, strategy="floor")).status == 201
    assert await seen(shop) == (400, 0, 400, 0)
    await ended(shop, held, "released")
    assert await seen(shop) == (400, 400, 0, 0)


async def test_a_hold_that_is_over_shows_what_its_end_will_take(shop, lost):
    _, held = lost
    [ada] = [row["id"] for row in shop.query("SELECT id FROM customers WHERE external_id = 'ada'")]
    plan = Plan(actor="test", anchors={ada})
    plan.add(Remove("jobs", (hold_job_id(held.json["id"]),), ada))
    await shop.parts.services.engine.commit(plan)

    await shop.advance("10m")

    assert shop.query("SELECT amount FROM debts") == [{"amount": 400}]
    assert await seen(shop) == (0, 0, 0, 0)
    refused = await shop.buy("potion")
    assert (refused.status, refused.json["code"], refused.json["available"]) == (402, "insufficient_funds", 0)
    await gift(shop, 500)
    assert await seen(shop) == (500, 500, 0, 0)
    assert (await shop.buy("potion")).status == 201
    assert await seen(shop) == (485, 485, 0, 0)


@pytest.mark.parametrize("way", ["pinned", "released", "over", "captured in part"])
async def test_won_on_appeal_all_of_it_is_given_back_exactly(shop, lost, way):
    pack, held = lost
    if way != "pinned":
        await ended(shop, held, way)

    assert (await disputed(shop, pack, "won"))["dispute"] == "won"

    if way == "pinned":
        assert await seen(shop) == (500, 100, 400, 0)
        await ended(shop, held, "released")
    left = 350 if way == "captured in part" else 500
    assert await seen(shop) == (left, left, 0, 0)
    await disputed(shop, pack, "lost")
    assert await seen(shop) == (0, 0, 0, 500 - left)
    await disputed(shop, pack, "won")
    assert await seen(shop) == (left, left, 0, 0)


async def test_won_and_released_at_once_nothing_is_lost_or_doubled(shop, lost):
    pack, held = lost
    _, released = await asyncio.gather(shop.sandbox.dispute(pack, "won"), act(shop, held, "release"))
    assert released.status == 200, released
    await shop.quiet()
    assert await seen(shop) == (500, 500, 0, 0)


async def test_what_a_gift_has_paid_is_not_taken_again(shop, lost):
    pack, held = lost
    await gift(shop, 300)
    assert await seen(shop) == (400, 0, 400, 100)
    await ended(shop, held, "released")
    assert await seen(shop) == (300, 300, 0, 0)
    await disputed(shop, pack, "won")
    assert await seen(shop) == (800, 800, 0, 0)
