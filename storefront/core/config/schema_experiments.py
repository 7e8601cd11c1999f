"""The section of the configuration about price experiments."""

from storefront.core.config.model_experiments import CONTROL
from storefront.core.config.schema_parts import (
    NAME_PATTERN,
    SAYS_NAME,
    Schema,
    amount,
    mapping,
    names,
    table,
    text,
    whole,
)

_MOMENT = "2026-12-01T09:00:00+01:00"
_VARIANTS = {CONTROL: {"weight": 50}, "cheap": {"weight": 50, "prices": {"gems": 99}}}
_EXAMPLE = {"offer": "sword-of-dawn", "variants": _VARIANTS}


def experiments() -> Schema:
    """Schema of the section ``experiments``."""
    variant = mapping(
        "A way to price the offer.",
        {
            "weight": whole("Its share among the variants.", least=0, most=1_000_000, examples=[50]),
            "prices": table(
                "What differs from the offer's prices: asset -> amount in minor units.",
                amount("The price in minor units.", examples=[99]),
                minProperties=1,
                examples=[{"gems": 99}],
                **{"x-keys": "asset"},
            ),
        },
        required=["weight"],
        examples=[{"weight": 50, "prices": {"gems": 99}}],
    )
    one = mapping(
        "A price experiment with one offer.",
        {
            "offer": text("The offer whose price is tried.", examples=["sword-of-dawn"], **{"x-ref": "offer"}),
            "variants": table(
                f"The variants by name. `{CONTROL}` pays what the offer says.",
                variant,
                keys=names(NAME_PATTERN, SAYS_NAME),
                minProperties=2,
                maxProperties=10,
                examples=[_VARIANTS],
            ),
            "percent": whole("How many of a hundred customers take part.", most=100, default=100, examples=[20]),
            "from": text("It begins then.", examples=[_MOMENT], **{"x-form": "time"}),
            "until": text("It is over then.", examples=["2027-01-07T00:00:00Z"], **{"x-form": "time"}),
        },
        required=["offer", "variants"],
        examples=[_EXAMPLE],
    )
    return table(
        "Price experiments, by name. A name is used once: another try is another experiment.",
        one,
        keys=names(NAME_PATTERN, SAYS_NAME),
        examples=[{"cheap-sword": _EXAMPLE}],
    )
