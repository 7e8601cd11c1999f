"""The honest customers of the simulated year: who they are, and when and from where they buy."""

from dataclasses import dataclass, field
from random import Random

from benchmarks.fraud_year.parameters import Draw
from benchmarks.fraud_year.shapes import DAY, HOUR, START, YEAR, Card

COUNTRIES = ("US", "DE", "GB", "FR", "BR", "PL", "JP", "CA")
COUNTRY_WEIGHTS = (40, 15, 12, 8, 8, 6, 6, 5)
_EVENING = {"US": 2, "DE": 19, "GB": 20, "FR": 19, "BR": 23, "PL": 19, "JP": 11, "CA": 1}
"""Country -> the hour (UTC) around which its people play."""


@dataclass(slots=True)
class Person:
    """One customer; ``since`` and ``until`` are when they were first known and last come, in ms."""

    name: str
    since: int
    until: int
    country: str
    home: str
    is_moving: bool
    is_whale: bool
    evening: float
    weight: float
    is_giver: bool
    card: Card
    devices: list[str] = field(default_factory=list)
    friends: list["Person"] = field(default_factory=list)

    @property
    def begins(self) -> int:
        return max(self.since, START)


class Population:
    """Draws the people of a seed; ``size``: how large the shop is, of the usual."""

    def __init__(self, random: Random, draw: Draw, size: float) -> None:
        self._random = random
        self._draw = draw
        self._numbers = 0
        self._names = 0
        self.people = [self._person() for _ in range(max(100, round(draw.whole("customers") * size)))]
        for one in self.people:
            if one.is_giver:
                one.friends = random.sample(self.people, random.randint(1, 6))

    def name(self) -> str:
        """Return a name that nobody has yet."""
        self._names += 1
        return f"person-{self._names}"

    def address(self) -> str:
        """Return an address that nobody has yet."""
        self._numbers += 1
        return f"10.{self._numbers >> 16 & 255}.{self._numbers >> 8 & 255}.{self._numbers & 255}"

    def device(self) -> str:
        self._numbers += 1
        return f"dev-{self._numbers}"

    def card(self, country: str, funding: str | None = None) -> Card:
        self._numbers += 1
        kind = self._random.choices(("credit", "debit", "prepaid"), (50, 45, 5))[0] if funding is None else funding
        return Card(f"card-{self._numbers}", country, kind)

    def country(self) -> str:
        return self._random.choices(COUNTRIES, COUNTRY_WEIGHTS)[0]

    def mobile(self, country: str) -> str:
        """Return one of the addresses that a country's mobile networks share among their people."""
        return f"100.{COUNTRIES.index(country)}.{self._random.randrange(2)}.{self._random.randrange(150)}"

    def _person(self) -> Person:
        random, draw = self._random, self._draw
        is_old = random.random() < draw("known_before")
        since = START - int(random.expovariate(1 / 300) * DAY) if is_old else START + int(random.random() * YEAR)
        stays = random.expovariate(1 / 160) * DAY if random.random() < 0.7 else random.random() * DAY
        country = self.country()
        is_whale = random.random() < draw("whales")
        is_foreign = random.random() < draw("foreign_card")
        is_shared = random.random() < draw("shared")
        return Person(
            name=self.name(),
            since=since,
            until=int(min(START + YEAR, max(since, START) + stays)),
            country=country,
            home=f"172.16.0.{random.randrange(25)}" if is_shared else self.address(),
            is_moving=random.random() < draw("moving"),
            is_whale=is_whale,
            evening=random.gauss(_EVENING[country], 2.0),
            weight=random.lognormvariate(0, 0.9) * (3 if is_whale else 1),
            is_giver=random.random() < draw("givers"),
            card=self.card(self.country() if is_foreign else country),
            devices=[self.device()],
        )


def hour_near(random: Random, day: int, evening: float) -> int:
    """Return an instant of a day (its first ms) near an hour, which may be past midnight."""
    return day + int((random.gauss(evening, 2.5) % 24) * HOUR)
