"""How a change of tier moves inside a commit: ordered, then done when it is paid, or closed without. Late steps.

Ordering one looks again at all that it was decided by. So of many at once one is ordered, and the others are told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from storefront.core.commit.apply import LateAnswer, LateStep, LateView
from storefront.core.commit.plan import Change, Emit, EndEntitlement, Group, Insert, Key, Late, Plan, Step
from storefront.core.kinds import Line
from storefront_subscriptions.carrying import KEPT, TAKEN, carry
from storefront_subscriptions.closing import TERMS, closing_carry, closing_steps, terms_after, told_of
from storefront_subscriptions.config import Settings
from storefront_subscriptions.deciding import Decided
from storefront_subscriptions.moves import renewed_rights, until
from storefront_subscriptions.rows import (
    ACTIVE,
    DONE,
    OPEN,
    OVER,
    PAID,
    REPLACED,
    SCHEDULED,
    TRIALING,
    NotDue,
    Outdated,
    SubscriptionOver,
    change_key,
    invoice_key,
)
from storefront_subscriptions.spans import spans_from, spans_text

ORDER, DO = "order_change", "do_change"
PLUGIN = "subscriptions"


def note_order(
    plan: Plan, decided: Decided, made: Mapping[str, Any], old: Mapping[str, Any] | None, *, is_pending: bool
) -> None:
    """Add to a plan that a change is ordered (``made``: its row), in place of the ``old`` one; refused if outdated."""
    row, customer_id = decided.row, decided.row["customer_id"]
    takes = carry(row, made["currency"], made["used"], about=made["id"], cause=TAKEN, seen=decided.carried)
    is_now = made["state"] == OPEN
    reads: list[Key | Group] = [
        Key("subscriptions", (row["id"],), customer_id),
        change_key(made["id"], customer_id),
        *(Key("claims", (claim,), None) for claim in decided.claims),
        *(() if old is None else (change_key(old["id"], customer_id), *closing_carry(row, old).reads)),
        *(takes.reads if is_now else ()),
    ]
    facts = {"row": dict(row), "made": dict(made), "claims": decided.claims, "takes": takes if is_now else None,
             "is_pending": is_pending}  # fmt: skip
    plan.add(Late(f"{PLUGIN}.{ORDER}", tuple(reads), facts))


def _order(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    seen, made = facts["row"], facts["made"]
    customer_id = seen["customer_id"]
    row = view.row(Key("subscriptions", (seen["id"],), customer_id))
    assert row is not None, "what is changed was begun"
    if row["version"] != seen["version"]:
        return Outdated(subscription=row["id"])
    if any(view.row(Key("claims", (claim,), None)) is not None for claim in facts["claims"]):
        return Outdated("Something of what was paid has gone back meanwhile.", subscription=row["id"])
    steps: list[Step] = []
    if row["change_id"]:
        old = view.row(change_key(row["change_id"], customer_id))
        assert old is not None, "a subscription names a change that was written with it"
        if old["state"] not in (SCHEDULED, OPEN):
            return Outdated(subscription=row["id"])
        steps += closing_steps(row, old, REPLACED, view.moment.now)
    steps += [
        Insert("subscriptions_changes", (made["id"],), customer_id, made),
        Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]},
               {"change_id": made["id"], "version": row["version"] + 1, "updated_at": view.moment.now}),
    ]  # fmt: skip
    if facts["takes"] is not None:
        steps.append(facts["takes"])
    if made["state"] == SCHEDULED or facts["is_pending"]:
        word = "scheduled" if made["state"] == SCHEDULED else "ordered"
        steps.append(Emit(customer_id, f"subscription.change_{word}", row["id"], told_of(row, made)))
    return steps


def note_change_paid(plan: Plan, line: Line, settings: Settings, *, customer_id: str, purchase_id: str) -> None:
    """Add to the plan that completes a change's purchase what the subscription becomes by it."""
    told, rights = line.details["change"], dict(line.offer.grants)
    row = {"customer_id": customer_id, "family": line.offer.part["family"]}
    keeps = carry(row, told["currency"], 0, about=told["id"], cause=KEPT)
    facts = {
        "id": line.details["subscription"],
        "customer_id": customer_id,
        "change": told["id"],
        "invoice": told["invoice"],
        "ends": told["ends"],
        "rights": rights,
        "purchase_id": purchase_id,
        "grace_ms": settings.dunning.grace_ms,
    }
    reads: tuple[Key | Group, ...] = (
        Key("subscriptions", (line.details["subscription"],), customer_id),
        change_key(told["id"], customer_id),
        invoice_key(told["invoice"], customer_id),
        *keeps.reads,
        *(Group("entitlements", (customer_id, key), customer_id) for key in {*rights, *told["ends"]}),
    )
    plan.add(Late(f"{PLUGIN}.{DO}", reads, facts))


