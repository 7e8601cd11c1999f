"""What an offer costs, in the configuration: prices, sales, exact top-ups, and price lists of countries."""

from storefront.core.config.schema_parts import (
    NAME_PATTERN,
    SAYS_NAME,
    Schema,
    amount,
    listing,
    mapping,
    names,
    switch,
    table,
    text,
    whole,
    wording,
)

RATE_PATTERN = r"^(?=.*[1-9])[0-9]{1,9}(\.[0-9]{1,9})?$"
SAYS_RATE = 'must be a decimal number above 0 in quotes, like "5.2"'
ENDING_PATTERN = "^[0-9]{1,6}$"
_SAYS_ENDING = 'must be 1 to 6 digits in quotes, like "90"'
_FROM, _UNTIL = "2026-12-01T09:00:00+01:00", "2026-12-08T09:00:00+01:00"
_MUCH_LATER = "2036-12-08T09:00:00+01:00"


def prices() -> Schema:
    """Schema of an offer's ``prices``: a short form and a list."""
    short = table(
        "Asset -> amount in minor units (499 means 4.99 USD).",
        amount("The price in minor units.", examples=[499]),
        minProperties=1,
        **{"x-keys": "asset"},
    )
    several = listing("One entry per alternative, some for certain countries.", _price(), minItems=1, maxItems=500)
    return {
        "description": "What it costs: alternatives, each in one asset. Short, asset -> amount in minor units; or a "
        "list, where prices may be for certain countries or left to the buyer.",
        "anyOf": [short, several],
        "examples": [{"USD": 499, "EUR": 499}],
    }


def _price() -> Schema:
    return mapping(
        "A price.",
        {
            "amount": amount("The price in minor units.", examples=[499]),
            "currency": text("In which asset.", examples=["USD"], **{"x-ref": "asset"}),
            "countries": _countries("For buyers there alone, in place of the price for everybody else."),
            "pay_what_you_want": mapping(
                "The buyer chooses the amount, in minor units; `min` may be 0.",
                {
                    "min": amount("At least.", least=0, examples=[100]),
                    "suggested": amount("What is filled in.", least=0, examples=[500]),
                    "max": amount("At most.", examples=[10000]),
                },
                required=["min", "suggested", "max"],
                examples=[{"min": 100, "suggested": 500, "max": 10000}],
            ),
        },
        required=["currency"],
        examples=[{"amount": 499, "currency": "USD", "countries": ["US", "CA"]}],
    )


def sales() -> Schema:
    """Schema of an offer's ``sales``."""
    one = mapping(
        "A sale: `percent` off every price, or other `prices`.",
        {
            "percent": whole("How much less, in percent of each price.", most=99, examples=[25, 10, 5, 1]),
            "prices": table(
                "Asset -> amount in minor units, in place of higher prices in that asset.",
                amount("The price in minor units.", examples=[399]),
                minProperties=1,
                examples=[{"USD": 399}],
                **{"x-keys": "asset"},
            ),
            "from": text("The first instant of the sale.", examples=[_FROM], **{"x-form": "time"}),
            "until": text("The first instant after it.", examples=[_UNTIL, _MUCH_LATER], **{"x-form": "time"}),
            "label": wording("What it is called, beside the price.", "Winter sale"),
        },
        required=["from", "until"],
        examples=[{"percent": 25, "from": _FROM, "until": _UNTIL}],
    )
    return listing(
        "When it costs less. Where several are on, the one that is best for the buyer counts; they do not add up.",
        one,
        maxItems=50,
        examples=[[{"percent": 25, "from": _FROM, "until": _UNTIL}]],
    )


def exact() -> Schema:
    """Schema of an offer's ``exact``."""
    terms = mapping(
        "Between which amounts of its currency.",
        {
            "min": whole("At least so much.", default=1, examples=[10]),
            "max": whole("At most so much.", most=1_000_000_000, default=1_000_000, examples=[5000]),
            "better_rate": switch("Allow a better price per unit than the smallest pack's.", default=False),
        },
        examples=[{"min": 10, "max": 5000}],
    )
    return {
        "description": "Sell exactly as much of the pack's one currency as a buyer asks for, at the pack's own price "
        "per unit; who is short of something is offered just what is missing.",
        "anyOf": [{"type": "boolean", "const": True}, terms],
        "examples": [True],
    }


def price_lists() -> Schema:
    """Schema of the section ``price_lists``."""
    one = mapping(
        "Prices of some countries, worked out from the general prices in another currency.",
        {
            "countries": _countries("Which countries."),
            "from": text("Of the general prices in this currency.", examples=["USD"], **{"x-ref": "currency"}),
            "currency": text("Prices there are in this currency.", examples=["BRL"], **{"x-ref": "currency"}),
            "rate": text(
                "Units of `currency` for one of `from`, as text, so that no digit is lost.",
                pattern=RATE_PATTERN,
                patternErrorMessage=SAYS_RATE,
                examples=["5.2"],
            ),
            "ending": text(
                "The last digits of every price: `90` makes 5.90, 25.90. Without it prices are rounded half up to the "
                "smallest unit.",
                pattern=ENDING_PATTERN,
                patternErrorMessage=_SAYS_ENDING,
                examples=["90"],
            ),
        },
        required=["countries", "from", "currency", "rate"],
        examples=[{"countries": ["BR"], "from": "USD", "currency": "BRL", "rate": "5.2", "ending": "90"}],
    )
    return table(
        "Prices of countries, so that no offer repeats them. An offer's own price for a country comes first.",
        one,
        keys=names(NAME_PATTERN, SAYS_NAME),
        examples=[{"brazil": {"countries": ["BR"], "from": "USD", "currency": "BRL", "rate": "5.2", "ending": "90"}}],
    )


def _countries(description: str) -> Schema:
    one = text("A country.", examples=["BR"], **{"x-form": "country"})
    return listing(description, one, minItems=1, maxItems=250, uniqueItems=True, examples=[["BR"]])
