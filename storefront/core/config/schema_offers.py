"""What is on sale: virtual currencies, and the keys that every offer has whatever its kind."""

from storefront.core.config.schema_parts import (
    NAME_PATTERN,
    SAYS_NAME,
    SAYS_SKU,
    SKU_PATTERN,
    Schema,
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
from storefront.core.config.schema_prices import exact, prices, sales
from storefront.core.config.schema_tax import tax_class

_PICTURE = r"^(https://|/)\S*$"
_SAYS_PICTURE = "must be an https:// address, or a path on the shop's own address that starts with /"
_MOMENT = "2026-12-01T09:00:00+01:00"


def sku() -> Schema:
    """What the unique code of an offer looks like."""
    return names(SKU_PATTERN, SAYS_SKU)


def assets() -> Schema:
    """Virtual currencies; real ones need no declaration."""
    one = mapping(
        "A virtual currency.",
        {
            "title": wording("Its name for people.", {"en": "Gems", "de": "Juwelen"}),
            "exponent": whole("Digits behind the decimal point.", least=0, most=8, default=0, examples=[0]),
            "icon": text(
                "A picture of it.", pattern=_PICTURE, patternErrorMessage=_SAYS_PICTURE, examples=["/static/gem.svg"]
            ),
        },
        required=["title"],
        examples=[{"title": "Gems", "exponent": 0}],
    )
    return table(
        "The shop's own currencies. Real currencies (USD, EUR, …) are always there.",
        one,
        keys=names(NAME_PATTERN, SAYS_NAME),
        examples=[{"gems": {"title": "Gems"}}],
    )


def common_offer_keys() -> Schema:
    """Key -> schema, for the keys that the core knows in every offer."""
    return {
        "kind": text("What sort of offer it is; plugins bring the kinds.", examples=["item"]),
        "title": wording("Its name for people.", "Sword of Dawn"),
        "description": wording("A sentence or two about it.", "Forged from the first light."),
        "picture": text(
            "A picture of it.", pattern=_PICTURE, patternErrorMessage=_SAYS_PICTURE, examples=["/static/sword.svg"]
        ),
        "prices": prices(),
        "sales": sales(),
        "exact": exact(),
        "grants": _grants(),
        "limits": listing(
            "How often it can be bought.", _limit(), maxItems=10, examples=[[{"per": "customer", "count": 1}]]
        ),
        "available": mapping(
            "When it is on sale: from the first instant on, until just before the second.",
            {
                "from": text("On sale from.", examples=[_MOMENT], **{"x-form": "time"}),
                "until": text("No longer on sale from.", examples=["2027-01-07T00:00:00Z"], **{"x-form": "time"}),
            },
            examples=[{"from": _MOMENT, "until": "2027-01-07T00:00:00Z"}],
        ),
        "featured": switch("Whether the shop page shows it first.", default=False),
        "badge": wording("A word on its price tag.", "Best value"),
        "hidden": switch("Whether it can be bought but is not in the catalog.", default=False),
        "giftable": switch("Whether it can be bought for somebody else.", default=True),
        "transferable": switch("Whether its items can be passed on to another customer.", default=False),
        "tax_class": tax_class("The class of goods that `tax.rates` knows it by."),
        "metadata": table(
            "Yours: texts that come back with every purchase.",
            {"type": "string", "maxLength": 500},
            keys={"maxLength": 40},
            maxProperties=50,
            examples=[{"campaign": "winter"}],
        ),
    }


def _grants() -> Schema:
    value: Schema = {
        "description": "`true`, a quantity, or a text.",
        "anyOf": [
            {"type": "boolean", "const": True},
            whole("A quantity."),
            text("A text, such as a level.", maxLength=200),
        ],
        "examples": [True],
    }
    return {
        "description": "Entitlements that come with it: a list of keys, or key -> `true`, a quantity or a text.",
        "anyOf": [
            listing("Keys.", text("An entitlement.", **{"x-ref": "entitlement"} | sku()), uniqueItems=True),
            table("Key -> value.", value, keys=sku() | {"x-ref": "entitlement"}),
        ],
        "examples": [["sword-of-dawn"]],
    }


def _limit() -> Schema:
    return mapping(
        "A limit.",
        {
            "per": choice(
                "Each `customer`, or all together (`global`).", ["customer", "global"], examples=["customer"]
            ),
            "count": whole("How many.", most=1_000_000_000, examples=[1]),
            "window": choice(
                "In which calendar window (UTC).",
                ["lifetime", "hour", "day", "week", "month"],
                default="lifetime",
                examples=["lifetime"],
            ),
            "restore_limit_on_refund": switch("Whether a refund gives the place back.", default=False),
        },
        required=["per", "count"],
        examples=[{"per": "customer", "count": 1, "window": "day"}],
    )
