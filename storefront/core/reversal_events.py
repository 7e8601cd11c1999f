"""What the world is told of a reversal: of each of its moves, and of goods that it claims in between.

The events say for how many units a reversal stands, and of which contents: its row goes on to change, they do not.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.commit.plan import Plan
from storefront.core.purchasing import event_payload
from storefront.core.reading import Row
from storefront.core.refunds import DISPUTE, TakenBack, taken_back


def tell_move(plan: Plan, purchase: Mapping[str, Any], row: Mapping[str, Any], state: str) -> None:
    """Emit that a reversal (``row`` is as it was) came into a state; ``purchase`` is as the move leaves it."""
    name = f"purchase.{_word(row)}_{state}"
    if row["cause"] != DISPUTE and state == "completed":
        name = "purchase.refunded"
    _emit(plan, name, purchase, row, state=state, taken=taken_back(row))


def tell_claim(plan: Plan, purchase: Mapping[str, Any], row: Row, *, before: TakenBack, after: TakenBack) -> None:
    """Emit which units a reversal claims beside those it had; nothing if there are none."""
    claimed: dict[str, Any] = {
        "quantity": after.quantity - before.quantity,
        "lines": _lines_json(Counter(_lines(after)) - Counter(_lines(before))),
        "openings": [one for one in after.openings if one not in before.openings],
    }
    if any(claimed.values()):
        openings = (*before.openings, *claimed["openings"])
        whole = msgspec.structs.replace(after, openings=openings)
        _emit(plan, f"purchase.{_word(row)}_claimed", purchase, row, state=row["state"], taken=whole, claimed=claimed)


def _emit(
    plan: Plan,
    name: str,
    purchase: Mapping[str, Any],
    row: Mapping[str, Any],
    *,
    state: str,
    taken: TakenBack,
    **more: Mapping[str, Any],
) -> None:
    shown = {
        "id": row["id"],
        "number": row["number"],
        "cause": row["cause"],
        "state": state,
        "amount": {"amount": row["amount"], "currency": row["currency"]},
        "quantity": taken.quantity,
        "lines": _lines_json(_lines(taken)),
        "openings": list(taken.openings),
        "reason": row["reason"],
    }
    payload = {
        **event_payload(purchase),
        "refunded": purchase["refunded"],
        "dispute": purchase["dispute"],
        "dispute_case" if row["cause"] == DISPUTE else "refund": shown,
        **more,
    }
    plan.emit(name, anchor=purchase["customer_id"], subject=purchase["id"], payload=payload)


def _word(row: Mapping[str, Any]) -> str:
    return "dispute" if row["cause"] == DISPUTE else "refund"


def _lines(taken: TakenBack) -> dict[str, int]:
    return {line.sku: line.quantity for line in taken.lines}


def _lines_json(lines: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]
