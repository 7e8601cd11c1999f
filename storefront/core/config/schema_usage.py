"""The sections of the configuration about pay per use: what is metered, what it costs, how it is taken in."""

from storefront.core.config.schema_parts import (
    NAME_PATTERN,
    SAYS_NAME,
    Schema,
    amount,
    choice,
    listing,
    mapping,
    names,
    table,
    text,
    whole,
)

DECIMAL_PATTERN = r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?$"
SAYS_DECIMAL = 'must be a decimal with at most six places, in quotes, like "0.05"'
KEY_PATTERN = "^[a-z0-9][a-z0-9._-]{0,63}$"
SAYS_KEY = "must be lower-case letters, digits, `-`, `_` or `.`"
_METER_EXAMPLE = {"event_type": "voice.minute", "aggregation": "sum", "value": "minutes"}
_CHARGE_EXAMPLE = {"meter": "api_calls", "mode": "prepaid", "asset": "gems", "model": "per_unit", "price": "0.05"}


def usage_sections() -> Schema:
    """Top-level key → schema of ``meters``, ``usage`` and ``metering``."""
    return {
        "meters": table(
            "What usage events are added up to, by name.",
            _meter(),
            keys=names(NAME_PATTERN, SAYS_NAME),
            examples=[{"voice_minutes": _METER_EXAMPLE}],
        ),
        "usage": table(
            "What the usage of a feature costs, by the feature's key.",
            _charge(),
            keys=names(KEY_PATTERN, SAYS_KEY),
            examples=[{"api": _CHARGE_EXAMPLE}],
        ),
        "metering": _metering(),
    }


def _meter() -> Schema:
    one = text("The text that the field must be.", maxLength=200, examples=["eu"])
    return mapping(
        "A meter.",
        {
            "event_type": text("The `type` of the events that count.", maxLength=200, examples=["api.call"]),
            "aggregation": choice(
                "How many (`count`), the `sum` or `max` of a field, how many different values it has (`unique`), "
                "or the value of the `latest` event.",
                ["count", "sum", "max", "unique", "latest"],
                examples=["sum"],
            ),
            "value": text(
                "The field of the event's data that holds the number, or the text to tell apart.",
                maxLength=100,
                examples=["minutes"],
            ),
            "filters": table(
                "Only events count whose data say this: field -> text, or a list of texts.",
                {"anyOf": [one, listing("Any of these.", one, minItems=1, maxItems=100)]},
                maxProperties=20,
                examples=[{"region": ["eu", "us"]}],
            ),
            "period": choice(
                "The UTC calendar window over which it adds up; after it what is included begins anew.",
                ["day", "week", "month", "lifetime"],
                default="month",
                examples=["month"],
            ),
        },
        required=["event_type", "aggregation"],
        examples=[_METER_EXAMPLE],
    )


def _decimal(description: str, example: str) -> Schema:
    return text(description, pattern=DECIMAL_PATTERN, patternErrorMessage=SAYS_DECIMAL, examples=[example])


def charge_terms() -> Schema:
    """Key → schema of what makes a quantity a cost: the model and its prices."""
    tier = mapping(
        "A tier.",
        {
            "up_to": whole("The last unit of this tier; the last tier has none.", most=10**12, examples=[1000]),
            "price": _decimal("What one unit costs, in the asset's smallest unit.", "0.05"),
            "flat": _decimal("What is charged once as soon as this tier is reached.", "100"),
        },
        required=["price"],
        examples=[{"up_to": 1000, "price": "0.05"}],
    )
    return {
        "model": choice(
            "`per_unit`: all units cost the same. `graduated`: each tier has its price. `volume`: the tier that is "
            "reached prices all units. `package`: so many units at a time.",
            ["per_unit", "graduated", "volume", "package"],
            examples=["per_unit"],
        ),
        "price": _decimal("What one unit (or package) costs, in the asset's smallest unit, as text.", "0.05"),
        "tiers": listing(
            "The tiers, from the first unit on.",
            tier,
            minItems=1,
            maxItems=100,
            examples=[[{"up_to": 1000, "price": "0.05"}, {"price": "0.02"}]],
        ),
        "package": whole("How many units one package has.", most=10**9, examples=[100]),
        "included": whole("How many units are free in each period.", most=10**12, examples=[600]),
    }


def _charge() -> Schema:
    return mapping(
        "What the usage of a feature costs.",
        {
            "meter": text("The meter whose quantity is charged.", examples=["api_calls"], **{"x-names": ["meter"]}),
            "mode": choice(
                "`prepaid` drains the customer's wallet, `postpaid` writes a line for each period.",
                ["prepaid", "postpaid"],
                examples=["prepaid"],
            ),
            "asset": text(
                "What it costs: a virtual currency, or with `postpaid` also a real one.",
                maxLength=64,
                examples=["gems"],
            ),
            **charge_terms(),
            "on_exhausted": choice(
                "When the wallet cannot pay: refuse the usage, count it up to what can be paid (`cap`), let it go on "
                "for free (`allow`), or let the customer owe it (`debt`).",
                ["reject", "cap", "allow", "debt"],
                default="reject",
                examples=["reject"],
            ),
            "low_at": amount(
                "The event `usage.low` is sent when no more than this is left to pay with.", examples=[50]
            ),
        },
        required=["meter", "mode", "asset", "model"],
        examples=[_CHARGE_EXAMPLE],
    )


def _metering() -> Schema:
    return mapping(
        "How usage events are taken in.",
        {
            "drain_every_seconds": whole(
                "How long usage gathers before it leaves the wallet by one entry. It is set aside at once.",
                most=86_400,
                default=60,
                examples=[60],
            ),
            "late_days": whole("How old an event may be when it comes.", most=365, default=35, examples=[35]),
            "close_after_minutes": whole(
                "How long after its end a period waits for late events before its line is written.",
                least=0,
                most=44_640,
                default=60,
                examples=[60],
            ),
        },
        examples=[{"drain_every_seconds": 60}],
    )
