"""Deciding a refund: how much, which goods that means, and what of them is still there.

Value goes back into the lots it came from; goods are taken back in this order: the unspent part of the lots
that the purchase filled, unused items, its rights. What is missing refuses the refund, or is written off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import and_, bindparam, func, select

from storefront.core.accounts import wallet
from storefront.core.bundle_refunds import RefundTooLarge, Share, are_back, as_lines, components_of, share_of_bundle
from storefront.core.commit.item_terms import COUNTED, ItemTerms, terms_of
from storefront.core.commit.plan import LotPart
from storefront.core.commit.projection import is_past, let_go
from storefront.core.commit.restore_steps import unspent
from storefront.core.config.model import Offer
from storefront.core.errors import Conflict, Refused
from storefront.core.kinds import Reversal, as_gift
from storefront.core.opened import Opened, Openings, SpokenFor
from storefront.core.purchasing import Status, receiver_of
from storefront.core.reading import PointReader, Query, Row
from storefront.core.refunds import (
    Strategy,
    TakenBack,
    TakenCredit,
    TakenItem,
    is_effective,
    read_reversals,
    taken_back,
)
from storefront.core.services import Services
from storefront.core.tables import credits, draws, entitlements, entries, holds, items, lots, reversals, transfers
from storefront.core.tables_freezes import debts, freezes
from storefront.core.unpacking import ask_parts_back

_DRAWN = Query(
    select(draws.c.lot_id, draws.c.amount)
    .join(transfers, and_(transfers.c.entry_id == draws.c.entry_id, transfers.c.position == draws.c.transfer))
    .where(draws.c.entry_id == bindparam("entry_id"), transfers.c.source == bindparam("account"))
    .order_by(draws.c.position)
)
CREDITED = Query(
    select(transfers.c.asset, credits.c.source.label("credited_as"), credits.c.amount.label("credited"), lots)
    .join(transfers, and_(transfers.c.entry_id == credits.c.entry_id, transfers.c.position == credits.c.transfer))
    .join(lots, lots.c.id == credits.c.lot_id)
    .where(credits.c.entry_id == bindparam("entry_id"))
    .order_by(credits.c.position)
)
_OPEN_HOLDS = Query(select(holds).where(holds.c.account == bindparam("account"), holds.c.state == "open"))
_WAITING_FREEZES = Query(
    select(freezes).where(freezes.c.customer_id == bindparam("customer_id"), freezes.c.waiting != "[]")
)
_DEBTS = Query(select(debts).where(debts.c.customer_id == bindparam("customer_id")))
_GIVEN_AGAIN = Query(
    select(transfers.c.asset, credits.c.source.label("credited_as"), credits.c.amount.label("credited"), lots)
    .join(transfers, and_(transfers.c.entry_id == credits.c.entry_id, transfers.c.position == credits.c.transfer))
    .join(entries, entries.c.id == credits.c.entry_id)
    .join(lots, lots.c.id == credits.c.lot_id)
    .where(entries.c.anchor == bindparam("anchor"), entries.c.about == bindparam("about"))
    .order_by(credits.c.entry_id, credits.c.position)
)
TAKEN_BEFORE = Query(
    select(draws.c.lot_id, func.sum(draws.c.amount).label("amount"))
    .join(entries, entries.c.id == draws.c.entry_id)
    .join(reversals, and_(reversals.c.id == entries.c.about, reversals.c.customer_id == entries.c.anchor))
    .where(reversals.c.purchase_id == bindparam("purchase_id"), entries.c.anchor == bindparam("anchor"))
    .group_by(draws.c.lot_id)
)
_SWALLOWED_AGAIN = Query(
    select(transfers.c.asset, func.sum(transfers.c.amount).label("amount"))
    .join(entries, entries.c.id == transfers.c.entry_id)
    .join(reversals, and_(reversals.c.id == entries.c.about, reversals.c.customer_id == entries.c.anchor))
    .where(
        reversals.c.purchase_id == bindparam("purchase_id"),
        entries.c.anchor == bindparam("anchor"),
        transfers.c.source.startswith("platform:issuance:"),
        transfers.c.destination.startswith("platform:receivable:"),
    )
    .group_by(transfers.c.asset)
)
_ITEM = Query(
    select(items.c.quantity, items.c.frozen, items.c.expires_at, items.c.is_unique).where(
        items.c.customer_id == bindparam("customer_id"), items.c.sku == bindparam("sku")
    )
)
_RIGHTS = Query(
    select(entitlements.c.key, entitlements.c.sku).where(
        entitlements.c.customer_id == bindparam("customer_id"),
        entitlements.c.source_id == bindparam("source_id"),
        entitlements.c.ended_at.is_(None),
    )
)


class NotRefundable(Conflict):
    code = "not_refundable"
    title = "This purchase cannot be refunded"


class AlreadyRefunded(Refused):
    code = "already_refunded"
    title = "Everything is refunded already"


class RefundTooFine(Refused):
    code = "refund_too_fine"
    title = "The payment gateway cannot give back so exact an amount"


class GoodsUsed(Refused):
    code = "goods_used"
    title = "Not all of the goods are still there"


@dataclass(frozen=True, slots=True)
class FoundCredit:
    """What is taken of one demand for currency: the lots it lies in, and what the purchase gave to the wallet."""

    told: TakenCredit
    parts: tuple[LotPart, ...]
    at_most: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One refund, decided: ``number`` counts the purchase's refunds, ``becomes`` is its new ``refunded``.

    ``terms`` are those of its items (``sku -> ItemTerms``), ``opened`` what used ones became and is taken instead.
    ``offer`` is what was sold, as the version says that priced it; None where money alone goes back.
    """

    number: int
    amount: int
    becomes: str
    taken: TakenBack
    draws: tuple[LotPart, ...]
    credits: tuple[FoundCredit, ...]
    terms: Mapping[str, ItemTerms] = field(default_factory=dict)
    opened: tuple[Opened, ...] = ()
    offer: Offer | None = None


