"""Plays the years, a day at a time: who does what that day, when the gateway is away, when the server is down."""

import asyncio
import heapq
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from random import Random, randrange
from typing import Any

from storefront.cli.years.catalog import SHOP
from storefront.cli.years.members import STEPS, Club, Member
from storefront.cli.years.stage import Stage
from storefront.core.audit import Report
from storefront.core.clock import DAY_MS, iso

DAYS_A_YEAR = Fraction(1461, 4)
DAYS_A_MONTH = DAYS_A_YEAR / 12
AT_ONCE = 8
"""So many people act at the same time."""
FEW, LEAP_DAYS = 200, 4
"""With fewer people time goes on by several days at once: what was due in between is done a little late, as by a busy
server, and years cost a quarter."""
OUTAGES_A_YEAR, DOWNTIMES_A_YEAR = 4, 3
AWAY = ({"fault": "lose_reply", "on": "POST /v1/payment_intents", "times": 1_000_000},
        {"fault": "status", "on": "*", "status": 503, "times": 1_000_000},
        {"webhooks": {"mode": "drop"}})  # fmt: skip
"""What an outage of the gateway is: charged, but the answer is lost; away; silent about what happened."""
OUTAGE_DAYS = 2
"""How many days an outage lasts."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many subscribe, in how many days, by which draws."""

    subscribers: int
    days: int
    seed: int

    @classmethod
    def of(cls, subscribers: int, *, years: int | None, months: int | None, seed: int | None) -> "Wanted":
        """Read what was asked for: years and months add up, two years if neither is said; a seed is drawn."""
        long = 24 if years is None and months is None else 12 * (years or 0) + (months or 0)
        drawn = randrange(1_000_000) if seed is None else seed  # noqa: S311 no secret
        return cls(subscribers, round(long * DAYS_A_MONTH), drawn)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it: the shop's figures and audit, and, for the curious, what people tried."""

    figures: dict[str, Any]
    report: Report
    done: Counter[str]
    seconds: float
    processor_seconds: float


async def play(wanted: Wanted, tell: Callable[[str, float, int | None], None]) -> Played:
    """Play it on a shop in a folder that is cleared away; ``tell`` hears how far it is.

    Raises:
        NotAsTold: the shop did something that it never may.
    """
    with tempfile.TemporaryDirectory(prefix="storefront-years-") as folder:
        config = Path(folder) / "shop.yaml"
        config.write_text(SHOP)
        stage = Stage(config, Path(folder) / "data")
        await stage.open()
        try:
            return await _play(stage, wanted, tell)
        finally:
            await stage.close()


async def _play(stage: Stage, wanted: Wanted, tell: Callable[[str, float, int | None], None]) -> Played:
    began, used, since = time.monotonic(), time.process_time(), iso(stage.now)
    years = Years(stage, wanted)
    day = 0
    while day < wanted.days:
        tell(f"day {day} of {wanted.days}", day, wanted.days)
        day = await years.go_on(day)
    await years.end()
    tell("figures and audit", wanted.days, wanted.days)
    figures, report = await stage.figures(since), await stage.audit()
    return Played(figures, report, years.club.done, time.monotonic() - began, time.process_time() - used)


class Years:
    """The agenda of all people and of the world around them."""

    def __init__(self, stage: Stage, wanted: Wanted) -> None:
        self._stage, self._wanted = stage, wanted
        self._leap = LEAP_DAYS if wanted.subscribers < FEW else 1
        self._today = 0
        self._agenda: list[tuple[int, int, Member, str]] = []
        self._order = count()
        self.club = Club(stage, lambda member, days, step: self._plan(self._today + days, member, step))
        world = Random(wanted.seed)  # noqa: S311 a story's, and meant to be told again
        self._outages = _days(world, wanted.days, OUTAGES_A_YEAR)
        self._downtimes = {day: world.randint(1, 5) for day in _days(world, wanted.days, DOWNTIMES_A_YEAR)}
        self._away_until: int | None = None
        self._world = world
        for number in range(wanted.subscribers):
            member = Member(f"member-{number + 1}", Random(f"{wanted.seed}:{number}"))  # noqa: S311
            arrival = member.random.randrange(max(1, wanted.days * 3 // 4))
            self._plan(arrival, member, "visit")
            self._plan(arrival, member, "begin")
            passer = Member(f"passer-by-{number + 1}", member.random)
            self._plan(member.random.randrange(wanted.days), passer, "visit")

    async def go_on(self, day: int) -> int:
        """Let a day pass, or some, or those of a downtime, then let people do what is due; return the next day."""
        leap = min(self._leap, self._wanted.days - day)
        nights = next((self._downtimes[at] for at in range(day, day + leap) if at in self._downtimes), 0)
        if nights:
            self.club.done["days that the server was down"] += nights
            await self._stage.be_down(nights * DAY_MS)
        else:
            await self._stage.move(leap * DAY_MS)
        self._today = day + (nights or leap)
        await self._weather(day)
        await self._act()
        return self._today

    async def end(self) -> None:
        """Let the gateway come back, and a day pass, so that what nobody knew is known."""
        await self._stage.order("misbehave", {"clear": True})
        await self._stage.move(DAY_MS)

    async def _weather(self, day: int) -> None:
        if self._away_until is not None and self._today >= self._away_until:
            self._away_until = None
            await self._stage.order("misbehave", {"clear": True})
        if any(day <= out < self._today for out in self._outages):
            self._away_until = self._today + OUTAGE_DAYS
            self.club.done["outages of the gateway"] += 1
            await self._stage.order("misbehave", self._world.choice(AWAY))

    async def _act(self) -> None:
        due: dict[str, list[tuple[Member, str]]] = {}
        while self._agenda and self._agenda[0][0] <= self._today:
            _, _, member, step = heapq.heappop(self._agenda)
            due.setdefault(member.name, []).append((member, step))
        room = asyncio.Semaphore(AT_ONCE)

        async def live(steps: list[tuple[Member, str]]) -> None:
            async with room:
                for member, step in steps:
                    await STEPS[step](self.club, member)

        async with asyncio.TaskGroup() as people:
            for steps in due.values():
                people.create_task(live(steps))
        await self._stage.quiet()

    def _plan(self, day: int, member: Member, step: str) -> None:
        heapq.heappush(self._agenda, (day, next(self._order), member, step))


def _days(random: Random, days: int, times_a_year: int) -> set[int]:
    return {random.randrange(days) for _ in range(round(times_a_year * days / DAYS_A_YEAR))}
