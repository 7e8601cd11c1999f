"""Goods that one reversal of a purchase frees while another stands: who claims them, and who gets them back."""

import pytest

from storefront.core import taking_back
from storefront.testing import TINY_SHOP, running_shop
from tests.shop.test_disputes import disputed, drink
from tests.shop.test_gateway_refunds import refund
from tests.shop.test_mixed_reversals import SLOW_TO_REFUND, fail_refund

CHARMS = (
    TINY_SHOP.replace("chapters: {title: May read on}", "chapters: {title: May read on}, luck: {title: Luck}")
    + """
  charm: {kind: item, type: consumable, max_count: 99, title: Charm, prices: {USD: 200}, grants: [luck]}
  box: {kind: bundle, title: Box, prices: {USD: 1000}, contents: [
         {sku: charm, quantity: 2, worth: {USD: 200}}, {sku: chest, worth: {USD: 600}}]}
"""
)


@pytest.fixture
async def shop(data_folder, database_url):
    async with running_shop(data_folder, CHARMS, database=database_url) as running:
        yield running


async def refund_that_waits(shop, purchase, **what):
    """Ask for a refund that the gateway does not take, so that it waits."""
    await shop.sandbox.misbehave("status", "POST /v1/refunds", times=99, status=500)
    assert (await refund(shop, purchase, **what)).status == 503
    await shop.quiet()


async def let_it_fail(shop):
    """Let the gateway answer again, that the charge is disputed."""
    await shop.sandbox.order("misbehave", clear=True)
    await shop.advance("2h")
    await shop.quiet()


async def owned(shop):
    """Return ``sku -> quantity`` of what the customer owns, and whether the charms' right allows."""
    me = (await shop.as_customer().get("/v1/me")).json
    right = (await shop.as_customer().get("/v1/entitlements/luck")).json["allowed"]
    return {one["sku"]: one["quantity"] for one in me["items"]}, right


async def charms_disputed(shop, count=2, waiting=1, **more):
    """Buy charms, let refunds of one each wait, and let the bank dispute all of the payment, or ``amount`` of it."""
    charms = await shop.bought("charm", quantity=count)
    for _ in range(waiting):
        await refund_that_waits(shop, charms, quantity=1)
    await shop.sandbox.dispute(charms, **more)
    await shop.quiet()
    return charms


@pytest.mark.parametrize(("ending", "left"), [("lost", ({}, False)), ("won", ({"charm": 2}, True))])
async def test_a_dispute_about_all_claims_also_the_unit_that_a_failed_refund_frees(shop, ending, left):
    charms = await charms_disputed(shop)
    await let_it_fail(shop)
    assert await owned(shop) == ({"charm": 2}, False)
    await disputed(shop, charms, ending)
    await shop.advance("10m")  # so that the audit takes no claim for one that is still to come
    assert await owned(shop) == left
    assert shop.balance("platform:revenue:USD") == (0 if ending == "lost" else 400)


async def test_a_dispute_that_is_lost_before_the_refund_fails_takes_the_unit_as_soon_as_it_is_free(shop):
    charms = await charms_disputed(shop)
    await disputed(shop, charms, "lost")
    assert await owned(shop) == ({"charm": 1}, False)
    await let_it_fail(shop)
    assert await owned(shop) == ({}, False)
    await disputed(shop, charms, "won")
    assert await owned(shop) == ({"charm": 2}, True)
    await disputed(shop, charms, "lost")
    assert await owned(shop) == ({}, False)


async def test_a_dispute_that_was_won_and_is_opened_again_claims_all_that_is_free(shop):
    charms = await charms_disputed(shop)
    await disputed(shop, charms, "won")
    await disputed(shop, charms, "under_review")
    await let_it_fail(shop)
    await disputed(shop, charms, "lost")
    assert await owned(shop) == ({}, False)


@pytest.mark.parametrize("is_lost_first", [False, True])
async def test_a_dispute_about_one_unit_leaves_the_other_and_its_right_when_its_refund_fails(shop, is_lost_first):
    charms = await charms_disputed(shop, amount=200)
    if is_lost_first:
        await disputed(shop, charms, "lost")
    await let_it_fail(shop)
    await disputed(shop, charms, "lost")
    assert await owned(shop) == ({"charm": 1}, True)
    await disputed(shop, charms, "won")
    assert await owned(shop) == ({"charm": 2}, True)
    assert (await refund(shop, charms)).json["quantity"] == 2
    assert await owned(shop) == ({}, False)


