"""The schema of ``analytics:``."""

from storefront.core.config.schema_parts import Schema, mapping, table, text
from storefront.core.config.schema_prices import RATE_PATTERN, SAYS_RATE


def analytics() -> Schema:
    return mapping(
        "How figures are shown. Amounts of several currencies are never added up, unless rates are stated here.",
        {
            "currency": text(
                "The currency whose figures come first, and in which sums are shown; else the one in which most is "
                "sold.",
                examples=["EUR"],
                **{"x-ref": "currency"},
            ),
            "rates": table(
                "What one unit of another currency is in `currency`, as text. Every sum names the rates it was made "
                "by; what has no rate is in none.",
                text("A rate.", pattern=RATE_PATTERN, patternErrorMessage=SAYS_RATE, examples=["0.92"]),
                examples=[{"USD": "0.92"}],
                **{"x-keys": "currency"},
            ),
        },
        examples=[{"currency": "EUR", "rates": {"USD": "0.92"}}],
    )
