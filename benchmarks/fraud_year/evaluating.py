"""The arithmetic: what was found of each pattern, how much of what was found is of it, and whom it cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.fraud_year.parameters import PATTERNS
from benchmarks.fraud_year.playing import Said
from benchmarks.fraud_year.shapes import Labels

STOPPED = frozenset({"block", "review"})


@dataclass(slots=True)
class Tally:
    """Counts of attempts. ``found`` of ``all``: of one pattern; ``attacks_found``: with at least one attempt found."""

    all: int = 0
    found: int = 0
    attacks: int = 0
    attacks_found: int = 0

    @property
    def recall(self) -> float:
        return share(self.found, self.all)

    @property
    def attack_recall(self) -> float:
        return share(self.attacks_found, self.attacks)


@dataclass(slots=True)
class Result:
    """What one way of judging comes to, over any number of years."""

    patterns: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in PATTERNS})
    good: int = 0
    good_reviewed: int = 0
    good_blocked: int = 0

    @property
    def recall(self) -> float:
        """Of all attempts that are fraud."""
        return share(sum(one.found for one in self.patterns.values()), sum(one.all for one in self.patterns.values()))

    @property
    def reviewed(self) -> float:
        return share(self.good_reviewed, self.good)

    @property
    def blocked(self) -> float:
        return share(self.good_blocked, self.good)

    def precision(self, pattern: str | None = None) -> float:
        """Return how much of what was stopped is fraud: of all, or of one pattern beside all honest ones stopped."""
        names = PATTERNS if pattern is None else (pattern,)
        found = sum(self.patterns[name].found for name in names)
        return share(found, found + self.good_reviewed + self.good_blocked)

    def add(self, labels: Labels, verdicts: Sequence[str]) -> None:
        """Count a year in; the verdict of each attempt, by its id."""
        attacks: dict[tuple[str, int], bool] = {}
        for number, verdict in enumerate(verdicts):
            label, is_stopped = labels.get(number), verdict in STOPPED
            if label is None:
                self.good += 1
                self.good_reviewed += verdict == "review"
                self.good_blocked += verdict == "block"
                continue
            tally = self.patterns[label.pattern]
            tally.all += 1
            tally.found += is_stopped
            key = (label.pattern, label.attack)
            attacks[key] = attacks.get(key, False) or is_stopped
        for (pattern, _), is_found in attacks.items():
            self.patterns[pattern].attacks += 1
            self.patterns[pattern].attacks_found += is_found

    def to_json(self) -> dict[str, Any]:
        patterns = {
            name: {**asdict(one), "recall": round(one.recall, 4), "attack_recall": round(one.attack_recall, 4),
                   "precision": round(self.precision(name), 4)}
            for name, one in self.patterns.items()
        }  # fmt: skip
        return {
            "patterns": patterns,
            "recall": round(self.recall, 4),
            "precision": round(self.precision(), 4),
            "good": self.good,
            "good_reviewed": self.good_reviewed,
            "good_blocked": self.good_blocked,
            "good_reviewed_share": round(self.reviewed, 6),
            "good_blocked_share": round(self.blocked, 6),
        }


def share(part: float, whole: float) -> float:
    """Return a share; of nothing it is 0."""
    return part / whole if whole else 0.0


def evaluate(years: Iterable[tuple[Labels, Sequence[Said]]]) -> Mapping[str, Result]:
    """Return what rules alone, and rules with the scores, come to."""
    found = {"rules": Result(), "rules and scores": Result()}
    for labels, said in years:
        found["rules"].add(labels, [one.alone for one in said])
        found["rules and scores"].add(labels, [one.with_scores for one in said])
    return found


def threshold_for(scores: Sequence[float], most: int) -> float:
    """Return the lowest threshold, in hundredths, that at most so many of the scores are above; 1 if there is none."""
    ordered = sorted(scores, reverse=True)
    for hundredths in range(101):
        if sum(one > hundredths / 100 for one in ordered[: most + 1]) <= most:
            return hundredths / 100
    return 1.0
