"""The schema of the section ``auto_top_up``."""

from storefront.core.config.schema_parts import Schema, amount, mapping, switch, table, whole

_LONGEST_HOURS = 23


def auto_top_up() -> Schema:
    return mapping(
        "Wallets that are topped up by themselves, by what their owners agree to. Without this section nobody can.",
        {
            "allowed": switch("Whether customers may agree to it; `false` stops also what was agreed.", default=True),
            "most_per_day": whole(
                "How often one wallet is topped up within one UTC day at most, whatever the customer's own cap allows.",
                most=100,
                default=5,
                examples=[5],
            ),
            "confirm_within_hours": whole(
                "For how long a customer can confirm a charge that their bank asks them about.",
                most=_LONGEST_HOURS,
                default=23,
                examples=[23],
            ),
            "minimum_below": table(
                "The lowest threshold that can be agreed to, by virtual currency, in the smallest unit.",
                amount("The lowest threshold."),
                examples=[{"gems": 50}],
            ),
        },
        examples=[{"most_per_day": 5}],
    )
