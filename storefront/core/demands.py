"""What a reversal wants back of the goods that a purchase gave: which parts of which lots, which items, which rights.

Unlike a wallet refund, which takes what it finds in one commit, a reversal at a gateway waits for an answer from
outside. Its demand is set aside first (``Freeze``) and taken, or given back, when the answer is there.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec

from storefront.core.bundle_refunds import (
    Share,
    are_back,
    as_lines,
    share_besides,
    share_in_proportion,
    share_with_held,
)
from storefront.core.commit.freezes import SourceDemand
from storefront.core.commit.plan import Demand, LotPart, WalletDemand
from storefront.core.commit.projection import parts_of
from storefront.core.given import (
    CREDITED,
    as_given,
    credited_by,
    given_elsewhere,
    given_in,
    rights_of,
    swallowed_again,
    taken_before,
)
from storefront.core.kinds import PURCHASED, Line, Reversal
from storefront.core.money import Money
from storefront.core.opened import Opened, Openings, SpokenFor
from storefront.core.passed_on import Elsewhere, find_elsewhere, free_of
from storefront.core.purchasing import Status, receiver_of
from storefront.core.reading import PointReader, Row
from storefront.core.refunds import (
    TAKING,
    TakenBack,
    TakenCredit,
    TakenElsewhere,
    TakenItem,
    TakenLine,
    is_effective,
    read_reversals,
    taken_back,
    was_undone,
)
from storefront.core.reversing import terms_back
from storefront.core.services import Services
from storefront.core.taken_credits import split_by_source
from storefront.core.unpacking import ask_parts_back, unpack

_Record = TypeVar("_Record", TakenItem, TakenCredit, TakenElsewhere)


@dataclass(frozen=True, slots=True)
class Held:
    """What a reversal has already when it is decided anew: what its row says, and rights that it froze or ended.

    ``items`` (sku -> quantity) are set aside by it: for itself they are there. What ``is_taken`` is not asked again.
    """

    told: TakenBack = field(default_factory=lambda: TakenBack("", 0))
    rights: frozenset[str] = frozenset()
    items: Counter[str] = field(default_factory=Counter)
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """One reversal, decided: its number among the purchase's, for how many units it stands, and what it asks back.

    ``lines`` are those of a bundle's contents, ``opened`` is what used items became and is asked for instead of them.
    ``left`` is what no other reversal of the purchase asks for: money of the payment, in minor units;
    ``unreversed`` is what none has taken yet, ``there`` what of each asset could be set aside now, ``elsewhere``
    what it asks of others, to whom the missing part was passed on. ``ended`` are the contents of which nothing is left
    with the customer then; None: of nothing.
    """

    number: int
    quantity: int
    left: int
    unreversed: int
    demand: Demand
    there: Mapping[str, int]
    elsewhere: tuple[Elsewhere, ...] = ()
    lines: tuple[TakenLine, ...] = ()
    opened: tuple[Opened, ...] = ()
    ended: frozenset[str] | None = None

    def told(self, strategy: str) -> TakenBack:
        """Return what the reversal's row says before anything is taken."""
        openings = tuple(one.became.id for one in self.opened)
        return TakenBack(strategy=strategy, quantity=self.quantity, lines=self.lines, openings=openings)


async def want_back(
    services: Services,
    purchase: Row,
    *,
    received: int,
    amount: int,
    quantity: int | None,
    in_proportion: bool,
    follows: bool = False,
    lines: tuple[TakenLine, ...] = (),
    besides: str | None = None,
    held: Held | None = None,
) -> Wanted:
    """Decide what a reversal of ``amount`` asks back, by what the books hold now; nothing is written.

    ``quantity`` None: all units that are left if nothing of the money is, else none, or with ``in_proportion`` as
    many whole units as the amount pays for. ``follows``: currency that was passed on is asked of those who have it.
    ``besides`` is the reversal itself, if it is in the books already; ``held`` what it has, and does not let go.
    """
    async with services.reader.snapshot() as reader:
        before = list(await read_reversals(reader, purchase["id"]))
        effective = [row for row in before if is_effective(row) and row["id"] != besides]
        left = received - sum(row["amount"] for row in effective)
        units_left = purchase["quantity"] - sum(taken_back(row).quantity for row in effective)
        if purchase["status"] != Status.COMPLETED:
            quantity = 0
        elif quantity is None:
            # To the nearest unit: exchange rates make a disputed amount differ a little from what was paid.
            units = (
                (2 * purchase["quantity"] * amount + received) // (2 * received) if in_proportion and received else 0
            )
            quantity = units_left if amount >= left else min(units, units_left)
        original = None if any(was_undone(row) for row in before) else purchase["entry_id"]
        demand, opened = Demand(original), tuple[Opened, ...]()
        share = share_in_proportion(purchase, effective, amount=amount, quantity=quantity)
        if lines:
            share = Share(amount, quantity, lines, is_all=quantity > 0 and quantity == units_left)
        if held is not None:
            share = share_with_held(purchase, effective, share, held.told)
        asked = share_besides(share, held.told) if held is not None and held.is_taken else share
        ended = None if share.is_all else are_back(purchase, effective, share)
        if asked.quantity or asked.lines:
            demand, opened = await _demand(
                services, reader, purchase, asked, ended=ended, held=held or Held(), besides=besides
            )
            demand = replace(demand, original=original)
        now, elsewhere = services.clock.now(), tuple[Elsewhere, ...]()
        if follows and demand.wallets:
            demand, elsewhere = await find_elsewhere(services, reader, purchase, demand)
        there = {wanted.asset: await free_of(reader, wanted, now) for wanted in demand.wallets}
    unreversed = received - sum(row["amount"] for row in effective if row["state"] in TAKING)
    return Wanted(
        len(before) + 1, share.quantity, left, unreversed, demand, there, elsewhere, share.lines, opened, ended
    )  # fmt: skip


