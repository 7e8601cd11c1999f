"""What a creator's file may say: how they are shown, what a tip is at least, and what its size looks like on stream.

Nothing about money that moves: that is the operator's part. Colours, sounds and templates are of closed sets, for they
end up on a public page.
"""

from storefront.core.config.schema_parts import (
    Schema,
    amount,
    choice,
    listing,
    mapping,
    names,
    table,
    text,
    whole,
    wording,
)
from storefront_fanfunding.admitting import LINKS
from storefront_fanfunding.badge_schema import badges
from storefront_fanfunding.board_schema import goals
from storefront_fanfunding.train_schema import train

SOUNDS = ("none", "chime", "coin", "bell", "fanfare", "pop")
TEMPLATES = ("card", "banner", "burst")
ON_SETTLED = "on_settled"
MOST_CHARACTERS = 300
"""Of a message, where its tier says nothing."""
_ID = names(
    "^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$",
    "must be 1 to 40 lower-case letters, digits or `-` (it stands in the address)",
)
_COLOUR: Schema = {
    "pattern": "^#[0-9a-fA-F]{6}$",
    "patternErrorMessage": 'must be a colour like "#ffd700" (in quotes: a bare # begins a comment)',
    "examples": ["#ffd700"],
}


def creators() -> Schema:
    """Creator's id -> what is shown of them, and how they can be tipped."""
    return table(
        "Creators, by the id that stands in their address. Usually one file each: `include: [creators/*.yaml]`.",
        _creator(),
        keys=_ID,
        examples=[{"luna": {"name": "Luna", "title": "Luna plays"}}],
    )


def _creator() -> Schema:
    return mapping(
        "A creator.",
        {
            "name": text("What they are called.", maxLength=60, examples=["Luna"]),
            "title": wording("The headline of their page.", "Luna plays Lanternfall"),
            "about": wording("A few sentences about them.", "Cosy speedruns, four evenings a week."),
            "accent": text("Their colour, as #rrggbb.", **_COLOUR),
            "tips": _tips(),
            "moderation": _moderation(),
            "alerts": _alerts(),
            "goals": goals(_ID),
            "badges": badges(_ID, _COLOUR),
            "train": train(),
            "links": listing(
                "Where else they can be found.",
                mapping(
                    "A link.",
                    {
                        "title": text("What it says.", maxLength=60, examples=["Schedule"]),
                        "url": text(
                            "Where it leads.", examples=["https://luna.example/schedule"], **{"x-form": "https"}
                        ),
                    },
                    required=["title", "url"],
                    examples=[{"title": "Schedule", "url": "https://luna.example/schedule"}],
                ),
                maxItems=20,
                examples=[[{"title": "Schedule", "url": "https://luna.example/schedule"}]],
            ),
        },
        examples=[{"name": "Luna", "title": "Luna plays Lanternfall"}],
    )


def _moderation() -> Schema:
    return mapping(
        "Which tips wait until somebody has read them. Their money does not wait.",
        {
            "hold": listing(
                "What lets a tip wait: links in its name or message.",
                choice("What.", [LINKS], examples=[LINKS]),
                uniqueItems=True,
                maxItems=1,
                examples=[[LINKS]],
            ),
            "block_words": listing(
                "Words that let a tip wait, in any spelling of capitals.",
                text("A word.", maxLength=60, examples=["spoiler"]),
                uniqueItems=True,
                maxItems=500,
                examples=[["spoiler"]],
            ),
            "max_per_minute": whole(
                "Of how many tips of one sender the alerts come on screen within a minute; what is more waits to be "
                "read. A sender is a fan, and all guests of one network together.",
                most=100,
                examples=[6],
            ),
        },
        examples=[{"hold": [LINKS], "block_words": ["spoiler"], "max_per_minute": 6}],
    )


def _seconds(description: str, example: str) -> Schema:
    says = "must be whole seconds, at most 120: 8s"
    return text(description, pattern="^(?:[0-9]|[1-9][0-9]|1[01][0-9]|120)s$", patternErrorMessage=says,
                examples=[example])  # fmt: skip


