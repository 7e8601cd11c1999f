"""The gateway's books against ours, to the cent: charges, fees, refunds, disputes, payouts, conversions."""

import asyncio

import pytest

from storefront.core.commit.plan import Change, Plan
from storefront.core.reconciling import Kind, reconcile
from storefront.core.refunds import read_reversals
from storefront.testing import TINY_SHOP, running_shop
from tests.shop.test_gateway_refunds import refund
from tests.shop.test_saved_methods import save_card

FAR_SHOP = TINY_SHOP.replace(
    "{USD: 499, EUR: 479}", "{USD: 499, JPY: 700, KWD: 1500, ISK: 700, UGX: 20000, HUF: 200000}", 1
)


@pytest.fixture
async def far_shop(data_folder):
    """The tiny shop, with prices in currencies that the gateway does not settle in."""
    async with running_shop(data_folder, FAR_SHOP) as running:
        yield running


async def reconciled(shop):
    """Reconcile the sandbox and return what was found."""
    await shop.quiet()
    return await reconcile(shop.parts.services, "sandbox")


def settles_to_the_cent(shop, found, currency="USD"):
    told = found.balances[currency]
    assert told["gateway"] == told["ledger"] == -shop.balance(f"gateway:sandbox:balance:{currency}")


async def test_charges_refunds_and_disputes_are_explained_to_the_cent(shop):
    first, second, third = [await shop.bought("gems-500") for _ in range(3)]
    assert (await refund(shop, first)).status == 201
    await shop.sandbox.dispute(second)
    await shop.quiet()
    await shop.sandbox.dispute(third)
    await shop.sandbox.dispute(third, "lost")

    found = await reconciled(shop)

    assert (found.differences, found.explained_percent) == ([], 100.0)
    settles_to_the_cent(shop, found)
    assert shop.balance("gateway:sandbox:clearing:USD") == 0
    # Three charges of 4.99 at 2.9 % + 30, none given back, and two disputes of 15.00.
    assert shop.balance("gateway:sandbox:fees:USD") == -(3 * 44 + 2 * 1500)


async def test_what_no_webhook_told_is_mended(shop):
    await shop.sandbox.webhooks("drop")
    answer = await shop.buy("gems-500")
    assert await shop.pay(answer) == 303

    found = await reconciled(shop)

    assert found.differences == []
    assert (await shop.seen(answer))["status"] == "completed"
    settles_to_the_cent(shop, found)


async def test_one_failure_after_a_long_time_does_not_end_the_following(shop):
    await shop.advance("14d")  # at most six hours lie between two looks
    await shop.sandbox.misbehave("status", "GET /v1/balance_transactions", times=9, status=500)
    await shop.advance("7h")
    await shop.sandbox.misbehave("status", "GET /v1/balance_transactions", clear=True)
    await shop.sandbox.webhooks("drop")
    answer = await shop.buy("gems-500")
    assert await shop.pay(answer) == 303
    await shop.advance("2d")
    assert shop.query("SELECT kind FROM jobs WHERE state = 'dead'") == []
    assert shop.balance("gateway:sandbox:balance:USD") == -455


async def test_money_that_is_not_ours_is_named_and_granted_nothing(shop):
    await shop.bought("gems-500")
    await shop.sandbox.charge_of_others(2500)

    found = await reconciled(shop)

    assert [(one.kind, one.amount, one.currency) for one in found.differences] == [(Kind.MISSING_HERE, 2500, "USD")]
    assert found.explained_percent == 50.0
    settles_to_the_cent(shop, found)
    assert shop.balance("gateway:sandbox:unexplained:USD") == 2500


async def test_balances_are_compared_while_one_buys_on_and_on(shop):
    method = await save_card(shop)
    await shop.quiet()
    await shop.sandbox.misbehave("delay", "GET /v1/balance", seconds=0.3, after=True)
    await shop.sandbox.misbehave("delay", "GET /v1/balance", seconds=0.3)
    comparing = asyncio.create_task(reconcile(shop.parts.services, "sandbox"))
    bought = 0
    while not comparing.done():
        bought += (await shop.buy("gems-500", payment_method=method["id"])).status == 201
    found = await comparing
    assert (found.differences, bought > 1) == ([], True)
    assert (await reconciled(shop)).differences == []


async def test_a_refund_that_our_reversals_do_not_show_is_named(shop):
    pack = await shop.bought("gems-500")
    assert (await refund(shop, pack)).status == 201
    await shop.advance("3h")
    assert (await reconciled(shop)).differences == []
    (row,) = await read_reversals(shop.parts.services.reader, pack["id"])

    async def say(facts):
        plan = Plan(actor="test", anchors={row["customer_id"]})
        plan.add(Change("reversals", (row["id"],), row["customer_id"], {}, {"facts": facts}))
        await shop.parts.services.engine.commit(plan)

    await say('{"legs":[]}')
    found = await reconciled(shop)
    assert [(one.kind, one.about, one.amount) for one in found.differences] == [(Kind.AMOUNT, row["gateway_ref"], -499)]
    await say(row["facts"])


async def test_payouts_leave_the_balance_and_come_back_when_they_fail(shop):
    await shop.bought("gems-500")
    await shop.advance("3d")
    payout = await shop.sandbox.pay_out(400)
    found = await reconciled(shop)
    settles_to_the_cent(shop, found)
    assert shop.balance("platform:bank:USD") == -400
    await shop.sandbox.fail_payout(payout)
    found = await reconciled(shop)
    assert found.differences == []
    settles_to_the_cent(shop, found)
    assert shop.balance("platform:bank:USD") == 0


@pytest.mark.parametrize("currency", ["JPY", "KWD", "ISK", "UGX", "HUF"])
async def test_a_currency_that_settles_in_another_goes_through_the_exchange(far_shop, currency):
    shop = far_shop
    pack = await shop.bought("gems-500", currency=currency)
    assert (await refund(shop, pack)).status == 201
    found = await reconciled(shop)
    assert found.differences == []
    settles_to_the_cent(shop, found)
    assert shop.balance(f"gateway:sandbox:clearing:{currency}") == 0
