"""The JSON Schemas of this plugin: of its own section, and of what an offer of kind ``subscription`` says."""

from typing import Any

from storefront.core.kinds import JsonSchema
from storefront_subscriptions.change_rules import CHANGES, FAMILIES
from storefront_subscriptions.intervals import PATTERN, SAYS
from storefront_subscriptions.usage_terms import USAGE

DURATION_PATTERN = "^[1-9][0-9]{0,5}[smhd]$"


def _duration(says: str, example: str, **more: Any) -> JsonSchema:
    return {
        "type": "string",
        "description": says,
        "pattern": DURATION_PATTERN,
        "patternErrorMessage": "must be a whole number with a unit: 45s, 90m, 12h or 30d",
        "examples": [example],
        **more,
    }


def _interval(says: str, example: str, **more: Any) -> JsonSchema:
    return {
        "type": "string",
        "description": says,
        "pattern": PATTERN,
        "patternErrorMessage": SAYS,
        "examples": [example],
        **more,
    }


REMINDERS: JsonSchema = {
    "type": "object",
    "description": "How long before something happens it is told.",
    "properties": {
        "trial": _duration("Before a trial ends.", "3d", default="3d"),
        "short_trial": _duration("Before a trial of less than a week ends.", "1d", default="1d"),
        "resume": _duration("Before it goes on by itself out of a pause.", "3d", default="3d"),
        "card": {
            "type": "array",
            "description": "Before the card expires that is charged next; an empty list: never.",
            "items": _duration("How long before.", "30d"),
            "maxItems": 5,
            "default": ["30d", "7d"],
            "examples": [["30d", "7d"]],
        },
        "renewal": {
            "type": "object",
            "description": "Interval -> how long before a renewal; of others it is not told.",
            "propertyNames": {"pattern": PATTERN, "patternErrorMessage": SAYS},
            "additionalProperties": _duration("How long before.", "7d"),
            "default": {},
            "examples": [{"year": "7d"}],
        },
    },
    "additionalProperties": False,
    "examples": [{"trial": "3d", "renewal": {"year": "7d"}}],
}


def _word(says: str, *words: str) -> JsonSchema:
    return {"type": "string", "description": says, "enum": list(words), "default": words[0], "examples": [words[0]]}


AT_END: JsonSchema = {
    "type": "object",
    "description": "What becomes of usage that is not paid when a subscription ends.",
    "properties": {
        "at_end": _word(
            "Ask for it with a final invoice, leave it to the next subscription, or write it off.",
            "invoice",
            "owe",
            "write_off",
        ),
        "wait": _duration("How long after the end it is asked: events still come.", "1h", default="1h"),
        "uncollected": _word(
            "What a final invoice asks in vain: the next subscription asks for it, or it is written off.",
            "owe",
            "write_off",
        ),
    },
    "additionalProperties": False,
    "examples": [{"at_end": "invoice", "wait": "1h"}],
}

SCHEMA: JsonSchema = {
    "type": "object",
    "description": "Subscription tiers that renew by themselves.",
    "properties": {
        "dunning": {
            "type": "object",
            "description": "What happens when a renewal cannot be charged.",
            "properties": {
                "retries": {
                    "type": "array",
                    "description": "How long to wait before each further attempt; an empty list tries once.",
                    "items": _duration("A wait.", "2d"),
                    "maxItems": 20,
                    "default": ["2d", "5d", "7d", "7d"],
                    "examples": [["2d", "5d", "7d", "7d"]],
                },
                "policy": {
                    "type": "string",
                    "description": "The plugin that says when to try again; where it cannot, `retries` does.",
                    "minLength": 1,
                    "default": "subscriptions",
                    "examples": ["subscriptions"],
                },
                "grace": _duration("For how long access lasts beyond a period that is not renewed yet.", "7d"),
                "hard_decline": _word(
                    "After a decline for good: wait for another method, or cancel.", "stop", "cancel"
                ),
                "on_exhausted": _word("After the last attempt: cancel, or wait for another method.", "cancel", "stop"),
            },
            "additionalProperties": False,
            "examples": [{"retries": ["2d", "5d", "7d", "7d"], "grace": "7d"}],
        },
        "trial_without_method": _word(
            "When a trial ends and nothing can be charged: cancel, wait for a method, or pause.",
            "cancel",
            "stop",
            "pause",
        ),
        "pause": {
            "type": "object",
            "description": "How customers pause; a server key may always, and for as long as it likes.",
            "properties": {
                "customers": {
                    "type": "boolean",
                    "description": "Whether customers may pause by themselves.",
                    "default": False,
                    "examples": [True],
                },
                "max": _duration("For how long they may; then it goes on by itself.", "90d", default="90d"),
            },
            "additionalProperties": False,
            "examples": [{"customers": True, "max": "90d"}],
        },
        "usage": AT_END,
        "reminders": REMINDERS,
        "changes": CHANGES,
        "families": FAMILIES,
    },
    "additionalProperties": False,
    "examples": [{"dunning": {"grace": "7d"}}],
}


