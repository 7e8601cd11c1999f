"""This plugin's section as values; ``config_schema`` has checked it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from storefront.core.clock import DAY_MS
from storefront_fraud.attributes import Attribute, attributes_of
from storefront_fraud.rules import Phase, Rule, RuleSet, compile_rules

REPORTED = ("reported_customers", "reported_cards", "reported_addresses")
"""Lists that are always there: what banks have warned of or disputed is put on them."""
_BREAKERS = {"ip": "block", "shop": "challenge"}


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's part. ``rates``: currency -> how much of ``reference`` one is worth."""

    rules: tuple[Rule, ...]
    lists: Mapping[str, frozenset[str]]
    fail: str
    reference: str
    rates: Mapping[str, Fraction]
    device: str
    ip_countries: str | None
    keep_ms: int
    reported_ms: int

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "Settings":
        written = {name: frozenset(values) for name, values in section.get("lists", {}).items()}
        return cls(
            rules=(*rules_of(section.get("rules", ())), *breakers_of(section)),
            lists={**dict.fromkeys(REPORTED, frozenset[str]()), **written},
            fail=section.get("fail", "review"),
            reference=section.get("reference", "USD"),
            rates={name: Fraction(rate) for name, rate in section.get("rates", {}).items()},
            device=section.get("device", "device"),
            ip_countries=section.get("ip_countries"),
            keep_ms=section.get("keep_days", 400) * DAY_MS,
            reported_ms=section.get("reported_days", 365) * DAY_MS,
        )

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        return attributes_of(self.reference)

    def compiled(self, rules: Sequence[Rule] | None = None) -> RuleSet:
        """Compile the rules, or others under the same settings; raises ``BadCondition``."""
        chosen = self.rules if rules is None else rules
        return compile_rules(chosen, fail=self.fail, attributes=self.attributes, lists=list(self.lists))


def rules_of(written: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Return rules as the YAML writes them."""
    return tuple(
        Rule(
            id=one["id"],
            do=Phase(one["do"]),
            when=one["when"],
            is_enforced=one.get("mode", "enforce") == "enforce",
            on_missing=one.get("on_missing", "skip"),
        )
        for one in written
    )


def breakers_of(section: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules that ``breaker`` stands for: ``breaker-ip`` and ``breaker-shop``."""
    return tuple(
        Rule(
            id=f"breaker-{scope}",
            do=Phase(told.get("do", _BREAKERS[scope])),
            when=f"!(gateway in ['wallet', 'free']) && declines.{scope} >= {told['declines']}",
        )
        for scope, told in section.get("breaker", {}).items()
    )
