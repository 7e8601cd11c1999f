"""What the YAML may say: the plugin's own section, and its kind's part of an offer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "Raffles: numbered tickets, a draw, a prize.",
    "properties": {
        "tickets_per_hour": {
            "description": "How many tickets one customer may buy within any hour.",
            "type": "integer",
            "minimum": 1,
            "maximum": 10_000,
            "default": 100,
            "examples": [20],
        },
        "bulk_discount": {
            "description": "What is taken off when many tickets are bought at once.",
            "type": "object",
            "properties": {
                "from": {
                    "description": "From so many tickets on.",
                    "type": "integer",
                    "minimum": 2,
                    "maximum": 100,
                    "examples": [10],
                },
                "percent": {
                    "description": "So much of the price.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 100,
                    "examples": [10],
                },
            },
            "required": ["from", "percent"],
            "additionalProperties": False,
            "examples": [{"from": 10, "percent": 10}],
        },
        "free_ticket": {
            "description": "A ticket that comes free with every purchase of another offer.",
            "type": "object",
            "properties": {
                "with": {
                    "description": "The offer that is bought.",
                    "type": "string",
                    "x-ref": "offer",
                    "examples": ["gems-1200"],
                },
                "of": {
                    "description": "The raffle that the ticket is for.",
                    "type": "string",
                    "x-ref": "offer",
                    "examples": ["winter-raffle"],
                },
            },
            "required": ["with", "of"],
            "additionalProperties": False,
            "examples": [{"with": "gems-1200", "of": "winter-raffle"}],
        },
    },
    "additionalProperties": False,
    "examples": [{"tickets_per_hour": 20}],
}

RAFFLE_TICKET: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "draws_at": {
            "description": "When the winner is drawn; tickets are sold until then.",
            "type": "string",
            "x-form": "time",
            "examples": ["2027-12-24T18:00:00Z"],
        },
        "prize": {
            "description": "What the winner gets: one virtual asset -> amount.",
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991},
            "minProperties": 1,
            "maxProperties": 1,
            "x-keys": "virtual-asset",
            "examples": [{"gems": 5000}],
        },
    },
    "required": ["prices", "draws_at", "prize"],
    "examples": [
        {
            "kind": "raffle_ticket",
            "title": "Winter raffle",
            "prices": {"gems": 50},
            "draws_at": "2027-12-24T18:00:00Z",
            "prize": {"gems": 5000},
        }
    ],
}


@dataclass(frozen=True, slots=True)
class FreeTicket:
    """A ticket of the raffle ``of`` comes with every purchase of the offer ``with_sku``."""

    with_sku: str
    of: str


@dataclass(frozen=True, slots=True)
class RaffleConfig:
    """The plugin's section; the schema has checked it. ``bulk_from`` is 0 where there is no discount."""

    tickets_per_hour: int
    bulk_from: int
    bulk_percent: int
    free_ticket: FreeTicket | None

    @classmethod
    def from_mapping(cls, section: Mapping[str, Any]) -> "RaffleConfig":
        bulk = section.get("bulk_discount", {"from": 0, "percent": 0})
        free = section.get("free_ticket")
        return cls(
            tickets_per_hour=section.get("tickets_per_hour", 100),
            bulk_from=bulk["from"],
            bulk_percent=bulk["percent"],
            free_ticket=None if free is None else FreeTicket(free["with"], free["of"]),
        )
