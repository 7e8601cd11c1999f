"""The steps of a freeze: set aside what is there, give exactly that back, or take exactly that.

Frozen value is neither spent nor held, frozen items are seen and not used, a frozen right does not grant. A thing is
frozen once: what one freeze has is not there for another.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from storefront.core.accounts import issuance, wallet
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.freeze_rows import (
    Part,
    Waiting,
    as_text,
    joined,
    set_frozen,
    waiting_freezes,
)
from storefront.core.commit.freezes import Demand, Freeze, TakeFrozen, Unfreeze, WalletDemand, demand_of
from storefront.core.commit.goods_steps import apply_take_item, expire_item
from storefront.core.commit.hold_steps import release_expired
from storefront.core.commit.instance_steps import freeze_instances, owned_instances, thaw_instances
from storefront.core.commit.item_terms import terms_of
from storefront.core.commit.lapse_steps import lapse_lots
from storefront.core.commit.ledger_steps import Books, draw_lots
from storefront.core.commit.outcome import Stale
from storefront.core.commit.projection import Row, is_past, parts_of, pins_of, waiting_of
from storefront.core.commit.reads import entitlements_group, freeze_key, freezes_group, holds_group, item_key, taken_key
from storefront.core.commit.restore_steps import unspent
from storefront.core.commit.state import Draft, NotNamed
from storefront.core.commit.steps import Emit, Key, TakeItem


def apply_freeze(draft: Draft, books: Books, step: Freeze) -> None:
    """Freeze what is free of the demand, note what holds pin of it, and write down both."""
    key = freeze_key(step)
    if draft.row(key) is not None:
        raise Stale(f"freeze {step.freeze_id} is there already")
    parts: list[Part] = []
    waiting: list[Waiting] = []
    for wanted in step.demand.wallets:
        release_expired(draft, books, step.customer_id, wanted.asset)
        _freeze_wallet(draft, books.moment.now, step.customer_id, wanted, parts=parts, waiting=waiting)
    row: dict[str, Any] = {
        "id": step.freeze_id,
        "customer_id": step.customer_id,
        "state": "open",
        "demand": as_text(step.demand),
        "parts": as_text(parts),
        "items": as_text(_freeze_items(draft, step, books.moment.now)),
        "rights": as_text(_freeze_rights(draft, step)),
        "waiting": as_text(waiting),
        "actor": books.actor,
        "entry_id": None,
        "created_at": books.moment.now,
        "closed_at": None,
    }
    draft.put_member(freezes_group(step.customer_id), key, row)
    _tell(draft, books, row, "freeze.opened")


def apply_unfreeze(draft: Draft, books: Books, step: Unfreeze) -> None:
    """Give back exactly what was frozen; what lapsed meanwhile lapses now."""
    row = _need_open(draft, step)
    for _, lot_id, amount in parts_of(row):
        set_frozen(draft, step.customer_id, lot_id, -amount)
    for sku, quantity in _items_of(row):
        thawed = _set_frozen_items(draft, step.customer_id, sku, -quantity)
        if terms_of(step.demand.terms, sku).is_unique:
            thaw_instances(draft, step.customer_id, sku, by=step.freeze_id)
        if is_past(thawed, books.moment.now):
            expire_item(draft, books.moment, thawed)
    _end_rights(draft, step, _rights_of(row), {"frozen_by": None})
    _close(draft, books, row, "released", {})
    _lapse(draft, books, step)


def apply_take_frozen(draft: Draft, books: Books, step: TakeFrozen) -> None:
    """Take exactly what was frozen, and say what of the demand is missing; what holds still pin is."""
    row = _need_open(draft, step)
    frozen = Counter[str]()
    for asset, _, amount in parts_of(row):
        frozen[asset] += amount
    if any(frozen[asset] > most for asset, most in step.most.items()):
        raise Stale(f"more is frozen by {step.freeze_id} than was seen")
    taken: list[Part] = []
    for wanted in step.demand.wallets:
        taken += _take_from_wallet(draft, books, step, wanted, parts_of(row))
    items = dict(_items_of(row))
    for sku, quantity in items.items():
        _take_items(draft, books, step, sku, quantity)
    rights = _rights_of(row)
    _end_rights(draft, step, rights, {"frozen_by": None, "ended_at": books.moment.now})
    entry_id = books.entries[step.entry].entry_id if taken else None
    books.waiting[step.label] = row
    _close(draft, books, row, "taken", {"parts": as_text(taken), "entry_id": entry_id})
    _tell_taken(books, step, taken=taken, items=items, rights=rights)
    _lapse(draft, books, step)


def _freeze_wallet(
    draft: Draft, now: int, customer_id: str, wanted: WalletDemand, *, parts: list[Part], waiting: list[Waiting]
) -> None:
    """Freeze the free part of each lot; of the rest, wait for what holds pin and no other freeze waits for."""
    claimed: Counter[tuple[str, str]] = Counter()
    for row in waiting_freezes(draft, customer_id, "open", "taken"):
        for hold_id, _, lot_id, amount in waiting_of(row):
            claimed[hold_id, lot_id] += amount
    account = wallet(customer_id, wanted.asset)
    rows = [hold for _, hold in draft.group(holds_group(account, customer_id)) if hold["state"] == "open"]
    pins = [(hold["id"], *pin) for hold in sorted(rows, key=lambda hold: str(hold["id"])) for pin in pins_of(hold)]
    for part in wanted.parts:
        lot = draft.row(Key("lots", (part.lot_id,), customer_id))
        if lot is None or lot["account"] != account.id:
            raise NotNamed(f"lot {part.lot_id} does not lie in {account.id}")
        free = min(part.amount, unspent(lot, now))
        if free > 0:
            set_frozen(draft, customer_id, part.lot_id, free)
            parts[:] = joined(parts, (wanted.asset, part.lot_id, free))
        missing = part.amount - free
        for hold_id, lot_id, pinned in pins:
            there = min(missing, pinned - claimed[hold_id, lot_id]) if lot_id == part.lot_id else 0
            if there > 0:
                waiting.append((hold_id, wanted.asset, lot_id, there))
                claimed[hold_id, lot_id] += there
                missing -= there


def _freeze_items(draft: Draft, step: Freeze, now: int) -> list[tuple[str, int]]:
    frozen = []
    for sku, demanded in step.demand.items.items():
        row = draft.row(item_key(step.customer_id, sku))
        there = 0 if row is None or is_past(row, now) else min(demanded, row["quantity"] - row["frozen"])
        if there > 0:
            assert row is not None, "something is there"
            terms = terms_of(step.demand.terms, sku)
            if row["is_unique"] and not terms.is_unique:
                raise Stale(f"units of {sku} have numbers")
            if terms.is_unique:
                without_number = row["quantity"] - len(owned_instances(draft, step.customer_id, sku))
                numbered = max(0, there - without_number)
                freeze_instances(draft, step.customer_id, sku, terms, quantity=numbered, by=step.freeze_id)
            _set_frozen_items(draft, step.customer_id, sku, there)
            frozen.append((sku, there))
    return frozen


def _freeze_rights(draft: Draft, step: Freeze) -> list[str]:
    frozen = []
    for key in step.demand.rights:
        for source_key, source in _sources(draft, step, key):
            if source["ended_at"] is None and source["frozen_by"] is None:
                draft.put(source_key, {**source, "frozen_by": step.freeze_id})
                frozen.append(key)
    return frozen


def _take_from_wallet(
    draft: Draft, books: Books, step: TakeFrozen, wanted: WalletDemand, parts: Iterable[Part]
) -> list[Part]:
    """Draw a wallet's frozen parts, never more than the original gave; what is above that is free again."""
    account = wallet(step.customer_id, wanted.asset)
    most = wanted.at_most
    counter = taken_key(step, wanted)
    counted = None if counter is None else draft.row(counter)
    if counted is not None:
        most -= counted["value"]
    drawn = []
    for asset, lot_id, amount in parts:
        if asset != wanted.asset:
            continue
        lot = set_frozen(draft, step.customer_id, lot_id, -amount)
        there = min(amount, most)
        if there > 0:
            drawn.append((("lots", (lot_id,)), lot, there))
            most -= there
    if drawn:
        draw_lots(
            draft, books, entry=step.entry, source=account, to=issuance(wanted.asset), anchor=step.customer_id,
            taken=drawn,
        )  # fmt: skip
    if counter is not None:
        total = sum(amount for _, _, amount in drawn) + (0 if counted is None else counted["value"])
        draft.put(counter, {"key": counter.id[0], "anchor": step.customer_id, "value": total})
    return [(wanted.asset, lot["id"], amount) for _, lot, amount in drawn]


