"""Which fans have which badges: judged whenever a tip of theirs has moved, each with the rule that gave it.

Follows the events, as the sums do. A badge hangs under its fan, for it is a part of their state.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.catalog import text_in
from storefront.core.commit.plan import Emit, Insert, Plan, Remove
from storefront.core.commit.projection import is_active
from storefront.core.events import Event
from storefront.core.reading import PointReader, Query, Row
from storefront.core.services import Services
from storefront.core.tables import entitlements
from storefront_fanfunding.badge_rules import HOLDS, Badge, Rule, badges_of, done_by, those_of
from storefront_fanfunding.badge_schema import MOST_FIRST
from storefront_fanfunding.board_tables import BADGES, badges
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import Creator, creator_name, need_creator
from storefront_fanfunding.tables import creators

MOST_SHOWN = 3
"""Beside a name."""
_OF_FAN = Query(select(badges).where(badges.c.customer_id == bindparam("customer_id")))
_HOLDERS = Query(
    select(badges).where(badges.c.creator_id == bindparam("creator_id"), badges.c.badge == bindparam("badge"))
)
_NAMED = Query(
    select(badges.c.badge, creators.c.name)
    .join(creators, creators.c.id == badges.c.creator_id)
    .where(badges.c.customer_id == bindparam("customer_id"))
    .order_by(creators.c.name, badges.c.badge)
)
_RIGHTS = Query(select(entitlements).where(entitlements.c.customer_id == bindparam("customer_id")))


@dataclass(slots=True)
class _Judgement:
    """What is to be written: badges that are given, changed or taken, of any fans of one creator."""

    creator_id: str
    now: int
    plan: Plan = field(default_factory=lambda: Plan(actor="plugin:fanfunding"))

    def settle(self, badge: str, customer_id: str, row: Row | None, rule: Rule | None, *, is_sticky: bool) -> None:
        """Bring one fan's badge to what a rule says; None: they have not done what it asks for (any more)."""
        if rule is None and (row is None or is_sticky):
            return
        key = (customer_id, self.creator_id, badge)
        if rule is None:
            self._tell("badge.taken", customer_id, badge)
            self.plan.add(Remove(BADGES, key, customer_id))
            return
        reason = msgspec.json.encode(rule, order="deterministic").decode()
        if row is not None and (row["reason"], row["is_sticky"]) == (reason, int(is_sticky)):
            return
        if row is None:
            self._tell("badge.granted", customer_id, badge)
        told = {"customer_id": customer_id, "creator_id": self.creator_id, "badge": badge, "reason": reason,
                "is_sticky": int(is_sticky), "granted_at": self.now if row is None else row["granted_at"]}  # fmt: skip
        self.plan.anchors.add(customer_id)
        self.plan.add(Insert(BADGES, key, customer_id, told, replace=True))

    def _tell(self, event: str, customer_id: str, badge: str) -> None:
        self.plan.anchors.add(customer_id)
        told = {"creator_id": self.creator_id, "customer_id": customer_id, "badge": badge}
        self.plan.add(Emit(customer_id, event, self.creator_id, told))


async def judge_badges(services: Services, settings: Settings, event: Event) -> None:
    """Give and take badges after a tip has moved: those of its fan, and those that compare fans. Safe to repeat."""
    creator_id, customer_id = event.data["creator_id"], event.data["customer_id"]
    name = await creator_name(services, creator_id)
    creator = need_creator(services, settings, name) if name in services.catalogs.active.creators else None
    there = [] if creator is None else badges_of(creator)
    judgement = _Judgement(creator_id, services.clock.now())
    done = await done_by(services.reader, creator_id, customer_id)
    rows = await services.reader.all(_OF_FAN, customer_id=customer_id)
    had = {row["badge"]: row for row in rows if row["creator_id"] == creator_id}
    for badge in there:
        if badge.is_of_all:
            await _judge_all(services, judgement, badge, is_new=event.type == "tip.paid")
        else:
            rule = next((one for one in badge.rules if HOLDS not in one and done.fits(one)), None)
            judgement.settle(badge.id, customer_id, had.get(badge.id), rule, is_sticky=badge.is_sticky)
    known = {badge.id for badge in there}
    for gone in sorted(had.keys() - known):  # it stands in the file no more
        judgement.settle(gone, customer_id, had[gone], None, is_sticky=bool(had[gone]["is_sticky"]))
    if judgement.plan.list:
        await services.engine.commit(judgement.plan)


async def _judge_all(services: Services, judgement: _Judgement, badge: Badge, *, is_new: bool) -> None:
    """Judge a badge of all fans at once: what one gives may be what another loses."""
    rows = await services.reader.all(_HOLDERS, creator_id=judgement.creator_id, badge=badge.id)
    had = {row["customer_id"]: row for row in rows}
    (rule,) = badge.rules
    if is_new and len(had) >= rule.get("first", MOST_FIRST + 1):
        return  # those are the first already: a new tip makes nobody one of them
    kept = await those_of(services.reader, judgement.creator_id, rule)
    if "first" in rule and badge.is_sticky:  # who keeps it keeps their place: nobody comes after them into it
        kept = {*had, *sorted(kept - had.keys())[: max(0, rule["first"] - len(had))]}
    for customer_id in sorted({*had, *kept}):
        judgement.settle(badge.id, customer_id, had.get(customer_id), rule if customer_id in kept else None,
                         is_sticky=badge.is_sticky)  # fmt: skip


async def badges_in_state(reader: PointReader, customer_id: str) -> list[str]:
    """Return what a fan was given, as their state tells it: ``luna/patron``."""
    return [f"{row['name']}/{row['badge']}" for row in await reader.all(_NAMED, customer_id=customer_id)]


async def held_by(
    reader: PointReader, creator: Creator, creator_id: str, customer_id: str, now: int
) -> Sequence[Badge]:
    """Return the badges of a creator that a fan has now (business ms), in the order of the creator's file."""
    there = badges_of(creator)
    if not there:
        return ()
    rows = await reader.all(_OF_FAN, customer_id=customer_id)
    names = {row["badge"] for row in rows if row["creator_id"] == creator_id}
    if any(HOLDS in rule for badge in there for rule in badge.rules):
        rights = await reader.all(_RIGHTS, customer_id=customer_id)
        held = {row["key"] for row in rights if is_active(row, now)}
        names |= {badge.id for badge in there for rule in badge.rules if rule.get(HOLDS) in held}
    return [badge for badge in there if badge.id in names]


def titles(services: Services, held: Sequence[Badge], language: str | None) -> list[dict[str, Any]]:
    """Return badges as they stand beside a name: the first ones of the file."""
    default = services.catalogs.active.default_language

    def title(said: Any) -> str:
        return said if isinstance(said, str) else text_in(said, language, default) or ""

    return [{"id": one.id, "title": title(one.title), "color": one.color} for one in held[:MOST_SHOWN]]
