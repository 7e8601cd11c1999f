"""From how rare each group of features is to one score from 0 to 1, and to words.

The groups are combined by the truncated product: only what is rare by itself (``NOTABLE``) counts, so that a purchase
which is usual in most ways is not excused by them, and what counts is at once the explanation. Its chance among
unrelated groups is known exactly. The score is that chance on a scale of tenfolds: 0.5 is one in a thousand, 1 one in a
million.

Source: Zaykin, Zhivotovsky, Westfall and Weir, "Truncated product method for combining P-values", 2002; Fisher,
"Statistical methods for research workers", 1932, for the product.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, exp, log, log10

NOTABLE = 0.1
TENFOLDS = 6.0
"""The score is 1 from so many tenfolds on."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A feature that counted: its name, what it says to a person, and how much it weighs (natural units)."""

    feature: str
    says: str
    weight: float


@dataclass(frozen=True, slots=True)
class Score:
    """How unusual a purchase is, 0 to 1; None while too little was learned.

    ``sums``: group -> how surprising, ``rarities``: group -> how rare that is; ``reasons``: the heaviest first.
    """

    value: float | None
    sums: Mapping[str, float]
    rarities: Mapping[str, float]
    reasons: Sequence[Reason]

    def group(self, name: str) -> float | None:
        """Return how unusual one group is by itself, on the same scale; None while too little was learned."""
        return None if self.value is None else scale(self.rarities.get(name, 1.0))


def score_of(rarities: Sequence[float]) -> float:
    """Return the score of groups that are so rare: each the share, in (0, 1], of purchases that are as extreme."""
    product = sum(log(NOTABLE / one) for one in rarities if one < NOTABLE)
    return scale(chance_of(product, len(rarities))) if product else 0.0


def chance_of(product: float, groups: int) -> float:
    """Return the chance that so many unrelated groups reach a product: the sum of ln(NOTABLE / rarity) of the notable.

    Of ``k`` notable ones the sum is distributed as Gamma(k, 1); how many are is binomial.
    """
    if product <= 0:
        return 1.0
    chance, inner, term = 0.0, 0.0, exp(-product)
    for count in range(1, groups + 1):
        inner += term
        term *= product / count
        chance += comb(groups, count) * NOTABLE**count * (1 - NOTABLE) ** (groups - count) * inner
    return chance


def scale(chance: float) -> float:
    """Return a chance on the scale of tenfolds, 0 to 1."""
    if chance <= 0:
        return 1.0
    return min(1.0, max(0.0, -log10(chance) / TENFOLDS))


def excess(count: float, expected: float) -> float:
    """Return how much a count is more than expected: half the deviance of a Poisson count, 0 if it is not more."""
    if count <= expected:
        return 0.0
    return count * log(count / expected) - (count - expected)
