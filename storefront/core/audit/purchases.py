"""L10, E4, E5: purchases against the entries that paid them, the prices they name, and their own history."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, case, func, literal, or_, select

from storefront.core.audit.catalog_documents import StoredOffer, read_document
from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.experiments import variant_price
from storefront.core.audit.prices import has_price, is_plain, price_that_holds
from storefront.core.names import owner_of
from storefront.core.tables import accounts, catalog_versions, entries, events, payments, purchases, transfers

# From which status to which; "" is the beginning. Stated here again, apart from the code that it judges.
_TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "": ("completed", "pending", "in_review"),
    "pending": ("completed", "in_review", "paid", "expired", "failed", "canceled", "rejected"),
    "in_review": ("completed", "paid", "rejected", "canceled"),
    "paid": ("completed", "canceled"),
    # Money that arrives late is given goods for, waits as paid, or goes back.
    "expired": ("completed", "paid"),
    "failed": ("completed", "paid"),
    "canceled": ("completed", "paid"),
    "completed": (),
    "rejected": (),
}
_PREFIX = "purchase."
_PRICED = (purchases.c.catalog_version, purchases.c.sku, purchases.c.currency, purchases.c.quantity,
           purchases.c.total)  # fmt: skip


class _Amount(msgspec.Struct):
    amount: int


class _Line(msgspec.Struct):
    """What counts of a receipt's line: goods, an adjustment of their price, or tax that is in it or on top."""

    type: str
    total: _Amount
    included: bool = True
    unit_price: _Amount | None = None

    @property
    def is_on_top(self) -> bool:
        return self.type == "adjustment" or (self.type == "tax" and not self.included)


@cache
def _select_purchases_point_to_entries() -> Select[Any]:
    whose = func.substr(accounts.c.owner, len("customer:") + 1)
    is_buyers = or_(whose == purchases.c.customer_id, owner_of(whose) == purchases.c.customer_id)
    buyer = and_(is_buyers, accounts.c.role != "debt")
    payer = or_(accounts.c.role == "clearing", buyer)
    taken = func.coalesce(func.sum(case((payer, transfers.c.amount), else_=0)), 0)
    # A payment of another amount or currency is booked as it came, and waits for the operator.
    received_another_amount = and_(
        purchases.c.status == "paid", func.coalesce(purchases.c.reason, "").in_(("amount", "currency"))
    )
    return (
        select(purchases.c.id, purchases.c.status, purchases.c.total, purchases.c.currency, purchases.c.entry_id,
               entries.c.id.label("found"), entries.c.about, taken.label("taken"))
        .select_from(purchases)
        .join(entries, entries.c.id == purchases.c.entry_id, isouter=True)
        .join(transfers, and_(transfers.c.entry_id == entries.c.id, transfers.c.asset == purchases.c.currency),
              isouter=True)
        .join(accounts, accounts.c.id == transfers.c.source, isouter=True)
        .where(purchases.c.status.in_(("completed", "paid")), purchases.c.total > 0)
        .group_by(purchases.c.id, entries.c.id)
        .having(or_(entries.c.id.is_(None), entries.c.about != purchases.c.id,
                    and_(taken != purchases.c.total, ~received_another_amount)))
    )  # fmt: skip


def purchases_point_to_entries(connection: Connection) -> Iterator[Violation]:
    """L10: a paid purchase names the entry that took its price; such an entry names one purchase."""
    for row in each_row(connection, _select_purchases_point_to_entries()):
        price = f"purchase {row.id} is {row.status} for {row.total} {row.currency}"
        if row.entry_id is None:
            yield Violation("L10", (row.id,), f"{price}, but names no entry")
        elif row.found is None:
            yield Violation("L10", (row.id, row.entry_id), f"{price}, but its entry {row.entry_id} does not exist")
        elif row.about != row.id:
            message = f"{price}, but its entry {row.entry_id} is about {row.about}"
            yield Violation("L10", (row.id, row.entry_id), message)
        else:
            message = f"{price}, but its entry {row.entry_id} took {int(row.taken)} {row.currency} from the buyer"
            yield Violation("L10", (row.id, row.entry_id), message)
    yield from _entries_without_purchase(connection)
    yield from _payments_of_another_mind(connection)


