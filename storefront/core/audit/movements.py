"""E1-movements: every movement of items fits what it says it is about.

A movement whose ``about`` is neither a purchase, a grant, a reversal nor a consumption is about a plugin's own
object, and one with a cause of its own is a plugin's too: nobody else can say whether they are due.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, func, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.gifts import RECEIVER
from storefront.core.audit.owners import Owners
from storefront.core.tables import draws, events, freezes, grants, item_movements, purchases, reversals, transfers

NAME = "E1-movements"
_ROWS_AT_ONCE = 300
_CONSUMPTION = "con_"
_OF_OURS = ("rev_", "pur_", "grant_", _CONSUMPTION)
"""What is taken back is about a reversal; about something else than these, another check or a plugin knows."""
_TAKING = frozenset({"consumed", "taken_back"})
_Lots = msgspec.json.Decoder(list[tuple[str, int]])


class _Consumed(msgspec.Struct):
    """What ``item.consumed`` tells."""

    id: str
    customer_id: str
    sku: str
    quantity: int


@cache
def _select_movements_fit_their_causes() -> Select[Any]:
    of_reversal = purchases.alias("of_reversal")
    receiver = func.coalesce(of_reversal.c.recipient_id, reversals.c.customer_id, freezes.c.customer_id)
    return (
        select(item_movements, purchases.c.customer_id.label("buyer"), RECEIVER.label("receiver"),
               purchases.c.entry_id, purchases.c.currency,
               purchases.c.total, purchases.c.pay_with, grants.c.customer_id.label("given_to"),
               receiver.label("taken_from"))
        .join(purchases, purchases.c.id == item_movements.c.about, isouter=True)
        .join(grants, grants.c.id == item_movements.c.about, isouter=True)
        .join(reversals, reversals.c.id == item_movements.c.about, isouter=True)
        .join(of_reversal, of_reversal.c.id == reversals.c.purchase_id, isouter=True)
        .join(freezes, freezes.c.id == item_movements.c.about, isouter=True)
        .order_by(item_movements.c.id)
    )  # fmt: skip


def movements_fit_their_causes(connection: Connection) -> Iterator[Violation]:
    """E1-movements: given by that customer's purchase and paid with its lots, taken by a reversal, told when used."""
    rows = each_row(connection, _select_movements_fit_their_causes())
    owners = Owners(connection)
    while page := list(islice(rows, _ROWS_AT_ONCE)):
        paid = _drawn(connection, page, owners)
        for row in page:
            fault = _fault(row, owners) or _lots_fault(row, paid)
            if fault:
                message = f"movement {row.id} of {row.quantity} {row.sku} ({row.cause}) {fault}"
                yield Violation(NAME, (row.id, row.about), message)
    yield from _consumptions(connection)


def _fault(row: Row[Any], owners: Owners) -> str:
    owner = owners.of(row.customer_id)
    if (row.quantity < 0) != (row.cause in _TAKING) and row.cause in _TAKING | {"granted"}:
        return "goes the wrong way"
    if row.cause == "taken_back" and row.about.startswith(_OF_OURS) and owners.of(row.taken_from) != owner:
        return f"is about {row.about}, which is no reversal of {row.customer_id}"
    due = {owners.of(row.receiver), owners.of(row.given_to)} - {None}
    if row.cause == "granted" and due and due != {owner}:
        return f"went to {row.customer_id}, but {row.about} is {due.pop()}'s"
    if row.cause == "granted" and row.about.startswith((_CONSUMPTION, "rev_")):
        return f"is about {row.about}, which gives nothing"
    return ""


def _lots_fault(row: Row[Any], paid: dict[str, Counter[str]]) -> str:
    """A wallet purchase paid with the draws of its own entry; nothing else says that it paid with lots."""
    is_paid = row.cause == "granted" and row.buyer is not None and row.pay_with == "wallet" and row.total > 0
    is_known = row.buyer is not None or row.given_to is not None or row.taken_from is not None
    if not is_paid:
        is_fine = not is_known or row.bought_with is None
        return "" if is_fine else f"says that it was bought with {row.bought_with}, but nothing was"
    told: Counter[str] = Counter()
    for lot_id, amount in _Lots.decode(row.bought_with or "[]"):
        told[lot_id] += amount
    drawn = paid.get(row.entry_id, Counter())
    if told != drawn:
        return f"says that it was bought with {dict(told)}, the entry {row.entry_id} drew {dict(drawn)}"
    return ""


def _drawn(connection: Connection, page: Sequence[Row[Any]], owners: Owners) -> dict[str, Counter[str]]:
    """Return ``entry -> lot -> amount``: what the purchases of a page drew from their buyers' wallets."""
    wallets = {
        row.entry_id: f"customer:{row.buyer}:{row.currency}"
        for row in page
        if row.entry_id is not None and row.pay_with == "wallet"
    }
    found: dict[str, Counter[str]] = {}
    if not wallets:
        return found
    statement = (
        select(draws.c.entry_id, draws.c.lot_id, draws.c.amount, transfers.c.source)
        .join(transfers, and_(transfers.c.entry_id == draws.c.entry_id, transfers.c.position == draws.c.transfer))
        .where(draws.c.entry_id.in_(list(wallets)))
    )
    for row in each_row(connection, statement):
        if owners.account(row.source) == wallets[row.entry_id]:
            found.setdefault(row.entry_id, Counter())[row.lot_id] += row.amount
    return found


@cache
def _select_consumptions() -> tuple[Select[Any], Select[Any]]:
    told = and_(
        events.c.commit_no == item_movements.c.commit_no,
        events.c.anchor == item_movements.c.customer_id,
        events.c.type == "item.consumed",
        events.c.subject == item_movements.c.about,
    )
    used = (
        select(item_movements, events.c.payload)
        .join(events, told, isouter=True)
        .where(item_movements.c.about.startswith(_CONSUMPTION, autoescape=True), item_movements.c.cause == "consumed")
    )
    telling = select(events.c.subject).where(events.c.type == "item.consumed")
    return used, telling.where(events.c.subject.not_in(select(item_movements.c.about)))


def _consumptions(connection: Connection) -> Iterator[Violation]:
    """Each use of an item was told once, with the same item and quantity, and each telling has its use."""
    used, strays = _select_consumptions()
    for row in each_row(connection, used):
        if row.payload is None:
            yield _untold(row.about, f"took {-row.quantity} {row.sku}, but no event of its commit tells of it")
            continue
        event = msgspec.json.decode(row.payload, type=_Consumed)
        if event != _Consumed(row.about, row.customer_id, row.sku, -row.quantity):
            said = f"{event.quantity} {event.sku} of {event.customer_id}"
            yield _untold(row.about, f"took {-row.quantity} {row.sku} of {row.customer_id}, its event says {said}")
    for row in each_row(connection, strays):
        yield _untold(row.subject, "is told of by an event, but took nothing")


def _untold(consumption: str, fault: str) -> Violation:
    return Violation(NAME, (consumption,), f"consumption {consumption} {fault}")


CHECKS = (Check(NAME, "Every movement of items fits what it is about", movements_fit_their_causes),)