def _tell_taken(books: Books, step: TakeFrozen, *, taken: list[Part], items: dict[str, int], rights: list[str]) -> None:
    demand = step.demand
    got: Counter[str] = Counter()
    for asset, _, amount in taken:
        got[asset] += amount
    books.results[f"taken:{step.label}"] = {
        "wallets": {wanted.asset: got[wanted.asset] for wanted in demand.wallets},
        "items": {sku: items.get(sku, 0) for sku in demand.items},
        "rights": rights,
    }
    books.results[f"lots:{step.label}"] = {lot_id: amount for _, lot_id, amount in taken}
    books.results[f"missing:{step.label}"] = {
        "wallets": {wanted.asset: wanted.demanded - got[wanted.asset] for wanted in demand.wallets},
        "items": {sku: quantity - items.get(sku, 0) for sku, quantity in demand.items.items()},
    }


def _need_open(draft: Draft, step: Unfreeze | TakeFrozen) -> Row:
    row = draft.row(freeze_key(step))
    if row is None or row["customer_id"] != step.customer_id or row["state"] != "open":
        raise Stale(f"freeze {step.freeze_id} is not open")
    if demand_of(row) != step.demand:
        raise NotNamed(f"freeze {step.freeze_id} is about another demand than its end names")
    return row


def _close(draft: Draft, books: Books, row: Row, state: str, changes: dict[str, Any]) -> None:
    closed = {**row, **changes, "state": state, "waiting": "[]", "closed_at": books.moment.now}
    draft.put(Key("freezes", (row["id"],), row["customer_id"]), closed)
    _tell(draft, books, closed, f"freeze.{state}")


