"""Rows of ``freezes``: what is frozen and what waits for a hold to give it back, within one commit."""

from collections.abc import Iterable
from typing import Any

import msgspec

from storefront.core.commit.projection import Row, parts_of, waiting_of
from storefront.core.commit.reads import freezes_group
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import Key

Part = tuple[str, str, int]
"""What is frozen of one lot: (asset, lot, amount)."""
Waiting = tuple[str, str, str, int]
"""What a freeze waits for: (hold, asset, lot, amount)."""


def as_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def waiting_freezes(draft: Draft, customer_id: str, *states: str) -> list[Row]:
    """Return a customer's freezes in these states that wait for holds, the oldest first."""
    rows = [row for _, row in draft.group(freezes_group(customer_id)) if row["state"] in states]
    return sorted((row for row in rows if row["waiting"] != "[]"), key=lambda row: (row["created_at"], row["id"]))


def set_waiting(draft: Draft, row: Row, waiting: Iterable[Waiting], **changes: Any) -> None:
    """Let a freeze wait for this from now on."""
    changed = {**row, **changes, "waiting": as_text(list(waiting))}
    draft.put(Key("freezes", (row["id"],), row["customer_id"]), changed)


def stop_waiting(draft: Draft, customer_id: str, asset: str) -> None:
    """Let no freeze that was taken wait for an asset any more: nothing of it is owed."""
    for row in waiting_freezes(draft, customer_id, "taken"):
        set_waiting(draft, row, (one for one in waiting_of(row) if one[1] != asset))


def set_frozen(draft: Draft, customer_id: str, lot_id: str, by: int) -> Row:
    """Freeze an amount of a loaded lot, or, below zero, give it back; return the lot as it is now."""
    key = Key("lots", (lot_id,), customer_id)
    lot = draft.row(key)
    assert lot is not None, "what is frozen is left in its lot, so the lot was loaded"
    changed = {**lot, "frozen": lot["frozen"] + by}
    draft.put(key, changed)
    return changed


def freeze_what_is_given_back(draft: Draft, hold: Row, given_back: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Freeze what a hold that is over gives back, as far as open freezes wait for it; what it took counts as spent.

    Return what is left then, by lot.
    """
    left = dict(given_back)
    for row in waiting_freezes(draft, hold["customer_id"], "open"):
        waiting = waiting_of(row)
        kept = [one for one in waiting if one[0] != hold["id"]]
        if len(kept) == len(waiting):
            continue
        parts = parts_of(row)
        for hold_id, asset, lot_id, amount in waiting:
            there = min(amount, left.get(lot_id, 0)) if hold_id == hold["id"] else 0
            if there > 0:
                left[lot_id] -= there
                set_frozen(draft, hold["customer_id"], lot_id, there)
                parts = joined(parts, (asset, lot_id, there))
        set_waiting(draft, row, kept, parts=as_text(parts))
    return left


def joined(parts: list[Part], more: Part) -> list[Part]:
    """Return the parts with one more, which joins that of its lot."""
    asset, lot_id, amount = more
    before = sum(part[2] for part in parts if part[1] == lot_id)
    return [part for part in parts if part[1] != lot_id] + [(asset, lot_id, before + amount)]
