"""How a final invoice moves inside a commit: charged, and paid. Late steps, which see its row as it is then."""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.apply import LateAnswer, LateStep, LateView
from storefront.core.commit.plan import Change, Emit, Late, Plan
from storefront.core.kinds import Line
from storefront_subscriptions.rows import CANCELED, OPEN, PAID, NotDue, event_of, final_key

FINAL = "final"
"""What the details of a purchase call the final invoice that it pays."""
CHARGE, PAY = "charge_final", "pay_final"
PLUGIN = "subscriptions"


def told_final(row: Mapping[str, Any], final: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return what an event tells of a final invoice; ``row`` is of its subscription."""
    amount = {"amount": final["total"], "currency": final["currency"]}
    return event_of({**row, "sku": final["sku"]}, invoice=final["id"], amount=amount, **more)


def note_final_charged(plan: Plan, final: Mapping[str, Any], purchase_id: str) -> None:
    """Add to the plan of a purchase that this final invoice is being paid by it; refused if it is no more due."""
    facts = {"id": final["id"], "customer_id": final["customer_id"], "attempts": final["attempts"],
             "purchase_id": purchase_id}  # fmt: skip
    plan.add(Late(f"{PLUGIN}.{CHARGE}", (final_key(final["id"], final["customer_id"]),), facts))


def _charge(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    final = view.row(final_key(facts["id"], facts["customer_id"]))
    assert final is not None, "a final invoice that is charged was written"
    if final["state"] != OPEN or final["attempts"] != facts["attempts"]:
        return NotDue(invoice=final["id"])
    changes = {"attempts": facts["attempts"] + 1, "purchase_id": facts["purchase_id"], "next_attempt_at": None}
    return (Change("subscriptions_finals", (final["id"],), facts["customer_id"], {"state": OPEN}, changes),)


def note_final_paid(plan: Plan, line: Line, *, customer_id: str, purchase_id: str) -> None:
    """Add to the plan that completes a purchase that a final invoice is paid; nothing else comes of it."""
    facts = {"id": line.details[FINAL], "subscription": line.details["subscription"], "customer_id": customer_id,
             "family": line.offer.part["family"], "purchase_id": purchase_id}  # fmt: skip
    plan.add(Late(f"{PLUGIN}.{PAY}", (final_key(facts["id"], customer_id),), facts))


def _pay(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    customer_id = facts["customer_id"]
    final = view.row(final_key(facts["id"], customer_id))
    assert final is not None, "what is paid was asked for"
    if final["state"] != OPEN:
        return NotDue(invoice=final["id"])
    closed = {"state": PAID, "purchase_id": facts["purchase_id"], "next_attempt_at": None, "reason": None,
              "closed_at": view.moment.now}  # fmt: skip
    row = {"id": facts["subscription"], "customer_id": customer_id, "sku": final["sku"], "family": facts["family"],
           "billing_state": CANCELED}  # fmt: skip
    told = told_final(row, final, purchase=facts["purchase_id"])
    return (
        Change("subscriptions_finals", (final["id"],), customer_id, {"state": OPEN}, closed),
        Emit(customer_id, "subscription.final_paid", facts["subscription"], told),
    )


LATE_STEPS: Mapping[str, LateStep] = {CHARGE: _charge, PAY: _pay}
