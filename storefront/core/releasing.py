"""Ending a purchase that took no money: expired, failed, canceled, rejected; what it had reserved is free again."""

import msgspec

from storefront.core.buyer_caps import count_declined
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Unavailable
from storefront.core.promos.redeeming import give_back_codes
from storefront.core.purchasing import TRANSITIONS, Status, move_status, read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.reviews import AWAITING, close_review, read_review
from storefront.core.services import Services

TIMES_DECIDED = 5
REFUSED = "payment_refused"
"""Why a purchase is rejected whose payment the plugins refused."""


async def give_up(
    services: Services,
    purchase_id: str,
    to: Status,
    *,
    reason: str,
    declined: str | None = None,
    is_final: bool = False,
) -> None:
    """End an unpaid purchase; one that is settled or over by now stays as it is. Safe to call twice.

    ``declined``: its payer's bank said no, ``soft`` or ``hard``, which counts against those who try out cards.
    ``is_final``: nor may it be asked again.
    """
    for _ in range(TIMES_DECIDED):
        purchase = await read_purchase(services, purchase_id)
        if purchase["status"] != Status.PENDING:
            return
        assert to in TRANSITIONS[Status.PENDING], f"a pending purchase never becomes {to}"
        plan = Plan(actor="payments", anchors={purchase["customer_id"]})
        now, payment = services.clock.now(), await read_payment(services, purchase_id)
        if payment is not None and payment["verdict"] == "refuse":
            # Whoever sees first that it was given back: that was because it had been refused.
            to, reason = Status.REJECTED, REFUSED
        if to is Status.CANCELED:
            reason = purchase["reason"] or reason  # who asked to cancel wrote it down before the checkout was closed
        over = {"reason": reason, "payment_state": "voided", "updated_at": now, "reserved": "[]"}
        move_status(plan, purchase, to, is_final=is_final, **over)
        if payment is not None:
            anchor = purchase["customer_id"]
            expect = {"state": payment["state"]}
            closed = {"state": "voided", "lease_until": 0, "declined": declined}
            plan.add(Change("payments", (payment["id"],), anchor, expect, closed))
            if declined is not None:
                count_declined(plan, payment["network"], now)
            review = await read_review(services, purchase_id) if payment["is_screened"] else None
            if review is not None and review["state"] == AWAITING:
                close_review(plan, review, now=now)
        release(plan, purchase)
        await give_back_codes(services, plan, purchase)
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


def release(plan: Plan, purchase: Row) -> None:
    """Give back the places in global limits that an unpaid purchase held."""
    keys: list[str] = msgspec.json.decode(purchase["reserved"])
    for key in keys:
        anchor = f"sku:{purchase['sku']}"
        plan.anchors.add(anchor)
        plan.count(key, anchor=anchor, by=-purchase["quantity"])
