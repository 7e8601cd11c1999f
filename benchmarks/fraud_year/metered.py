"""Usage of the simulated year: reported by the hour, paid by the week; some of it is not reported any more."""

from dataclasses import dataclass
from math import cos, exp, pi
from random import Random

from benchmarks.fraud_year.parameters import Draw
from benchmarks.fraud_year.people import Person
from benchmarks.fraud_year.shapes import DAY, HOUR, MINUTE, START, WEEK, YEAR, Attempt, Usage

_HOURS_A_WEEK = WEEK // HOUR


@dataclass(frozen=True, slots=True)
class Tampering:
    """``since`` and ``until`` in ms, whole weeks; from ``full`` on the whole share is missing."""

    since: int
    until: int
    full: int
    missing: float

    def share(self, at: int) -> float:
        """Return how much is not reported at an instant."""
        if not self.since <= at < self.until:
            return 0.0
        return self.missing * min(1.0, (at - self.since + HOUR) / max(HOUR, self.full - self.since))


def draw_tampering(random: Random, draw: Draw) -> Tampering:
    weeks = draw.whole("weeks")
    since = START + random.randrange(4, 51 - weeks) * WEEK + int(random.random() * WEEK) // HOUR * HOUR
    full = since + int(draw("days_to_full") * DAY)
    return Tampering(since, min(START + YEAR, since + weeks * WEEK), full, draw("missing"))


def metered_year(
    random: Random, draw: Draw, person: Person, tampering: Tampering | None
) -> tuple[list[Usage], list[tuple[Attempt, bool]]]:
    """Return a customer's hours, and the weekly purchases with whether a day of them or more was tampered with."""
    noise, drift = draw("usage_noise"), draw("usage_drift")
    level, swing = random.lognormvariate(5, 0.8), random.uniform(0.5, 1.5)
    pauses = {random.randrange(52) for _ in range(draw.whole("usage_pauses"))}
    hours: list[Usage] = []
    bills: list[tuple[Attempt, bool]] = []
    for week in range(52):
        total = tampered = 0
        for hour in range(_HOURS_A_WEEK):
            at = START + week * WEEK + hour * HOUR
            course = swing * cos((hour % 24 - person.evening) * pi / 12) + (0.3 if hour >= 120 else 0.0)
            true = level * exp(course + drift * (at - START) / YEAR + random.gauss(0, 0.25))
            true *= 0.03 if week in pauses else 1.0
            share = tampering.share(at) if tampering is not None else 0.0
            reported = int(true * (1 - share) * exp(random.gauss(0, noise)))
            hours.append(Usage(at, person.name, reported, int(true * exp(random.gauss(0, 0.2)))))
            total += reported
            tampered += share > 0
        bills.append((_bill(person, START + (week + 1) * WEEK, total), tampered >= 24))
    return hours, bills


def _bill(person: Person, at: int, quantity: int) -> Attempt:
    return Attempt(
        id=0, at=at + 10 * MINUTE, customer=person.name, customer_since=person.since, kind="usage", sku="api-calls",
        amount=max(1, quantity // 20), gateway="wallet",
    )  # fmt: skip