def set_aside_by(freeze: Row | None) -> dict[str, int]:
    """Return ``asset -> amount`` that a freeze has set aside."""
    found: Counter[str] = Counter()
    for asset, _, amount in () if freeze is None else parts_of(freeze):
        found[asset] += amount
    return dict(found)


async def _demand(
    services: Services,
    reader: PointReader,
    purchase: Row,
    share: Share,
    *,
    ended: frozenset[str] | None,
    held: Held,
    besides: str | None,
) -> tuple[Demand, tuple[Opened, ...]]:
    catalog, kinds = await services.catalogs.version(purchase["catalog_version"]), services.kinds
    asked, sold = Reversal(), Reversal()
    ask_parts_back(kinds, as_lines(catalog, purchase, share), asked)
    total, details = Money(purchase["total"], purchase["currency"]), msgspec.json.decode(purchase["details"])
    whole = Line(catalog.offer(purchase["sku"]), purchase["quantity"], total, details)
    ask_parts_back(kinds, unpack(catalog, kinds, whole), sold)
    asked, sold = as_given(purchase, asked), as_given(purchase, sold)
    own = SpokenFor(Counter({sku: -quantity for sku, quantity in held.items.items()}))
    own_openings = None if held.is_taken else besides  # what is only set aside is decided anew
    openings = Openings(reader, kinds, services.clock, receiver_of(purchase), own, besides=own_openings)
    opened = (await openings.substitute(catalog, purchase, asked)).opened
    demand = Demand(
        purchase["entry_id"],
        wallets=await _wallets(reader, purchase, asked.credits, sold.credits),
        items=dict(asked.items),
        rights=await rights_of(reader, purchase, of=ended),
        source_id=purchase["id"],
        terms=await terms_back(reader, purchase, asked),
    )
    return demand, opened


async def _wallets(
    reader: PointReader,
    purchase: Row,
    asked: Mapping[tuple[str, str], int],
    sold: Mapping[tuple[str, str], int],
) -> tuple[WalletDemand, ...]:
    """Spread what is asked over the lots that the purchase filled, less what earlier reversals took of them.

    What was sold and reached no lot paid off a debt: it is asked for all the same, or a stolen card could pay debts.
    """
    if not asked:
        return ()
    credited, elsewhere = await credited_by(reader, purchase), await given_elsewhere(reader, purchase)
    first = await reader.all(CREDITED, entry_id=purchase["entry_id"])
    before = await taken_before(reader, purchase)
    again = await swallowed_again(reader, purchase)
    parts: dict[str, list[LotPart]] = {}
    missing: Counter[str] = Counter()
    lots: dict[tuple[str, str], list[str]] = {}
    lacks: Counter[tuple[str, str]] = Counter()
    for (asset, source), demanded in asked.items():
        left = demanded
        for lot_id, amount in given_in(credited, asset, source).items():
            earlier = min(before.get(lot_id, 0), amount)
            before[lot_id] = before.get(lot_id, 0) - earlier
            part = min(left, amount - earlier)
            if part > 0:
                parts.setdefault(asset, []).append(LotPart(lot_id, part))
                lots.setdefault((asset, source), []).append(lot_id)
                left -= part
        missing[asset] += left
        lacks[asset, source] = left
    found = []
    for asset in sorted({asset for asset, _ in asked}):
        reached = sum(row["credited"] for row in credited if row["asset"] == asset)
        swallowed = sum(amount for (one, _), amount in sold.items() if one == asset)
        swallowed -= sum(row["credited"] for row in first if row["asset"] == asset)
        swallowed = max(0, swallowed + again.get(asset, 0))
        passed = sum(row["credited"] for row in elsewhere if row["asset"] == asset)
        outside = min(missing[asset], swallowed + passed)
        if parts.get(asset) or outside:
            kept = tuple(parts.get(asset, ()))
            paid = min(outside, swallowed)
            sources = _sources(asset, asked, lots, lacks, outside=outside)
            found.append(WalletDemand(asset, kept, reached, outside, paid, sources))
    return tuple(found)


