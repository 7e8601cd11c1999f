"""A payment that cannot be worked out: it is set aside, and the gateway's books are followed to their end."""

import pytest

from storefront.core.commit.plan import Change, Plan
from storefront.core.gateway_books import follow_books
from storefront.core.gateways import GatewayFailed
from storefront.core.purchasing import read_purchase
from storefront.core.reconciling import reconcile
from storefront.testing import OPERATOR_KEY, running_shop
from tests.shop.test_gateway_refunds import refund
from tests.shop.test_reconciliation import FAR_SHOP


@pytest.fixture
async def shop(data_folder, database_url):
    async with running_shop(data_folder, FAR_SHOP, database=database_url) as running:
        yield running


async def say(shop, purchase_id, **changes):
    """Write something else into the row of a purchase, and return what stood there."""
    row = await read_purchase(shop.parts.services, purchase_id)
    plan = Plan(actor="test", anchors={row["customer_id"]})
    plan.add(Change("purchases", (purchase_id,), row["customer_id"], {}, changes))
    await shop.parts.services.engine.commit(plan)
    return {name: row[name] for name in changes}


async def paid_unheard(shop, **more):
    answer = await shop.buy("gems-500", **more)
    assert await shop.pay(answer) == 303
    return answer.json["id"]


async def alarms(shop):
    """Return the kinds of the alarms that were raised, and how many of them are still open."""
    found = (await shop.bearing(OPERATOR_KEY).get("/v1/alarms")).json["data"]
    return [one["kind"] for one in found], sum(one["closed_at"] is None for one in found)


async def status_of(shop, purchase_id):
    return (await read_purchase(shop.parts.services, purchase_id))["status"]


@pytest.mark.parametrize("currency", ["USD", "JPY"])
async def test_a_payment_that_cannot_be_worked_out_holds_up_none_behind_it_and_is_explained_later(shop, currency):
    await shop.sandbox.webhooks("drop")
    broken = await paid_unheard(shop, currency=currency)
    behind = await paid_unheard(shop)
    whole = await say(shop, broken, catalog_version="gone")

    await shop.advance("15m")

    assert (await status_of(shop, broken), await status_of(shop, behind)) == ("pending", "completed")
    assert await alarms(shop) == (["payment_set_aside"], 1)
    assert len(shop.query("SELECT id FROM gateway_movements")) == 2
    unexplained = shop.balance("gateway:sandbox:unexplained:USD")
    assert unexplained > 0

    await say(shop, broken, **whole)
    await shop.advance("7h")

    assert await status_of(shop, broken) == "completed"
    assert await alarms(shop) == (["payment_set_aside"], 0)
    assert shop.balance("gateway:sandbox:unexplained:USD") == 0
    assert shop.balance(f"gateway:sandbox:clearing:{currency}") == shop.balance("gateway:sandbox:clearing:USD") == 0
    found = await reconcile(shop.parts.services, "sandbox")
    assert (found.differences, found.mended) == ([], 0)
    assert shop.query("SELECT id FROM jobs WHERE kind = 'payment.work_out'") == []


async def test_what_moves_a_known_payment_that_cannot_be_worked_out_is_booked_to_it(shop):
    pack = await shop.bought("gems-500")
    await shop.quiet()
    await shop.sandbox.webhooks("drop")
    await shop.sandbox.dispute(pack)
    whole = await say(shop, pack["id"], catalog_version="gone")
    behind = await paid_unheard(shop)

    await shop.advance("15m")

    assert await status_of(shop, behind) == "completed"
    assert await alarms(shop) == (["payment_set_aside"] * 2, 2)
    assert shop.balance("gateway:sandbox:unexplained:USD") == 0

    await say(shop, pack["id"], **whole)
    await shop.advance("7h")

    assert await alarms(shop) == (["payment_set_aside"] * 2, 0)
    assert shop.query("SELECT cause, state FROM reversals") == [{"cause": "dispute", "state": "open"}]
    assert (await refund(shop, pack)).status == 409


async def test_a_payment_about_which_its_gateway_never_answers_holds_up_none_behind_it_for_long(shop):
    await shop.sandbox.webhooks("drop")
    broken = await paid_unheard(shop)
    await paid_unheard(shop)
    [row] = shop.query("SELECT gateway_ref FROM payments WHERE purchase_id = ?", broken)
    await shop.sandbox.misbehave("status", f"GET /v1/checkout/sessions/{row['gateway_ref']}", times=999, status=500)
    services = shop.parts.services

    with pytest.raises(GatewayFailed):
        await follow_books(services, "sandbox")
    assert (await alarms(shop), shop.query("SELECT id FROM gateway_movements")) == (([], 0), [])
    shop.wall.move(16 * 60)
    await follow_books(services, "sandbox")
    assert len(shop.query("SELECT id FROM gateway_movements")) == 2
    assert (await status_of(shop, broken), await alarms(shop)) == ("pending", (["payment_set_aside"], 1))
    assert shop.balance("gateway:sandbox:unexplained:USD") > 0

    await shop.sandbox.order("misbehave", clear=True)
    await shop.advance("2h")
    assert await status_of(shop, broken) == "completed"
    assert await alarms(shop) == (["payment_set_aside"], 0)
    assert shop.balance("gateway:sandbox:unexplained:USD") == 0
    assert (await reconcile(services, "sandbox")).differences == []