async def decide(
    services: Services,
    purchase: Row,
    *,
    amount: int | None,
    quantity: int | None,
    strategy: Strategy,
    lines: Mapping[str, int] | None = None,
    spoken_for: SpokenFor | None = None,
) -> Decision:
    """Decide a refund by what the books hold now; nothing is written. ``lines`` names units of a bundle's contents.

    ``spoken_for`` is what other refunds of the same commit take.

    Raises:
        NotRefundable, AlreadyRefunded, RefundTooLarge: it cannot be given back like that.
        GoodsUsed: goods are missing and ``strategy`` is ``fail``; the facts name them.
    """
    _refuse_unpaid(purchase)
    catalog = await services.catalogs.version(purchase["catalog_version"])
    async with services.reader.snapshot() as reader:
        before = await read_reversals(reader, purchase["id"])
        number = len(before) + 1
        before = [row for row in before if is_effective(row)]
        share = share_of(purchase, before, amount=amount, quantity=quantity, lines=lines)
        demands, now, receiver_id = Reversal(), services.clock.now(), receiver_of(purchase)
        unable = ask_parts_back(services.kinds, as_lines(catalog, purchase, share), demands)
        if unable is not None:
            raise NotRefundable(f"Goods of the kind {unable} cannot be taken back; refund an amount without them.")
        demands = as_given(purchase, demands)
        openings = Openings(reader, services.kinds, services.clock, receiver_id, spoken_for or SpokenFor())
        instead = await openings.substitute(catalog, purchase, demands)
        terms = await terms_back(reader, purchase, demands)
        found = await _find_credits(reader, purchase, demands.credits, now)
        ended = None if share.is_all else are_back(purchase, before, share)
        taken = TakenBack(
            strategy=str(strategy),
            quantity=share.quantity,
            items=await _find_items(reader, receiver_id, demands.items, now, openings.spoken_for),
            credits=(*(one.told for one in found), *told_of_opened(instead.opened)),
            entitlements=await rights_of(reader, purchase, of=ended),
            lines=share.lines,
            openings=instead.ids,
        )
        _refuse_missing(taken, strategy, may_be_owed=purchase["pay_with"] in services.gateways)
        drawn = await _drawn(reader, purchase) if share.amount else ()
    is_full = share.is_all and sum(row["amount"] for row in before) + share.amount == purchase["total"]
    becomes, offer = "full" if is_full else "part", catalog.offer(purchase["sku"])
    return Decision(number, share.amount, becomes, taken, drawn, tuple(found), terms, instead.opened, offer)


def told_of_opened(opened: Sequence[Opened]) -> tuple[TakenCredit, ...]:
    """Return what a refund says of the currency that used items became; its source is what it came from."""
    return tuple(
        TakenCredit(given.asset, one.became.id, given.amount, given.there, given.amount - given.there)
        for one in opened
        for given in one.credits
    )


def share_of(
    purchase: Row,
    before: Sequence[Row],
    *,
    amount: int | None,
    quantity: int | None,
    lines: Mapping[str, int] | None = None,
) -> Share:
    """Return which part of a purchase a refund stands for, beside the effective ones ``before`` it.

    Raises:
        AlreadyRefunded, RefundTooLarge: there is not so much left.
    """
    given_back = sum(row["amount"] for row in before)
    units_back = sum(taken_back(row).quantity for row in before)
    if not components_of(purchase):
        amount, quantity = how_much(purchase, given_back, units_back, amount, quantity)
        return Share(amount, quantity, is_all=units_back + quantity == purchase["quantity"])
    if given_back >= purchase["total"] and units_back >= purchase["quantity"]:
        raise AlreadyRefunded
    if (amount or 0) > purchase["total"] - given_back:
        left = {"amount": purchase["total"] - given_back, "currency": purchase["currency"]}
        raise RefundTooLarge(left=left, quantity_left=purchase["quantity"] - units_back)
    return share_of_bundle(purchase, before, amount=amount, quantity=quantity, lines=lines)


