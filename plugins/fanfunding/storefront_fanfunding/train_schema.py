"""What a creator's file may say of the hype train: how many fans start it, and how much each of its levels needs."""

from storefront.core.config.schema_parts import Schema, amount, listing, mapping, table, whole

LEVELS = 5
CONTRIBUTIONS = 3


def train() -> Schema:
    """Return the schema of ``train:``; without it there is none."""
    steps = [1000, 1500, 2000, 2500, 3000]
    return mapping(
        "The hype train: many tips in a short time.",
        {
            "contributions": whole(
                "How many different fans start it by a tip within five minutes.",
                least=2,
                most=20,
                default=CONTRIBUTIONS,
                examples=[CONTRIBUTIONS],
            ),
            "levels": table(
                "What each of the five levels needs, in one currency; tips in others count by their rate.",
                listing("Amounts.", amount("What the level needs.", examples=[1000]), minItems=LEVELS, maxItems=LEVELS,
                        examples=[steps]),
                minProperties=1,
                maxProperties=1,
                examples=[{"USD": steps}],
                **{"x-keys": "asset"},
            ),
        },
        required=["levels"],
        examples=[{"levels": {"USD": steps}}],
    )  # fmt: skip
