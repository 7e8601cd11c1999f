"""L10 and E1 of refunds: each points to the entry that gave back its amount, and accounts for the goods."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby, islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, case, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.owners import Owners
from storefront.core.names import account_now, is_of
from storefront.core.tables import accounts, entries, item_movements, jobs, payments, purchases, reversals, transfers

_ROWS_AT_ONCE = 300
_OF_DEBTS = ("debt.repaid", "debt.forgiven")
"""Kinds of entries that are about a reversal, and move what it left owed: it does not say that it took that."""
_TAKING = ("completed", "lost")
_CLEARING = literal("gateway:") + reversals.c.gateway + ":clearing:" + reversals.c.currency


class _Goods(msgspec.Struct):
    """Items of one SKU, or an amount of one asset."""

    demanded: int
    taken: int
    written_off: int
    owed: int = 0
    sku: str = ""
    asset: str = ""


class _Facts(msgspec.Struct):
    """What a reversal at a gateway has booked: legs of money, and how much of it was beyond what came in."""

    legs: list[str] = []
    over: int = 0
    anew: bool = False


class _TakenBack(msgspec.Struct):
    quantity: int
    items: list[_Goods]
    credits: list[_Goods]


@cache
def _select_reversals_point_to_entries() -> tuple[Select[Any], Select[Any]]:
    wallet = literal("customer:") + reversals.c.customer_id + ":" + reversals.c.currency
    is_theirs = or_(transfers.c.destination == wallet, account_now(transfers.c.destination) == wallet)
    back = func.coalesce(func.sum(case((is_theirs, transfers.c.amount), else_=0)), 0)
    statement = (
        select(reversals.c.id, reversals.c.amount, reversals.c.currency, reversals.c.entry_id,
               entries.c.id.label("found"), entries.c.about, entries.c.reverses,
               purchases.c.entry_id.label("original"), back.label("back"))
        .select_from(reversals)
        .join(purchases, purchases.c.id == reversals.c.purchase_id)
        .join(entries, entries.c.id == reversals.c.entry_id, isouter=True)
        .join(transfers, transfers.c.entry_id == entries.c.id, isouter=True)
        .group_by(reversals.c.id, entries.c.id, purchases.c.id)
        .where(reversals.c.gateway.is_(None))
        .having(or_(
            and_(reversals.c.entry_id.is_(None), reversals.c.amount > 0),
            and_(reversals.c.entry_id.is_not(None),
                 or_(entries.c.id.is_(None), entries.c.about != reversals.c.id, back != reversals.c.amount,
                     func.coalesce(entries.c.reverses, "") != func.coalesce(purchases.c.entry_id, ""))),
        ))
    )  # fmt: skip
    stray = (
        select(entries.c.id, entries.c.about)
        .join(reversals, and_(reversals.c.id == entries.c.about, reversals.c.entry_id == entries.c.id), isouter=True)
        .where(entries.c.kind == "refund", reversals.c.id.is_(None))
    )
    return statement, stray


def reversals_point_to_entries(connection: Connection) -> Iterator[Violation]:
    """L10: a refund that gave something back names the entry that did, under the purchase's own entry."""
    statement, stray = _select_reversals_point_to_entries()
    for row in each_row(connection, statement):
        fault = f"its entry {row.entry_id} gave {int(row.back)} back"
        if row.entry_id is None:
            fault = "names no entry"
        elif row.found is None:
            fault = f"its entry {row.entry_id} does not exist"
        elif row.about != row.id:
            fault = f"its entry {row.entry_id} is about {row.about}"
        elif row.reverses != row.original:
            fault = f"its entry reverses {row.reverses}, not the purchase's {row.original}"
        message = f"refund {row.id} is for {row.amount} {row.currency}, but {fault}"
        yield Violation("L10-reversals", (row.id,), message)
    for row in each_row(connection, stray):
        message = f"entry {row.id} refunds something for {row.about}, which is no refund of that entry"
        yield Violation("L10-reversals", (row.id,), message)


@cache
def _select_gateway_reversals_are_booked() -> Select[Any]:
    into = case((transfers.c.destination == _CLEARING, transfers.c.amount), else_=0)
    out_of = case((transfers.c.source == _CLEARING, transfers.c.amount), else_=0)
    booked = func.coalesce(func.sum(into), 0) - func.coalesce(func.sum(out_of), 0)
    own = entries.alias("own")
    return (
        select(reversals, booked.label("booked"), purchases.c.entry_id.label("original"),
               own.c.id.label("found"), own.c.reverses)
        .select_from(reversals)
        .join(purchases, purchases.c.id == reversals.c.purchase_id)
        .join(entries, and_(is_of(entries.c.anchor, reversals.c.customer_id),
                            entries.c.about == reversals.c.id), isouter=True)
        .join(transfers, transfers.c.entry_id == entries.c.id, isouter=True)
        .join(own, own.c.id == reversals.c.entry_id, isouter=True)
        .where(reversals.c.gateway.is_not(None))
        .group_by(reversals.c.id, purchases.c.id, own.c.id)
    )  # fmt: skip


