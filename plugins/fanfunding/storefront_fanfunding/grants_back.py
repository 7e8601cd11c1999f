"""What a tip gave of the game goes back with its money: when all of that is gone, what is still there is taken.

Follows the events, so it comes a moment after the money. A dispute that is won on appeal gives again what was taken.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.accounts import issuance
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, EndEntitlement, LotPart, Plan, TakeBack, TakeItem
from storefront.core.errors import Refused, Unavailable
from storefront.core.events import Event
from storefront.core.given import CREDITED
from storefront.core.ids import new_id
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import entitlements, items
from storefront_fanfunding.board_tables import grants
from storefront_fanfunding.granting import GIVEN, TAKEN, Goods, giving
from storefront_fanfunding.rows import GRANTS, REFUNDED, need_tip

TAKEN_KIND = "tip.grant_taken"
TIMES_DECIDED = 5
_OF_TIP = Query(select(grants).where(grants.c.tip_id == bindparam("tip_id")))
_ITEM = Query(
    select(items.c.quantity, items.c.frozen).where(
        items.c.customer_id == bindparam("customer_id"), items.c.sku == bindparam("sku")
    )
)
_RIGHTS = Query(
    select(entitlements.c.key).where(
        entitlements.c.customer_id == bindparam("customer_id"),
        entitlements.c.source_id == bindparam("source_id"),
        entitlements.c.ended_at.is_(None),
    )
)


async def settle_grants(services: Services, event: Event) -> None:
    """Take what a tip gave if its money is gone, or give again what was taken if that has come back. Safe to repeat."""
    for _ in range(TIMES_DECIDED):
        tip = await need_tip(services, event.subject)
        wanted = TAKEN if tip["state"] == REFUNDED else GIVEN
        rows = await services.reader.all(_OF_TIP, tip_id=tip["id"])
        due = [row for row in rows if row["state"] in (GIVEN, TAKEN) and row["state"] != wanted]
        if not due:
            return
        plan = Plan(actor="plugin:fanfunding", anchors={tip["customer_id"]})
        for row in due:
            await (_take if wanted == TAKEN else _give_again)(services, plan, row)
        try:
            await services.engine.commit(plan)
        except (Stale, Refused):
            continue  # some of it was used in this very moment
        return
    raise Unavailable("Too much is changing at once; try again.")


async def _take(services: Services, plan: Plan, row: Row) -> None:
    """Add to the plan that what is left of a grant is taken; ``goods`` then say what that was."""
    goods, customer_id, taken = _goods(row), row["customer_id"], Goods({}, {}, {})
    for sku, (quantity, most) in goods.items.items():
        there = await services.reader.first(_ITEM, customer_id=customer_id, sku=sku)
        amount = 0 if there is None else max(0, min(quantity, there["quantity"] - there["frozen"]))
        if amount:
            plan.add(TakeItem(customer_id, sku, amount, row["tip_id"], cause="taken_back"))
            taken.items[sku] = (amount, most)
    for entry_id in msgspec.json.decode(row["entries"]):
        lots = await services.reader.all(CREDITED, entry_id=entry_id)
        for asset in sorted({lot["asset"] for lot in lots}):
            parts = [(lot["id"], lot["credited"], lot["remaining"]) for lot in lots if lot["asset"] == asset]
            amount = min(sum(min(credited, left) for _, credited, left in parts), goods.credits.get(asset, 0))
            if amount:
                label = f"back {entry_id} {asset}"
                plan.entry(TAKEN_KIND, about=row["tip_id"], anchor=customer_id, reverses=entry_id, label=label)
                plan.add(TakeBack(label, entry_id, customer_id, asset, amount, issuance(asset),
                                  tuple(LotPart(lot_id, credited) for lot_id, credited, _ in parts),
                                  sum(credited for _, credited, _ in parts)))  # fmt: skip
                taken.credits[asset] = taken.credits.get(asset, 0) + amount
    for right in await services.reader.all(_RIGHTS, customer_id=customer_id, source_id=row["tip_id"]):
        if right["key"] in goods.rights:
            plan.add(EndEntitlement(customer_id, right["key"], row["tip_id"]))
            taken.rights[right["key"]] = goods.rights[right["key"]]
    _move(services, plan, row, {"state": TAKEN, "goods": _json(taken), "entries": "[]"})


async def _give_again(services: Services, plan: Plan, row: Row) -> None:
    """Add to the plan that what was taken is given again; it may be taken once more."""
    entry_id, goods = new_id("ent"), _goods(row)
    for sku, (quantity, most) in list(goods.items.items()):
        there = await services.reader.first(_ITEM, customer_id=row["customer_id"], sku=sku)
        if most is not None and there is not None and there["quantity"] + quantity > most:
            del goods.items[sku]  # they have come by another one meanwhile
    plan.add(*giving(goods, tip_id=row["tip_id"], customer_id=row["customer_id"], sku=row["sku"], entry_id=entry_id))
    entries = _json([entry_id] if goods.credits else [])
    _move(services, plan, row, {"state": GIVEN, "goods": _json(goods), "entries": entries})


def _move(services: Services, plan: Plan, row: Row, changes: Mapping[str, Any]) -> None:
    seen = {name: row[name] for name in ("state", "updated_at")}
    set_to = {**changes, "updated_at": max(services.clock.now(), row["updated_at"] + 1)}
    plan.add(Change(GRANTS, (row["tip_id"], row["sku"]), row["customer_id"], seen, set_to))


def _goods(row: Row) -> Goods:
    return msgspec.json.decode(row["goods"], type=Goods)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
