"""Goals of a creator: what their file says, the span that counts now, and how much of it is there.

The figures are sums over days, which ``counting`` keeps; so a goal may be measured, renewed or aimed otherwise at any
time, and is right at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select

from storefront.core.clock import DAY_MS, SECOND_MS, to_datetime
from storefront.core.config.forms import read_instant
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.board_schema import ALL_OR_NOTHING, GROSS
from storefront_fanfunding.board_tables import days, reached
from storefront_fanfunding.campaigns import COLLECTED, COLLECTED_OF, COLLECTING, MISSED, REACHED, find_campaign
from storefront_fanfunding.creators import Creator, find_creator_id

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = -(2**31), 2**31
_SUMS = Query(
    select(
        *(func.coalesce(func.sum(days.c[name]), 0).label(name) for name in ("gross", "net", "settled", "tips"))
    ).where(
        days.c.creator_id == bindparam("creator_id"),
        days.c.currency == bindparam("currency"),
        days.c.day >= bindparam("first"),
        days.c.day < bindparam("end"),
    )
)
_REACHED = Query(
    select(reached).where(
        reached.c.creator_id == bindparam("creator_id"),
        reached.c.goal == bindparam("goal"),
        reached.c.span == bindparam("span"),
    )
)


@dataclass(frozen=True, slots=True)
class Step:
    """The goal itself (``number`` 0), or what comes after it; ``target`` in minor units of the goal's currency.

    ``grants``: what its fans are given of the game once it is reached, SKU -> how many.
    """

    number: int
    target: int
    title: Any
    grants: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Span:
    """From when on and until when tips count: days since 1970 (UTC), half open; ``name`` as in ``reached``."""

    name: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class PledgeTerms:
    """Until when fans can pledge (business ms), and what part of the target has to come in (basis points; 0: any)."""

    deadline: int
    min_collected: int

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "PledgeTerms":
        part = told.get("min_collected", "0%").removesuffix("%").strip()
        instant = read_instant(told["deadline"])
        return cls(int(instant.timestamp()) * SECOND_MS + instant.microsecond // 1000, int(Fraction(part) * 100))


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal of a creator's file; ``title`` as written there. ``pledges`` are its terms if it is all or nothing."""

    id: str
    title: Any
    currency: str
    measure: str
    reset: str
    since: int
    is_active: bool
    steps: tuple[Step, ...]
    pledges: PledgeTerms | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Goal":
        (currency,) = told["target"]
        steps = [(one["target"][currency], one["title"], one.get("grants", {}))
                 for one in (told, *told.get("stretch", ()))]  # fmt: skip
        return cls(
            id=told["id"],
            title=told["title"],
            currency=currency,
            measure=told.get("measure", GROSS),
            reset=told.get("reset", "none"),
            since=day_of(told["since"]) if "since" in told else _FIRST,
            is_active=told.get("active", True),
            steps=tuple(Step(number, *step) for number, step in enumerate(steps)),
            pledges=PledgeTerms.of(told) if told.get("mode") == ALL_OR_NOTHING else None,
        )

    def span(self, now: int) -> Span:
        """Return the span that counts at an instant (ms); it begins no earlier than ``since``."""
        at = to_datetime(now)
        match self.reset:
            case "day":
                name, first, end = f"{at:%Y-%m-%d}", now // DAY_MS, now // DAY_MS + 1
            case "month":
                ahead = (at.year + at.month // 12, at.month % 12 + 1)
                name, first, end = f"{at:%Y-%m}", _day(at.year, at.month), _day(*ahead)
            case "year":
                name, first, end = f"{at:%Y}", _day(at.year, 1), _day(at.year + 1, 1)
            case _:
                name, first, end = "all", _FIRST, _LAST
        return Span(name, max(first, self.since), end)


@dataclass(frozen=True, slots=True)
class Progress:
    """How a goal stands: ``amount`` (minor units) of what ``tips`` gave, and step -> since when it is reached (ms).

    Of all or nothing ``amount`` is what is pledged, ``campaign`` its row, and ``collected`` what was charged of that.
    """

    goal: Goal
    span: Span
    amount: int
    tips: int
    reached_at: Mapping[int, int]
    campaign: Mapping[str, Any] | None = None
    collected: int = 0

    @property
    def aim(self) -> Step:
        """What is collected for now: the first step that is not there; the last once all are."""
        return next((step for step in self.goal.steps if self.amount < step.target), self.goal.steps[-1])

    def has(self, step: Step) -> bool:
        """Tell whether a step is there: of all or nothing only the deadline says so."""
        if self.campaign is not None:
            return self.campaign["state"] in (REACHED, COLLECTED)
        return self.amount >= step.target

    @property
    def percent(self) -> int:
        """How much of the aim is there, rounded down, at most 100."""
        return min(100, max(0, self.amount) * 100 // self.aim.target)


def goals_of(creator: Creator) -> list[Goal]:
    """Return a creator's goals, in the order of their file."""
    return [Goal.of(one) for one in creator.told.get("goals", ())]


async def progress_of(services: Services, creator: Creator) -> list[Progress]:
    """Return how a creator's goals stand now, in the order of their file."""
    identity = await find_creator_id(services, creator.name) or ""
    return [await stand(services, identity, goal) for goal in goals_of(creator)]


async def stand(services: Services, creator_id: str, goal: Goal) -> Progress:
    """Return how a goal stands now."""
    span = goal.span(services.clock.now())
    rows: Sequence[Row] = await services.reader.all(_REACHED, creator_id=creator_id, goal=goal.id, span=span.name)
    reached_at = {row["stretch"]: row["reached_at"] for row in rows}
    if goal.pledges is not None:
        return await _stand_of_pledges(services, creator_id, goal, reached_at)
    sums = await sums_of(services, creator_id, goal, span)
    return Progress(goal, span, int(sums[goal.measure]), int(sums["tips"]), reached_at)


async def sums_of(services: Services, creator_id: str, goal: Goal, span: Span) -> Row:
    """Return measure -> sum over a goal's span, and ``tips``."""
    asked = {"creator_id": creator_id, "currency": goal.currency}
    row = await services.reader.first(_SUMS, first=span.first, end=span.end, **asked)
    assert row is not None, "a sum is always one row"
    return row


async def _stand_of_pledges(services: Services, creator_id: str, goal: Goal, reached_at: Mapping[int, int]) -> Progress:
    """Return how an all-or-nothing goal stands: by the terms of its first pledge, once there is one."""
    now = services.clock.now()
    held = await find_campaign(services, creator_id, goal.id)
    campaign = new_campaign(creator_id, goal, now) if held is None else held
    if held is None and now >= campaign["deadline"]:
        campaign = {**campaign, "state": MISSED}  # nobody has pledged
    aim = Step(0, campaign["target"], goal.title, {})
    terms = PledgeTerms(campaign["deadline"], campaign["min_collected"])
    bound = replace(goal, currency=campaign["currency"], steps=(aim,), pledges=terms)
    collected = campaign["collected"]
    if campaign["state"] == REACHED:
        sums = await services.reader.first(COLLECTED_OF, creator_id=creator_id, goal=goal.id)
        collected = 0 if sums is None else int(sums["worth"])
    return Progress(bound, goal.span(now), campaign["pledged"], 0, reached_at, campaign, collected)


def new_campaign(creator_id: str, goal: Goal, now: int) -> dict[str, Any]:
    """Return the row of a goal that is pledged to for the first time: its terms as the file has them now."""
    assert goal.pledges is not None, "asked only of all or nothing"
    return {
        "creator_id": creator_id,
        "goal": goal.id,
        "title": msgspec.json.encode(goal.title).decode(),
        "currency": goal.currency,
        "target": goal.steps[0].target,
        "deadline": goal.pledges.deadline,
        "min_collected": goal.pledges.min_collected,
        "state": COLLECTING,
        "pledged": 0,
        "backers": 0,
        "collected": 0,
        "created_at": now,
        "updated_at": now,
        "closed_at": None,
        "settled_at": None,
    }


def day_of(text: str) -> int:
    """Return a day (``2026-11-01``) in days since 1970; raises ``ValueError``."""
    return date.fromisoformat(text).toordinal() - _EPOCH


def end_of(span: Span) -> datetime | None:
    """Return when a span is over; None: never."""
    return None if span.end == _LAST else datetime.fromtimestamp(span.end * DAY_MS // 1000, UTC)


def _day(year: int, month: int) -> int:
    return date(year, month, 1).toordinal() - _EPOCH