def _do(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    customer_id = facts["customer_id"]
    row = view.row(Key("subscriptions", (facts["id"],), customer_id))
    made = view.row(change_key(facts["change"], customer_id))
    invoice = view.row(invoice_key(facts["invoice"], customer_id))
    assert row is not None, "what is changed was begun"
    assert made is not None, "what is paid was ordered"
    assert invoice is not None, "a change is of a period that was paid"
    if row["billing_state"] in OVER:
        return SubscriptionOver(subscription=row["id"])
    if row["billing_state"] not in (ACTIVE, TRIALING) or made["state"] != OPEN:
        return NotDue(change=made["id"])
    if row["change_id"] != made["id"] or row["period"] != made["period"]:
        return NotDue(change=made["id"])
    now, purchase_id = view.moment.now, facts["purchase_id"]
    changes = {**terms_after(row, made), "change_id": None, "version": row["version"] + 1, "updated_at": now}
    steps: list[Step] = []
    if made["invoice_id"] is None:
        spans = {"spans": _paid_by(made["after"], purchase_id)}
        steps.append(Change("subscriptions_invoices", (invoice["id"],), customer_id, {"state": PAID}, spans))
    else:
        changes |= _new_period(made)
        steps += _begin_period(invoice, made, purchase_id, now)
    after = {**row, **changes}
    changes["access_until"] = until(after, facts["grace_ms"])
    closed = {"state": DONE, "closed_at": now, "purchase_id": purchase_id}
    return (
        Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes),
        Change("subscriptions_changes", (made["id"],), customer_id, {"state": OPEN}, closed),
        *steps,
        carry(row, made["currency"], made["kept"], about=made["id"], cause=KEPT),
        *(EndEntitlement(customer_id, key, row["id"]) for key in facts["ends"]),
        *renewed_rights(after, facts["rights"], facts["grace_ms"]),
        Emit(customer_id, "subscription.changed", row["id"], told_of(after, {**made, **closed}, before=row["sku"])),
    )


def _paid_by(spans: str, purchase_id: str) -> str:
    """Return spans of which the last one is paid by this purchase, unless it is known who paid."""
    found = spans_from(spans)
    last = found[-1]
    if last.purchase is None and not last.is_owed:
        found[-1] = msgspec.structs.replace(last, purchase=purchase_id)
    return spans_text(found)


def _credited(made: Mapping[str, Any]) -> str:
    """Return the spans of a period that is cut, of which the rest of the last one was credited."""
    found = spans_from(made["before"])
    found[-1] = msgspec.structs.replace(found[-1], credited=made["credit"])
    return spans_text(found)


def _new_period(made: Mapping[str, Any]) -> dict[str, Any]:
    opened = spans_from(made["after"])[0]
    number = made["period"] + 1
    return {"billing_state": ACTIVE, "anchor": opened.start, "anchor_period": number, "period": number,
            "period_start": opened.start, "period_end": made["new_end"], "invoice_id": made["invoice_id"],
            "reason": None}  # fmt: skip


def _begin_period(invoice: Mapping[str, Any], made: Mapping[str, Any], purchase_id: str, now: int) -> Sequence[Step]:
    """Cut the present period where the new one begins, and write the new one's invoice, which is paid."""
    customer_id, start, number = invoice["customer_id"], spans_from(made["after"])[0].start, made["period"] + 1
    cut = {"period_end": start, "uncut_end": invoice["period_end"], "spans": _credited(made)}
    fresh = {
        **{name: made[name] for name in TERMS},
        "id": made["invoice_id"], "subscription_id": made["subscription_id"], "customer_id": customer_id,
        "period": number, "lines": made["lines"], "total": made["total"], "state": PAID, "purchase_id": purchase_id,
        "failed_purchase_id": None, "attempts": 1, "due_at": start, "period_start": start,
        "period_end": made["new_end"], "created_at": now, "closed_at": now, "anchor": start, "anchor_period": number,
        "uncut_end": None, "carried": 0, "spans": _paid_by(made["after"], purchase_id), "change_id": made["id"],
        "priced_by": None, "usage": 0, "gift_id": None, "had_until": None,
    }  # fmt: skip
    return (
        Change("subscriptions_invoices", (invoice["id"],), customer_id, {"state": PAID}, cut),
        Insert("subscriptions_invoices", (made["invoice_id"],), customer_id, fresh),
    )


LATE_STEPS: Mapping[str, LateStep] = {ORDER: _order, DO: _do}