def _amount(says: str, least: int, example: int) -> JsonSchema:
    top = 9_007_199_254_740_991
    return {"type": "integer", "description": says, "minimum": least, "maximum": top, "examples": [example]}


CREDITS: JsonSchema = {
    "type": "object",
    "description": "What a tier grants into the wallet on a clock of its own: virtual asset -> how much, how often.",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "amount": _amount("For each seat and each time, in the smallest unit.", 1, 500),
            "every": _interval("How often, counted from the subscription's beginning.", "month", default="month"),
            "roll_over": {
                "type": "object",
                "description": "What of the rest goes on at the next grant; without it, nothing does.",
                "properties": {
                    "min": _amount("A smaller rest lapses.", 0, 10),
                    "max": _amount("No more than this goes on.", 1, 250),
                    "ceiling": _amount("The new grant and what goes on come to no more than this.", 1, 750),
                },
                "additionalProperties": False,
                "examples": [{"max": 250, "ceiling": 750}],
            },
        },
        "required": ["amount"],
        "additionalProperties": False,
        "examples": [{"amount": 500, "every": "month"}],
    },
    "minProperties": 1,
    "x-keys": "asset",
    "examples": [{"gems": {"amount": 500, "every": "month"}}],
}

SUBSCRIPTION: JsonSchema = {
    "type": "object",
    "properties": {
        "family": {
            "type": "string",
            "description": "Tiers of one family exclude each other, and are ordered as they are listed.",
            "pattern": "^[a-z][a-z0-9_-]{0,39}$",
            "patternErrorMessage": "must be a name like membership: small letters, digits, - and _",
            "examples": ["membership"],
        },
        "interval": _interval("What `prices` pay for.", "month", default="month"),
        "also": {
            "type": "array",
            "description": "Other intervals, each with its prices.",
            "items": {
                "type": "object",
                "properties": {
                    "interval": _interval("What these prices pay for.", "year"),
                    "prices": {
                        "type": "object",
                        "description": "Asset -> amount in minor units.",
                        "additionalProperties": {
                            "type": "integer",
                            "minimum": 0,
                            "maximum": 9_007_199_254_740_991,
                            "examples": [4990],
                        },
                        "minProperties": 1,
                        "x-keys": "asset",
                        "examples": [{"USD": 4990}],
                    },
                },
                "required": ["interval", "prices"],
                "additionalProperties": False,
                "examples": [{"interval": "year", "prices": {"USD": 4990}}],
            },
            "maxItems": 20,
            "examples": [[{"interval": "year", "prices": {"USD": 4990}}]],
        },
        "free": {
            "type": "boolean",
            "description": "Whether it costs nothing; then it has no `prices`.",
            "default": False,
            "examples": [True],
        },
        "existing": {
            "type": "string",
            "description": "Whom a new price reaches who has subscribed: everybody from the next renewal on, or from a "
            "date on; without it nobody.",
            "examples": ["next_renewal", "2027-03-01"],
        },
        "beside": {
            "type": "string",
            "description": "A tier that this one stands beside: a change between them goes neither up nor down.",
            "x-ref": "offer",
            "examples": ["premium"],
        },
        "trial": _duration("For how long it is free at first, once per customer and family.", "14d"),
        "most_seats": {
            "type": "integer",
            "description": "How many seats one subscription may have.",
            "minimum": 1,
            "maximum": 10_000,
            "default": 1,
            "examples": [10],
        },
        "credits": CREDITS,
        "usage": USAGE,
    },
    "required": ["family"],
    "examples": [{"family": "membership", "interval": "month"}],
}
