"""L2-freezes: what is frozen equals the open freezes, each is within its demand, and what was taken is gone."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, select, tuple_

from storefront.core.accounts import wallet
from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.names import names_of
from storefront.core.tables import draws, entitlements, holds, item_movements, items, lots
from storefront.core.tables_freezes import debts, freezes

_Parts = msgspec.json.Decoder(list[tuple[str, str, int]])
_Waiting = msgspec.json.Decoder(list[tuple[str, str, str, int]])
_Items = msgspec.json.Decoder(list[tuple[str, int]])
_Rights = msgspec.json.Decoder(list[str])
_Pins = msgspec.json.Decoder(list[tuple[str, int]])
_FREEZES = select(
    *(column for column in freezes.c if column.name != "items"), freezes.c["items"].label("frozen_items")
).order_by(freezes.c.id)
Name = tuple[str, str]
"""What a lot or an item is called: (wallet, lot) or (customer, sku)."""


class _LotPart(msgspec.Struct):
    lot_id: str
    amount: int


class _WalletDemand(msgspec.Struct):
    parts: list[_LotPart]


class _Demand(msgspec.Struct):
    wallets: list[_WalletDemand]
    items: dict[str, int]
    rights: list[str]
    source_id: str


_Demands = msgspec.json.Decoder(_Demand)


@cache
def _select_frozen_equals_freezes() -> tuple[Select[Any], Select[Any]]:
    lots_frozen = select(lots.c.account, lots.c.id, lots.c.frozen).where(lots.c.frozen != 0)
    items_frozen = select(items.c.customer_id, items.c.sku, items.c.frozen).where(items.c.frozen != 0)
    return lots_frozen, items_frozen


def frozen_equals_freezes(connection: Connection) -> Iterator[Violation]:
    """Lots, items and rights are frozen exactly by the open freezes; each within its demand; the taken are gone."""
    in_lots: Counter[Name] = Counter()
    in_items: Counter[Name] = Counter()
    rights: dict[tuple[str, str, str], str] = {}
    waiting: Counter[Name] = Counter()
    owing: dict[Name, str] = {}
    # Only what is open is kept in memory: disputes are few, and all are decided some day.
    for row in each_row(connection, _FREEZES):
        demand = _Demands.decode(row.demand)
        yield from _beyond_demand(row, demand)
        if (row.state == "open") != (row.closed_at is None):
            yield Violation("L2-freezes", (row.id,), f"freeze {row.id} is {row.state}, closed at {row.closed_at}")
        if row.state == "taken":
            yield from _not_taken(connection, row)
        for hold_id, asset, lot_id, amount in _Waiting.decode(row.waiting):
            waiting[hold_id, lot_id] += amount
            if row.state == "released":
                yield Violation("L2-freezes", (row.id,), f"freeze {row.id} is released, and waits for hold {hold_id}")
            elif row.state == "taken":
                owing[row.customer_id, asset] = row.id
        if row.state != "open":
            continue
        for asset, lot_id, amount in _Parts.decode(row.parts):
            in_lots[wallet(row.customer_id, asset).id, lot_id] += amount
        for sku, quantity in _Items.decode(row.frozen_items):
            in_items[row.customer_id, sku] += quantity
        rights.update(((row.customer_id, key, demand.source_id), row.id) for key in _Rights.decode(row.rights))
    lots_frozen, items_frozen = _select_frozen_equals_freezes()
    yield from _compare(connection, lots_frozen, in_lots, "lot")
    yield from _compare(connection, items_frozen, in_items, "item")
    yield from _rights(connection, rights)
    yield from _waits_in_vain(connection, waiting)
    yield from _waits_for_nothing(connection, owing)


def _beyond_demand(row: Row[Any], demand: _Demand) -> Iterator[Violation]:
    """What a freeze has, and what it waits for, is within what it was asked for."""
    left: Counter[str] = Counter(demand.items)
    left.update(demand.rights)
    for part in (part for wanted in demand.wallets for part in wanted.parts):
        left[part.lot_id] += part.amount
    for _, lot_id, amount in _Parts.decode(row.parts):
        left[lot_id] -= amount
    for _, _, lot_id, amount in _Waiting.decode(row.waiting):
        left[lot_id] -= amount
    left.subtract(dict(_Items.decode(row.frozen_items)))
    left.subtract(_Rights.decode(row.rights))
    for name, more in left.items():
        if more < 0:
            yield Violation("L2-freezes", (row.id,), f"freeze {row.id} has {-more} more of {name} than was demanded")


def _not_taken(connection: Connection, row: Row[Any]) -> Iterator[Violation]:
    """What a freeze says it took was drawn by its entry, and left the inventory."""
    statement = select(draws.c.lot_id, func.sum(draws.c.amount)).where(draws.c.entry_id == row.entry_id)
    left = {name: int(amount) for name, amount in connection.execute(statement.group_by(draws.c.lot_id))}
    moved = select(item_movements.c.sku, func.sum(-item_movements.c.quantity)).where(
        item_movements.c.about == row.id.partition(".")[0],  # a second freeze of a reversal takes for the same one
        item_movements.c.customer_id.in_(names_of(row.customer_id)),
        item_movements.c.cause == "taken_back",
    )
    left.update((sku, int(quantity)) for sku, quantity in connection.execute(moved.group_by(item_movements.c.sku)))
    taken = [(lot_id, amount) for _, lot_id, amount in _Parts.decode(row.parts)]
    for name, amount in [*taken, *_Items.decode(row.frozen_items)]:
        if left.get(name, 0) < amount:
            message = f"freeze {row.id} says that it took {amount} of {name}, but {left.get(name, 0)} left for it"
            yield Violation("L2-freezes", (row.id,), message)


def _compare(connection: Connection, statement: Any, expected: Counter[Name], noun: str) -> Iterator[Violation]:
    for row in each_row(connection, statement):
        owner, name, frozen = tuple(row)
        due = expected.pop((owner, name), 0)
        if due != frozen:
            message = f"{noun} {name} of {owner} has {frozen} frozen, open freezes say {due}"
            yield Violation("L2-freezes", (name,), message)
    for (owner, name), due in expected.items():
        if due:
            message = f"{noun} {name} of {owner} has nothing frozen, open freezes say {due}"
            yield Violation("L2-freezes", (name,), message)


@cache
def _select_rights() -> Select[Any]:
    return select(entitlements).where(entitlements.c.frozen_by.is_not(None))


def _rights(connection: Connection, expected: dict[tuple[str, str, str], str]) -> Iterator[Violation]:
    for row in each_row(connection, _select_rights()):
        due = expected.pop((row.customer_id, row.key, row.source_id), None)
        if due != row.frozen_by:
            found = "no open freeze does" if due is None else f"{due} does"
            message = f"entitlement {row.id} ({row.key}) says that {row.frozen_by} freezes it, but {found}"
            yield Violation("L2-freezes", (row.id,), message)
    for (customer_id, key, _), due in expected.items():
        message = f"freeze {due} has the entitlement {key} of {customer_id}, which is not frozen"
        yield Violation("L2-freezes", (due,), message)


@cache
def _select_waits_in_vain() -> Select[Any]:
    return select(holds.c.id, holds.c.pins).where(holds.c.state == "open")


def _waits_in_vain(connection: Connection, waiting: Counter[Name]) -> Iterator[Violation]:
    """All that freezes wait for is pinned by open holds."""
    if not waiting:
        return
    pinned: Counter[Name] = Counter()
    for row in each_row(connection, _select_waits_in_vain()):
        for lot_id, amount in _Pins.decode(row.pins):
            pinned[row.id, lot_id] += amount
    for (hold_id, lot_id), amount in waiting.items():
        if amount > pinned[hold_id, lot_id]:
            there = pinned[hold_id, lot_id]
            message = f"freezes wait for {amount} of lot {lot_id} from hold {hold_id}, which pins {there} of it"
            yield Violation("L2-freezes", (hold_id,), message)


def _waits_for_nothing(connection: Connection, owing: dict[Name, str]) -> Iterator[Violation]:
    """What a freeze that was taken still waits for is owed."""
    if not owing:
        return
    key = tuple_(debts.c.customer_id, debts.c.asset)
    owed = select(debts.c.customer_id, debts.c.asset).where(key.in_(list(owing)), debts.c.amount > 0)
    paid = owing.keys() - {(row.customer_id, row.asset) for row in each_row(connection, owed)}
    for customer_id, asset in sorted(paid):
        freeze = owing[customer_id, asset]
        message = f"freeze {freeze} was taken and waits for a hold, but {customer_id} owes no {asset}"
        yield Violation("L2-freezes", (freeze,), message)


CHECKS = (
    Check("L2-freezes", "Frozen amounts equal open freezes, and what they took is gone", frozen_equals_freezes,
          is_deep=False),
)  # fmt: skip
