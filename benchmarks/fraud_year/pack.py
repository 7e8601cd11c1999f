"""The rules of a YAML file, judged by the plugin itself: those of the purchase first, then those of its payment.

A rule that reads something which is not known is skipped (``on_missing: skip``), as it is by default in the plugin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from storefront_fraud.anomaly import GROUPS
from storefront_fraud.attributes import Stage, Value, attributes_of
from storefront_fraud.config import rules_of
from storefront_fraud.rules import Phase, Rule, RuleSet, compile_rules

PACK = Path(__file__).parents[2] / "plugins/fraud/rule_pack.yaml"
SCORES = frozenset({"anomaly.score", *(f"anomaly.{group}" for group in GROUPS), "meter.score"})
REFERENCE = "USD"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done of an attempt: ``allow``, ``block``, ``review`` or ``none``, and the ids of the rules that hold."""

    decided_by: str
    rules: Sequence[str]


class Pack:
    """Compiled rules; ``reads`` are the attributes that any of them reads."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = compiled(rules)
        self.reads = frozenset[str]().union(*self._rules.reads.values())

    def judge(self, values: Mapping[str, Value]) -> Verdict:
        """Judge an attempt of which everything is known, the card too."""
        begun = self._rules.judge(Stage.PURCHASE, values)
        if begun.decided_by == Phase.BLOCK:
            return Verdict(Phase.BLOCK, begun.reasons)
        paid = self._rules.judge(Stage.PAYMENT, values, is_allowed=begun.decided_by == Phase.ALLOW)
        stronger = begun if begun.verdict >= paid.verdict else paid
        return Verdict(str(stronger.decided_by), (*begun.reasons, *paid.reasons))


def compiled(rules: Sequence[Rule]) -> RuleSet:
    """Compile rules as the plugin does."""
    return compile_rules(rules, fail="review", attributes=attributes_of(REFERENCE), lists=())


def read_pack(path: Path = PACK) -> list[Rule]:
    """Read the enforced rules of a file."""
    told: Sequence[Mapping[str, Any]] = yaml.safe_load(path.read_text())["fraud"]["rules"]
    return [rule for rule in rules_of(told) if rule.is_enforced]


def without_scores(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that read no score."""
    reads = {rule.id: compiled([rule]).reads for rule in rules}
    return [rule for rule in rules if SCORES.isdisjoint(frozenset().union(*reads[rule.id].values()))]
