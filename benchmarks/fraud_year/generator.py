"""The generator: a seed in, a year and its labels out; the same seed is the same year, on any machine."""

from dataclasses import replace
from random import Random

from benchmarks.fraud_year.attacks import Attacks
from benchmarks.fraud_year.honest import Honest
from benchmarks.fraud_year.metered import draw_tampering, metered_year
from benchmarks.fraud_year.parameters import ATTACKS, PATTERNS, PURCHASES, SHOP, Draw
from benchmarks.fraud_year.people import Population
from benchmarks.fraud_year.shapes import START, Attempt, Label, Labels, Usage, Year

Planted = list[tuple[Attempt, Label | None]]


def generate(seed: int, *, purchases: int = PURCHASES, rate: float = 1.0) -> tuple[Year, Labels]:
    """Return a year of so many attempts.

    The shop, its usage and each pattern have draws of their own, so that another ``rate`` leaves the rest as it is.
    It scales how many attacks of each pattern there are; of a shop with fewer purchases as many attacks are
    expected for each purchase.
    """
    random = Random(f"fraud-year:{seed}:shop")
    draw = Draw(random, SHOP)
    size = purchases / PURCHASES
    population = Population(random, draw, size)
    honest = Honest(random, draw, population)
    good = honest.attempts(purchases)
    usage, planted = _metered(Random(f"fraud-year:{seed}:usage"), draw, population, rate=rate, size=size)
    planted += _attacks(seed, population, honest, good, rate=rate * size)
    kept = random.sample(good, purchases - len(planted))
    together = sorted([*planted, *((one, None) for one in kept)], key=lambda pair: (pair[0].at, pair[0].customer))
    attempts = [replace(one, id=number) for number, (one, _) in enumerate(together)]
    labels = {number: label for number, (_, label) in enumerate(together) if label is not None}
    return Year(attempts, sorted(usage, key=lambda one: (one.at, one.customer))), labels


def _attacks(seed: int, population: Population, honest: Honest, good: list[Attempt], *, rate: float) -> Planted:
    history: dict[str, list[int]] = {}
    for one in sorted(good, key=lambda attempt: attempt.at):
        history.setdefault(one.customer, []).append(one.at)
    planted: Planted = []
    for pattern in (one for one in PATTERNS if one != "meter_tampering"):
        random = Random(f"fraud-year:{seed}:{pattern}")
        draw, attack = Draw(random, ATTACKS[pattern]), Attacks(random, population, honest, history).kinds[pattern]
        for number in range(_scaled(draw.whole("attacks"), rate)):
            planted += [(one, Label(pattern, number)) for one in attack(draw)]
    return planted


def _metered(
    random: Random, draw: Draw, population: Population, *, rate: float, size: float
) -> tuple[list[Usage], Planted]:
    pattern = "meter_tampering"
    attack = Draw(random, ATTACKS[pattern])
    people = [one for one in population.people if one.since < START]
    chosen = random.sample(people, _scaled(draw.whole("metered"), size))
    tampering = _scaled(attack.whole("attacks"), rate * size)
    usage: list[Usage] = []
    planted: Planted = []
    for number, person in enumerate(chosen):
        tampered = draw_tampering(random, attack) if number < tampering else None
        hours, bills = metered_year(random, draw, person, tampered)
        usage += hours
        planted += [(one, Label(pattern, number) if is_tampered else None) for one, is_tampered in bills]
    return usage, planted


def _scaled(count: int, rate: float) -> int:
    """Return a scaled count, at least one."""
    return max(1, round(count * rate))
