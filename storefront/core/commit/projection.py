"""How a customer's rows read on the wire: the shapes of ``GET /v1/me``, and of ``changed`` in answers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from storefront.core.clock import iso

Row = Mapping[str, Any]


def is_lapsed(lot: Row, now: int) -> bool:
    """Tell whether a lot can no longer be spent, even if no job has moved its remainder yet."""
    return lot["expires_at"] is not None and lot["expires_at"] <= now


def available_of(lots: Iterable[Row], now: int) -> int:
    """Return what can be spent now: Σ (remaining − held − frozen) over lots that have not lapsed."""
    return sum(lot["remaining"] - lot["held"] - lot["frozen"] for lot in lots if not is_lapsed(lot, now))


def pins_of(hold: Row) -> list[tuple[str, int]]:
    """Return the lots that a hold pins, in drain order: ``[(lot_id, amount), …]``."""
    return [(lot_id, amount) for lot_id, amount in msgspec.json.decode(hold["pins"])]


def parts_of(freeze: Row) -> list[tuple[str, str, int]]:
    """Return what a freeze has set aside of wallets: ``[(asset, lot, amount), …]``."""
    return [(asset, lot_id, amount) for asset, lot_id, amount in msgspec.json.decode(freeze["parts"])]


def waiting_of(freeze: Row) -> list[tuple[str, str, str, int]]:
    """Return what a freeze takes over as soon as a hold gives it back: ``[(hold, asset, lot, amount), …]``."""
    return [(hold, asset, lot_id, amount) for hold, asset, lot_id, amount in msgspec.json.decode(freeze["waiting"])]


def is_over(hold: Row, now: int) -> bool:
    """Tell whether a hold sets nothing aside any more, even if no job has released it yet."""
    return bool(hold["state"] != "open" or hold["expires_at"] <= now)


def in_order_of_expiry(holds: Iterable[Row]) -> list[Row]:
    """Return holds in the order in which time ends them: the first of them is the first to pay a debt."""
    return sorted(holds, key=lambda hold: (hold["expires_at"], hold["id"]))


def let_go(
    lots: Iterable[Row],
    open_holds: Iterable[Row],
    now: int,
    *,
    waiting: Iterable[Row] = (),
    owed: Mapping[str, int] | None = None,
) -> list[Row]:
    """Return the lots that have something left, without what is pinned by holds whose time is over.

    ``waiting`` are the customer's freezes that wait for such holds: what an open one does is frozen, what a taken one
    does is gone, for the debt, as far as it is still ``owed`` (asset → amount).
    """
    kept = [lot for lot in lots if lot["remaining"]]
    over = [hold for hold in open_holds if hold["state"] == "open" and is_over(hold, now)]
    if not over:
        return kept
    freed: Counter[str] = Counter()
    frozen: Counter[str] = Counter()
    paid: Counter[str] = Counter()
    still = dict(owed or {})
    rows = sorted(waiting, key=lambda row: (row["created_at"], row["id"]))
    parts = [(row["state"], *one) for row in rows for one in waiting_of(row)]
    for hold in in_order_of_expiry(over):
        for lot_id, amount in pins_of(hold):
            freed[lot_id] += amount
        for state, hold_id, asset, lot_id, amount in parts:
            if hold_id == hold["id"] and state == "open":
                frozen[lot_id] += amount
            elif hold_id == hold["id"]:
                part = min(amount, still.get(asset, 0))
                paid[lot_id] += part
                still[asset] = still.get(asset, 0) - part
    changed = (
        {**lot, "remaining": lot["remaining"] - paid[lot["id"]], "held": lot["held"] - freed[lot["id"]],
         "frozen": lot["frozen"] + frozen[lot["id"]]}
        for lot in kept
    )  # fmt: skip
    return [lot for lot in changed if lot["remaining"]]


def wallet_json(
    lots: Iterable[Row],
    open_holds: Iterable[Row],
    now: int,
    waiting: Iterable[Row] = (),
    *,
    debt: Row | None = None,
) -> dict[str, Any]:
    """Describe a wallet from its open lots, open holds, the waiting freezes of its owner, and what they owe of it.

    A hold whose time is over holds nothing; a debt that is paid off blocks nothing.
    """
    lots = list(lots)
    owed = 0 if debt is None else debt["amount"]
    kept = let_go(lots, open_holds, now, waiting=waiting, owed={} if debt is None else {debt["asset"]: owed})
    owed -= sum(lot["remaining"] for lot in lots) - sum(lot["remaining"] for lot in kept)
    expiring = sorted((lot["expires_at"], lot["remaining"]) for lot in kept if (lot["expires_at"] or 0) > now)
    return {
        "balance": sum(lot["remaining"] for lot in kept),
        "available": available_of(kept, now),
        "held": sum(lot["held"] for lot in kept),
        "frozen": sum(lot["frozen"] for lot in kept),
        "owed": owed,
        "block_spending": debt is not None and owed > 0 and bool(debt["block_spending"]),
        "expiring": [{"amount": amount, "at": iso(at)} for at, amount in expiring],
    }


def is_past(item: Row, now: int) -> bool:
    """Tell whether an item's time is over, even if no job has taken it away yet."""
    return item["expires_at"] is not None and item["expires_at"] <= now


