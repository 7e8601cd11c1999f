"""What the books say that a purchase drew and gave, and what its reversals took of that and gave again."""

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, func, select

from storefront.core.accounts import wallet
from storefront.core.commit.plan import LotPart
from storefront.core.kinds import Reversal, as_gift
from storefront.core.names import account_now, names_of
from storefront.core.purchasing import receiver_of
from storefront.core.reading import PointReader, Query, Row
from storefront.core.refunds import read_reversals
from storefront.core.tables import credits, draws, entitlements, entries, lots, reversals, transfers

_DRAWN = Query(
    select(draws.c.lot_id, draws.c.amount)
    .join(transfers, and_(transfers.c.entry_id == draws.c.entry_id, transfers.c.position == draws.c.transfer))
    .where(draws.c.entry_id == bindparam("entry_id"), account_now(transfers.c.source) == bindparam("account"))
    .order_by(draws.c.position)
)
CREDITED = Query(
    select(transfers.c.asset, credits.c.source.label("credited_as"), credits.c.amount.label("credited"), lots)
    .join(transfers, and_(transfers.c.entry_id == credits.c.entry_id, transfers.c.position == credits.c.transfer))
    .join(lots, lots.c.id == credits.c.lot_id)
    .where(credits.c.entry_id == bindparam("entry_id"))
    .order_by(credits.c.position)
)
_GIVEN_AGAIN = Query(
    select(transfers.c.asset, credits.c.source.label("credited_as"), credits.c.amount.label("credited"), lots)
    .join(transfers, and_(transfers.c.entry_id == credits.c.entry_id, transfers.c.position == credits.c.transfer))
    .join(entries, entries.c.id == credits.c.entry_id)
    .join(lots, lots.c.id == credits.c.lot_id)
    .where(entries.c.anchor.in_(names_of(bindparam("anchor"))), entries.c.about == bindparam("about"))
    .order_by(credits.c.entry_id, credits.c.position)
)
_TAKEN_BEFORE = Query(
    select(draws.c.lot_id, func.sum(draws.c.amount).label("amount"))
    .join(entries, entries.c.id == draws.c.entry_id)
    .join(reversals, reversals.c.id == entries.c.about)
    .where(reversals.c.purchase_id == bindparam("purchase_id"), entries.c.anchor.in_(names_of(bindparam("anchor"))))
    .group_by(draws.c.lot_id)
)
_SWALLOWED_AGAIN = Query(
    select(transfers.c.asset, func.sum(transfers.c.amount).label("amount"))
    .join(entries, entries.c.id == transfers.c.entry_id)
    .join(reversals, reversals.c.id == entries.c.about)
    .where(
        reversals.c.purchase_id == bindparam("purchase_id"),
        entries.c.anchor.in_(names_of(bindparam("anchor"))),
        transfers.c.source.startswith("platform:issuance:"),
        transfers.c.destination.startswith("platform:receivable:"),
    )
    .group_by(transfers.c.asset)
)
_RIGHTS = Query(
    select(entitlements.c.key, entitlements.c.sku).where(
        entitlements.c.customer_id == bindparam("customer_id"),
        entitlements.c.source_id == bindparam("source_id"),
        entitlements.c.ended_at.is_(None),
    )
)


async def drawn_by(reader: PointReader, purchase: Row) -> tuple[LotPart, ...]:
    """Return what paid for the purchase: the draws of its entry, in their order."""
    account = wallet(purchase["customer_id"], purchase["currency"]).id
    rows = await reader.all(_DRAWN, entry_id=purchase["entry_id"], account=account)
    return tuple(LotPart(row["lot_id"], row["amount"]) for row in rows)


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
    rows = await reader.all(_TAKEN_BEFORE, purchase_id=purchase["id"], anchor=purchase["customer_id"])
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
