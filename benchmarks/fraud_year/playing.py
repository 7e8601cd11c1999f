"""Plays a year to the rules and the detectors, attempt by attempt, and keeps what they say of each.

Detectors learn what the rules alone let through and no bank declined: so a shop would run whose scores are in shadow,
and the scores do not hang on the thresholds that are fitted to them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from storefront_fraud.anomaly import GROUPS, Behaviour, Detector, MeterProfile, Profile, Reading, Score, Week
from storefront_fraud.attributes import Value
from storefront_fraud.rules import Rule

from benchmarks.fraud_year.facts import Facts
from benchmarks.fraud_year.pack import Pack, without_scores
from benchmarks.fraud_year.shapes import START, WEEK, Attempt, Usage, Year

SALT = b"the simulated year"


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of an attempt: by rules alone, and with the scores; ``rules`` are the ids of those that hold."""

    alone: str
    with_scores: str
    rules: Sequence[str]
    anomaly: float | None
    meter: float | None


def play(year: Year, rules: Sequence[Rule]) -> list[Said]:
    """Return what is said of each attempt, in their order."""
    pack, only, detector = Pack(rules), Pack(without_scores(rules)), Detector(SALT)
    facts = Facts(pack.reads)
    profiles: dict[str, Profile] = defaultdict(Profile)
    meters = _Meters(year.usage)
    said = []
    for one in year.attempts:
        values = facts.values(one)
        behaviour, profile = _behaviour(one, facts), profiles[one.customer]
        score = detector.score(behaviour, profile) if one.kind != "usage" else None
        meter = meters.until(one.customer, one.at) if one.kind == "usage" else None
        values |= _scores(score, meter)
        found, alone = pack.judge(values), only.judge(values).decided_by
        if score is not None:
            detector.note(behaviour, profile)
        if score is not None and alone in {"none", "allow"} and not one.is_declined:
            detector.learn(behaviour, profile, score)
        # Whoever reviews is taken to approve: else who was reviewed once could never buy their way out of a rule.
        facts.after(one, is_completed=alone != "block" and not one.is_declined)
        said.append(Said(alone, found.decided_by, found.rules, None if score is None else score.value, meter))
    return said


def _scores(score: Score | None, meter: float | None) -> dict[str, Value]:
    """Return the attributes that the scores give; those that are not known are missing."""
    found = {"meter.score": meter}
    if score is not None:
        found |= {"anomaly.score": score.value, **{f"anomaly.{group}": score.group(group) for group in GROUPS}}
    return {name: value for name, value in found.items() if value is not None}


def _behaviour(one: Attempt, facts: Facts) -> Behaviour:
    purchases, refunds = facts.history(one)
    return Behaviour(
        at=one.at, customer_since=one.customer_since, kind=one.kind, sku=one.sku, amount=one.amount,
        gateway=one.gateway, purchases=purchases, refunds=refunds, recipient=one.recipient,
        recipient_since=one.recipient_since, network=one.address, device=one.device, country=one.ip_country,
    )  # fmt: skip


class _Meters:
    """The meter's profiles, fed with usage as time goes by; keeps the highest score of the week for each customer."""

    def __init__(self, usage: Sequence[Usage]) -> None:
        self._usage = usage
        self._next = 0
        self._shared = Week()
        self._profiles: dict[str, MeterProfile] = defaultdict(MeterProfile)
        self._highest: dict[tuple[str, int], float] = {}

    def until(self, customer: str, at: int) -> float | None:
        """Return the highest score of a customer's week that is over at ``at``; None if it has none."""
        while self._next < len(self._usage) and self._usage[self._next].at < at:
            one = self._usage[self._next]
            score = self._profiles[one.customer].judge(Reading(one.at, one.quantity, one.beside), self._shared).value
            if score is not None:
                key = (one.customer, week_of(one.at))
                self._highest[key] = max(score, self._highest.get(key, 0.0))
            self._next += 1
        return self._highest.get((customer, week_of(at) - 1))


def week_of(at: int) -> int:
    return (at - START) // WEEK
