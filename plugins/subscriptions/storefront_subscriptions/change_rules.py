"""What becomes of a change of tier: when it happens and who pays what, by its direction; as the YAML says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from storefront.core.kinds import JsonSchema


class Direction(StrEnum):
    """Which way a change goes: in the order of tiers, else to another interval, else to another number of seats."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    LATERAL = "lateral"
    INTERVAL = "interval"
    SEATS_UP = "seats_up"
    SEATS_DOWN = "seats_down"


class Timing(StrEnum):
    NOW = "now"
    PERIOD_END = "period_end"


class Settling(StrEnum):
    """What is paid for a change that happens now, and when."""

    CHARGE_NOW = "charge_now"
    NEXT_INVOICE = "next_invoice"
    FULL_NEW_PERIOD = "full_new_period"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Terms:
    """When a change happens; and, if that is now, how it is settled. At a period's end the renewal is all there is."""

    timing: Timing
    money: Settling | None


@dataclass(frozen=True, slots=True)
class Rule:
    """The terms of a direction, and the other ones that a customer's own session may ask for."""

    terms: Terms
    choices: tuple[Terms, ...] = ()


AT_END = Terms(Timing.PERIOD_END, None)
DEFAULTS: Mapping[Direction, Terms] = {
    Direction.UPGRADE: Terms(Timing.NOW, Settling.CHARGE_NOW),
    Direction.DOWNGRADE: AT_END,
    Direction.LATERAL: Terms(Timing.NOW, Settling.NONE),
    Direction.INTERVAL: Terms(Timing.NOW, Settling.FULL_NEW_PERIOD),
    Direction.SEATS_UP: Terms(Timing.NOW, Settling.CHARGE_NOW),
    Direction.SEATS_DOWN: AT_END,
}


def _choice(says: str, kinds: type[Timing] | type[Settling]) -> JsonSchema:
    words = [str(one) for one in kinds]
    return {"type": "string", "description": says, "enum": words, "examples": words[:1]}


_TERMS: JsonSchema = {
    "timing": _choice("When it happens.", Timing),
    "money": _choice("What is paid for it, if it happens now.", Settling),
}
_CHOICES: JsonSchema = {
    "type": "array",
    "description": "Other terms that a customer's own session may ask for; a server may ask for any.",
    "items": {
        "type": "object",
        "properties": _TERMS,
        "required": ["timing"],
        "additionalProperties": False,
        "examples": [{"timing": "period_end"}],
    },
    "maxItems": 8,
    "examples": [[{"timing": "period_end"}]],
}
_RULE: JsonSchema = {
    "type": "object",
    "properties": {**_TERMS, "choices": _CHOICES},
    "additionalProperties": False,
    "examples": [{"timing": "now", "money": "charge_now"}],
}
CHANGES: JsonSchema = {
    "type": "object",
    "description": "What a change of tier costs and when it happens, by its direction.",
    "properties": {str(direction): {**_RULE, "description": f"Of {direction}."} for direction in Direction},
    "additionalProperties": False,
    "examples": [{"upgrade": {"timing": "now", "money": "charge_now"}}],
}
_PAIR: JsonSchema = {
    "type": "object",
    "properties": {
        "from": {"type": "string", "description": "The tier before.", "x-ref": "offer", "examples": ["basic"]},
        "to": {"type": "string", "description": "The tier after.", "x-ref": "offer", "examples": ["premium"]},
        **_TERMS,
        "choices": _CHOICES,
    },
    "required": ["from", "to"],
    "additionalProperties": False,
    "examples": [{"from": "basic", "to": "premium", "timing": "period_end"}],
}
FAMILIES: JsonSchema = {
    "type": "object",
    "description": "Family -> what is other for its tiers.",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "changes": CHANGES,
            "pairs": {
                "type": "array",
                "description": "Changes from one certain tier to another.",
                "items": _PAIR,
                "maxItems": 200,
                "examples": [[{"from": "basic", "to": "premium", "timing": "period_end"}]],
            },
        },
        "additionalProperties": False,
        "examples": [{"changes": {"upgrade": {"timing": "period_end"}}}],
    },
    "examples": [{"membership": {"changes": {"upgrade": {"timing": "period_end"}}}}],
}


def terms_of(section: Mapping[str, Any], direction: Direction) -> Terms:
    """Read terms; what they leave open is as it is by default in that direction.

    An interval that changes now begins a period, so to charge it now is to charge that period.
    """
    default = DEFAULTS[direction]
    timing = Timing(section.get("timing", default.timing))
    if timing is Timing.PERIOD_END:
        return AT_END
    money = Settling(section.get("money", default.money or Settling.CHARGE_NOW))
    if direction is Direction.INTERVAL and money is Settling.CHARGE_NOW:
        money = Settling.FULL_NEW_PERIOD
    return Terms(timing, money)


def _rule_of(section: Mapping[str, Any], direction: Direction) -> Rule:
    choices = tuple(terms_of(one, direction) for one in section.get("choices", ()))
    return Rule(terms_of(section, direction), choices)


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """The rules of all families: of a pair of tiers, else of its family, else of the shop, else by default."""

    shop: Mapping[str, Any]
    families: Mapping[str, Any]

    def rule(self, family: str, direction: Direction, before: str, after: str) -> Rule:
        """Return what holds for a change from one tier to another."""
        own: Mapping[str, Any] = self.families.get(family, {})
        for pair in own.get("pairs", ()):
            if (pair["from"], pair["to"]) == (before, after):
                return _rule_of(pair, direction)
        found = own.get("changes", {}).get(direction)
        return _rule_of(self.shop.get(direction, {}) if found is None else found, direction)