def gateway_reversals_are_booked(connection: Connection) -> Iterator[Violation]:
    """L10: what a gateway took back, and nothing else, left ``clearing`` for it; what cost the purchase reversed it."""
    for row in each_row(connection, _select_gateway_reversals_are_booked()):
        facts = msgspec.json.decode(row.facts, type=_Facts)
        legs = set(facts.legs)
        due = row.amount if legs & {"refunded", "withdrawn"} else 0
        if int(row.booked) != due:
            message = f"{row.cause} {row.id} is {row.state}, {due} {row.currency} should have left clearing for it, " \
                      f"but {int(row.booked)} did"  # fmt: skip
            yield Violation("L10-gateway", (row.id,), message)
        costs = bool(legs & {"refunded", "lost"})
        if costs != (row.state in _TAKING) or ("withdrawn" in legs and row.cause != "dispute"):
            yield Violation("L10-gateway", (row.id,), f"{row.cause} {row.id} is {row.state}, its legs are {facts.legs}")
        if costs and not facts.anew and row.amount > facts.over and (row.found is None or row.reverses is None):
            message = f"{row.cause} {row.id} is {row.state}, but names no entry that reverses its purchase's"
            yield Violation("L10-gateway", (row.id,), message)


@cache
def _select_reversals_account_for_goods() -> Select[Any]:
    return select(reversals).order_by(reversals.c.id)


def reversals_account_for_goods(connection: Connection) -> Iterator[Violation]:
    """E1: taken back + written off cover each refund, what was taken really left, and the purchase says so."""
    rows = each_row(connection, _select_reversals_account_for_goods())
    for page in _pages(rows):
        yield from _against_movements(connection, page)
    yield from _against_purchases(connection)


def _pages(rows: Iterable[Row[Any]]) -> Iterator[Sequence[Row[Any]]]:
    rows = iter(rows)
    while page := list(islice(rows, _ROWS_AT_ONCE)):
        yield page


def _against_movements(connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Violation]:
    """Compare what a page of refunds says it took with what left inventories and wallets for them."""
    left: Counter[tuple[str, str]] = Counter()
    moved = select(item_movements.c.about, item_movements.c.sku, item_movements.c.quantity).where(
        item_movements.c.about.in_([row.id for row in page])
    )
    for movement in each_row(connection, moved):
        left[(movement.about, movement.sku)] -= movement.quantity
    source, destination = accounts.alias("source_account"), accounts.alias("destination_account")
    taken = (
        select(entries.c.about, transfers.c.asset, transfers.c.amount, source.c.role.label("from_role"),
               destination.c.role.label("to_role"))
        .join(entries, entries.c.id == transfers.c.entry_id)
        .join(source, source.c.id == transfers.c.source)
        .join(destination, destination.c.id == transfers.c.destination)
        .where(entries.c.about.in_([row.id for row in page]),
               entries.c.anchor.in_(sorted(Owners(connection).names(row.customer_id for row in page))),
               entries.c.kind.not_in(_OF_DEBTS),
               or_(source.c.role == "wallet", destination.c.role == "wallet",
                   and_(source.c.role == "issuance", destination.c.role == "receivable")))
    )  # fmt: skip
    at_gateways = {row.id for row in page if row.gateway is not None}
    for transfer in each_row(connection, taken):
        if transfer.from_role == "wallet":
            left[(transfer.about, transfer.asset)] += transfer.amount
        elif transfer.about in at_gateways:
            # A refund that failed at last gives again what it took, though a debt may swallow it; into a wallet goes a
            # wallet's own refund, too.
            left[(transfer.about, transfer.asset)] -= transfer.amount
    for row in page:
        told = msgspec.json.decode(row.taken_back, type=_TakenBack)
        for one in (*told.items, *told.credits):
            name = one.sku or one.asset
            left[(row.id, name)] -= one.taken
            covered = one.taken + one.written_off + one.owed
            if min(one.demanded, one.taken, one.written_off, one.owed) < 0 or covered < one.demanded:
                owed = f" + {one.owed} owed" if one.owed else ""
                message = (
                    f"refund {row.id} asked {one.demanded} {name} back, but {one.taken} taken "
                    f"+ {one.written_off} written off{owed} do not cover that"
                )
                yield Violation("E1-reversals", (row.id,), message)
    for (reversal_id, name), difference in left.items():
        if difference:
            message = f"refund {reversal_id} took {difference} {name} more than it says"
            yield Violation("E1-reversals", (reversal_id,), message)


