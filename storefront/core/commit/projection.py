"""How a customer's rows read on the wire: the shapes of ``GET /v1/me``, and of ``changed`` in answers."""

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


def let_go(lots: Iterable[Row], open_holds: Iterable[Row], now: int, *, open_freezes: Iterable[Row] = ()) -> list[Row]:
    """Return the lots that have something left, without what is pinned by holds whose time is over.

    What open freezes of the customer wait for from such a hold is frozen.
    """
    kept = [lot for lot in lots if lot["remaining"]]
    over = [hold for hold in open_holds if hold["state"] == "open" and is_over(hold, now)]
    if not over:
        return kept
    freed: dict[str, int] = {}
    for lot_id, amount in (pin for hold in over for pin in pins_of(hold)):
        freed[lot_id] = freed.get(lot_id, 0) + amount
    frozen: dict[str, int] = {}
    ended = {hold["id"] for hold in over}
    for hold_id, _, lot_id, amount in (
        one for row in open_freezes for one in waiting_of(row) if row["state"] == "open"
    ):
        if hold_id in ended:
            frozen[lot_id] = frozen.get(lot_id, 0) + amount
    return [
        {**lot, "held": lot["held"] - freed.get(lot["id"], 0), "frozen": lot["frozen"] + frozen.get(lot["id"], 0)}
        for lot in kept
    ]


def wallet_json(
    lots: Iterable[Row],
    open_holds: Iterable[Row],
    now: int,
    open_freezes: Iterable[Row] = (),
    *,
    debt: Row | None = None,
) -> dict[str, Any]:
    """Describe a wallet from its open lots, open holds, the open freezes of its owner, and what they owe of it.

    A hold whose time is over holds nothing; a debt that is paid off blocks nothing.
    """
    owed = 0 if debt is None else debt["amount"]
    kept = let_go(lots, open_holds, now, open_freezes=open_freezes)
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


def item_json(row: Row) -> dict[str, Any]:
    """Describe an inventory line."""
    return {
        "sku": row["sku"],
        "instance": row["id"],
        "quantity": row["quantity"],
        "frozen": row["frozen"] > 0,
        "expires_at": None if row["expires_at"] is None else iso(row["expires_at"]),
    }


def is_active(source: Row, now: int) -> bool:
    """Tell whether this source gives its right now."""
    return source["frozen_by"] is None and _is_good(source, now)


def _is_good(source: Row, now: int) -> bool:
    return source["ended_at"] is None and (source["expires_at"] is None or source["expires_at"] > now)


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
