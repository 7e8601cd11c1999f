"""What is drawn anew for each seed, and from which ranges: the one table, which ``docs/fraud-year.md`` shows.

Nothing of this is known to a detector; thresholds may be fitted on the seeds 1 to 10 alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

PURCHASES = 50_000
PATTERNS = ("card_testing", "stolen_card_burst", "account_takeover", "gift_laundering", "refund_abuse",
            "meter_tampering")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Range:
    """A parameter: drawn evenly between two figures, once per seed (``each``: anew for each customer or attack)."""

    low: float
    high: float
    says: str
    each: bool = False
    is_whole: bool = False


def _whole(low: int, high: int, says: str, *, each: bool = False) -> Range:
    return Range(low, high, says, each=each, is_whole=True)


SHOP: Mapping[str, Range] = {
    "customers": _whole(3500, 6000, "customers who buy at all"),
    "known_before": Range(0.3, 0.5, "share of them who were there before the year began"),
    "wallet_share": Range(0.35, 0.55, "share of purchases paid from the wallet"),
    "basket": Range(1.3, 1.8, "purchases in one sitting, on average (geometric)"),
    "gift_share": Range(0.04, 0.09, "share of purchases that are gifts, for those who give"),
    "givers": Range(0.2, 0.4, "share of customers who give at all, to one to six friends"),
    "whales": Range(0.01, 0.03, "share of customers who pay four times as much, three times as often"),
    "wrong_hour": Range(0.08, 0.2, "share of sittings at any hour of the day"),
    "moving": Range(0.2, 0.4, "share of customers whose address changes with every third sitting (mobile networks)"),
    "shared": Range(0.05, 0.15, "share of customers who sit behind one of 25 addresses (schools, offices)"),
    "travel": Range(0.01, 0.03, "share of sittings abroad, on a strange network"),
    "foreign_card": Range(0.02, 0.06, "share of customers whose card is of another country"),
    "new_device": Range(0.01, 0.03, "share of sittings on a device that was not used before, and is kept"),
    "new_card": Range(0.005, 0.015, "share of sittings with a new card, which is kept"),
    "declined": Range(0.03, 0.07, "share of card payments that are declined; two of three are tried again"),
    "refunded": Range(0.01, 0.025, "share of purchases by card that are refunded within ten days"),
    "growth": Range(-0.2, 0.8, "by how much more is sold at the end of the year than at its beginning"),
    "price_drift": Range(0.0, 0.2, "by how much prices rise over the year"),
    "sales": _whole(3, 6, "sales of three days each in which three to six times as much is sold"),
    "gift_trains": _whole(3, 10, "honest customers who once give 8 to 25 gifts in an hour to as many people"),
    "metered": _whole(30, 45, "customers who pay for usage, every week"),
    "usage_noise": Range(0.15, 0.35, "noise of an hour's usage (of its logarithm)", each=True),
    "usage_drift": Range(-0.3, 0.6, "by how much usage changes over the year (of its logarithm)", each=True),
    "usage_pauses": _whole(0, 2, "weeks in which hardly anything is used", each=True),
}
ATTACKS: Mapping[str, Mapping[str, Range]] = {
    "card_testing": {
        "attacks": _whole(3, 6, "attacks in the year"),
        "attempts": _whole(40, 120, "attempts of one attack, each with another card", each=True),
        "minutes": Range(20, 240, "how long it takes", each=True),
        "addresses": _whole(1, 6, "addresses it comes from", each=True),
        "per_account": _whole(1, 8, "attempts by one account, which is made for it", each=True),
        "declined": Range(0.6, 0.9, "share of declined cards", each=True),
        "devices": _whole(1, 3, "devices it uses", each=True),
    },
    "stolen_card_burst": {
        "attacks": _whole(12, 24, "attacks in the year"),
        "purchases": _whole(4, 15, "purchases of one attack, by an account that is made for it", each=True),
        "minutes": Range(10, 360, "how long it takes", each=True),
        "age_hours": Range(0, 72, "age of the account when it begins", each=True),
        "cards": _whole(1, 3, "stolen cards", each=True),
        "abroad": Range(0.5, 0.9, "chance that the cards are of another country than the address"),
        "declined": Range(0.1, 0.4, "share of declined payments", each=True),
        "dear": Range(0.6, 0.95, "share of purchases among the four dearest offers", each=True),
    },
    "account_takeover": {
        "attacks": _whole(20, 40, "accounts taken over in the year, each with at least eight purchases before"),
        "purchases": _whole(3, 12, "purchases of one attack", each=True),
        "minutes": Range(5, 180, "how long it takes", each=True),
        "known_device": Range(0.05, 0.2, "chance that the device looks like the owner's"),
        "same_country": Range(0.2, 0.5, "chance that the address is in the owner's country"),
        "gifts": Range(0.4, 0.9, "share of purchases given to one strange account", each=True),
        "wallet": Range(0.4, 0.9, "share of purchases from the wallet", each=True),
    },
    "gift_laundering": {
        "attacks": _whole(2, 4, "rings in the year"),
        "accounts": _whole(5, 14, "accounts of a ring", each=True),
        "gifts": _whole(40, 110, "gifts of a ring", each=True),
        "days": Range(1, 14, "how long it is at work", each=True),
        "mules": _whole(1, 3, "accounts that it gives to", each=True),
        "addresses": _whole(2, 8, "addresses it uses", each=True),
        "prepaid": Range(0.5, 0.9, "share of prepaid cards", each=True),
    },
    "refund_abuse": {
        "attacks": _whole(10, 20, "abusers in the year"),
        "purchases": _whole(10, 25, "purchases of one", each=True),
        "days": Range(30, 90, "how long it goes on", each=True),
        "refunded": Range(0.5, 0.9, "share of purchases refunded, one to eight days later", each=True),
    },
    "meter_tampering": {
        "attacks": _whole(5, 10, "metered customers who tamper once"),
        "weeks": _whole(3, 12, "how long it goes on", each=True),
        "missing": Range(0.3, 0.8, "share of usage that is not reported any more", each=True),
        "days_to_full": Range(0, 10, "over how many days it grows to that", each=True),
    },
}


class Draw:
    """Draws the parameters of one seed; ``rate`` scales how many attacks there are."""

    def __init__(self, random: Random, ranges: Mapping[str, Range]) -> None:
        self._random = random
        self._ranges = ranges
        self._kept = {name: self._draw(one) for name, one in ranges.items() if not one.each}

    def __call__(self, name: str) -> float:
        """Return a parameter: the seed's, or one drawn anew."""
        kept = self._kept.get(name)
        return self._draw(self._ranges[name]) if kept is None else kept

    def whole(self, name: str) -> int:
        return int(self(name))

    def _draw(self, one: Range) -> float:
        return (
            self._random.randint(int(one.low), int(one.high))
            if one.is_whole
            else self._random.uniform(one.low, one.high)
        )


def table() -> str:
    """Return the ranges as the table of the documentation."""
    lines = ["| | | low | high | drawn |", "|---|---|---|---|---|"]
    for group, ranges in {"shop": SHOP, **ATTACKS}.items():
        for name, one in ranges.items():
            drawn = "each time" if one.each else "once"
            lines.append(f"| `{group}.{name}` | {one.says} | {one.low:g} | {one.high:g} | {drawn} |")
    return "\n".join(lines) + "\n"