@cache
def _select_entries_without_purchase() -> tuple[Select[Any], Select[Any]]:
    of_purchases = or_(entries.c.kind.startswith(_PREFIX), entries.c.kind.startswith("payment."))
    known = select(purchases.c.id)
    stray = select(entries.c.id, entries.c.kind, entries.c.about).where(of_purchases, entries.c.about.not_in(known))
    twice = (
        select(entries.c.about, entries.c.kind, func.count().label("count"))
        .where(of_purchases, entries.c.reverses.is_(None))
        .group_by(entries.c.about, entries.c.kind)
        .having(func.count() > 1)
    )
    return stray, twice


def _entries_without_purchase(connection: Connection) -> Iterator[Violation]:
    stray, twice = _select_entries_without_purchase()
    for row in each_row(connection, stray):
        message = f"entry {row.id} ({row.kind}) is about {row.about}, which is no purchase"
        yield Violation("L10", (row.id,), message)
    for row in each_row(connection, twice):
        yield Violation("L10", (row.about,), f"purchase {row.about} was booked {row.count} times as {row.kind}")


@cache
def _select_payments_of_another_mind() -> Select[Any]:
    return (
        select(payments.c.id, payments.c.amount, payments.c.currency, payments.c.state, payments.c.purchase_id,
               purchases.c.total, purchases.c.currency.label("priced_in"), purchases.c.status)
        .join(purchases, purchases.c.id == payments.c.purchase_id)
        .where(or_(payments.c.amount != purchases.c.total, payments.c.currency != purchases.c.currency,
                   and_(purchases.c.status.in_(("completed", "paid")), payments.c.state != "received")))
    )  # fmt: skip


def _payments_of_another_mind(connection: Connection) -> Iterator[Violation]:
    """A payment asks for what its purchase costs, and goods are given only for one that was received."""
    for row in each_row(connection, _select_payments_of_another_mind()):
        message = f"purchase {row.purchase_id} is {row.status}, but its payment {row.id} is {row.state}"
        if (row.amount, row.currency) != (row.total, row.priced_in):
            message = (
                f"payment {row.id} asks for {row.amount} {row.currency}, "
                f"its purchase {row.purchase_id} costs {row.total} {row.priced_in}"
            )
        yield Violation("L10", (row.id, row.purchase_id), message)


@cache
def _select_prices_come_from_the_catalog() -> Select[Any]:
    return select(*_PRICED).where(purchases.c.bill.is_(None)).group_by(*_PRICED).order_by(*_PRICED)


def prices_come_from_the_catalog(connection: Connection) -> Iterator[Violation]:
    """E4: a purchase costs what the catalog version it names says, adjusted only by its own lines.

    Equal purchases are judged together; lines are read only where the list price is not the total.
    """
    version, prices = "", None
    for row in each_row(connection, _select_prices_come_from_the_catalog()):
        if row.catalog_version != version:
            version, prices = row.catalog_version, _list_prices(connection, row.catalog_version)
        same = and_(*(column == value for column, value in zip(_PRICED, row, strict=True)))
        if prices is None:
            yield from _each_of(connection, same, f"names the catalog version {version}, which is not stored")
            continue
        offer = prices.get(row.sku)
        if offer is None or not has_price(offer, row.currency):
            yield from _each_of(connection, same, f"has no {row.currency} price for {row.sku} in version {version}")
        elif not is_plain(offer) or offer.prices[row.currency] * row.quantity != row.total:
            yield from _unless_adjusted(connection, same, offer)


@cache
def _select_bills_add_up() -> Select[Any]:
    columns = (purchases.c.id, purchases.c.total, purchases.c.currency, purchases.c.lines)
    return select(*columns).where(purchases.c.bill.is_not(None))


def bills_add_up(connection: Connection) -> Iterator[Violation]:
    """E4-bills: a purchase by a bill costs what its lines say; whether these are right, its plugin's checks know."""
    for row in each_row(connection, _select_bills_add_up()):
        lines = msgspec.json.decode(row.lines, type=list[_Line])
        due = sum(line.total.amount for line in lines if line.type == "offer" or line.is_on_top)
        if due != row.total:
            fault = f"purchase {row.id} cost {row.total} {row.currency}, the lines of its bill say {due}"
            yield Violation("E4-bills", (row.id,), fault)


