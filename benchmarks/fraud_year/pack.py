"""The rules of a YAML file, in CEL, as the plugin judges them: first ``allow``, then ``block``, then ``review``.

A rule that reads something which is not known is skipped (``on_missing: skip``), as it is by default in the plugin.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from re import findall, sub
from typing import Any

import yaml
from storefront_fraud.anomaly import GROUPS

Value = bool | int | float | str
PACK = Path(__file__).parents[2] / "plugins/fraud/rule_pack.yaml"
SCORES = ("anomaly.score", *(f"anomaly.{group}" for group in GROUPS), "meter.score")
_WHOLE = (
    "amount_usd", "customer.age_days", "customer.purchases", "customer.refunds", "recipient.age_days", "declines.ip",
    *(f"velocity.{by}.{figure}_{window}" for by in ("customer", "ip", "device", "card")
      for figure in ("count", "sum") for window in ("1m", "1h", "24h", "7d")),
)  # fmt: skip
_TEXT = ("kind", "sku", "gateway", "ip.country", "card.country", "card.funding")
_ZERO: Mapping[str, Value] = {
    **dict.fromkeys(_WHOLE, 0),
    **dict.fromkeys(_TEXT, ""),
    "recipient.is_other": False,
    **dict.fromkeys(SCORES, 0.0),
}
ORDER = ("allow", "block", "review")


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    do: str
    when: str
    reads: frozenset[str]


class Pack:
    """Compiled rules; ``reads`` are the attributes that any of them reads."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        from cel_expr_python import cel  # only who evaluates needs it

        self.rules = rules
        self.reads: frozenset[str] = frozenset().union(*(one.reads for one in rules))
        kinds = {bool: cel.Type.BOOL, int: cel.Type.INT, float: cel.Type.DOUBLE, str: cel.Type.STRING}
        types = {name: kinds[type(zero)] for name, zero in _ZERO.items()}
        together = ", ".join(f"({one.when})" for one in rules)
        self._expression: Any = cel.NewEnv(variables=types).compile(f"[{together}]")

    def matches(self, values: Mapping[str, Value]) -> list[Rule]:
        """Return the rules that hold of an attempt's values."""
        data = {name: values.get(name, _ZERO[name]) for name in self.reads}
        results = self._expression.eval(data=data).plain_value()
        return [rule for rule, holds in zip(self.rules, results, strict=True) if holds and rule.reads <= values.keys()]


def read_pack(path: Path = PACK) -> list[Rule]:
    """Read the enforced rules of a file."""
    told = yaml.safe_load(path.read_text())["fraud"]["rules"]
    return [
        Rule(one["id"], one["do"], one["when"], reads_of(one["when"]))
        for one in told
        if one.get("mode", "enforce") == "enforce"
    ]


def reads_of(when: str) -> frozenset[str]:
    """Return the attributes that a condition names."""
    names = findall(r"[A-Za-z_][\w.]*", sub(r"'[^']*'", "", when))
    return frozenset(name for name in names if name in _ZERO)


def verdict_of(matched: Collection[Rule]) -> str:
    """Return what is done: ``allow``, ``block`` or ``review``; ``none`` if no rule holds."""
    phases = {one.do for one in matched}
    return next((phase for phase in ORDER if phase in phases), "none")
