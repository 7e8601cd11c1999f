"""Currency that used items became, as the books tell it: into which lots it went, and what of it paid a debt."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, func, select

from storefront.core.accounts import wallet
from storefront.core.commit.freezes import WalletDemand
from storefront.core.commit.plan import LotPart
from storefront.core.commit.restore_steps import unspent
from storefront.core.names import names_of
from storefront.core.reading import PointReader, Query, Row
from storefront.core.tables import credits, draws, entries, lots, transfers

_CREDITED = (
    select(transfers.c.asset, credits.c.amount.label("credited"), lots)
    .join(transfers, and_(transfers.c.entry_id == credits.c.entry_id, transfers.c.position == credits.c.transfer))
    .join(lots, lots.c.id == credits.c.lot_id)
)
_GAVE = Query(_CREDITED.where(credits.c.entry_id == bindparam("entry_id")).order_by(credits.c.position))
_GIVEN_AGAIN = Query(
    _CREDITED.join(entries, entries.c.id == credits.c.entry_id)
    .where(
        entries.c.anchor.in_(names_of(bindparam("anchor"))),
        entries.c.about == bindparam("about"),
        credits.c.payment == bindparam("name"),
    )
    .order_by(credits.c.entry_id, credits.c.position)
)
_SWALLOWED = Query(
    select(transfers.c.asset, func.sum(transfers.c.amount).label("amount"))
    .where(
        transfers.c.entry_id == bindparam("entry_id"),
        transfers.c.source.startswith("platform:issuance:"),
        transfers.c.destination.startswith("platform:receivable:"),
    )
    .group_by(transfers.c.asset)
)
_TAKEN = Query(
    select(draws.c.lot_id, func.sum(draws.c.amount).label("amount"))
    .join(entries, entries.c.id == draws.c.entry_id)
    .where(entries.c.anchor.in_(names_of(bindparam("anchor"))), entries.c.about == bindparam("about"))
    .group_by(draws.c.lot_id)
)
_REVERSING = Query(
    select(entries.c.id).where(
        entries.c.anchor.in_(names_of(bindparam("anchor"))),
        entries.c.about == bindparam("about"),
        entries.c.reverses == bindparam("entry_id"),
    )
)


@dataclass(frozen=True, slots=True)
class Given:
    """Currency of one asset that something gave, ``amount`` in all.

    ``parts`` say in which lots it lies, or was spent from, less what was taken of them before; of the rest,
    ``paid_debts`` never reached a lot. ``reached`` bounds what is ever taken from the wallet. ``there`` is unspent, of
    what has not been given again since.
    """

    asset: str
    amount: int
    parts: tuple[LotPart, ...]
    reached: int
    paid_debts: int
    there: int

    @property
    def demand(self) -> WalletDemand:
        """The demand for all of it, whatever has become of it."""
        outside = self.amount - sum(part.amount for part in self.parts)
        return WalletDemand(self.asset, self.parts, self.reached, outside, min(outside, self.paid_debts))


async def gave(
    reader: PointReader, name: str, *, entry_id: str, customer_id: str, naming: Sequence[Row], now: int
) -> tuple[tuple[Given, ...], bool]:
    """Return the currency that ``name`` gave a customer by an entry, and whether that was reversed before.

    ``naming`` are the reversals that named it: what they took is not asked again, what was given again for them is.
    """
    swallowed = {row["asset"]: int(row["amount"]) for row in await reader.all(_SWALLOWED, entry_id=entry_id)}
    first = await reader.all(_GAVE, entry_id=entry_id)
    again, before, is_anew = list[Row](), Counter[str](), False
    for row in naming:
        about = {"anchor": row["customer_id"], "about": row["id"]}
        again += await reader.all(_GIVEN_AGAIN, **about, name=name)
        before.update({one["lot_id"]: int(one["amount"]) for one in await reader.all(_TAKEN, **about)})
        is_anew = is_anew or bool(await reader.all(_REVERSING, **about, entry_id=entry_id))
    found = []
    for asset in sorted({row["asset"] for row in first} | swallowed.keys()):
        filled = [row for row in first if row["asset"] == asset]
        mine = [row for row in again if row["account"] == wallet(customer_id, asset).id]
        found.append(_given(asset, filled, mine, paid=swallowed.get(asset, 0), before=before, now=now))
    return tuple(found), is_anew


def _given(
    asset: str, first: Sequence[Row], again: Sequence[Row], *, paid: int, before: Counter[str], now: int
) -> Given:
    """Find it in the lots that it filled: what was given again comes first, for that is what lies there now."""
    amount = sum(row["credited"] for row in first) + paid
    parts, there, left = [], 0, amount
    for row, is_first in (*((row, False) for row in again), *((row, True) for row in first)):
        earlier = min(before[row["id"]], row["credited"])
        before[row["id"]] -= earlier
        part = min(left, row["credited"] - earlier)
        if part > 0:
            parts.append(LotPart(row["id"], part))
            left -= part
            there += min(part, unspent(row, now)) if is_first else 0
    reached = sum(row["credited"] for row in (*again, *first))
    return Given(asset, amount, tuple(parts), reached, paid, there)