def _refuse_unpaid(purchase: Row) -> None:
    if purchase["status"] not in (Status.COMPLETED, Status.PAID):
        raise NotRefundable(f"The purchase is {purchase['status']}; only completed ones are refunded.")


def how_much(
    purchase: Row, given_back: int, units_back: int, amount: int | None, quantity: int | None
) -> tuple[int, int]:
    """Return amount and quantity: of units without an amount, their exact share of the price.

    An amount alone is given back without any goods, unless it is all that was left.
    """
    total, units = purchase["total"], purchase["quantity"]
    left, units_left = total - given_back, units - units_back
    if left == 0 and units_left == 0:
        raise AlreadyRefunded
    if (amount or 0) > left or (quantity or 0) > units_left:
        raise RefundTooLarge(left={"amount": left, "currency": purchase["currency"]}, quantity_left=units_left)
    if quantity is None:
        quantity = units_left if amount is None or amount == left else 0
    if amount is None:
        until = units_back + quantity
        share = total * until // units - total * units_back // units
        amount = left if quantity == units_left else min(left, share)
    return amount, quantity


async def _drawn(reader: PointReader, purchase: Row) -> tuple[LotPart, ...]:
    """Return what paid for the purchase: the draws of its entry, in their order."""
    account = wallet(purchase["customer_id"], purchase["currency"]).id
    rows = await reader.all(_DRAWN, entry_id=purchase["entry_id"], account=account)
    return tuple(LotPart(row["lot_id"], row["amount"]) for row in rows)


async def terms_back(reader: PointReader, purchase: Row, asked: Reversal) -> dict[str, ItemTerms]:
    """Return the terms of the items that are asked back; units may have got numbers since they were bought."""
    terms = {}
    for sku in asked.items:
        row = await reader.first(_ITEM, customer_id=receiver_of(purchase), sku=sku)
        one = terms_of(asked.terms, sku)
        is_unique = one.is_unique or (row is not None and bool(row["is_unique"]))
        if one != COUNTED or is_unique:
            terms[sku] = replace(one, is_unique=is_unique, source=purchase["id"])
    return terms


async def _find_items(
    reader: PointReader, customer_id: str, demands: Mapping[str, int], now: int, spoken_for: SpokenFor
) -> tuple[TakenItem, ...]:
    found = []
    for sku, demanded in demands.items():
        row = await reader.first(_ITEM, customer_id=customer_id, sku=sku)
        there = 0 if row is None or is_past(row, now) else row["quantity"] - row["frozen"] - spoken_for.items[sku]
        taken = max(0, min(demanded, there))
        found.append(TakenItem(sku, demanded, taken, demanded - taken))
    return tuple(found)


async def _find_credits(
    reader: PointReader, purchase: Row, demands: Mapping[tuple[str, str], int], now: int
) -> Sequence[FoundCredit]:
    """Find the unspent part of the lots that the purchase filled, less what earlier refunds took of them."""
    if not demands:
        return ()
    credited = await credited_by(reader, purchase)
    before = await taken_before(reader, purchase)
    lots_by_id = {row["id"]: row for row in await _free(reader, receiver_of(purchase), credited, now)}
    found = []
    for (asset, source), demanded in demands.items():
        parts, missing = [], demanded
        for lot_id, amount in given_in(credited, asset, source).items():
            there = min(
                missing, amount - before.get(lot_id, 0), unspent(lots_by_id[lot_id], now) if lot_id in lots_by_id else 0
            )
            if there > 0:
                parts.append(LotPart(lot_id, there))
                missing -= there
        at_most = sum(row["credited"] for row in credited if row["asset"] == asset)
        told = TakenCredit(asset, source, demanded, demanded - missing, missing)
        found.append(FoundCredit(told, tuple(parts), at_most))
    return found


async def _free(reader: PointReader, customer_id: str, credited: Sequence[Row], now: int) -> list[Row]:
    """Return the lots that have something left; a hold whose time is over pins nothing, whoever looks."""
    by_id = {row["id"]: row for row in credited}
    open_holds = [
        hold
        for account in sorted({row["account"] for row in by_id.values()})
        for hold in await reader.all(_OPEN_HOLDS, account=account)
    ]
    waiting = await reader.all(_WAITING_FREEZES, customer_id=customer_id) if open_holds else ()
    owed = {row["asset"]: row["amount"] for row in await reader.all(_DEBTS, customer_id=customer_id)} if waiting else {}
    return let_go(by_id.values(), open_holds, now, waiting=waiting, owed=owed)