def item_json(row: Row, now: int, *, numbered: int = 0) -> dict[str, Any]:
    """Describe an inventory line, without the ``numbered`` units that stand as instances of their own.

    What lasts reads as one thing, however much time was added to it; it is frozen once all of that time is.
    """
    lasts = row["expires_at"] is not None
    quantity = 0 if is_past(row, now) else row["quantity"] - numbered
    return {
        "sku": row["sku"],
        "instance": row["id"],
        "number": None,
        "quantity": min(quantity, 1) if lasts else quantity,
        "frozen": row["frozen"] > 0 and (not lasts or row["frozen"] >= row["quantity"]),
        "expires_at": iso(row["expires_at"]) if lasts else None,
    }


def instance_json(row: Row) -> dict[str, Any]:
    """Describe one unit that is a thing of its own; its quantity is 0 once it is gone."""
    return {
        "sku": row["sku"],
        "instance": row["id"],
        "number": row["number"],
        "quantity": 1 if row["taken_at"] is None else 0,
        "frozen": row["frozen_by"] is not None,
        "expires_at": None,
    }


def inventory_json(owned: Iterable[Row], instances: Iterable[Row], now: int) -> list[dict[str, Any]]:
    """Describe an inventory: its lines, and after each the instances of its SKU by their numbers."""
    by_sku: dict[str, list[Row]] = {}
    for row in instances:
        by_sku.setdefault(row["sku"], []).append(row)
    shown = []
    for row in owned:
        numbered = sorted(by_sku.get(row["sku"], ()), key=lambda one: int(one["number"]))
        shown += [item_json(row, now, numbered=len(numbered)), *map(instance_json, numbered)]
    return [item for item in shown if item["quantity"]]


def is_active(source: Row, now: int) -> bool:
    """Tell whether this source gives its right now."""
    return source["frozen_by"] is None and _is_good(source, now)


def _is_good(source: Row, now: int) -> bool:
    return source["ended_at"] is None and (source["expires_at"] is None or source["expires_at"] > now)


TERMS = ("will_renew", "period", "billing_issue_at")
"""What a right's seller may know better than its rows: of a subscription, its plugin does."""


def entitlement_json(sources: Iterable[Row], now: int) -> dict[str, Any]:
    """Describe a right from all its sources; the one that lasts longest speaks for it."""
    rows = list(sources)
    best = max(
        rows,
        key=lambda row: (is_active(row, now), _is_good(row, now), row["expires_at"] is None, row["expires_at"] or 0),
    )
    active = is_active(best, now)
    missing = "frozen" if _is_good(best, now) else "ended"
    expires_at = best["expires_at"]
    return {
        "active": active,
        "reason": ("granted" if best["source_type"] == "grant" else "paid") if active else missing,
        "source": {"type": best["source_type"], "id": best["source_id"], "sku": best["sku"]},
        "granted_at": iso(best["granted_at"]),
        "expires_at": None if expires_at is None else iso(expires_at),
        "will_renew": False,
        "period": "normal",
        "billing_issue_at": None,
        "value": msgspec.json.decode(best["value"]),
    }
