"""Charging what is due at once, because an operator asks for it: an attempt like any other, only earlier."""

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Unavailable
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.by_hand import ByHand, sign
from storefront_subscriptions.config import Settings
from storefront_subscriptions.retrying import RETRY_ORDERED
from storefront_subscriptions.rows import (
    OPEN,
    OVER,
    PAST_DUE,
    UNPAID,
    NotDue,
    RenewalUnderWay,
    SubscriptionOver,
    event_of,
    need,
    need_invoice,
)

TIMES_DECIDED = 5


def is_chargeable(row: Row, invoice: Row) -> bool:
    """Tell whether a renewal has failed and no payment of it is being made."""
    is_waiting = invoice["purchase_id"] not in (None, invoice["failed_purchase_id"])
    return row["billing_state"] in (PAST_DUE, UNPAID) and invoice["state"] == OPEN and not is_waiting


async def charge_now(services: Services, settings: Settings, subscription_id: str, *, by: ByHand) -> Row:
    """Try at once what would be tried later, or not any more; a decline counts as one of the attempts.

    Raises:
        SubscriptionOver: it has ended.
        RenewalUnderWay: a payment of it is being made, or waits for its payer.
        NotDue: nothing is to be paid now.
    """
    for _ in range(TIMES_DECIDED):
        row = await need(services, subscription_id)
        invoice = await need_invoice(services, row["invoice_id"])
        if row["billing_state"] in OVER:
            raise SubscriptionOver(subscription=row["id"])
        if not is_chargeable(row, invoice):
            if row["billing_state"] in (PAST_DUE, UNPAID) and invoice["state"] == OPEN:
                raise RenewalUnderWay("Its payment is being made, or waits for its payer.", subscription=row["id"])
            raise NotDue("Nothing of it is to be paid now.", subscription=row["id"])
        now, customer_id = services.clock.now(), row["customer_id"]
        changes = {"billing_state": PAST_DUE, "next_attempt_at": now, "updated_at": now, "version": row["version"] + 1}
        plan = Plan(actor=by.key.caller, anchors={customer_id})
        plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes))
        told = event_of({**row, **changes}, invoice=invoice["id"])
        plan.emit(RETRY_ORDERED, anchor=customer_id, subject=row["id"], payload=told)
        sign(services, plan, by, "retry_ordered", row["id"], invoice=invoice["id"])
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        await advance(services, settings, subscription_id)
        return await need(services, subscription_id)
    raise Unavailable("Too much is changing at once; try again.")
