"""Refunds as rows and as JSON: what was given back for a purchase, and what was taken back for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.commit.plan import IdempotencyKey
from storefront.core.reading import PointReader, Query, Row
from storefront.core.redaction import redact_text
from storefront.core.tables import reversals

_REVERSALS = Query(
    select(reversals).where(reversals.c.purchase_id == bindparam("purchase_id")).order_by(reversals.c.number)
)

REFUND = "refund"
DISPUTE = "dispute"
FRAUD_WARNING = "fraud_warning"
CLAWING = frozenset({DISPUTE, FRAUD_WARNING})
"""Causes of reversals that a payer's bank is behind: what the money bought is looked for further than at its buyer."""
HOLDING = frozenset({"pending", "open"})
"""States of a reversal that waits for its gateway: what it asks for is set aside."""
TAKING = frozenset({"completed", "lost"})
"""States of a reversal that has taken back what it asked for."""


class Strategy(StrEnum):
    """What a reversal does about goods that are gone: refuse, write them off, or let the customer owe them."""

    FAIL = "fail"
    FLOOR = "floor"
    DEBT = "debt"


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What is to be given back for which purchase; without amount, quantity and lines, all that is left.

    ``lines`` names units of a bundle's contents: ``(sku, quantity)``.
    """

    idempotency: IdempotencyKey
    purchase_id: str
    reason: str
    amount: int | None = None
    quantity: int | None = None
    lines: tuple[tuple[str, int], ...] = ()
    strategy: Strategy = Strategy.FAIL
    is_dry_run: bool = False

    def __post_init__(self) -> None:
        # It is kept for ever, in the ledger, the audit rows and the events.
        object.__setattr__(self, "reason", redact_text(self.reason))


class TakenItem(msgspec.Struct, frozen=True):
    """Items of one SKU: how many were asked back, how many were there, how many are written off."""

    sku: str
    demanded: int
    taken: int
    written_off: int


class TakenCredit(msgspec.Struct, frozen=True):
    """Virtual currency that the purchase had given: asked back, still unspent and taken, written off, owed since."""

    asset: str
    source: str
    demanded: int
    taken: int
    written_off: int
    owed: int = 0


class TakenElsewhere(msgspec.Struct, frozen=True):
    """Currency that was taken from somebody to whom it had been passed on."""

    customer_id: str
    asset: str
    taken: int


class TakenLine(msgspec.Struct, frozen=True):
    """Units of one of a bundle's contents that were given back, and what of the refund is theirs (minor units)."""

    sku: str
    quantity: int
    amount: int


class TakenBack(msgspec.Struct, frozen=True):
    """What a refund took back: the ``quantity`` of the purchase it stands for, goods, and rights that ended.

    ``credits`` are sums. Of them, ``elsewhere`` was taken from others, to whom it had been passed on, and
    ``receiver_owes`` (asset, or ``opening:asset`` for what an item became, -> amount) is owed by a gift's recipient,
    the rest by the buyer.
    ``lines`` are the contents of a bundle that it stands for; ``openings`` name what used items had become, which was
    taken instead of them.
    """

    strategy: str
    quantity: int
    items: tuple[TakenItem, ...] = ()
    credits: tuple[TakenCredit, ...] = ()
    entitlements: tuple[str, ...] = ()
    elsewhere: tuple[TakenElsewhere, ...] = ()
    receiver_owes: dict[str, int] = {}
    lines: tuple[TakenLine, ...] = ()
    openings: tuple[str, ...] = ()

    def owed_by_receiver(self, credit: TakenCredit) -> int:
        """Return what a gift's recipient owes of a credit."""
        name = f"{credit.source}:{credit.asset}" if credit.source in self.openings else credit.asset
        return self.receiver_owes.get(name, 0)


async def read_reversals(reader: PointReader, purchase_id: str) -> Sequence[Row]:
    """Return the rows of all that took, or may take, a purchase back, oldest first."""
    return await reader.all(_REVERSALS, purchase_id=purchase_id)


async def read_refunds(reader: PointReader, purchase_id: str) -> Sequence[Row]:
    """Return the rows of a purchase's refunds, oldest first; what its payer's bank took back is none."""
    return [row for row in await read_reversals(reader, purchase_id) if row["cause"] != DISPUTE]


def is_effective(row: Row) -> bool:
    """Tell whether a reversal takes something back, or may still do so."""
    return row["state"] in HOLDING or row["state"] in TAKING


def was_undone(row: Row) -> bool:
    """Tell whether a reversal reversed its purchase's entry and was booked back: that entry is reversed only once."""
    facts = msgspec.json.decode(row["facts"])
    return bool(facts.get("undone") or (facts.get("reversed") and row["state"] not in TAKING))


def taken_back(row: Mapping[str, Any]) -> TakenBack:
    """Return what a refund's row says was taken back."""
    return msgspec.json.decode(row["taken_back"], type=TakenBack)


def refund_json(row: Row, *, is_dry_run: bool = False) -> dict[str, Any]:
    """Return the wire shape of a refund; one that is only looked at (a dry run) has no id and no time."""
    taken = taken_back(row)
    return {
        "id": None if is_dry_run else row["id"],
        "purchase": row["purchase_id"],
        "number": row["number"],
        "cause": row["cause"],
        "state": row["state"],
        "amount": {"amount": row["amount"], "currency": row["currency"]},
        "quantity": taken.quantity,
        "lines": [_line_json(row, line) for line in taken.lines],
        "strategy": taken.strategy,
        "taken_back": taken_json(taken),
        "reason": row["reason"],
        "actor": row["actor"],
        "created_at": None if is_dry_run else iso(row["created_at"]),
        "dry_run": is_dry_run,
    }


def _line_json(row: Row, line: TakenLine) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "quantity": line.quantity,
        "amount": {"amount": line.amount, "currency": row["currency"]},
    }


def taken_json(taken: TakenBack) -> dict[str, Any]:
    """Return the wire shape of what was taken back."""
    return {
        "items": msgspec.to_builtins(taken.items),
        "credits": msgspec.to_builtins(taken.credits),
        "entitlements": list(taken.entitlements),
        **({"openings": list(taken.openings)} if taken.openings else {}),
    }


def summary_json(row: Row) -> dict[str, Any]:
    """Return what a purchase shows of a refund to everybody who may see the purchase: no reason, no actor."""
    return {
        "id": row["id"],
        "number": row["number"],
        "state": row["state"],
        "amount": {"amount": row["amount"], "currency": row["currency"]},
        "quantity": taken_back(row).quantity,
        "created_at": iso(row["created_at"]),
    }


def refunded_of(payment: Row, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what a purchase says of its refunds: ``none``, ``part`` or ``full``."""
    done = [row for row in rows if row["cause"] != DISPUTE and row["state"] in TAKING]
    if not done:
        return "none"
    is_all = sum(row["amount"] for row in done) >= payment["received_amount"]
    return "full" if is_all else "part"


def dispute_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what a purchase says of its disputes: a lost one stays lost, an open one is told before a won one."""
    states = {row["state"] for row in rows if row["cause"] == DISPUTE}
    return next((state for state in ("lost", "open", "won") if state in states), "none")
