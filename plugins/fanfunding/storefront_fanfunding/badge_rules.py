"""Badges: which a creator's file has, and whether a fan has done what one asks for.

What counts is what is counted (``board_tables``): tips under a name, as far as they have not gone back. So no badge
tells of what was given anonymously.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, func, select

from storefront.core.reading import PointReader, Query, Row
from storefront_fanfunding.board_tables import counted, fans
from storefront_fanfunding.counting import ALL
from storefront_fanfunding.creators import Creator
from storefront_fanfunding.tables import tips

Rule = Mapping[str, Any]
HOLDS = "holds"
_NAMED = and_(counted.c.creator_id == bindparam("creator_id"), counted.c.is_anonymous == 0, counted.c.gross > 0)
_OF_FAN = and_(fans.c.creator_id == bindparam("creator_id"), fans.c.customer_id == bindparam("customer_id"),
               fans.c.is_anonymous == 0, fans.c.gross > 0)  # fmt: skip
LIFETIMES = select(fans.c.currency, fans.c.gross).where(_OF_FAN, fans.c.span == ALL)
MONTHS = select(fans.c.span).distinct().where(_OF_FAN, func.length(fans.c.span) == 7).order_by(fans.c.span)
LARGEST = (
    select(counted.c.currency, func.max(counted.c.gross).label("gross"))
    .where(_NAMED, counted.c.customer_id == bindparam("customer_id"))
    .group_by(counted.c.currency)
)
TIERS = (
    select(tips.c.tier)
    .distinct()
    .join(counted, and_(counted.c.tip_id == tips.c.id, counted.c.currency == tips.c.currency))
    .where(_NAMED, counted.c.customer_id == bindparam("customer_id"), tips.c.back_amount == 0)
)
FIRST = (
    select(tips.c.customer_id)
    .join(counted, and_(counted.c.tip_id == tips.c.id, counted.c.currency == tips.c.currency))
    .where(_NAMED)
    .group_by(tips.c.customer_id)
    .order_by(func.min(tips.c.sequence))
    .limit(bindparam("most"))
)
_SOME = (
    select(fans.c.customer_id)
    .distinct()
    .where(fans.c.creator_id == bindparam("creator_id"), fans.c.span == ALL, fans.c.is_anonymous == 0, fans.c.gross > 0)
    .limit(bindparam("most"))
)
RANKED = (
    select(fans.c.customer_id)
    .where(
        fans.c.creator_id == bindparam("creator_id"),
        fans.c.currency == bindparam("currency"),
        fans.c.span == ALL,
        fans.c.is_anonymous == 0,
        fans.c.gross > 0,
    )
    .order_by(fans.c.gross.desc(), fans.c.customer_id)
    .limit(bindparam("most"))
)


_QUERIES = {
    name: Query(statement)
    for name, statement in {"lifetimes": LIFETIMES, "months": MONTHS, "largest": LARGEST, "tiers": TIERS,
                            "some": _SOME, "first": FIRST, "ranked": RANKED}.items()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Badge:
    """One badge of a creator's file: any of its ``rules`` gives it."""

    id: str
    title: Any
    color: str | None
    is_sticky: bool
    rules: tuple[Rule, ...]

    @property
    def is_of_all(self) -> bool:
        """Whether one fan's tip may give it to, or take it from, another."""
        return any("first" in rule or "rank" in rule for rule in self.rules)


def badges_of(creator: Creator) -> list[Badge]:
    """Return a creator's badges: those under ``badges:``, then those that only a tier names."""
    told = {one["id"]: one for one in creator.told.get("badges", ())}
    by_tiers: dict[str, list[Rule]] = {}
    for tier in creator.tiers:
        if "badge" in tier:
            by_tiers.setdefault(tier["badge"], []).append({"tier": tier["id"]})
    found = []
    for name in [*told, *(one for one in by_tiers if one not in told)]:
        said = told.get(name, {})
        own = [_complete(creator, said["when"])] if "when" in said else []
        rules = (*own, *by_tiers.get(name, ()))
        found.append(Badge(name, said.get("title", name), said.get("color"), said.get("sticky", False), rules))
    return found


def _complete(creator: Creator, rule: Rule) -> Rule:
    """Return a rule that can be understood without the file: a rank says in which currency."""
    return {**rule, "currency": next(iter(creator.tips.get("min", {})), "")} if "rank" in rule else rule


@dataclass(frozen=True, slots=True)
class Done:
    """What a fan has done for a creator: currency -> amount in all and at once, months, tiers that are whole."""

    lifetime: Mapping[str, int]
    largest: Mapping[str, int]
    months: Sequence[str]
    tiers: frozenset[str]

    def fits(self, rule: Rule) -> bool:
        """Tell whether a rule that asks of the fan alone is kept."""
        if "lifetime" in rule:
            return any(self.lifetime.get(code, 0) >= amount for code, amount in rule["lifetime"].items())
        if "tip" in rule:
            return any(self.largest.get(code, 0) >= amount for code, amount in rule["tip"].items())
        if "streak_months" in rule:
            return bool(max(_runs(self.months), default=0) >= rule["streak_months"])
        return rule.get("tier") in self.tiers

    @classmethod
    def of(cls, rows: Mapping[str, Sequence[Row]]) -> "Done":
        """Read it from the answers to ``LIFETIMES``, ``LARGEST``, ``MONTHS`` and ``TIERS``, by their names."""
        return cls(
            lifetime={row["currency"]: int(row["gross"]) for row in rows["lifetimes"]},
            largest={row["currency"]: int(row["gross"]) for row in rows["largest"]},
            months=[row["span"] for row in rows["months"]],
            tiers=frozenset(row["tier"] for row in rows["tiers"] if row["tier"] is not None),
        )


async def done_by(reader: PointReader, creator_id: str, customer_id: str) -> Done:
    """Return what a fan has done for a creator, as far as it is counted."""
    names, whose = ("lifetimes", "largest", "months", "tiers"), {"creator_id": creator_id, "customer_id": customer_id}
    return Done.of({name: await reader.all(_QUERIES[name], **whose) for name in names})


async def those_of(reader: PointReader, creator_id: str, rule: Rule) -> set[str]:
    """Return the fans who keep a rule that compares them with each other."""
    if "first" in rule:
        rows = await reader.all(_QUERIES["some"], creator_id=creator_id, most=rule["first"] + 1)
        if len(rows) > rule["first"]:  # who of them came first is known by all tips alone
            rows = await reader.all(_QUERIES["first"], creator_id=creator_id, most=rule["first"])
    else:
        rows = await reader.all(_QUERIES["ranked"], creator_id=creator_id, currency=rule["currency"], most=rule["rank"])
    return {row["customer_id"] for row in rows}


def _runs(months: Sequence[str]) -> Iterator[int]:
    """Yield how many months in a row end with each of these, which are in order (``2026-11``)."""
    length, before = 0, None
    for month in months:
        number = int(month[:4]) * 12 + int(month[5:])
        length = length + 1 if before == number - 1 else 1
        before = number
        yield length
