"""What a reversal wants back of the goods that a purchase gave: which parts of which lots, which items, which rights.

Unlike a wallet refund, which takes what it finds in one commit, a reversal at a gateway waits for an answer from
outside. Its demand is set aside first (``Freeze``) and taken, or given back, when the answer is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from storefront.core.commit.plan import Demand, LotPart, WalletDemand
from storefront.core.kinds import Line, Reversal, Reverses
from storefront.core.money import Money
from storefront.core.purchasing import Status
from storefront.core.reading import PointReader, Row
from storefront.core.refunds import TakenBack, TakenCredit, TakenItem, is_effective, read_reversals, taken_back
from storefront.core.reversing import CREDITED, given_in, rights_of, taken_before
from storefront.core.services import Services


@dataclass(frozen=True, slots=True)
class Wanted:
    """One reversal, decided: its number among the purchase's, for how many units it stands, and what it asks back.

    ``left`` is what no other reversal of the purchase asks for: money of the payment, in minor units.
    """

    number: int
    quantity: int
    left: int
    demand: Demand

    def told(self, strategy: str) -> TakenBack:
        """Return what the reversal's row says before anything is taken."""
        return TakenBack(strategy=strategy, quantity=self.quantity)


async def want_back(
    services: Services, purchase: Row, *, received: int, amount: int, quantity: int | None, in_proportion: bool
) -> Wanted:
    """Decide what a reversal of ``amount`` asks back, by what the books hold now; nothing is written.

    ``quantity`` None: all units that are left if nothing of the money is, else none, or with ``in_proportion`` as
    many whole units as the amount pays for.
    """
    async with services.reader.snapshot() as reader:
        before = list(await read_reversals(reader, purchase["id"]))
        effective = [row for row in before if is_effective(row)]
        left = received - sum(row["amount"] for row in effective)
        units_left = purchase["quantity"] - sum(taken_back(row).quantity for row in effective)
        if purchase["status"] != Status.COMPLETED:
            quantity = 0
        elif quantity is None:
            units = purchase["quantity"] * amount // received if in_proportion and received else 0
            quantity = units_left if amount >= left else min(units, units_left)
        demand = Demand(purchase["entry_id"])
        if quantity:
            is_all = quantity == units_left
            demand = await _demand(services, reader, purchase, quantity, is_all=is_all)
    return Wanted(len(before) + 1, quantity, left, demand)


async def _demand(services: Services, reader: PointReader, purchase: Row, quantity: int, *, is_all: bool) -> Demand:
    offer = (await services.catalogs.version(purchase["catalog_version"])).offer(purchase["sku"])
    asked = Reversal()
    kind = services.kind_as(offer.kind, Reverses)
    if kind is not None:
        details = msgspec.json.decode(purchase["details"])
        kind.reverse(Line(offer, quantity, Money(purchase["total"], purchase["currency"]), details), asked)
    return Demand(
        purchase["entry_id"],
        wallets=await _wallets(reader, purchase, asked.credits),
        items=dict(asked.items),
        rights=await rights_of(reader, purchase) if is_all else (),
        source_id=purchase["id"],
    )


async def _wallets(
    reader: PointReader, purchase: Row, asked: Mapping[tuple[str, str], int]
) -> tuple[WalletDemand, ...]:
    """Spread what is asked over the lots that the purchase filled, less what earlier reversals took of them."""
    if not asked:
        return ()
    credited = await reader.all(CREDITED, entry_id=purchase["entry_id"])
    before = await taken_before(reader, purchase["id"])
    parts: dict[str, list[LotPart]] = {}
    for (asset, source), demanded in asked.items():
        missing = demanded
        for lot_id, amount in given_in(credited, asset, source).items():
            earlier = min(before.get(lot_id, 0), amount)
            before[lot_id] = before.get(lot_id, 0) - earlier
            part = min(missing, amount - earlier)
            if part > 0:
                parts.setdefault(asset, []).append(LotPart(lot_id, part))
                missing -= part
    return tuple(
        WalletDemand(asset, tuple(found), sum(row["credited"] for row in credited if row["asset"] == asset))
        for asset, found in parts.items()
    )


def taken_of(told: TakenBack, demand: Demand, taken: Mapping[str, Mapping[str, int]], owed: Mapping[str, int],
             rights: Sequence[str]) -> TakenBack:  # fmt: skip
    """Return what a reversal's row says once its demand was taken; ``taken`` is ``{"wallets": …, "items": …}``."""
    items = []
    for sku, demanded in demand.items.items():
        got = taken.get("items", {}).get(sku, 0)
        items.append(TakenItem(sku, demanded, got, demanded - got))
    credits = []
    for wanted in demand.wallets:
        got = taken.get("wallets", {}).get(wanted.asset, 0)
        owes = owed.get(wanted.asset, 0)
        credits.append(TakenCredit(wanted.asset, "purchased", wanted.demanded, got, wanted.demanded - got - owes, owes))
    return TakenBack(told.strategy, told.quantity, tuple(items), tuple(credits), tuple(rights))
