"""What a creator's file may say of their goals: what is collected for, how it is measured and when it begins anew."""

from storefront.core.config.schema_parts import (
    Schema,
    amount,
    choice,
    listing,
    mapping,
    switch,
    table,
    text,
    whole,
    wording,
)

GROSS, NET, SETTLED = "gross", "net", "settled"
MEASURES = (GROSS, NET, SETTLED)
RESETS = ("none", "day", "month", "year")
KEEP_IT_ALL, ALL_OR_NOTHING = "keep_it_all", "all_or_nothing"
MODES = (KEEP_IT_ALL, ALL_OR_NOTHING)
PART_PATTERN = r"^(100|[1-9][0-9]?(\.[0-9]{1,2})?) ?%$"
MOST_GOALS, MOST_STRETCHES = 20, 10
_ONE_CURRENCY = {"x-keys": "asset", "minProperties": 1, "maxProperties": 1}


def goals(names: Schema) -> Schema:
    """Return the schema of ``goals:``; ``names`` is that of an id."""
    return listing(
        "What fans collect for. The first that is active is shown first.",
        _goal(names),
        maxItems=MOST_GOALS,
        examples=[[{"id": "new-mic", "title": "New microphone", "target": {"USD": 25000}}]],
    )


def _target(example: int) -> Schema:
    return table(
        "How much, in one currency: tips in others count by the rate that was the operator's when they were given.",
        amount("The target.", examples=[example]),
        examples=[{"USD": example}],
        **_ONE_CURRENCY,
    )


def _grants() -> Schema:
    return table(
        "What each fan who contributed is given of the game once it is reached, from what the operator allows "
        "(`may_grant`): offer -> how many.",
        whole("How many.", most=1000, examples=[1]),
        minProperties=1,
        maxProperties=10,
        examples=[{"wave-emote": 1}],
    )


def _goal(names: Schema) -> Schema:
    stretch = mapping(
        "What comes once the goal is reached.",
        {"target": _target(40000), "title": wording("What it is for.", "And a stand"), "grants": _grants()},
        required=["target", "title"],
        examples=[{"target": {"USD": 40000}, "title": "And a stand"}],
    )
    return mapping(
        "A goal.",
        {
            "id": text("Its id.", examples=["new-mic"], **names),
            "title": wording("What it is for.", "New microphone"),
            "target": _target(25000),
            "measure": choice(
                "What counts of a tip: all of it (gross), the creator's share (net), or what of that is no longer in "
                "reserve (settled).",
                MEASURES,
                default=GROSS,
                examples=[NET],
            ),
            "reset": choice("When it begins anew, in UTC.", RESETS, default="none", examples=["month"]),
            "since": text(
                "The day (UTC) from which on tips count; without it, all do.",
                pattern="^20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$",
                patternErrorMessage='must be a day like "2026-11-01"',
                examples=["2026-11-01"],
            ),
            "stretch": listing(
                "What comes after, each with a larger target.",
                stretch,
                maxItems=MOST_STRETCHES,
                examples=[[{"target": {"USD": 40000}, "title": "And a stand"}]],
            ),
            "mode": choice(
                "Whether tips count (keep_it_all), or pledges, which are charged at the deadline if they come to the "
                "target by then (all_or_nothing).",
                MODES,
                default=KEEP_IT_ALL,
                examples=[ALL_OR_NOTHING],
            ),
            "deadline": text(
                "Of all or nothing: until when fans can pledge, with the offset from UTC.",
                examples=["2026-12-24T20:00:00+01:00"],
                **{"x-form": "time"},
            ),
            "min_collected": text(
                "Of all or nothing: what part of the target has to be collected once pledges have been charged; with "
                "less, all is given back. Without it, what is collected stays.",
                pattern=PART_PATTERN,
                patternErrorMessage="must be a percentage like 80 %, at most 100 %",
                examples=["80 %"],
            ),
            "grants": _grants(),
            "active": switch("Whether it is shown on the page and the overlay.", default=True),
        },
        required=["id", "title", "target"],
        examples=[{"id": "new-mic", "title": "New microphone", "target": {"USD": 25000}}],
    )