def as_given(purchase: Row, demands: Reversal) -> Reversal:
    """Return what a kind asks back, named as it was credited: what was bought for somebody else is a gift."""
    if purchase["recipient_id"] is None:
        return demands
    credits: dict[tuple[str, str], int] = {}
    for (asset, source), amount in demands.credits.items():
        credits[asset, as_gift(source)] = credits.get((asset, as_gift(source)), 0) + amount
    return Reversal(demands.items, credits, demands.terms)


def given_in(credited: Sequence[Row], asset: str, source: str) -> dict[str, int]:
    """Return ``lot -> amount`` of what a purchase credited; several credits may lie in one lot."""
    given: dict[str, int] = {}
    for row in credited:
        if (row["asset"], row["credited_as"]) == (asset, source):
            given[row["id"]] = given.get(row["id"], 0) + row["credited"]
    return given


async def credited_by(reader: PointReader, purchase: Row) -> Sequence[Row]:
    """Return the credits that a purchase made, and those by which failed reversals gave its goods again.

    Only those to its receiver's wallets: what was given again to others is told by ``given_elsewhere``.
    """
    credited = list(await reader.all(CREDITED, entry_id=purchase["entry_id"]))
    again = await _given_again(reader, purchase)
    return credited + [row for row in again if row["account"] == _wallet_of(purchase, row)]


async def given_elsewhere(reader: PointReader, purchase: Row) -> Sequence[Row]:
    """Return the credits by which failed reversals gave again to others than the receiver: a giver, who had paid what
    the receiver had used, and those to whom it had been passed on."""
    return [row for row in await _given_again(reader, purchase) if row["account"] != _wallet_of(purchase, row)]


async def _given_again(reader: PointReader, purchase: Row) -> Sequence[Row]:
    found: list[Row] = []
    for row in await read_reversals(reader, purchase["id"]):
        if row["gateway"] is not None:
            found += await reader.all(_GIVEN_AGAIN, anchor=purchase["customer_id"], about=row["id"])
    return found


def _wallet_of(purchase: Row, credit: Row) -> str:
    return wallet(receiver_of(purchase), credit["asset"]).id


async def taken_before(reader: PointReader, purchase: Row) -> dict[str, int]:
    """Return ``lot -> amount`` of what earlier reversals of a purchase took."""
    rows = await reader.all(TAKEN_BEFORE, purchase_id=purchase["id"], anchor=purchase["customer_id"])
    return {row["lot_id"]: int(row["amount"]) for row in rows}


async def swallowed_again(reader: PointReader, purchase: Row) -> dict[str, int]:
    """Return ``asset -> amount`` of what was given again to a purchase and paid a debt before it reached a lot."""
    rows = await reader.all(_SWALLOWED_AGAIN, purchase_id=purchase["id"], anchor=purchase["customer_id"])
    return {row["asset"]: int(row["amount"]) for row in rows}


async def rights_of(reader: PointReader, purchase: Row, *, of: frozenset[str] | None = None) -> tuple[str, ...]:
    """Return the rights that a purchase gives and that have not ended; with ``of`` those of these offers alone."""
    if of is not None and not of:
        return ()
    rows = await reader.all(_RIGHTS, customer_id=receiver_of(purchase), source_id=purchase["id"])
    return tuple(row["key"] for row in rows if of is None or row["sku"] in of)


def _refuse_missing(taken: TakenBack, strategy: Strategy, *, may_be_owed: bool) -> None:
    missing = [{"sku": one.sku, "quantity": one.written_off} for one in taken.items if one.written_off]
    unspendable = [{"asset": one.asset, "amount": one.written_off} for one in taken.credits if one.written_off]
    if strategy is Strategy.FAIL and (missing or unspendable):
        raise GoodsUsed(
            f"Some of the goods are used or spent: {_named(taken)}. With the strategy floor what is missing is "
            f"written off{', with debt missing currency is owed' if may_be_owed and unspendable else ''}.",
            missing=[*missing, *unspendable],
        )


def _named(taken: TakenBack) -> str:
    """Name what is missing: ``120 of 500 gems, 1 of 2 × potion``."""
    currency = [f"{one.written_off} of {one.demanded} {one.asset}" for one in taken.credits if one.written_off]
    items = [f"{one.written_off} of {one.demanded} × {one.sku}" for one in taken.items if one.written_off]
    return ", ".join([*currency, *items])
