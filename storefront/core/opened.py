"""What used items became: a chest that was opened is taken back as what it gave, as far as that is still there.

A reversal asks for the items that its purchase gave. Those that are not there any more may have been turned into other
things; their kind says into which (``Becomes``), and these are asked for instead, the newest first. What one of them
became is taken back once: the reversal names it, and claims it in its commit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, select

from storefront.core.catalog import Catalog
from storefront.core.clock import Clock
from storefront.core.commit.item_terms import terms_of
from storefront.core.commit.plan import Claim, Demand, EndEntitlement, Plan
from storefront.core.commit.projection import is_past
from storefront.core.kinds import Became, Becomes, OfferKind, Reversal
from storefront.core.opened_currency import Given, gave
from storefront.core.reading import PointReader, Query, Row
from storefront.core.refunds import TakenBack, is_effective, taken_back
from storefront.core.tables import items, purchases, reversals

_ITEM = Query(select(items).where(items.c.customer_id == bindparam("customer_id"), items.c.sku == bindparam("sku")))
_NAMING = Query(
    select(reversals)
    .join(purchases, purchases.c.id == reversals.c.purchase_id)
    .where(
        func.coalesce(purchases.c.recipient_id, purchases.c.customer_id) == bindparam("customer_id"),
        reversals.c.taken_back.like('%"openings":["%'),
    )
)


@dataclass(frozen=True, slots=True)
class Opened:
    """One thing that items became, asked back; ``turn`` counts the reversals before that named it.

    ``original`` is the entry that gave its currency; None if it gave none, or if that was reversed before.
    """

    became: Became
    turn: int
    credits: tuple[Given, ...] = ()
    original: str | None = None

    @property
    def demand(self) -> Demand:
        """What is asked back of its currency and its rights; its items are asked for with those of the purchase."""
        wallets, rights = tuple(given.demand for given in self.credits), tuple(self.became.rights)
        return Demand(self.original, wallets, rights=rights, source_id=self.became.id)


@dataclass(frozen=True, slots=True)
class Substituted:
    """What is asked back instead of used items."""

    opened: tuple[Opened, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(one.became.id for one in self.opened)


@dataclass(slots=True)
class SpokenFor:
    """What other refunds of the same commit take: ``items`` sku -> quantity, ``openings`` by their ids."""

    items: Counter[str] = field(default_factory=Counter)
    openings: set[str] = field(default_factory=set)

    def add(self, taken: TakenBack) -> None:
        self.items.update({one.sku: one.taken for one in taken.items})
        self.openings.update(taken.openings)


@dataclass(slots=True)
class Openings:
    """The openings of one customer, looked at for one purchase; ``besides`` is the reversal that asks, if it stands."""

    reader: PointReader
    kinds: Mapping[str, OfferKind]
    clock: Clock
    customer_id: str
    spoken_for: SpokenFor = field(default_factory=SpokenFor)
    naming: dict[str, list[Row]] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    remembers: bool = False
    besides: str | None = None

    async def substitute(self, catalog: Catalog, purchase: Row, asked: Reversal) -> Substituted:
        """Ask for what used items became instead of them; ``asked`` is changed. Nothing is written."""
        becoming: dict[str, Becomes] = {}
        for sku in asked.items:
            kind = self.kinds.get(catalog.offers[sku].kind) if sku in catalog.offers else None
            if isinstance(kind, Becomes):
                becoming[sku] = kind
        if not becoming:
            return Substituted()
        await self._remember()
        found: list[Opened] = []
        since = purchase["completed_at"] or purchase["created_at"]
        for sku, becomes in becoming.items():
            missing = asked.items[sku] - await self._there(sku)
            if missing <= 0:
                continue
            became = await becomes.became(
                self.reader, self.customer_id, sku, missing, since=since, besides=frozenset(self.busy)
            )
            for one in became:
                found.append(await self.ask(one))
            asked.items[sku] -= len(became)
            if not asked.items[sku]:
                del asked.items[sku]
        for opened in found:
            for sku, quantity in opened.became.items.items():
                asked.take_item(sku, quantity, terms=terms_of(opened.became.terms, sku))
        return Substituted(tuple(found))

    async def ask(self, became: Became) -> Opened:
        """Ask back one thing that items became, but for its items. Nothing is written."""
        await self._remember()
        naming = self.naming.get(became.id, [])
        if became.entry_id is None:
            return Opened(became, len(naming))
        given, is_anew = await gave(
            self.reader,
            became.id,
            entry_id=became.entry_id,
            customer_id=self.customer_id,
            naming=naming,
            now=self.clock.now(),
        )
        return Opened(became, len(naming), given, None if is_anew else became.entry_id)

    async def _remember(self) -> None:
        if self.remembers:
            return
        self.remembers = True
        self.busy |= self.spoken_for.openings
        for row in await self.reader.all(_NAMING, customer_id=self.customer_id):
            for name in taken_back(row).openings:
                self.naming.setdefault(name, []).append(row)
                if is_effective(row) and row["id"] != self.besides:
                    self.busy.add(name)

    async def _there(self, sku: str) -> int:
        row = await self.reader.first(_ITEM, customer_id=self.customer_id, sku=sku)
        if row is None or is_past(row, self.clock.now()):
            return 0
        return max(0, int(row["quantity"] - row["frozen"] - self.spoken_for.items[sku]))


def claim_opened(plan: Plan, opened: Sequence[Opened], reversal_id: str) -> None:
    """Claim what is asked back instead of used items: of two reversals that decided on the same, one decides again."""
    for one in opened:
        plan.add(Claim(f"taken_back:{one.became.id}:{one.turn}", reversal_id))


def end_rights_of(plan: Plan, customer_id: str, became: Became) -> None:
    """End the rights that came with what used items became."""
    for key in became.rights:
        plan.add(EndEntitlement(customer_id, key, became.id))


async def find_became(reader: PointReader, kinds: Mapping[str, OfferKind], name: str) -> Became | None:
    """Return what is called so, whoever's kind knows it."""
    for kind in kinds.values():
        found = await kind.find_became(reader, name) if isinstance(kind, Becomes) else None
        if found is not None:
            return found
    return None
