"""How a change of tier ends, done or not: what its subscription takes over, what is free again, what is told."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.clock import iso
from storefront.core.commit.plan import Change, Emit, Late, Step
from storefront_subscriptions.carrying import GIVEN_BACK, carry
from storefront_subscriptions.rows import OPEN, moved_of

TERMS = ("sku", "catalog_version", "interval", "currency", "price", "seats", "pay_with")
"""What is agreed to of a tier: on a subscription, an invoice and a change alike."""


def told_of(row: Mapping[str, Any], made: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return what an event tells of a change."""
    total = {"amount": made["total"], "currency": made["currency"]}
    told = {"change": made["id"], "to": made["sku"], "total": total, "change_at": iso(made["at"])}
    names = {"interval": "interval", "seats": "seats", "timing": "timing", "purchase": "purchase_id"}
    return moved_of(row, **told, **{name: made[column] for name, column in names.items()}, **more)


def closing_carry(row: Mapping[str, Any], old: Mapping[str, Any]) -> Late:
    """Return the step that gives back the credit which a change had taken and did not use."""
    amount = -old["used"] if old["state"] == OPEN else 0
    return carry(row, old["currency"], amount, about=old["id"], cause=GIVEN_BACK)


def closing_steps(row: Mapping[str, Any], old: Mapping[str, Any], state: str, now: int) -> Sequence[Step]:
    """Return the steps that close a change that is not done: its credit is free again; the subscription says nothing.

    Name the rows of ``closing_carry`` beside the change's own.
    """
    customer_id = row["customer_id"]
    closed = {"state": state, "closed_at": now}
    return (
        Change("subscriptions_changes", (old["id"],), customer_id, {"state": old["state"]}, closed),
        closing_carry(row, old),
        Emit(customer_id, f"subscription.change_{state}", row["id"], told_of(row, old)),
    )


def terms_after(row: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a subscription's row takes over from a change that is done, or from an invoice that is paid.

    A method stays with its gateway. A change's price is that of its own catalog version.
    """
    priced_by = {"priced_by": made.get("priced_by")}
    return (
        {name: made[name] for name in TERMS}
        | priced_by
        | ({} if made["pay_with"] == row["pay_with"] else {"method": None})
    )
