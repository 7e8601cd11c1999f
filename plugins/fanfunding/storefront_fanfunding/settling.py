"""A tip is paid: its number, its alert and its creator's share, in the commit that completes its purchase."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Change, Count, Emit, Insert, Key, Late, Plan, Step, Steps, Transfer
from storefront_fanfunding.accounts import earned_by_shop, queue_anchor, reserve
from storefront_fanfunding.admitting import BLOCKED, admit, block_key, pace_key
from storefront_fanfunding.config import WHOLE
from storefront_fanfunding.rows import (
    ALERTS,
    PAID,
    PENDING,
    QUEUED,
    RELEASE,
    SETTLED,
    TIPS,
    UNSETTLED,
    VOID,
    counter_key,
    release_key,
    settled_key,
    tip_key,
    value_of,
)

SETTLE = "settle_tip"
ENTRY = "tip"
"""The label of the entry that splits a tip, in the plan of its purchase."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid for a tip: ``net`` of it, in minor units, is no tax."""

    tip_id: str
    creator_id: str
    customer_id: str
    currency: str
    net: int


def add_settlement(plan: Plan, paid: Paid) -> None:
    """Add to the plan of a tip's purchase what its payment means."""
    anchor = queue_anchor(paid.creator_id)
    plan.anchors.add(anchor)
    plan.entry("tip.split", about=paid.tip_id, anchor=paid.customer_id, label=ENTRY)
    reads = (
        tip_key(paid.tip_id, paid.customer_id),
        counter_key("tips", paid.creator_id),
        counter_key("alerts", paid.creator_id),
        block_key(paid.creator_id, paid.customer_id),
        pace_key(paid.creator_id),
        *(Key("jobs", (f"job:{key(paid.tip_id)}",), paid.customer_id) for key in (release_key, settled_key)),
    )
    plan.add(Late(f"fanfunding.{SETTLE}", reads, {"paid": paid}))


def settle_tip(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: number the tip and its alert, and pass the creator's share on. A tip is paid once."""
    paid: Paid = facts["paid"]
    row = view.row(tip_key(paid.tip_id, paid.customer_id))
    if row is None or row["state"] not in (PENDING, VOID):
        return ()
    now, anchor = view.moment.now, queue_anchor(paid.creator_id)
    tips, alerts = counter_key("tips", paid.creator_id), counter_key("alerts", paid.creator_id)
    number, place = value_of(view.row(tips)) + 1, value_of(view.row(alerts)) + 1
    earned = paid.net * row["share"] // WHOLE
    steps = Steps()
    changes = {
        **admit(view, steps, row),
        "sender": None,
        "state": PAID,
        "sequence": number,
        "earned": earned,
        "reserved": earned,
        "paid_at": now,
        "release_at": now + row["hold_ms"],
        "updated_at": now,
    }
    after = {**row, **changes}
    steps.add(
        Count(str(tips.id[0]), anchor, 1),
        Count(str(alerts.id[0]), anchor, 1),
        Change(TIPS, (paid.tip_id,), paid.customer_id, {"state": row["state"]}, changes),
        Insert(ALERTS, (paid.creator_id, place), anchor, alert_row(paid.creator_id, place, after, now)),
    )
    if earned:
        source = earned_by_shop(paid.currency)
        steps.add(Transfer(ENTRY, source, reserve(paid.creator_id, paid.currency), earned, paid.customer_id))
        steps.schedule(RELEASE, anchor=paid.customer_id, unique_key=release_key(paid.tip_id),
                       due_at=changes["release_at"], now=now, payload={"tip": paid.tip_id})  # fmt: skip
    if not after["is_settled"]:
        steps.schedule(SETTLED, anchor=paid.customer_id, unique_key=settled_key(paid.tip_id), due_at=now, now=now,
                       payload={"tip": paid.tip_id})  # fmt: skip
    told = event_payload(after)
    steps.add(Emit(anchor, "tip.paid", paid.tip_id, told))
    if after["is_held"]:
        steps.add(Emit(anchor, "tip.held", paid.tip_id, {**told, "held_for": after["held_for"]}))
    return steps.list


def alert_row(creator_id: str, place: int, tip: Mapping[str, Any] | None, now: int) -> dict[str, Any]:
    """Return a new alert of a tip, or of a test; that of a tip that must be read first waits for that.

    Nobody is asked to read what a blocked sender writes.
    """
    held_for = tip["held_for"] if tip is not None and tip["is_held"] else None
    return {
        "creator_id": creator_id,
        "sequence": place,
        "tip_id": None if tip is None else tip["id"],
        "state": _alert_state(tip, held_for),
        "is_test": int(tip is None),
        "created_at": now,
        "updated_at": now,
        "shown_at": None,
        "done_at": None,
    }


def _alert_state(tip: Mapping[str, Any] | None, held_for: str | None) -> str:
    if held_for is not None:
        return "skipped" if held_for == BLOCKED else "held"
    return QUEUED if tip is None or tip["is_settled"] else UNSETTLED


def event_payload(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ``tip.*`` event tells: our own ids, amounts and states; no name and no message."""
    return {
        "id": row["id"],
        "creator_id": row["creator_id"],
        "customer_id": row["customer_id"],
        "purchase_id": row["purchase_id"],
        "sequence": row["sequence"],
        "amount": {"amount": row["amount"], "currency": row["currency"]},
        "returned": row["returned"],
        "tier": row["tier"],
        "state": row["state"],
        "anonymous": bool(row["is_anonymous"]),
        "held": bool(row["is_held"]),
    }