async def test_a_dispute_claims_what_several_failed_refunds_free(shop):
    charms = await charms_disputed(shop, count=3, waiting=2)
    await let_it_fail(shop)
    await disputed(shop, charms, "lost")
    assert await owned(shop) == ({}, False)
    (told,) = shop.query("SELECT taken_back FROM reversals WHERE cause = 'dispute'")
    assert '"sku":"charm","demanded":3,"taken":3' in told["taken_back"]


@pytest.mark.parametrize("is_lost_first", [False, True])
async def test_what_a_completed_refund_gives_again_is_claimed_by_the_dispute(shop, is_lost_first):
    bought = await shop.buy("charm", quantity=2)
    assert await shop.pay(bought, SLOW_TO_REFUND) == 303
    charms = await shop.settled(bought)
    assert (await refund(shop, charms, quantity=1)).status == 202
    await shop.sandbox.dispute(charms, amount=400)
    await shop.quiet()
    (there,) = (await shop.sandbox.books())["refunds"]
    await shop.sandbox.end_refund(there["id"], "succeeded")
    await shop.quiet()
    assert await owned(shop) == ({"charm": 1}, False)
    if is_lost_first:
        await disputed(shop, charms, "lost")
    await fail_refund(shop)
    await disputed(shop, charms, "lost")
    assert await owned(shop) == ({}, False)


@pytest.mark.parametrize("is_lost_first", [False, True])
async def test_what_is_used_before_it_is_claimed_is_owed_until_the_dispute_is_won(shop, monkeypatch, is_lost_first):
    packs = await shop.bought("gems-500", quantity=2)
    await refund_that_waits(shop, packs, quantity=1)
    await shop.sandbox.dispute(packs)
    await shop.quiet()
    if is_lost_first:
        await disputed(shop, packs, "lost")
    real = taking_back.claim_freed

    async def drinks_first(*arguments):
        monkeypatch.undo()
        await shop.bought("potion", quantity=8)
        await drink(shop, 8)
        await real(*arguments)

    monkeypatch.setattr(taking_back, "claim_freed", drinks_first)
    await let_it_fail(shop)
    await disputed(shop, packs, "lost")
    assert shop.balance("customer:ada:gems") == 0
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [120]
    await disputed(shop, packs, "won")
    assert shop.balance("customer:ada:gems") == 880
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [0]


@pytest.mark.parametrize("is_lost_first", [False, True])
async def test_a_line_of_a_bundle_whose_refund_fails_is_claimed_by_the_dispute(shop, is_lost_first):
    box = await shop.bought("box")
    await refund_that_waits(shop, box, lines=[{"sku": "chest"}])
    await shop.sandbox.dispute(box)
    await shop.quiet()
    if is_lost_first:
        await disputed(shop, box, "lost")
    await let_it_fail(shop)
    await disputed(shop, box, "lost")
    assert await owned(shop) == ({}, False)
    assert (await shop.as_customer().get("/v1/entitlements/chapters")).json["allowed"] is False
    await disputed(shop, box, "won")
    assert await owned(shop) == ({"charm": 2, "chest": 1}, True)
    assert (await shop.as_customer().get("/v1/entitlements/chapters")).json["allowed"] is True


@pytest.mark.parametrize("is_lost_first", [False, True])
async def test_a_line_whose_refund_fails_beside_a_dispute_about_the_rest_stays(shop, is_lost_first):
    box = await shop.bought("box")
    assert (await refund(shop, box, lines=[{"sku": "chest"}])).status == 201
    await shop.sandbox.dispute(box, amount=400)
    await shop.quiet()
    if is_lost_first:
        await disputed(shop, box, "lost")
    await fail_refund(shop)
    await disputed(shop, box, "lost")
    assert await owned(shop) == ({"chest": 1}, False)
    assert (await shop.as_customer().get("/v1/entitlements/chapters")).json["allowed"] is True
    await disputed(shop, box, "won")
    assert await owned(shop) == ({"charm": 2, "chest": 1}, True)
    assert (await refund(shop, box)).json["quantity"] == 1
    assert await owned(shop) == ({}, False)
    assert (await shop.as_customer().get("/v1/entitlements/chapters")).json["allowed"] is False
