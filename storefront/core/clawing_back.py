"""Clawing back: what a disputed payment's currency bought, and is still unused, is given up for that currency.

Money that the payer's bank takes back comes first out of the unspent part of the lots it filled. For the part that
was spent, purchases that were paid from those very lots and whose goods are all still there are undone, the newest
first; their value returns into the lots, and is taken from there. What is missing after that is owed or written off.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from storefront.core.commit.plan import LotPart, WalletDemand
from storefront.core.errors import Conflict, Refused
from storefront.core.names import names_of
from storefront.core.opened import SpokenFor
from storefront.core.purchasing import Status
from storefront.core.reading import Row
from storefront.core.refunds import Strategy
from storefront.core.reversing import Decision, decide
from storefront.core.services import Services
from storefront.core.tables import draws, entries, purchases

MOST_UNDONE = 50


@dataclass(frozen=True, slots=True)
class Undone:
    """A purchase to undo, its refund decided, and the parts of the lots that its value returns to."""

    purchase: Row
    decision: Decision
    parts: tuple[LotPart, ...]

    @property
    def worth(self) -> int:
        return sum(part.amount for part in self.parts)


async def find_unused(services: Services, customer_id: str, wanted: WalletDemand, missing: int) -> Sequence[Undone]:
    """Return which purchases to undo for ``missing`` of a demand, at most for that much, the newest first."""
    lots = sorted({part.lot_id for part in wanted.parts})
    found: list[Undone] = []
    spoken_for = SpokenFor()
    for purchase, parts in await _paid_from(services, customer_id, lots):
        worth = sum(part.amount for part in parts)
        if worth != purchase["total"] or worth > missing:
            continue  # it was paid from other lots, too, or is worth more than what is asked for
        try:
            decision = await decide(
                services, purchase, amount=None, quantity=None, strategy=Strategy.FAIL, spoken_for=spoken_for
            )
        except (Conflict, Refused):
            continue  # its goods are used, or cannot be taken back
        spoken_for.add(decision.taken)
        found.append(Undone(purchase, decision, parts))
        missing -= worth
    return found


async def _paid_from(
    services: Services, customer_id: str, lots: Sequence[str]
) -> list[tuple[Row, tuple[LotPart, ...]]]:
    """Return the customer's wallet purchases that drew on these lots, and how much on each, the newest first."""
    drawn = (
        select(entries.c.about, draws.c.lot_id, func.sum(draws.c.amount).label("amount"))
        .join(draws, draws.c.entry_id == entries.c.id)
        .where(entries.c.anchor.in_(names_of(customer_id)), entries.c.reverses.is_(None), draws.c.lot_id.in_(lots))
        .group_by(entries.c.about, draws.c.lot_id)
    )
    parts: dict[str, list[LotPart]] = {}
    for row in await services.reader.scan(drawn):
        parts.setdefault(row["about"], []).append(LotPart(row["lot_id"], int(row["amount"])))
    bought = (
        select(purchases)
        .where(
            purchases.c.customer_id == customer_id,
            purchases.c.id.in_(sorted(parts)),
            purchases.c.status == Status.COMPLETED,
            purchases.c.refunded == "none",
            purchases.c.pay_with == "wallet",
        )
        .order_by(purchases.c.id.desc())
        .limit(MOST_UNDONE)
    )
    return [(row, tuple(parts[row["id"]])) for row in await services.reader.scan(bought)]
