"""How a purchase begins, as steps of a plan: waiting for its payment at a gateway, or for a person's review.

What a late step may find out only in the commit needs both roads in one plan: its ``on_review`` branch is the second.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.assessing import Assessment, Verdict
from storefront.core.billing import details_of_bill
from storefront.core.buyer_caps import count_begun
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.plan import Insert, Late, PlaceHold, Plan
from storefront.core.customers import introduce
from storefront.core.exact_top_ups import exact_details
from storefront.core.exposing import record_variant
from storefront.core.gifts import count_gift
from storefront.core.limits import LimitCounter, count_limits, limit_counters
from storefront.core.opening import payment_row
from storefront.core.promos.redeeming import RESERVED, use_codes
from storefront.core.purchasing import Status, event_payload
from storefront.core.quotes import Quote
from storefront.core.quoting import PurchaseRequest
from storefront.core.reviews import HOLD, NONE, await_payment, hold_of, open_review, over_at
from storefront.core.services import Services
from storefront.core.topping_up import add_top_up

SWEEP_AFTER_MS = MINUTE_MS


def judges_late(plan: Plan) -> bool:
    """Tell whether a plan that only judges have added to so far may be judged in its commit."""
    return any(isinstance(step, Late) for step in plan.list)


def branch_of(plan: Plan, services: Services, wanted: PurchaseRequest) -> Plan:
    """Return a plan to write another road into: for the same purchase and newcomers, under the same anchors."""
    branch = Plan(actor=plan.actor, anchors=plan.anchors, object_id=plan.object_id)
    for newcomer in wanted.newcomers:
        introduce(branch, newcomer, services.clock.now())
    return branch


async def await_gateway(
    services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan, judged: Assessment
) -> Mapping[str, Any]:
    """Add a ``pending`` purchase and its payment to a plan; return the purchase's row.

    Judged ``review``, it waits for a person as soon as it is paid. Its payment is only authorised at first, where the
    gateway can do that, if it is to be reviewed or a plugin judges payments.
    """
    now, is_reviewed = services.clock.now(), judged.verdict is Verdict.REVIEW
    row = purchase_row(wanted, quote, plan, now, status=Status.PENDING, payment_state="awaiting")
    row["expires_at"] = now + services.config.purchases.expires_after_minutes * MINUTE_MS
    if wanted.top_up_run is not None:
        await add_top_up(plan, services, wanted.top_up_run, row)
    if wanted.bill is not None:
        row["expires_at"] = now + wanted.bill.confirm_within_ms
        wanted.bill.begin(plan, row)
    reserved = _reserve(wanted, quote, row, now)
    payment = payment_row(
        row,
        quote.pay_with,
        return_url=wanted.return_url,
        method=wanted.payment_method,
        saves_method=wanted.saves_method,
        network=wanted.network,
        now=now,
        wall=services.clock.wall(),
        is_screened=is_reviewed or services.hooks.judges_payments(),
        asks_challenge=judged.asks_challenge,
    )
    count_begun(plan, wanted.customer_id, services.config.purchases.most_pending)
    if wanted.recipient_id is not None:
        count_gift(plan, services, wanted.customer_id, now)
    count_limits(plan, reserved, quote.quantity)
    plan.add(Insert("purchases", (row["id"],), wanted.customer_id, row))
    record_variant(plan, quote, wanted.customer_id)
    plan.add(Insert("payments", (payment["id"],), wanted.customer_id, payment))
    if is_reviewed:
        await_payment(plan, row, judged.reasons)
    plan.schedule(
        "purchase.sweep",
        anchor=wanted.customer_id,
        unique_key=f"sweep:{row['id']}",
        due_at=now + SWEEP_AFTER_MS,
        now=now,
        payload={"purchase_id": row["id"]},
    )
    plan.emit("purchase.pending", anchor=wanted.customer_id, subject=row["id"], payload=event_payload(row))
    use_codes(plan, quote, row, RESERVED)
    return row


def await_review(
    services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan, judged: Assessment
) -> Mapping[str, Any]:
    """Add a purchase from the wallet (or a free one) that waits ``in_review`` to a plan; return its row.

    Its price is held instead of spent, and what it counts in is reserved as for one that waits for its payment.
    """
    now = services.clock.now()
    expires_at = over_at(services, now)
    row = purchase_row(wanted, quote, plan, now, status=Status.IN_REVIEW, payment_state="none")
    reserved, price = _reserve(wanted, quote, row, now), quote.total
    if wanted.recipient_id is not None:
        count_gift(plan, services, wanted.customer_id, now)
    count_limits(plan, reserved, quote.quantity)
    if price.amount_minor:
        reason = f"purchase {row['id']}"
        plan.add(
            PlaceHold(hold_of(row["id"]), wanted.customer_id, price.currency, price.amount_minor, expires_at, reason)
        )
    plan.add(Insert("purchases", (row["id"],), wanted.customer_id, row))
    record_variant(plan, quote, wanted.customer_id)
    plan.emit("purchase.in_review", anchor=wanted.customer_id, subject=row["id"], payload=event_payload(row))
    use_codes(plan, quote, row, RESERVED)
    money = HOLD if price.amount_minor else NONE
    open_review(plan, row, None, money=money, reasons=judged.reasons, now=now, expires_at=expires_at)
    return row


def _reserve(wanted: PurchaseRequest, quote: Quote, row: dict[str, Any], now: int) -> list[LimitCounter]:
    """Return the global limits that a purchase counts in while it waits, and note them on its row."""
    reserved = [counter for counter in limit_counters(quote.offer, wanted.customer_id, now) if counter.is_global]
    row["reserved"] = msgspec.json.encode([counter.key for counter in reserved]).decode()
    return reserved


def purchase_row(
    wanted: PurchaseRequest, quote: Quote, plan: Plan, now: int, *, status: Status, payment_state: str
) -> dict[str, Any]:
    """Return the row of a purchase that begins now."""
    return {
        "id": plan.object_id,
        "customer_id": wanted.customer_id,
        "sku": quote.offer.sku,
        "kind": quote.offer.kind,
        "quantity": quote.quantity,
        "status": str(status),
        "refunded": "none",
        "dispute": "none",
        "pay_with": quote.pay_with if quote.total.amount_minor else "free",
        "payment_state": payment_state,
        "currency": quote.total.currency,
        "total": quote.total.amount_minor,
        "catalog_version": quote.catalog_version,
        "lines": msgspec.json.encode(quote.lines()).decode(),
        "reserved": "[]",
        "details": msgspec.json.encode(details_of_bill(wanted.bill, exact_details(quote, wanted.details))).decode(),
        "metadata": msgspec.json.encode(dict(wanted.metadata)).decode(),
        "entry_id": None,
        "reason": None,
        "created_at": now,
        "updated_at": now,
        "completed_at": now if status is Status.COMPLETED else None,
        "expires_at": None,
        "recipient_id": wanted.recipient_id,
        "auto_top_up": None,
        "bill": None if wanted.bill is None else wanted.bill.id,
    }