def _sources(
    asset: str,
    asked: Mapping[tuple[str, str], int],
    lots: Mapping[tuple[str, str], Sequence[str]],
    lacks: Mapping[tuple[str, str], int],
    *,
    outside: int,
) -> tuple[SourceDemand, ...]:
    """Say as what a demand on one asset was given; what lies ``outside`` of lots goes to the first that lack it."""
    found = []
    for key, amount in asked.items():
        if key[0] == asset:
            besides = min(outside, lacks[key])
            outside -= besides
            demanded = amount - lacks[key] + besides
            found.append(SourceDemand(key[1], demanded, tuple(lots.get(key, ()))))
    return tuple(one for one in found if one.demanded)


def taken_of(
    told: TakenBack,
    demand: Demand,
    results: Mapping[str, Any],
    besides: Mapping[str, tuple[str, ...]],
    opened: Mapping[str, tuple[str, Demand]],
    *,
    owners: Sequence[tuple[str, str]] = (),
    whose: tuple[str, str] = ("", ""),
) -> TakenBack:
    """Return what a reversal's row says once its demand was taken, by what the steps of its plan found out.

    ``besides`` names, by asset, the steps that took value for it beside the wallet it was given to: purchases that
    were undone, other wallets. Of those, ``owners`` says whose a wallet is. ``whose`` are buyer and receiver.
    ``opened`` names, by the step that took it, what used items became, and what was asked back of that.
    """
    frozen = results.get("taken:frozen", {"wallets": {}, "items": {}, "rights": ()})
    items = []
    for sku, demanded in demand.items.items():
        got = frozen["items"].get(sku, 0)
        items.append(TakenItem(sku, demanded, got, demanded - got))
    credits: list[TakenCredit] = []
    for wanted in demand.wallets:
        asset = wanted.asset
        got = frozen["wallets"].get(asset, 0)
        got += sum(_took(results, label, asset) for label in besides.get(asset, ()))
        owes = results.get(f"owed:{asset}", 0)
        whole = TakenCredit(asset, PURCHASED, wanted.demanded, got, wanted.demanded - got - owes, owes)
        credits += split_by_source(whole, wanted.sources, results.get("lots:frozen", {}))
    for label, (source, demand_of_it) in opened.items():
        for wanted in demand_of_it.wallets:
            got, owes = _took(results, label, wanted.asset), results.get(f"owed:{label}:{wanted.asset}", 0)
            missing = wanted.demanded - got
            credits.append(TakenCredit(wanted.asset, source, wanted.demanded, got, missing - owes, owes))
    assets = [wanted.asset for wanted in demand.wallets]
    elsewhere = [
        TakenElsewhere(owner, asset, _took(results, label, asset))
        for label, owner in owners
        for asset in assets
        if _took(results, label, asset)
    ]
    buyer, receiver = whose
    names = {asset: asset for asset in assets}
    for label, (source, demand_of_it) in opened.items():
        names |= {f"{label}:{one.asset}": f"{source}:{one.asset}" for one in demand_of_it.wallets}
    owed = {told: results.get(f"owed:{receiver}:{name}", 0) for name, told in names.items()}
    return msgspec.structs.replace(
        told,
        items=tuple(items),
        credits=tuple(credits),
        entitlements=tuple(frozen["rights"]),
        elsewhere=tuple(elsewhere),
        receiver_owes={name: amount for name, amount in owed.items() if amount and receiver != buyer},
    )


def _took(results: Mapping[str, Any], label: str, asset: str) -> int:
    return int(results.get(f"taken:{label}", {"wallets": {}})["wallets"].get(asset, 0))


def joined(kept: TakenBack, more: TakenBack) -> TakenBack:
    """Return what a reversal's row says that took goods twice: of ``more`` the units, of both together the goods."""
    items = {one.sku: one for one in kept.items}
    for item in more.items:
        items[item.sku] = _sum(item, items.get(item.sku))
    credits = {(one.asset, one.source): one for one in kept.credits}
    for credit in more.credits:
        credits[credit.asset, credit.source] = _sum(credit, credits.get((credit.asset, credit.source)))
    elsewhere = {(one.customer_id, one.asset): one for one in kept.elsewhere}
    for other in more.elsewhere:
        elsewhere[other.customer_id, other.asset] = _sum(other, elsewhere.get((other.customer_id, other.asset)))
    return msgspec.structs.replace(
        more,
        items=tuple(items.values()),
        credits=tuple(credits.values()),
        entitlements=(*kept.entitlements, *more.entitlements),
        elsewhere=tuple(elsewhere.values()),
        receiver_owes=dict(Counter(kept.receiver_owes) + Counter(more.receiver_owes)),
        openings=(*kept.openings, *more.openings),
    )


def _sum(one: _Record, other: _Record | None) -> _Record:
    """Return two records about the same goods as one: their numbers are added."""
    if other is None:
        return one
    numbers = [name for name in one.__struct_fields__ if isinstance(getattr(one, name), int)]
    return msgspec.structs.replace(one, **{name: getattr(one, name) + getattr(other, name) for name in numbers})
