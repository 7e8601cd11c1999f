"""The section of the configuration about tax: who works it out, whose rates, and who the seller is."""

from storefront.core.config.schema_parts import (
    NAME_PATTERN,
    SAYS_NAME,
    Schema,
    choice,
    listing,
    mapping,
    text,
)

DEFAULT_CLASS = "digital"
DEFAULT_TAX_NAME = "VAT"


def tax() -> Schema:
    """Schema of the section ``tax``."""
    return mapping(
        "How sales for real money are taxed. Without this section nothing is; spending virtual currency never is.",
        {
            "by": choice(
                "`table`: by the rates below. `gateway`: the payment gateway works it out.",
                ["table", "gateway"],
                default="table",
                examples=["table"],
            ),
            "prices": choice(
                "Whether the offers' prices hold the tax (`inclusive`), or the buyer pays it on top (`exclusive`).",
                ["inclusive", "exclusive"],
                default="inclusive",
                examples=["inclusive"],
            ),
            "default_country": _country("The country of buyers whose country nobody knows; without it, they pay none."),
            "default_class": tax_class("The class of offers that name none.") | {"default": DEFAULT_CLASS},
            "seller": _seller(),
            "rates": listing(
                "What each country takes of each class. A country that is not here takes nothing.",
                _rate(),
                maxItems=2_000,
                examples=[[{"country": "DE", "class": DEFAULT_CLASS, "percent": "19"}]],
            ),
        },
        examples=[{"prices": "inclusive", "rates": [{"country": "DE", "class": DEFAULT_CLASS, "percent": "19"}]}],
    )


def tax_class(description: str) -> Schema:
    """What a class of goods may be called."""
    return text(description, pattern=NAME_PATTERN, patternErrorMessage=SAYS_NAME, examples=[DEFAULT_CLASS])


def _rate() -> Schema:
    return mapping(
        "A rate.",
        {
            "country": _country("Where the buyer is."),
            "class": tax_class("Of which goods."),
            "percent": text(
                "How much, as text, so that no digit is lost.",
                pattern=r"^\d{1,2}(\.\d{1,4})?$",
                patternErrorMessage='must be a percentage below 100 with at most four decimals, like "19" or "8.875"',
                examples=["19"],
            ),
            "name": text(
                "What it is called on receipts.", maxLength=40, default=DEFAULT_TAX_NAME, examples=[DEFAULT_TAX_NAME]
            ),
        },
        required=["country", "class", "percent"],
        examples=[{"country": "DE", "class": DEFAULT_CLASS, "percent": "19"}],
    )


def _seller() -> Schema:
    return mapping(
        "Who sells, as receipts name them.",
        {
            "name": text("The name in law.", maxLength=200, examples=["Lowtide Games GmbH"]),
            "tax_id": text("The tax or VAT number.", maxLength=40, examples=["DE123456789"]),
            "country": _country("Where the seller is."),
            "address": listing(
                "The address, a line each.",
                text("A line.", maxLength=200, examples=["Hafenstrasse 1"]),
                maxItems=6,
                examples=[["Hafenstrasse 1", "20457 Hamburg"]],
            ),
        },
        examples=[{"name": "Lowtide Games GmbH", "tax_id": "DE123456789", "country": "DE"}],
    )


def _country(description: str) -> Schema:
    return text(description, examples=["DE"], **{"x-form": "country"})