@cache
def _select_against_purchases() -> Select[Any]:
    columns = (purchases.c.id, purchases.c.total, purchases.c.quantity, purchases.c.refunded, purchases.c.dispute,
               purchases.c.status, purchases.c.completed_at)  # fmt: skip
    return (
        select(*columns, reversals.c.number, reversals.c.amount, reversals.c.taken_back, reversals.c.cause,
               reversals.c.state, reversals.c.gateway, reversals.c.created_at, payments.c.received_amount)
        .join(reversals, reversals.c.purchase_id == purchases.c.id, isouter=True)
        .join(payments, payments.c.purchase_id == purchases.c.id, isouter=True)
        .where(or_(reversals.c.id.is_not(None), purchases.c.refunded != "none", purchases.c.dispute != "none"))
        .order_by(purchases.c.id, reversals.c.number)
    )  # fmt: skip


def _against_purchases(connection: Connection) -> Iterator[Violation]:
    for purchase_id, found in groupby(each_row(connection, _select_against_purchases()), key=lambda row: row.id):
        rows = list(found)
        made = [row for row in rows if row.number is not None]
        yield from _against_purchase(purchase_id, rows[0], made)
        yield from _left_without_money(connection, rows[0], made)
        if [row.number for row in made] != list(range(1, len(made) + 1)):
            message = f"the reversals of purchase {purchase_id} are not numbered 1 to {len(made)}"
            yield Violation("E1-reversals", (purchase_id,), message)


def _against_purchase(purchase_id: str, purchase: Row[Any], made: list[Row[Any]]) -> Iterator[Violation]:
    """Compare what a purchase says of its refunds and disputes with those that took something."""
    refunds = [row for row in made if row.cause != "dispute" and row.state == "completed"]
    amount = sum(row.amount for row in refunds)
    quantity = sum(
        msgspec.json.decode(row.taken_back, type=_TakenBack).quantity for row in made if row.state in _TAKING
    )
    through_gateway = any(row.gateway is not None for row in made)
    is_full = amount >= purchase.received_amount if through_gateway else (
        (amount, quantity) == (purchase.total, purchase.quantity)
    )  # fmt: skip
    due = "full" if is_full and refunds else "part" if refunds else "none"
    if purchase.refunded != due or quantity > purchase.quantity or (not through_gateway and amount > purchase.total):
        message = (
            f"purchase {purchase_id} says refunded {purchase.refunded}, its refunds say {due}: "
            f"{amount} of {purchase.total}, {quantity} of {purchase.quantity} units"
        )
        yield Violation("E1-reversals", (purchase_id,), message)
    states = {row.state for row in made if row.cause == "dispute"}
    told = next((state for state in ("lost", "open", "won") if state in states), "none")
    if purchase.dispute != told:
        message = f"purchase {purchase_id} says dispute {purchase.dispute}, its disputes say {told}"
        yield Violation("E1-reversals", (purchase_id,), message)


def _left_without_money(connection: Connection, purchase: Row[Any], made: list[Row[Any]]) -> Iterator[Violation]:
    """Of what a payer's bank took all the money of, nothing is left: what was freed since was claimed for it.

    What was used, or passed on, counts as back: it was asked back, and is owed or written off.
    """
    lost = [row for row in made if row.cause == "dispute" and row.state == "lost"]
    since = purchase.completed_at
    is_all = bool(lost) and sum(row.amount for row in lost) >= purchase.received_amount
    if not is_all or purchase.status != "completed" or since is None or min(row.created_at for row in lost) < since:
        return  # what was disputed before its goods were given had none to be asked back
    # Others that wait for their gateways hold what they ask for.
    standing = [row for row in made if row.state in (*_TAKING, "pending", "open")]
    units = sum(msgspec.json.decode(row.taken_back, type=_TakenBack).quantity for row in standing)
    due = select(jobs.c.id).where(jobs.c.unique_key == f"claim:{purchase.id}", jobs.c.state == "waiting")
    if units < purchase.quantity and connection.execute(due).first() is None:
        message = (
            f"all the money of purchase {purchase.id} is lost, but {units} of {purchase.quantity} units were asked back"
        )
        yield Violation("E1-reversals", (purchase.id,), message)


CHECKS = (
    Check("L10-reversals", "Every refund points to the entry that gave it back, and back", reversals_point_to_entries),
    Check(
        "L10-gateway",
        "What a gateway took back is booked, once, and reverses its purchase",
        gateway_reversals_are_booked,
    ),
    Check("E1-reversals", "Taken back + written off cover each reversal", reversals_account_for_goods),
)
