"""What is folded next: the entries and events of whole commits, with what they are about, in commit order.

All that is read here never changes once it is written, so it reads the same whenever it is read again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Select, bindparam, func, select

from storefront.core.analytics.metrics import Told
from storefront.core.tables import (
    credits,
    entries,
    events,
    gateway_movements,
    payments,
    purchases,
    reversals,
    transfers,
)

PAGE = 500
BEGUN = "purchase.pending"
JOINED_SHOP = "customer.created"
Found = Any
"""A row, by the names of its columns."""
MERGED = "customer.merged"
EVENTS_OF_CORE = frozenset({BEGUN, JOINED_SHOP, MERGED})
_AT_ONCE = 500

_ENTRIES = (
    select(entries.c.id, entries.c.commit_no, entries.c.kind, entries.c.about, entries.c.anchor, entries.c.occurred_at)
    .where(entries.c.commit_no > bindparam("after"), entries.c.commit_no < bindparam("before", type_=BigInteger))
    .order_by(entries.c.commit_no, entries.c.id)
    .limit(bindparam("most"))
)
_EVENTS = (
    select(events.c.commit_no, events.c.type, events.c.subject, events.c.occurred_at, events.c.payload)
    .where(
        events.c.commit_no > bindparam("after"),
        events.c.commit_no < bindparam("before", type_=BigInteger),
        events.c.type.in_(bindparam("types", expanding=True)),
    )
    .order_by(events.c.commit_no, events.c.anchor, events.c.sequence)
    .limit(bindparam("most"))
)
_PURCHASE = select(purchases.c.id, purchases.c.kind, purchases.c.sku, purchases.c.details, purchases.c.auto_top_up)
_PAYMENT = select(payments.c.purchase_id, payments.c.method, payments.c.created_at)


@dataclass(frozen=True, slots=True)
class Bought:
    """The purchase that something is about: kind of its offer, SKU, and the creator whom its details name, if any.

    ``is_asked``: its buyer was sent to a gateway's page; ``begun_at`` is when its payment began (business ms).
    """

    id: str
    kind: str
    sku: str
    creator: str
    is_asked: bool
    begun_at: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with its transfers ``(source, destination, asset, amount)`` and credits ``(transfer, source, amount)``.

    ``gateway_kind`` is that of a gateway's movement.
    """

    kind: str
    about: str
    commit_no: int
    occurred_at: int
    transfers: Sequence[tuple[str, str, str, int]]
    credits: Sequence[tuple[int, str, int]]
    bought: Bought | None
    is_reversal: bool
    gateway_kind: str | None


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, and the purchase that it is about, if it is one."""

    told: Told
    commit_no: int
    occurred_at: int
    bought: Bought | None


@dataclass(frozen=True, slots=True)
class Batch:
    """All that happened in the commits behind one number, up to ``commit_no``, each whole."""

    commit_no: int
    entries: Sequence[Entry]
    events: Sequence[Happened]

    @property
    def size(self) -> int:
        return len(self.entries) + len(self.events)


def read_batch(
    connection: Connection, after: int, before: int, types: Collection[str], *, page: int = PAGE
) -> Batch | None:
    """Read about ``page`` entries and events of the commits behind ``after``, below ``before``; None if none are."""
    # Nothing appears any more below what is bounded like this: entries and events of a commit are read together.
    before = min(before, newest_commit(connection) + 1)
    wanted = {"types": sorted(EVENTS_OF_CORE | set(types))}
    while True:
        span = {"after": after, "before": before, "most": page}
        heads, end = _whole(connection.execute(_ENTRIES, span).all(), page, before)
        told, end = _whole(connection.execute(_EVENTS, {**span, **wanted, "before": end}).all(), page, end)
        heads = [head for head in heads if head.commit_no < end]
        if heads or told:
            reached = max(row.commit_no for row in (*heads, *told))
            return _Reading(connection, heads, told).batch(reached)
        if end == before:
            return None
        page *= 4  # one commit is larger than a page


def read_entries(connection: Connection, heads: Sequence[Found]) -> Sequence[Entry]:
    """Return entries whole, in the order of their rows: with ``id`` and the columns that an ``Entry`` is made of."""
    return _Reading(connection, heads, ()).batch(-1).entries


def newest_commit(connection: Connection) -> int:
    """Return the number of the newest commit that wrote an entry or an event; -1: none did."""
    newest = select(*(select(func.max(table.c.commit_no)).scalar_subquery() for table in (entries, events)))
    return max(-1 if number is None else int(number) for number in connection.execute(newest).one())


def _whole(rows: Sequence[Found], page: int, before: int) -> tuple[list[Found], int]:
    """Leave out the commit in which a full page ends; return the rest, and the number below which all was read."""
    if len(rows) < page:
        return list(rows), before
    last = rows[-1].commit_no
    return [row for row in rows if row.commit_no < last], last


class _Reading:
    """Reads what belongs to the rows of one batch."""

    def __init__(self, connection: Connection, heads: Sequence[Found], told: Sequence[Found]) -> None:
        self._connection = connection
        self._heads = heads
        self._told = told
        self._reversed: dict[str, str] = {}
        self._movements: dict[tuple[str, str], tuple[str, str | None]] = {}
        self._bought: dict[str, Bought] = {}

    def batch(self, commit_no: int) -> Batch:
        self._read_movements()
        self._read_reversals()
        self._read_purchases()
        moved = self._by_entry(
            select(transfers.c.entry_id, transfers.c.source, transfers.c.destination, transfers.c.asset,
                   transfers.c.amount).order_by(transfers.c.entry_id, transfers.c.position)
        )  # fmt: skip
        credited = self._by_entry(
            select(credits.c.entry_id, credits.c.transfer, credits.c.source, credits.c.amount)
            .order_by(credits.c.entry_id, credits.c.position)
        )  # fmt: skip
        found = [self._entry(head, moved.get(head.id, ()), credited.get(head.id, ())) for head in self._heads]
        return Batch(commit_no, found, [self._event(row) for row in self._told])

    def _entry(self, head: Found, moved: Sequence[Any], credited: Sequence[Any]) -> Entry:
        kind, about = self._movements.get((head.anchor, head.about), (None, None))
        purchase_id = about if kind is not None else self._reversed.get(head.about, head.about)
        bought = None if purchase_id is None else self._bought.get(purchase_id)
        is_reversal = head.about in self._reversed
        return Entry(
            head.kind, head.about, head.commit_no, head.occurred_at, moved, credited, bought, is_reversal, kind
        )

    def _event(self, row: Found) -> Happened:
        told = Told(row.type, row.subject, msgspec.json.decode(row.payload))
        return Happened(told, row.commit_no, row.occurred_at, self._bought.get(row.subject))

    def _by_entry(self, statement: Select[Any]) -> Mapping[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        column = statement.selected_columns[0]
        for ids in _slices(head.id for head in self._heads):
            for row in self._connection.execute(statement.where(column.in_(ids))):
                found.setdefault(row[0], []).append(tuple(row[1:]))
        return found

    def _read_movements(self) -> None:
        """Find which purchases the entries of gateways' movements are about."""
        table = gateway_movements
        columns = select(table.c.gateway, table.c.id, table.c.kind, table.c.about)
        for ids in _slices(head.about for head in self._heads if head.kind.startswith("gateway.")):
            for row in self._connection.execute(columns.where(table.c.id.in_(ids))):
                self._movements[(f"gateway:{row.gateway}", row.id)] = (row.kind, row.about)

    def _read_reversals(self) -> None:
        columns = select(reversals.c.id, reversals.c.purchase_id)
        for ids in _slices(head.about for head in self._heads if head.about.startswith("rev_")):
            self._reversed.update(
                (row.id, row.purchase_id) for row in self._connection.execute(columns.where(reversals.c.id.in_(ids)))
            )

    def _read_purchases(self) -> None:
        names = {head.about for head in self._heads} | {row.subject for row in self._told if row.type == BEGUN}
        names |= {about for _, about in self._movements.values() if about is not None} | set(self._reversed.values())
        for ids in _slices(name for name in names if name.startswith("pur_")):
            paid = self._connection.execute(_PAYMENT.where(payments.c.purchase_id.in_(ids))).all()
            payment_of = {row.purchase_id: row for row in paid}
            for row in self._connection.execute(_PURCHASE.where(purchases.c.id.in_(ids))):
                self._bought[row.id] = _bought(row, payment_of.get(row.id))


def _bought(row: Found, payment: Found | None) -> Bought:
    creator = msgspec.json.decode(row.details).get("creator_id", "") if "creator_id" in row.details else ""
    is_asked = payment is not None and payment.method is None and row.auto_top_up is None
    return Bought(row.id, row.kind, row.sku, creator, is_asked, None if payment is None else payment.created_at)


def _slices(ids: Iterable[str]) -> Iterable[Sequence[str]]:
    """Cut ids, each once, into lists that a statement takes."""
    found = sorted(set(ids))
    return (found[first : first + _AT_ONCE] for first in range(0, len(found), _AT_ONCE))
