"""One purchase before its judge: its values, what it is counted by, and the row that says what was decided."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from storefront.core.assessing import Verdict
from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Insert, Key, Step
from storefront_fraud.attributes import Stage, Value
from storefront_fraud.rings import add, buckets_of, text_of
from storefront_fraud.rules import WORD_OF, Judgement, RuleSet
from storefront_fraud.tables import COUNTERS, DECISIONS

PASSED, REVIEWED, REFUSED = "passed", "review", "refused"


def counter_key(dimension: str, value: str, customer_id: str) -> Key:
    """Name a counter's row: a customer's hangs under the customer, every other one under an anchor of its own."""
    anchor = customer_id if dimension == "customer" else f"fraud:{dimension}:{value}"
    return Key(COUNTERS, (dimension, value), anchor)


class Case(msgspec.Struct, frozen=True):
    """Everything that a verdict needs but the counters that are moved with it; a struct, as the steps of a plan are.

    ``exact``: dimension -> counter, moved in this commit; ``to_count``: dimensions that a job counts afterwards.
    ``amount`` in the reference currency; without a rate there is none, and sums are not known. ``scored``: the columns
    of its anomaly score.
    """

    rules: RuleSet
    stage: Stage
    purchase_id: str
    customer_id: str
    catalog_version: str
    values: Mapping[str, Value]
    failed: Mapping[str, str]
    amount: int | None
    identity: Mapping[str, str]
    exact: Mapping[str, Key]
    scored: Mapping[str, str | int | None]
    to_count: tuple[str, ...] = ()
    is_allowed: bool = False

    @property
    def key(self) -> Key:
        return Key(DECISIONS, (self.purchase_id, str(self.stage)), self.customer_id)

    @property
    def anchors(self) -> set[str]:
        """What the counters that are moved hang under."""
        return {key.anchor for key in self.exact.values() if key.anchor is not None}

    def judge(self, view: LateView) -> tuple[Judgement, list[Step], dict[str, Value]]:
        """Return the judgement with this attempt counted, the steps that count it, and all values that were read."""
        now, amount = view.moment.now, self.amount
        values, steps = dict(self.values), list[Step]()
        for dimension, key in self.exact.items():
            buckets = buckets_of(view.row(key))
            add(buckets, now, amount or 0)
            row = {"dimension": dimension, "value": key.id[1], "buckets": text_of(buckets), "updated_at": now}
            steps.append(Insert(COUNTERS, key.id, key.anchor, row, replace=True))
            values |= read_velocity(self.rules, self.stage, dimension, buckets, now, has_sum=amount is not None)
        return self.rules.judge(self.stage, values, failed=self.failed, is_allowed=self.is_allowed), steps, values

    def insert(self, judgement: Judgement, values: Mapping[str, Value], outcome: str, now: int) -> Insert:
        """Return the step that writes the decision down."""
        purchase_id, stage = self.purchase_id, str(self.stage)
        told = {**values, **dict.fromkeys(self.failed)} if self.failed else values
        row = {
            "purchase_id": purchase_id,
            "stage": stage,
            "customer_id": self.customer_id,
            "verdict": WORD_OF[judgement.verdict],
            "decided_by": str(judgement.decided_by),
            "outcome": outcome,
            "matches": _text([one.to_json() for one in judgement.matches]) if judgement.matches else "[]",
            "attributes": _text(told),
            "counted": _names_text(tuple(self.exact)),
            "to_count": _names_text(self.to_count),
            "identity": _text(self.identity),
            "amount": self.amount,
            "errors": judgement.errors,
            "rules_version": self.rules.version,
            "catalog_version": self.catalog_version,
            "created_at": now,
            **self.scored,
        }
        return Insert(DECISIONS, (purchase_id, stage), self.customer_id, row)


def read_velocity(
    rules: RuleSet, stage: Stage, dimension: str, buckets: Any, now: int, *, has_sum: bool
) -> dict[str, Value]:
    """Return the velocity attributes of a dimension that the rules of a stage read."""
    found: dict[str, Value] = {}
    for ring, length, many, count, total in rules.velocity[stage].get(dimension, ()):
        since, times, amount = now // length - many, 0, 0
        for place, times_then, amount_then in reversed(buckets[ring]):
            if place <= since:
                break
            times += times_then
            amount += amount_then
        if count is not None:
            found[count] = times
        if total is not None and has_sum:
            found[total] = amount
    return found


def outcome_of(verdict: Verdict) -> str:
    """Return what becomes of a payment that is judged so."""
    return REFUSED if verdict is Verdict.REFUSE else REVIEWED if verdict is Verdict.REVIEW else PASSED


@lru_cache(256)
def _names_text(names: tuple[str, ...]) -> str:
    return _text(sorted(names))


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
