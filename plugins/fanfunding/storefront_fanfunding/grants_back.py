"""What tips and goals gave of the game goes back with the money: when all of that is gone, what is left is taken.

Of a tip that is its own money, of a goal all that the fan gave in the goal's span.

Follows the events, so it comes a moment after the money. A dispute that is won on appeal gives again what was taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, select

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
from storefront_fanfunding.board_tables import GOAL_GRANTS, OF_REACHED, counted, goal_grants, grants, reached
from storefront_fanfunding.granting import GIVEN, TAKEN, Goods, giving
from storefront_fanfunding.rows import GRANTS, PAID, REFUNDED, need_tip
from storefront_fanfunding.tables import tips

TIMES_DECIDED = 5
_OF_TIP = Query(select(grants).where(grants.c.tip_id == bindparam("tip_id")))
_HAS_GIVEN = (
    select(counted.c.tip_id)
    .join(tips, tips.c.id == counted.c.tip_id)
    .where(
        counted.c.creator_id == goal_grants.c.creator_id,
        counted.c.customer_id == goal_grants.c.customer_id,
        counted.c.currency == reached.c.currency,
        counted.c.day >= reached.c.first_day,
        counted.c.day < reached.c.end_day,
        tips.c.state == PAID,
    )
    .exists()
)
_OF_GOALS = Query(
    select(goal_grants, _HAS_GIVEN.label("has_given"))
    .join(reached, and_(*(reached.c[name] == goal_grants.c[name] for name in OF_REACHED)))
    .where(goal_grants.c.customer_id == bindparam("customer_id"), goal_grants.c.creator_id == bindparam("creator_id"))
)
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


@dataclass(frozen=True, slots=True)
class _Grant:
    """What was given because of a tip or of a goal (``source``); ``about`` is what goods name as their reason."""

    row: Row
    table: str
    about: str
    source: str
    wanted: str

    @property
    def is_due(self) -> bool:
        return self.row["state"] in (GIVEN, TAKEN) and self.row["state"] != self.wanted


async def settle_grants(services: Services, event: Event) -> None:
    """Take what a fan's money gave if that is gone, or give again what was taken if it is back. Safe to repeat."""
    for _ in range(TIMES_DECIDED):
        tip = await need_tip(services, event.subject)
        due = [one for one in await _grants_of(services, tip) if one.is_due]
        if not due:
            return
        plan = Plan(actor="plugin:fanfunding", anchors={tip["customer_id"]})
        for one in due:
            await (_take if one.wanted == TAKEN else _give_again)(services, plan, one)
        try:
            await services.engine.commit(plan)
        except (Stale, Refused):
            continue  # some of it was used in this very moment
        return
    raise Unavailable("Too much is changing at once; try again.")


async def _grants_of(services: Services, tip: Row) -> list[_Grant]:
    """Return what a tip gave, and what its fan was given by goals of its creator, and how each is to stand."""
    of_tip = await services.reader.all(_OF_TIP, tip_id=tip["id"])
    wanted = TAKEN if tip["state"] == REFUNDED else GIVEN
    found = [_Grant(row, GRANTS, row["tip_id"], "tip", wanted) for row in of_tip]
    whose = {"customer_id": tip["customer_id"], "creator_id": tip["creator_id"]}
    for row in await services.reader.all(_OF_GOALS, **whose):
        found.append(_Grant(row, GOAL_GRANTS, row["id"], "goal", GIVEN if row["has_given"] else TAKEN))
    return found


async def _take(services: Services, plan: Plan, grant: _Grant) -> None:
    """Add to the plan that what is left of a grant is taken; ``goods`` then say what that was."""
    row = grant.row
    goods, customer_id, taken = _goods(row), row["customer_id"], Goods({}, {}, {})
    for sku, (quantity, most) in goods.items.items():
        there = await services.reader.first(_ITEM, customer_id=customer_id, sku=sku)
        amount = 0 if there is None else max(0, min(quantity, there["quantity"] - there["frozen"]))
        if amount:
            plan.add(TakeItem(customer_id, sku, amount, grant.about, cause="taken_back"))
            taken.items[sku] = (amount, most)
    for entry_id in msgspec.json.decode(row["entries"]):
        lots = await services.reader.all(CREDITED, entry_id=entry_id)
        for asset in sorted({lot["asset"] for lot in lots}):
            parts = [(lot["id"], lot["credited"], lot["remaining"]) for lot in lots if lot["asset"] == asset]
            amount = min(sum(min(credited, left) for _, credited, left in parts), goods.credits.get(asset, 0))
            if amount:
                label, kind = f"back {entry_id} {asset}", f"{grant.source}.grant_taken"
                plan.entry(kind, about=grant.about, anchor=customer_id, reverses=entry_id, label=label)
                plan.add(TakeBack(label, entry_id, customer_id, asset, amount, issuance(asset),
                                  tuple(LotPart(lot_id, credited) for lot_id, credited, _ in parts),
                                  sum(credited for _, credited, _ in parts)))  # fmt: skip
                taken.credits[asset] = taken.credits.get(asset, 0) + amount
    for right in await services.reader.all(_RIGHTS, customer_id=customer_id, source_id=grant.about):
        if right["key"] in goods.rights:
            plan.add(EndEntitlement(customer_id, right["key"], grant.about))
            taken.rights[right["key"]] = goods.rights[right["key"]]
    _move(services, plan, grant, {"state": TAKEN, "goods": _json(taken), "entries": "[]"})


async def _give_again(services: Services, plan: Plan, grant: _Grant) -> None:
    """Add to the plan that what was taken is given again; it may be taken once more."""
    row = grant.row
    entry_id, goods = new_id("ent"), _goods(row)
    for sku, (quantity, most) in list(goods.items.items()):
        there = await services.reader.first(_ITEM, customer_id=row["customer_id"], sku=sku)
        if most is not None and there is not None and there["quantity"] + quantity > most:
            del goods.items[sku]  # they have come by another one meanwhile
    plan.add(*giving(goods, about=grant.about, source=grant.source, customer_id=row["customer_id"], sku=row["sku"],
                     entry_id=entry_id))  # fmt: skip
    entries = _json([entry_id] if goods.credits else [])
    _move(services, plan, grant, {"state": GIVEN, "goods": _json(goods), "entries": entries})


def _move(services: Services, plan: Plan, grant: _Grant, changes: Mapping[str, Any]) -> None:
    row = grant.row
    seen = {name: row[name] for name in ("state", "updated_at")}
    set_to = {**changes, "updated_at": max(services.clock.now(), row["updated_at"] + 1)}
    plan.add(Change(grant.table, (grant.about, row["sku"]), row["customer_id"], seen, set_to))


def _goods(row: Row) -> Goods:
    return msgspec.json.decode(row["goods"], type=Goods)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