def _list_prices(connection: Connection, version: str) -> dict[str, StoredOffer] | None:
    statement = select(catalog_versions.c.document).where(catalog_versions.c.hash == version)
    document = connection.execute(statement).scalar()
    if document is None:
        return None
    return read_document(document)


def _each_of(connection: Connection, same: Any, fault: str) -> Iterator[Violation]:
    for row in each_row(connection, select(purchases.c.id).where(same)):
        yield Violation("E4", (row.id,), f"purchase {row.id} {fault}")


def _unless_adjusted(connection: Connection, same: Any, offer: StoredOffer) -> Iterator[Violation]:
    columns = (purchases.c.id, purchases.c.quantity, purchases.c.total, purchases.c.currency, purchases.c.lines,
               purchases.c.details, purchases.c.created_at)  # fmt: skip
    for row in each_row(connection, select(*columns).where(same)):
        lines = msgspec.json.decode(row.lines, type=list[_Line])
        told = lines[0].unit_price.amount if lines and lines[0].unit_price is not None else 0
        price = price_that_holds(offer, row.currency, row.details, told=told, made_at=row.created_at)
        due = price * row.quantity + sum(line.total.amount for line in lines if line.is_on_top)
        variant = None if due == row.total else variant_price(connection, row.id, row.currency)
        if variant is not None:
            due += (variant - price) * row.quantity
        if due != row.total:
            yield Violation(
                "E4",
                (row.id,),
                f"purchase {row.id} cost {row.total} {row.currency}, its catalog version and its lines say {due}",
            )


@cache
def _select_histories_are_allowed() -> tuple[Select[Any], Select[Any], Select[Any]]:
    statuses = [_PREFIX + status for status in _TRANSITIONS if status]
    subject, order = events.c.subject, events.c.sequence
    before = func.coalesce(func.lag(events.c.type).over(partition_by=subject, order_by=order), "")
    following = func.lead(events.c.type).over(partition_by=subject, order_by=order)
    history = (
        select(events.c.subject, events.c.type, before.label("before"), following.label("following"))
        .where(events.c.type.in_(statuses))
        .subquery("history")
    )
    step = history.c.before + literal(">") + history.c.type
    allowed = [f"{_PREFIX + old if old else ''}>{_PREFIX}{new}" for old, many in _TRANSITIONS.items() for new in many]
    last = select(history.c.subject, history.c.type).where(history.c.following.is_(None)).subquery("last")
    told = func.coalesce(last.c.type, "")
    untold = (
        select(purchases.c.id, purchases.c.status, told.label("told"))
        .join(last, last.c.subject == purchases.c.id, isouter=True)
        .where(told != literal(_PREFIX) + purchases.c.status)
    )
    known = select(purchases.c.id)
    return (
        untold,
        select(history).where(step.not_in(allowed)),
        select(last.c.subject).where(last.c.subject.not_in(known)),
    )


def histories_are_allowed(connection: Connection) -> Iterator[Violation]:
    """E5: a purchase's events follow the allowed transitions, and the last one is its status."""
    untold, forbidden, unknown = _select_histories_are_allowed()
    for row in each_row(connection, forbidden):
        yield Violation("E5", (row.subject,), f"purchase {row.subject} {_step(row)}")
    for row in each_row(connection, untold):
        told_status = row.told.removeprefix(_PREFIX) or "nothing"
        message = f"purchase {row.id} is {row.status}, its last event says {told_status}"
        yield Violation("E5", (row.id,), message)
    for row in each_row(connection, unknown):
        yield Violation("E5", (row.subject,), f"events tell of purchase {row.subject}, which does not exist")


def _step(row: Row[Any]) -> str:
    new, old = row.type.removeprefix(_PREFIX), row.before.removeprefix(_PREFIX)
    return f"began as {new}, which is no beginning" if not old else f"went from {old} to {new}, which is not allowed"


CHECKS = (
    Check("L10", "Every purchase points to the entry that paid it, and back", purchases_point_to_entries),
    Check("E4", "Every price is the one of the catalog version it names", prices_come_from_the_catalog),
    Check("E4-bills", "Every bill's price is the sum of its lines", bills_add_up),
    Check("E5", "Purchases only went ways that are allowed", histories_are_allowed),
)
