"""The sections of the configuration about promo codes and referrals."""

from storefront.core.config.schema_offers import sku
from storefront.core.config.schema_parts import (
    NAME_PATTERN,
    SAYS_NAME,
    Schema,
    amount,
    choice,
    listing,
    mapping,
    names,
    switch,
    table,
    text,
    whole,
    wording,
)

CODE_PATTERN = "^[A-Za-z0-9](?:-*[A-Za-z0-9]){2,40}$"
SAYS_CODE = "must be 3 to 41 letters or digits; upper and lower case are the same, and `-` between them is passed over"
_MOST_USES = 1_000_000_000
_FROM, _UNTIL = "2026-12-01T00:00:00Z", "2027-01-07T00:00:00Z"


def promo_codes() -> Schema:
    """Schema of the section ``promo_codes``."""
    return table(
        "Words that make a purchase cheaper, and the terms of generated codes (`bulk: true`).",
        _promo_code(),
        keys=names(CODE_PATTERN, SAYS_CODE),
        examples=[{"WINTER30": {"percent": 30, "per_customer": 1}}],
    )


def referrals() -> Schema:
    """Schema of the section ``referrals``."""
    return mapping(
        "Rewards for customers who bring a new one. Without this section there are none.",
        {
            "reward": mapping(
                "What both get once the new customer has paid real money.",
                {
                    "referrer": _reward("What the one gets who brought the new customer."),
                    "referred": _reward("What the new customer gets."),
                },
                minProperties=1,
                examples=[{"referrer": {"gems": 100}, "referred": {"gems": 50}}],
            ),
            "when": choice(
                "What brings the reward: the first purchase for real money that reaches `minimum`.",
                ["first_purchase"],
                default="first_purchase",
                examples=["first_purchase"],
            ),
            "minimum": _assets("The least total of that purchase: currency -> minor units. Others bring nothing."),
            "per_referrer": mapping(
                "How many rewards one referrer gets at most.",
                {
                    "count": whole("How many.", most=_MOST_USES, examples=[10]),
                    "window": choice(
                        "In which calendar window (UTC).",
                        ["lifetime", "hour", "day", "week", "month"],
                        default="lifetime",
                        examples=["month"],
                    ),
                },
                required=["count"],
                examples=[{"count": 10, "window": "month"}],
            ),
            "hold_back_days": whole(
                "How long rewards wait, so that a refund or a dispute comes before them.",
                least=0,
                most=180,
                default=0,
                examples=[14],
            ),
        },
        required=["reward"],
        examples=[{"reward": {"referrer": {"gems": 100}, "referred": {"gems": 50}}}],
    )


def _promo_code() -> Schema:
    return mapping(
        "A promo code: `percent` or `amount`, and who may use it when, where and how often.",
        {
            "percent": whole("How much off, in percent; 100 is for nothing.", most=100, examples=[30]),
            "amount": _assets("How much off: asset -> minor units. It is of use in these assets only."),
            "uses": {
                "description": "How often it can be used in all: `once`, a number, or `unlimited`.",
                "anyOf": [
                    choice("A word.", ["once", "unlimited"], examples=["once"]),
                    whole("How often.", most=_MOST_USES, examples=[500]),
                ],
                "default": "unlimited; of a bulk code `once`",
                "examples": ["once"],
            },
            "per_customer": whole("How often each customer can use it.", most=_MOST_USES, examples=[1]),
            "from": text("Of use from this instant on.", examples=[_FROM], **{"x-form": "time"}),
            "until": text("Of use until just before this instant.", examples=[_UNTIL], **{"x-form": "time"}),
            "offers": listing(
                "The offers that it makes cheaper; without it, all.",
                text("An offer.", **{"x-ref": "offer"} | sku()),
                minItems=1,
                uniqueItems=True,
                examples=[["starter-pack"]],
            ),
            "kinds": listing(
                "The kinds of offers that it makes cheaper; without it, all.",
                text("A kind.", pattern=NAME_PATTERN, patternErrorMessage=SAYS_NAME, examples=["bundle"]),
                minItems=1,
                uniqueItems=True,
                examples=[["bundle"]],
            ),
            "countries": listing(
                "Where its users are; without it, anywhere.",
                text("A country.", examples=["DE"], **{"x-form": "country"}),
                minItems=1,
                uniqueItems=True,
                examples=[["DE", "AT", "CH"]],
            ),
            "minimum": _assets("The least list price: asset -> minor units. It is of use in these assets only."),
            "first_purchase": switch("Whether it is for customers who have not paid real money yet.", default=False),
            "stackable": switch("Whether it can be used together with other stackable codes.", default=False),
            "label": wording("What stands on quotes and receipts; without it, the code.", "Winter sale"),
            "bulk": switch("Whether these are the terms of generated codes; this word is none then.", default=False),
            "restore_on_refund": switch("Whether a full refund gives the use back.", default=False),
        },
        examples=[{"percent": 30, "per_customer": 1, "until": _UNTIL}],
    )


def _assets(description: str) -> Schema:
    return table(
        description,
        amount("Minor units.", examples=[500]),
        minProperties=1,
        examples=[{"USD": 500}],
        **{"x-keys": "asset"},
    )


def _reward(description: str) -> Schema:
    credited = table(
        "Asset -> amount of the shop's own currencies.",
        amount("How much.", examples=[100]),
        minProperties=1,
        **{"x-keys": "asset"},
    )
    code = text("A bulk code; they get a code of their own.", pattern=CODE_PATTERN, patternErrorMessage=SAYS_CODE)
    return {"description": description, "anyOf": [credited, code], "examples": [{"gems": 100}]}