def _tell(draft: Draft, books: Books, row: Row, event: str) -> None:
    books.results[f"freeze:{row['id']}"] = row
    wallets: Counter[str] = Counter()
    for asset, _, amount in parts_of(row):
        wallets[asset] += amount
    payload = {
        "id": row["id"],
        "customer_id": row["customer_id"],
        "state": row["state"],
        "wallets": dict(wallets),
        "items": dict(_items_of(row)),
        "entitlements": _rights_of(row),
    }
    apply_emit(draft, books.moment, Emit(row["customer_id"], event, row["id"], payload))


def _lapse(draft: Draft, books: Books, step: Unfreeze | TakeFrozen) -> None:
    for wanted in step.demand.wallets:
        lapse_lots(draft, books, step.customer_id, wanted.asset)


def _take_items(draft: Draft, books: Books, step: TakeFrozen, sku: str, quantity: int) -> None:
    """Take frozen items: of unique ones the very instances that were frozen."""
    terms, about = terms_of(step.demand.terms, sku), step.about or step.freeze_id
    _set_frozen_items(draft, step.customer_id, sku, -quantity)
    if terms.is_unique:
        for instance in thaw_instances(draft, step.customer_id, sku, by=step.freeze_id):
            one = TakeItem(step.customer_id, sku, 1, about, cause="taken_back", terms=terms, instance=instance)
            apply_take_item(draft, books.moment, one)
            quantity -= 1
    if quantity:
        take = TakeItem(step.customer_id, sku, quantity, about, cause="taken_back", terms=terms)
        apply_take_item(draft, books.moment, take, has_no_number=True)


def _set_frozen_items(draft: Draft, customer_id: str, sku: str, by: int) -> Row:
    key = item_key(customer_id, sku)
    row = draft.row(key)
    assert row is not None, "what is frozen is owned"
    changed = {**row, "frozen": row["frozen"] + by}
    draft.put(key, changed)
    return changed


def _end_rights(draft: Draft, step: Unfreeze | TakeFrozen, keys: Iterable[str], changes: dict[str, Any]) -> None:
    for key in keys:
        for source_key, source in _sources(draft, step, key):
            if source["frozen_by"] == step.freeze_id:
                ended_at = source["ended_at"] if source["ended_at"] is not None else changes.get("ended_at")
                draft.put(source_key, {**source, **changes, "ended_at": ended_at})


def _sources(draft: Draft, step: Freeze | Unfreeze | TakeFrozen, key: str) -> list[tuple[Key, Row]]:
    """Return the rows that give a right because of what the demand is about."""
    demand: Demand = step.demand
    rows = draft.group(entitlements_group(step.customer_id, key))
    return [
        (Key("entitlements", address[1], step.customer_id), row)
        for address, row in rows
        if row["source_id"] == demand.source_id
    ]


def _items_of(row: Row) -> list[tuple[str, int]]:
    return msgspec.json.decode(row["items"], type=list[tuple[str, int]])


def _rights_of(row: Row) -> list[str]:
    return msgspec.json.decode(row["rights"], type=list[str])
