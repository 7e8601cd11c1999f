"""What is remembered of one customer: a few numbers and short lists, bounded, whatever they do.

Networks, devices and recipients are kept as salted hashes. Nobody moves what is usual for them by much in little time:
the usual amount moves by a bounded step a day, however many purchases there are in it.
"""

from dataclasses import dataclass, field
from math import log
from typing import Any

import msgspec

from storefront.core.clock import DAY_MS, HOUR_MS

SLOTS = 8
"""Parts of the day, of three hours each, UTC."""
STEP_A_DAY = 0.35
"""The usual amount moves by at most this (in ln) a day: by 42 %."""
SETTLING = 2 * DAY_MS
"""For so long what is new of a customer stays new."""
_FADE = 0.97
_PRIOR_WEIGHT = 4.0
_PLACES = 10


@dataclass(slots=True)
class Familiar:
    """Things that a customer was seen with, the latest last, and since when; and how often one was new (fading).

    What is new stays new for two days, however often it comes: nobody becomes known by one purchase before the next.
    """

    most: int
    prior: float
    since: dict[int, int] = field(default_factory=dict)
    seen: float = 0.0
    novel: float = 0.0

    def surprise(self, token: int, at: int) -> float:
        """Return -ln of how often something new is met, if this is new; 0 for what is known, or with nothing before."""
        if not self.since or at - self.since.get(token, at) >= SETTLING:
            return 0.0
        return -log((self.novel + self.prior * _PRIOR_WEIGHT) / (self.seen + _PRIOR_WEIGHT))

    def learn(self, token: int, at: int, weight: float = 1.0) -> None:
        """Learn that it was seen; ``weight`` is how much it says of how often something is new."""
        since = self.since.pop(token, None)
        if self.since or since is not None:
            self.seen += weight * (1 + (_FADE - 1) * self.seen)
            self.novel += weight * ((since is None) + (_FADE - 1) * self.novel)
            since = at if since is None else since
        if len(self.since) == self.most:
            # What is new makes place first, so that no burst drives out what was known before.
            del self.since[
                next((one for one, first in self.since.items() if at - first < SETTLING), next(iter(self.since)))
            ]
        self.since[token] = since or 0

    def row(self) -> list[Any]:
        return [list(self.since.items()), round(self.seen, _PLACES), round(self.novel, _PLACES)]


@dataclass(slots=True)
class Pace:
    """A count that halves every ``half_life`` ms."""

    half_life: int
    value: float = 0.0
    at: int = 0

    def read(self, at: int) -> float:
        if not self.value:
            return 0.0
        return self.value * float(2.0 ** (min(0, self.at - at) / self.half_life))

    def add(self, at: int, weight: float = 1.0) -> None:
        self.value, self.at = self.read(at) + weight, max(at, self.at)

    def row(self) -> list[Any]:
        return [round(self.value, _PLACES), self.at]


def _networks() -> Familiar:
    return Familiar(8, 0.3)


def _devices() -> Familiar:
    return Familiar(4, 0.1)


def _recipients() -> Familiar:
    return Familiar(8, 0.5)


def _ways() -> Familiar:
    return Familiar(6, 0.15)


@dataclass(slots=True)
class Profile:
    """One customer. ``row`` and ``of_row`` turn it into a short JSON text and back, exactly."""

    learned: int = 0
    usual: float = 0.0
    spread: float = 0.7
    moved_at: int = 0
    hours: list[float] = field(default_factory=lambda: [0.0] * SLOTS)
    hour: Pace = field(default_factory=lambda: Pace(HOUR_MS))
    day: Pace = field(default_factory=lambda: Pace(DAY_MS))
    month: Pace = field(default_factory=lambda: Pace(30 * DAY_MS))
    gifts: Pace = field(default_factory=lambda: Pace(3 * DAY_MS))
    gift_month: Pace = field(default_factory=lambda: Pace(60 * DAY_MS))
    networks: Familiar = field(default_factory=_networks)
    devices: Familiar = field(default_factory=_devices)
    recipients: Familiar = field(default_factory=_recipients)
    ways: Familiar = field(default_factory=_ways)
    countries: Familiar = field(default_factory=_devices)

    def learn_amount(self, amount: float, at: int) -> None:
        """Learn ln of an amount: of the first purchase as it is, of later ones by bounded steps."""
        if not self.learned:
            self.usual, self.moved_at = amount, at
            return
        most = STEP_A_DAY * min(1.0, max(0, at - self.moved_at) / DAY_MS)
        away = amount - self.usual
        self.usual += max(-most, min(most, away / 3))
        self.spread += max(-most, min(most, (min(3.0, abs(away)) - self.spread) / 5))
        self.moved_at = max(at, self.moved_at)

    def row(self) -> str:
        told = [
            self.learned,
            [round(one, _PLACES) for one in (self.usual, self.spread)],
            self.moved_at,
            [round(one, 4) for one in self.hours],
            [one.row() for one in self._paces()],
            [one.row() for one in self._familiar()],
        ]
        return msgspec.json.encode(told).decode()

    @classmethod
    def of_row(cls, row: str) -> "Profile":
        learned, (usual, spread), moved_at, hours, paces, familiar = msgspec.json.decode(row)
        found = cls(learned, usual, spread, moved_at, hours)
        for pace, (value, at) in zip(found._paces(), paces, strict=True):
            pace.value, pace.at = value, at
        for one, (since, seen, novel) in zip(found._familiar(), familiar, strict=True):
            one.since, one.seen, one.novel = dict(since), seen, novel
        return found

    def _paces(self) -> tuple[Pace, ...]:
        return (self.hour, self.day, self.month, self.gifts, self.gift_month)

    def _familiar(self) -> tuple[Familiar, ...]:
        return (self.networks, self.devices, self.recipients, self.ways, self.countries)