def _alerts() -> Schema:
    per_currency = {"x-keys": "asset", "minProperties": 1}
    variation = mapping(
        "An alert that is other than its tier says: all that is said of the tip must be so.",
        {
            "tier": text("Its tip is of this tier.", examples=["gold"], **_ID),
            "min": table("It is this much or more, by currency.", amount("The least.", examples=[500]),
                         examples=[{"USD": 500}], **per_currency),
            "max": table("It is this much or less, by currency.", amount("The most.", examples=[900]),
                         examples=[{"USD": 900}], **per_currency),
            "is_first": {"description": "It is, or is not, its fan's first tip to this creator.", "type": "boolean",
                         "examples": [True]},
            "text_contains": text("Its message has these words, in any spelling of capitals.", maxLength=60,
                                  examples=["good luck"]),
            "template": choice("What it looks like.", TEMPLATES, examples=["burst"]),
            "sound": choice("What is heard.", SOUNDS, examples=["fanfare"]),
            "duration": _seconds("For how long it is on screen.", "12s"),
        },
        examples=[{"is_first": True, "template": "burst"}],
    )  # fmt: skip
    return mapping(
        "How tips come on screen.",
        {
            "show": choice(
                "When a tip comes on screen: once it is paid, or once its money is settled (the gateway's balance "
                "transaction is known).",
                ("on_paid", ON_SETTLED),
                default="on_paid",
                examples=[ON_SETTLED],
            ),
            "gap": _seconds("For how long the screen is empty between two.", "2s"),
            "duration": _seconds("For how long each is on screen.", "8s"),
            "variations": listing("Exceptions; the first that fits counts.", variation, maxItems=50,
                                  examples=[[{"is_first": True, "template": "burst"}]]),
        },
        examples=[{"gap": "2s", "duration": "8s"}],
    )  # fmt: skip


def _tips() -> Schema:
    per_currency = {"x-keys": "asset", "minProperties": 1}
    return mapping(
        "How fans can tip. Amounts are in minor units: 500 means 5.00 USD.",
        {
            "min": table(
                "The least, by currency.",
                amount("The least tip.", examples=[100]),
                examples=[{"USD": 100, "EUR": 100}],
                **per_currency,
            ),
            "max": table(
                "The most, by currency.",
                amount("The largest tip.", examples=[50000]),
                examples=[{"USD": 50000}],
                **per_currency,
            ),
            "presets": table(
                "The amounts on the buttons, by currency.",
                listing(
                    "Amounts.",
                    amount("An amount.", examples=[500]),
                    minItems=1,
                    maxItems=8,
                    uniqueItems=True,
                    examples=[[300, 500, 1000]],
                ),
                examples=[{"USD": [300, 500, 1000]}],
                **per_currency,
            ),
            "tiers": listing(
                "What a larger tip looks like on stream.",
                _tier(),
                maxItems=20,
                examples=[[{"id": "gold", "min": {"USD": 500}}]],
            ),
        },
        required=["min"],
        examples=[{"min": {"USD": 100, "EUR": 100}, "presets": {"USD": [300, 500, 1000]}}],
    )


def _tier() -> Schema:
    return mapping(
        "A tier: the highest one whose minimum the tip reaches.",
        {
            "id": text("Its id.", examples=["gold"], **_ID),
            "title": wording("Its name for people.", "Gold"),
            "min": table(
                "From this amount on, by currency.",
                amount("The least tip.", examples=[500]),
                examples=[{"USD": 500}],
                **{"x-keys": "asset", "minProperties": 1},
            ),
            "color": text("Its colour, as #rrggbb.", **_COLOUR),
            "max_chars": {
                "description": "The longest message, in characters as people count them.",
                "type": "integer",
                "minimum": 1,
                "maximum": 500,
                "examples": [200],
            },
            "pin": text(
                "For how long it stays on top.",
                pattern="^[1-9][0-9]{0,3}[sm]$",
                patternErrorMessage="must be a whole number with a unit: 45s or 2m",
                examples=["2m"],
            ),
            "sound": choice("What is heard.", SOUNDS, examples=["chime"]),
            "template": choice("What it looks like.", TEMPLATES, examples=["card"]),
            "badge": text("A badge that its fan is given.", examples=["gold-heart"], **_ID),
            "grants": table(
                "What its fan is given of the game, from what the operator allows (`may_grant`): offer -> how many.",
                whole("How many.", most=1000, examples=[1]),
                minProperties=1,
                maxProperties=10,
                examples=[{"wave-emote": 1}],
            ),
        },
        required=["id", "min"],
        examples=[{"id": "gold", "min": {"USD": 500}, "color": "#ffd700"}],
    )
