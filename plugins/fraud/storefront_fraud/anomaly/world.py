"""What is remembered of all customers together: histograms of every group of features, and fading counts."""

from typing import Any

import msgspec

from storefront.core.clock import DAY_MS, HOUR_MS
from storefront_fraud.anomaly.histograms import Histogram
from storefront_fraud.anomaly.profiles import SLOTS, Pace
from storefront_fraud.anomaly.sketches import Sketch

GROUPS = ("amount", "pace", "place", "crowd", "habit", "gift", "refunds")
HALF_LIFE = 20_000.0
"""What was learned weighs half once so many more purchases are."""
_BANDS = 3
_SKETCHES = {
    "network": HOUR_MS,
    "network_long": 14 * DAY_MS,
    "newcomers": DAY_MS,
    "newcomers_long": 30 * DAY_MS,
    "given": 3 * DAY_MS,
    "given_long": 60 * DAY_MS,
    "ways": 30 * DAY_MS,
}


class World:
    """The shared state; about half a megabyte, whatever is sold to however many."""

    def __init__(self) -> None:
        self.groups = {name: Histogram(HALF_LIFE) for name in GROUPS}
        self.amounts = [Histogram(HALF_LIFE / 2) for _ in range(2 * _BANDS)]
        self.sketches = {name: Sketch(half_life) for name, half_life in _SKETCHES.items()}
        self.hours = [1.0] * SLOTS
        self.sold = Pace(30 * DAY_MS)
        self.purchases, self.refunds = 100.0, 2.0
        self.learned = 0

    def amounts_of(self, age_days: float, *, is_wallet: bool) -> Histogram:
        """Return the amounts of customers of about this age, who pay in this way."""
        band = 0 if age_days < 1 else 1 if age_days < 30 else 2
        return self.amounts[2 * band + is_wallet]

    def short_and_long(self, name: str, token: int, at: int) -> tuple[float, float]:
        """Return a count of late, and how high it would be by what is usual over a long time."""
        short, long = self.sketches[name], self.sketches[f"{name}_long"]
        return short.read(token, at), long.read(token, at) * short.half_life / long.half_life

    def add(self, name: str, token: int, at: int) -> None:
        self.sketches[name].add(token, at)
        self.sketches[f"{name}_long"].add(token, at)

    def learn_refunds(self, purchases: int, refunds: int) -> None:
        """Learn how often refunds are asked; one customer counts as at most two of ten."""
        if purchases:
            share = min(1.0, 10 / purchases)
            self.purchases = self.purchases * 0.9995 + purchases * share
            self.refunds = self.refunds * 0.9995 + min(2.0, refunds * share)

    @property
    def refund_rate(self) -> float:
        return (self.refunds + 1) / (self.purchases + 50)

    def text(self) -> str:
        """Return all of it as JSON."""
        told = {
            "groups": {name: [one.unit, one.bins] for name, one in self.groups.items()},
            "amounts": [[one.unit, one.bins] for one in self.amounts],
            "sketches": {name: [one.epoch, one.latest, one.cells] for name, one in self.sketches.items()},
            "hours": self.hours,
            "sold": [self.sold.value, self.sold.at],
            "refunds": [self.purchases, self.refunds],
            "learned": self.learned,
        }
        return msgspec.json.encode(told).decode()

    @classmethod
    def of_text(cls, text: str) -> "World":
        told: dict[str, Any] = msgspec.json.decode(text)
        found = cls()
        for name, (unit, bins) in told["groups"].items():
            found.groups[name] = Histogram(HALF_LIFE, unit=unit, bins=bins)
        found.amounts = [Histogram(HALF_LIFE / 2, unit=unit, bins=bins) for unit, bins in told["amounts"]]
        for name, (epoch, latest, cells) in told["sketches"].items():
            found.sketches[name] = Sketch(_SKETCHES[name], epoch=epoch, cells=cells)
            found.sketches[name].latest = latest
        found.hours, found.learned = told["hours"], told["learned"]
        found.sold.value, found.sold.at = told["sold"]
        found.purchases, found.refunds = told["refunds"]
        return found
