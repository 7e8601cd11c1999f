"""E1-transfers: what one customer passed on is what another received, less the fee, lot by lot and item by item."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.owners import Owners
from storefront.core.clock import DAY_MS
from storefront.core.tables import (
    counters,
    credits,
    customer_transfers,
    draws,
    entries,
    events,
    item_instances,
    item_movements,
    lots,
    transfers,
)

NAME = "E1-transfers"
_ROWS_AT_ONCE = 300
_TOLD = {"transfer.sent": "customer_id", "transfer.received": "recipient_id"}
_Listed = msgspec.json.Decoder(list[tuple[str, int]])
_Moved = dict[str, Counter[str]]


@cache
def _select_transfers_are_balanced() -> Select[Any]:
    return select(customer_transfers).order_by(customer_transfers.c.id)


def transfers_are_balanced(connection: Connection) -> Iterator[Violation]:
    """E1-transfers: each names its entry or its movements, which moved exactly that, and was told to both sides."""
    rows = each_row(connection, _select_transfers_are_balanced())
    counted: Counter[str] = Counter()
    owners = Owners(connection)
    while page := list(islice(rows, _ROWS_AT_ONCE)):
        moved, items, told = _moved(connection, page), _items(connection, page), _told(connection, page)
        units = _units(connection, page)
        for row in page:
            fault = _currency_fault(row, moved) if row.asset is not None else _item_fault(row, items)
            fault = fault or _instances_fault(row, units) or _told_fault(row, told)
            if fault:
                yield Violation(NAME, (row.id,), f"transfer {row.id} {fault}")
            what = row.asset or "items"
            day = row.created_at // DAY_MS * DAY_MS
            counted[f"transferred:{what}:{owners.of(row.customer_id)}:{day}"] += row.amount or row.quantity
    yield from _counters(connection, counted)
    yield from _strays(connection)
    yield from _other_terms(connection)


def _moved(connection: Connection, page: Sequence[Row[Any]]) -> _Moved:
    """Return ``entry -> "source>destination" -> amount``."""
    found: _Moved = {}
    named = [row.entry_id for row in page if row.entry_id is not None]
    statement = (
        select(transfers.c.entry_id, transfers.c.source, transfers.c.destination, transfers.c.amount, entries.c.about,
               entries.c.kind)
        .join(entries, entries.c.id == transfers.c.entry_id)
        .where(transfers.c.entry_id.in_(named))
    )  # fmt: skip
    for row in each_row(connection, statement):
        name = f"{row.kind}:{row.about}:{row.entry_id}"
        found.setdefault(name, Counter())[f"{row.source}>{row.destination}"] += row.amount
    return found


def _currency_fault(row: Row[Any], moved: _Moved) -> str:
    found = moved.get(f"transfer:{row.id}:{row.entry_id}")
    if found is None:
        return f"names the entry {row.entry_id}, which is none of it"
    sender, receiver = (f"customer:{name}:{row.asset}" for name in (row.customer_id, row.recipient_id))
    kept = found.pop(f"{sender}>platform:sink:{row.asset}", 0)
    received = found.pop(f"{sender}>{receiver}", 0)
    repaid = found.pop(f"{sender}>platform:receivable:{row.asset}", 0)
    struck = found.pop(f"customer:{row.recipient_id}:debt:{row.asset}>platform:issuance:{row.asset}", 0)
    if (kept, received + repaid, struck) != (row.fee, row.amount - row.fee, repaid) or found:
        return f"is of {row.amount} {row.asset}, its entry moved {received} + {repaid}, and {kept} as a fee"
    return ""


def _items(connection: Connection, page: Sequence[Row[Any]]) -> dict[str, Counter[tuple[str, str, str]]]:
    """Return ``transfer -> (customer, sku, cause) -> quantity``."""
    found: dict[str, Counter[tuple[str, str, str]]] = {}
    statement = select(item_movements).where(item_movements.c.about.in_([row.id for row in page]))
    for row in each_row(connection, statement):
        found.setdefault(row.about, Counter())[row.customer_id, row.sku, row.cause] += row.quantity
    return found


def _item_fault(row: Row[Any], items: dict[str, Counter[tuple[str, str, str]]]) -> str:
    due = {
        (row.customer_id, row.sku, "passed_on"): -row.quantity,
        (row.recipient_id, row.sku, "received"): row.quantity,
    }
    found = dict(items.get(row.id, {}))
    return "" if found == due else f"is of {row.quantity} {row.sku}, its movements say {found}"


class _Units(NamedTuple):
    """Units that are things of their own: by their id, and those whose last transfer is one of a page."""

    by_id: dict[str, tuple[str, int]]
    by_transfer: dict[str, set[str]]


def _units(connection: Connection, page: Sequence[Row[Any]]) -> _Units:
    listed = [instance for row in page for instance, _ in _listed(row)]
    found = _Units({}, {})
    of = item_instances.c
    statement = select(of.id, of.sku, of.number, of.about).where(
        or_(of.id.in_(listed), of.about.in_([row.id for row in page if row.sku is not None]))
    )
    for row in each_row(connection, statement):
        found.by_id[row.id] = (row.sku, row.number)
        found.by_transfer.setdefault(row.about, set()).add(row.id)
    return found


def _listed(row: Row[Any]) -> list[tuple[str, int]]:
    return [] if row.instances is None else _Listed.decode(row.instances)


def _instances_fault(row: Row[Any], units: _Units) -> str:
    """A transfer names the units that it moved: no more than items, each by the number that it has."""
    listed = dict(_listed(row))
    if (row.instances is None) != (row.sku is None) or len(listed) > (row.quantity or 0):
        return f"is of {row.quantity} {row.sku}, it names {len(listed)} units"
    for instance, number in listed.items():
        if units.by_id.get(instance) != (row.sku, number):
            return f"names {row.sku} number {number} as {instance}, which is none"
    unnamed = units.by_transfer.get(row.id, set()) - set(listed)
    return f"gave {', '.join(sorted(unnamed))}, which it does not name" if unnamed else ""


def _told(connection: Connection, page: Sequence[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    statement = select(events.c.subject, events.c.type, events.c.anchor, events.c.payload).where(
        events.c.subject.in_([row.id for row in page]), events.c.type.in_(_TOLD)
    )
    for row in each_row(connection, statement):
        found.setdefault(row.subject, []).append(row)
    return found


def _told_fault(row: Row[Any], told: dict[str, list[Row[Any]]]) -> str:
    found = told.get(row.id, [])
    if sorted((one.type, one.anchor) for one in found) != sorted(
        (kind, getattr(row, who)) for kind, who in _TOLD.items()
    ):
        return f"was told {len(found)} times, not once to each side"
    names = ("asset", "amount", "fee", "sku", "quantity")
    due = {"id": row.id, "from": row.customer_id, "to": row.recipient_id}
    due |= {name: getattr(row, name) for name in names if getattr(row, name) is not None}
    if row.sku is not None:
        due["instances"] = [{"instance": instance, "number": number} for instance, number in _listed(row)]
    return "" if all(msgspec.json.decode(one.payload) == due for one in found) else "was told otherwise than it is"


@cache
def _select_counters() -> Select[Any]:
    return select(counters.c.key, counters.c.value).where(counters.c.key.startswith("transferred:", autoescape=True))


def _counters(connection: Connection, due: Counter[str]) -> Iterator[Violation]:
    for row in each_row(connection, _select_counters()):
        found = due.pop(row.key, 0)
        if found != row.value:
            yield Violation(NAME, (row.key,), f"counter {row.key} says {row.value}, {found} was passed on")
    for key, found in due.items():
        yield Violation(NAME, (key,), f"{found} was passed on, but there is no counter {key}")


@cache
def _select_strays() -> tuple[Select[Any], Select[Any]]:
    known = select(customer_transfers.c.entry_id).where(customer_transfers.c.entry_id.is_not(None))
    merges = select(entries.c.id).where(entries.c.kind == "merge")
    statement = (
        select(transfers.c.entry_id, transfers.c.source, transfers.c.destination)
        .join(lots, lots.c.account == transfers.c.source)
        .where(transfers.c.source.startswith("customer:"), transfers.c.destination.startswith("customer:"),
               transfers.c.entry_id.not_in(known), transfers.c.entry_id.not_in(merges))
        .distinct()
    )  # fmt: skip
    of = select(customer_transfers.c.id)
    moved = select(item_movements.c.id, item_movements.c.about).where(
        item_movements.c.cause.in_(("passed_on", "received")), item_movements.c.about.not_in(of)
    )
    return statement, moved


def _strays(connection: Connection) -> Iterator[Violation]:
    """Nothing moved between two customers but by a transfer that says so."""
    statement, moved = _select_strays()
    for row in each_row(connection, statement):
        message = f"entry {row.entry_id} moved from {row.source} to {row.destination}, but no transfer says so"
        yield Violation(NAME, (row.entry_id,), message)
    for row in each_row(connection, moved):
        yield Violation(NAME, (row.id,), f"movement {row.id} is about {row.about}, which is no transfer")


@cache
def _select_other_terms() -> Select[Any]:
    drawn = lots.alias("drawn")
    same = and_(credits.c.entry_id == draws.c.entry_id, credits.c.transfer == draws.c.transfer)
    differs = or_(
        draws.c.amount != credits.c.amount,
        credits.c.source != "gift",
        *(credits.c[name].is_distinct_from(drawn.c[name]) for name in ("payment", "cost_currency", "expires_at")),
        func.coalesce(credits.c.cost_amount, 0) * drawn.c.amount
        > func.coalesce(drawn.c.cost_amount, 0) * credits.c.amount,
    )
    return (
        select(draws.c.entry_id, draws.c.lot_id, credits.c.lot_id.label("filled"))
        .join(customer_transfers, customer_transfers.c.entry_id == draws.c.entry_id)
        .join(credits, same)
        .join(drawn, drawn.c.id == draws.c.lot_id)
        .where(differs)
    )


def _other_terms(connection: Connection) -> Iterator[Violation]:
    """What is passed on is drawn and credited part by part, of one payment, and ends when it would have ended."""
    for row in each_row(connection, _select_other_terms()):
        message = f"entry {row.entry_id} passed lot {row.lot_id} on to {row.filled}, on other terms"
        yield Violation(NAME, (row.entry_id, row.lot_id), message)


CHECKS = (Check(NAME, "What was passed on is what was received, and the fee", transfers_are_balanced),)
