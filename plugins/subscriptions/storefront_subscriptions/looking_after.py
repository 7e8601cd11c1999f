"""What goes on beside the periods: the rights of a tier, methods to charge, and a change that is being paid."""

from collections.abc import Mapping

import structlog

from storefront.core.charging import GONE
from storefront.core.commit.plan import Change, Plan
from storefront.core.finalizing import PaymentProcessing
from storefront.core.finalizing import cancel as cancel_purchase
from storefront.core.gateways import GatewayFailed
from storefront.core.payment_methods import list_methods
from storefront.core.purchasing import Status, read_purchase
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.by_hand import ByHand, sign
from storefront_subscriptions.closing import closing_steps
from storefront_subscriptions.rows import DROPPED, FAILED, OPEN, need_change

log = structlog.get_logger("storefront.subscriptions")


async def rights_of(services: Services, row: Row) -> Mapping[str, bool | int | str]:
    """Return what a tier grants, by the catalog version that it was agreed to; the row names both."""
    return (await services.catalogs.version(row["catalog_version"])).offer(row["sku"]).grants


async def rights_lost(services: Services, before: Row, after: Row) -> list[str]:
    """Return the rights that one tier grants and the other does not; the rows name tier and catalog version."""
    return sorted({*await rights_of(services, before)} - {*await rights_of(services, after)})


async def newest_method(services: Services, customer_id: str, gateway: str) -> str | None:
    """Return the method that a customer saved last with a gateway."""
    found = [one for one in await list_methods(services, customer_id) if one["gateway"] == gateway]
    return str(max(found, key=lambda one: one["created_at"])["id"]) if found else None


async def change_of(services: Services, row: Row) -> Row | None:
    """Return the change that a subscription has agreed to and not done, if there is one."""
    return None if row["change_id"] is None else await need_change(services, row["change_id"])


async def look_after(services: Services, row: Row) -> bool:
    """Close a change that nobody paid, or whose period is over; tell whether the subscription has moved.

    Raises:
        Stale: it has moved by itself.
    """
    change = await change_of(services, row)
    if change is None or change["state"] != OPEN:
        return False
    purchase = await read_purchase(services, change["purchase_id"])
    if purchase["status"] == Status.COMPLETED:
        return True
    is_late = services.clock.now() >= row["period_end"]
    if purchase["status"] not in GONE and not is_late:
        return False
    if purchase["status"] in (Status.PENDING, Status.IN_REVIEW):
        await give_up_purchase(services, purchase["id"])
        if (await read_purchase(services, purchase["id"]))["status"] == Status.COMPLETED:
            return True
    await close_change(services, row, change, DROPPED if is_late else FAILED)
    return True


async def close_change(
    services: Services, row: Row, change: Row, state: str, *, actor: str | None = None, by: ByHand | None = None
) -> None:
    """Close a change that is not done; raises ``Stale`` if its subscription has moved."""
    now = services.clock.now()
    plan = Plan(actor=actor or "plugin:subscriptions", anchors={row["customer_id"]})
    moved = {"change_id": None, "version": row["version"] + 1, "updated_at": now}
    plan.add(Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, moved))
    plan.add(*closing_steps(row, change, state, now))
    sign(services, plan, by, "change_revoked", row["id"], change=change["id"])
    await services.engine.commit(plan)


async def give_up_purchase(services: Services, purchase_id: str) -> None:
    """Cancel a purchase as far as that can be done; money that comes all the same is given back when it comes."""
    try:
        await cancel_purchase(services, purchase_id, owner=None)
    except (GatewayFailed, PaymentProcessing) as open_still:
        log.info("purchase_left_open", purchase=purchase_id, reason=open_still.code)
