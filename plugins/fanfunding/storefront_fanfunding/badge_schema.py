"""What a creator's file may say of badges: which there are, and what a fan must have done for each."""

from storefront.core.config.schema_parts import Schema, amount, listing, mapping, switch, table, text, whole, wording

MOST_BADGES, MOST_FIRST, MOST_RANK = 30, 1000, 100
_PER_CURRENCY = {"x-keys": "asset", "minProperties": 1}


def badges(names: Schema, colour: Schema) -> Schema:
    """Return the schema of ``badges:``; ``names`` is that of an id, ``colour`` that of a colour."""
    when = mapping(
        "What a fan must have done; tips that were given anonymously, or went back, do not count.",
        {
            "lifetime": table("Given so much in all: one of these.", amount("The least.", examples=[10000]),
                              examples=[{"USD": 10000}], **_PER_CURRENCY),
            "tip": table("Given so much at once: one of these.", amount("The least.", examples=[5000]),
                         examples=[{"USD": 5000}], **_PER_CURRENCY),
            "streak_months": whole("Given in so many months (UTC) in a row, at some time.", least=2, most=120,
                                   examples=[3]),
            "first": whole("One of the first so many fans.", most=MOST_FIRST, examples=[100]),
            "rank": whole("Among the so many who gave most of all, in the first currency of the minimum.",
                          most=MOST_RANK, examples=[3]),
            "holds": text("Has this entitlement now, which a subscription's tier may give.", examples=["supporter"],
                          **{"x-ref": "entitlement"}),
        },
        minProperties=1,
        maxProperties=1,
        examples=[{"lifetime": {"USD": 10000}}],
    )  # fmt: skip
    badge = mapping(
        "A badge.",
        {
            "id": text("Its id.", examples=["patron"], **names),
            "title": wording("Its name for people.", "Patron"),
            "color": text("Its colour, as #rrggbb.", **colour),
            "when": when,
            "sticky": switch("Whether it is kept even if what it was given for goes back.", default=False),
        },
        required=["id"],
        examples=[{"id": "patron", "when": {"lifetime": {"USD": 10000}}}],
    )
    return listing(
        "What fans are given for what they gave. One without `when` is given by the tiers that name it.",
        badge,
        maxItems=MOST_BADGES,
        examples=[[{"id": "patron", "when": {"lifetime": {"USD": 10000}}}]],
    )
