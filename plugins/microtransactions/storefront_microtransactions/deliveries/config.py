"""What the YAML says about deliveries: the section of the plugin, and the ``delivery`` of an offer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storefront.core.config import Complaint, Offer, did_you_mean
from storefront_microtransactions.deliveries.templates import (
    OPEN_VARIABLES,
    SAFE_VALUE,
    VARIABLES,
    BadTemplate,
    check_template,
    is_variable,
)

ON_PURCHASE, ON_CONSUME = "on_purchase", "on_consume"
ON_REFUND, ON_CHARGEBACK, ON_DISPUTE_WON = "on_refund", "on_chargeback", "on_dispute_won"
ON_EXPIRE = "on_expire"
STAGES: Mapping[str, str] = {
    ON_PURCHASE: "When it was given: bought and paid, granted by a server, in a bundle, or out of a container.",
    ON_EXPIRE: "When the time that was bought is over, and nothing else gives the same right.",
    ON_REFUND: "When it was refunded, whole or in part.",
    ON_CHARGEBACK: "When the payer's bank took the money back, or wants to: a dispute was opened.",
    ON_DISPUTE_WON: "When a dispute was decided in favour of the shop.",
    ON_CONSUME: "When it was used up.",
}
_SERVER = "^[a-z0-9][a-z0-9_-]{0,31}$"
_SAYS_SERVER = "must be 1 to 32 lower-case letters, digits, `-` or `_`, starting with a letter or digit"
LONGEST_COMMAND = 1000
MOST_COMMANDS = 64
_HOLDING_NOTHING = ("item", "currency_pack")
LONGEST_DELAY_SECONDS = 366 * 86_400

SECTION: Mapping[str, Any] = {
    "type": "object",
    "description": "How commands reach game servers.",
    "properties": {
        "max_attempts": {
            "description": "How often a command is handed out before it is given up (dead) and waits for an operator.",
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "default": 20,
            "examples": [20],
        },
        "keep_order": {
            "description": "Whether a player's commands on one server wait for each other.",
            "type": "boolean",
            "default": True,
            "examples": [True],
        },
        "values": {
            "description": f"Variable -> regular expression of what is harmless in it, instead of {SAFE_VALUE}. "
            "Control characters never are.",
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 200, "examples": ["[A-Za-z ]+"]},
            "examples": [{"player": "[A-Za-z0-9_]{3,16}"}],
        },
    },
    "additionalProperties": False,
    "examples": [{"max_attempts": 20, "values": {"player": "[A-Za-z0-9_]{3,16}"}}],
}
_ONE: Mapping[str, Any] = {
    "type": "object",
    "description": "A command.",
    "properties": {
        "to": {
            "description": "The server, or group of servers, that runs it: a name of yours.",
            "type": "string",
            "pattern": _SERVER,
            "patternErrorMessage": _SAYS_SERVER,
            "examples": ["survival"],
        },
        "command": {
            "description": "What it runs; {player}, {quantity} and others stand for what is meant.",
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_COMMAND,
            "examples": ["give {player} diamond_sword 1"],
        },
        "online_only": {
            "description": "Whether it waits until the player is online there.",
            "type": "boolean",
            "default": False,
            "examples": [True],
        },
        "delay_seconds": {
            "description": "How long after it happened.",
            "type": "integer",
            "minimum": 0,
            "maximum": LONGEST_DELAY_SECONDS,
            "default": 0,
            "examples": [3600],
        },
        "per_unit": {
            "description": "Whether each unit bought is a command of its own; {quantity} is then 1.",
            "type": "boolean",
            "default": False,
            "examples": [True],
        },
    },
    "required": ["to", "command"],
    "additionalProperties": False,
    "examples": [{"to": "survival", "command": "give {player} diamond_sword 1", "online_only": True}],
}
DELIVERY: Mapping[str, Any] = {
    "description": "What game servers do about it: stage -> commands.",
    "type": "object",
    "properties": {
        "contents": {
            "description": "Whether what is in it, or comes out of it, makes its own commands: of bundles, containers.",
            "type": "boolean",
            "default": True,
            "examples": [False],
        },
        **{
            stage: {"description": says, "type": "array", "items": _ONE, "minItems": 1, "maxItems": MOST_COMMANDS,
                    "examples": [[_ONE["examples"][0]]]}
            for stage, says in STAGES.items()
        },
    },
    "additionalProperties": False,
    "examples": [{"on_purchase": [_ONE["examples"][0]]}],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """The plugin's section; ``patterns``: variable -> what is harmless in it."""

    max_attempts: int = 20
    keeps_order: bool = True
    patterns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, section: Mapping[str, Any]) -> "DeliveryConfig":
        return cls(section.get("max_attempts", 20), section.get("keep_order", True), dict(section.get("values", {})))


