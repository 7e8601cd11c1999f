"""Currency that was passed on: where it lies now, if a payer's bank takes back the money that bought it.

A transfer moves each part of a lot with one draw and one credit of the same entry, so the books say which lot came of
which. What is followed is what has left the lots that a reversal asks for, never more than was passed on, and only
as far as it is still unspent; nobody's purchases are taken apart for it but those of the purchase's own receiver.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import and_, bindparam, select

from storefront.core.commit.plan import Demand, LotPart, WalletDemand
from storefront.core.commit.restore_steps import unspent
from storefront.core.config.model_giving import Clawback
from storefront.core.given import given_elsewhere
from storefront.core.names import names_of
from storefront.core.reading import PointReader, Query, Row
from storefront.core.services import Services
from storefront.core.tables import credits, draws, entries, lots

MOST_LOTS = 200
"""How many lots are looked into for one reversal; what lies beyond is owed by the buyer."""

_LOT = Query(select(lots).where(lots.c.id == bindparam("id")))
_PASSED = Query(
    select(entries.c.id, credits.c.position, draws.c.amount, credits.c.lot_id)
    .join(draws, draws.c.entry_id == entries.c.id)
    .join(credits, and_(credits.c.entry_id == draws.c.entry_id, credits.c.transfer == draws.c.transfer))
    .where(
        entries.c.anchor.in_(names_of(bindparam("anchor"))),
        entries.c.kind == "transfer",
        draws.c.lot_id == bindparam("lot_id"),
    )
    .order_by(entries.c.id, credits.c.position)
)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a reversal asks of one customer to whom its currency was passed on; ``there`` could be set aside now."""

    customer_id: str
    demand: Demand
    there: Mapping[str, int]


@dataclass(slots=True)
class _Following:
    """One search: what is asked of each lot, and which credits were followed already."""

    reader: PointReader
    follows: bool
    asked: Counter[str] = field(default_factory=Counter)
    lots: dict[str, Row] = field(default_factory=dict)
    passed: Counter[tuple[str, int]] = field(default_factory=Counter)

    async def lot(self, lot_id: str) -> Row | None:
        if lot_id not in self.lots and len(self.lots) < MOST_LOTS:
            row = await self.reader.first(_LOT, id=lot_id)
            assert row is not None, "a lot is never removed"
            self.lots[lot_id] = row
        return self.lots.get(lot_id)

    async def ask(self, lot_id: str, amount: int) -> int:
        """Ask ``amount`` of a lot: what has left it is asked of those that it was passed on to; return what is gone."""
        wanted, lost = [(lot_id, amount)], 0
        while wanted:
            name, amount = wanted.pop()
            row = await self.lot(name)
            if row is None:
                lost += amount
                continue
            there = max(0, min(amount, row["remaining"] - self.asked[name]))
            self.asked[name] += there
            gone = amount - there
            looks = self.follows and gone > 0
            for one in await self.reader.all(_PASSED, anchor=owner_of(row), lot_id=name) if looks else ():
                step = (one["id"], one["position"])
                part = min(gone, one["amount"] - self.passed[step])
                if part > 0:
                    self.passed[step] += part
                    gone -= part
                    wanted.append((one["lot_id"], part))
            lost += gone
        return lost


async def find_elsewhere(
    services: Services, reader: PointReader, purchase: Row, demand: Demand
) -> tuple[Demand, tuple[Elsewhere, ...]]:
    """Find what a demand asks of others than the receiver: what was passed on, and what was given again elsewhere.

    Return what is left to ask of the receiver's own lots, the whole demand being the same, and what is asked of others:
    so whatever comes back into those lots meanwhile, no more is taken than is demanded.
    """
    follows, now = services.config.transfers.clawback is Clawback.FOLLOW, services.clock.now()
    following = _Following(reader, follows)
    own = {part.lot_id: part.amount for wanted in demand.wallets for part in wanted.parts}
    # What is gone may have been taken before, and given again: to a giver who had paid for it, or where it was found.
    left = {wanted.asset: wanted.outside_lots - wanted.paid_debts for wanted in demand.wallets}
    for wanted in demand.wallets:
        for part in wanted.parts:
            left[wanted.asset] += await following.ask(part.lot_id, part.amount)
    for row in await given_elsewhere(reader, purchase):
        part = min(row["credited"], left.get(row["asset"], 0))
        left[row["asset"]] = left.get(row["asset"], 0) - part
        if part > 0:
            await following.ask(row["id"], part)
    asked: dict[tuple[str, str], list[LotPart]] = {}
    for lot_id, amount in following.asked.items():
        row, besides = following.lots[lot_id], amount - own.get(lot_id, 0)
        if besides > 0:
            asked.setdefault((owner_of(row), _asset_of(row)), []).append(LotPart(lot_id, besides))
    return _without(demand, following, asked), await _by_customer(reader, asked, now)


def _without(demand: Demand, following: _Following, asked: Mapping[tuple[str, str], list[LotPart]]) -> Demand:
    """Return a demand less what is asked of others: of that which has left the receiver's own lots."""
    wallets = []
    for wanted in demand.wallets:
        others = sum(part.amount for (_, asset), parts in asked.items() if asset == wanted.asset for part in parts)
        parts, less = [], 0
        for part in wanted.parts:
            gone = min(others - less, part.amount - min(part.amount, following.asked[part.lot_id]))
            parts.append(LotPart(part.lot_id, part.amount - gone))
            less += gone
        wallets.append(replace(wanted, parts=tuple(parts), outside_lots=wanted.outside_lots + less))
    return replace(demand, wallets=tuple(wallets))


async def _by_customer(
    reader: PointReader, asked: Mapping[tuple[str, str], list[LotPart]], now: int
) -> tuple[Elsewhere, ...]:
    wallets: dict[str, list[WalletDemand]] = {}
    for (customer_id, asset), parts in sorted(asked.items()):
        at_most = sum(part.amount for part in parts)
        wallets.setdefault(customer_id, []).append(WalletDemand(asset, tuple(parts), at_most))
    found = []
    for customer_id, wanted in wallets.items():
        there = {one.asset: await free_of(reader, one, now) for one in wanted}
        found.append(Elsewhere(customer_id, Demand(None, tuple(wanted)), there))
    return tuple(found)


async def free_of(reader: PointReader, wanted: WalletDemand, now: int) -> int:
    """Return what of a demand on a wallet could be set aside now."""
    free = 0
    for part in wanted.parts:
        lot = await reader.first(_LOT, id=part.lot_id)
        free += 0 if lot is None else min(part.amount, unspent(lot, now))
    return free


def owner_of(lot: Row) -> str:
    """Return whose wallet a lot lies in."""
    return str(lot["account"]).split(":", 2)[1]


def _asset_of(lot: Row) -> str:
    return str(lot["account"]).split(":", 2)[2]