@dataclass(frozen=True, slots=True)
class Template:
    """One command of an offer's stage; ``line`` is its place in the list."""

    line: int
    server: str
    command: str
    is_online_only: bool
    delay_seconds: int
    is_per_unit: bool


def templates_of(offer: Offer, stage: str) -> Sequence[Template]:
    """Return what an offer has game servers do at a stage; its schema has checked it."""
    delivery = offer.part.get("delivery", {})
    assert isinstance(delivery, Mapping), "the schema says so"
    return [
        Template(
            line,
            one["to"],
            one["command"],
            one.get("online_only", False),
            one.get("delay_seconds", 0),
            one.get("per_unit", False),
        )
        for line, one in enumerate(delivery.get(stage, ()))
    ]


def has_deliveries(offer: Offer) -> bool:
    """Tell whether game servers do anything about an offer itself."""
    return any(templates_of(offer, stage) for stage in STAGES)


def delivers_contents(offer: Offer) -> bool:
    """Tell whether what is in an offer, or comes out of it, makes commands of its own."""
    delivery = offer.part.get("delivery", {})
    assert isinstance(delivery, Mapping), "the schema says so"
    return delivery.get("contents", True) is not False


def find_mistakes(document: Mapping[str, object]) -> Iterator[Complaint]:
    """Say which templates name what does not exist; defensively, as the schema may have complaints of its own."""
    for sku, offer in _mapping(document.get("offers")).items():
        if "contents" in _mapping(_mapping(offer).get("delivery")) and _mapping(offer).get("kind") in _HOLDING_NOTHING:
            message = "says nothing here: only bundles and containers have others in them"
            yield Complaint(("offers", sku, "delivery", "contents"), message, at_key=True)
        for stage, listed in _mapping(_mapping(offer).get("delivery")).items():
            for line, one in enumerate(listed if isinstance(listed, list) else []):
                command = _mapping(one).get("command")
                if isinstance(command, str):
                    path = ("offers", sku, "delivery", stage, line, "command")
                    yield from _of_template(path, command)
    section = _mapping(_mapping(_mapping(document.get("plugins")).get("microtransactions")).get("deliveries"))
    for name, pattern in _mapping(section.get("values")).items():
        yield from _of_pattern(name, pattern)


def _of_template(path: tuple[str | int, ...], command: str) -> Iterator[Complaint]:
    try:
        check_template(command)
    except BadTemplate as bad:
        if bad.variable is None:
            yield Complaint(path, str(bad))
            return
        known = [*VARIABLES, *(f"{prefix}…" for prefix in OPEN_VARIABLES)]
        hint = did_you_mean(bad.variable, VARIABLES) or f"; known here: {', '.join(known)}"
        yield Complaint(path, f"names the variable {{{bad.variable}}}, which does not exist{hint}", echoes=True)


def _of_pattern(name: str, pattern: object) -> Iterator[Complaint]:
    path = ("plugins", "microtransactions", "deliveries", "values", name)
    if not is_variable(name):
        yield Complaint(path, f"is no variable of a command{did_you_mean(name, VARIABLES)}", at_key=True)
    elif isinstance(pattern, str):
        try:
            re.compile(pattern)
        except re.error as error:
            yield Complaint(path, f"is not a regular expression: {error}")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
