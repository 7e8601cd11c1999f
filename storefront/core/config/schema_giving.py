"""The sections of the configuration about giving: gifts when buying, and transfers between customers."""

from storefront.core.config.schema_parts import Schema, choice, listing, mapping, switch, table, text, whole
from storefront.core.money import MAX_AMOUNT


def gifts() -> Schema:
    """Schema of the section ``gifts``."""
    return mapping(
        "Buying something for somebody else.",
        {
            "allowed": switch("Whether anything can be bought for somebody else at all.", default=True),
            "customers": switch("Whether a customer's own session may, or only the game's server.", default=True),
            "kinds": listing(
                "Which kinds of offers may be given; all if not said. One offer is left out by `giftable: false`.",
                text("A kind.", examples=["item"]),
                uniqueItems=True,
                examples=[["item"]],
            ),
            "per_day": whole(
                "How many gifts one customer may buy a day (UTC). Unpaid ones count: they ask after the recipient.",
                most=1_000_000,
                default=20,
                examples=[20],
            ),
        },
        examples=[{"allowed": True, "per_day": 20}],
    )


def transfers() -> Schema:
    """Schema of the section ``transfers``."""
    return mapping(
        "Passing on what one has to another customer. Without this section, nothing can be passed on but items of "
        "offers that say `transferable: true`, by the game's server.",
        {
            "customers": switch("Whether a customer's own session may, or only the game's server.", default=False),
            "clawback": choice(
                "What becomes of currency that was passed on, when its buyer's bank takes the money back: `follow` "
                "takes what is still unspent where it is, `stop` lets its buyer owe it.",
                ["follow", "stop"],
                default="follow",
                examples=["follow"],
            ),
            "items_per_day": whole(
                "How many items one customer may pass on a day (UTC).", most=1_000_000, default=100, examples=[100]
            ),
            "assets": table(
                "The currencies that can be passed on, and how.",
                _asset(),
                examples=[{"gems": {"maximum": 1000, "per_day": 5000, "fee_basis_points": 500}}],
                **{"x-keys": "virtual-asset"},
            ),
        },
        examples=[{"customers": True, "assets": {"gems": {"maximum": 1000}}}],
    )


def _asset() -> Schema:
    return mapping(
        "How one currency is passed on; amounts in its smallest unit.",
        {
            "minimum": whole("The least of one transfer.", most=MAX_AMOUNT, default=1, examples=[10]),
            "maximum": whole("The most of one transfer; no limit if not said.", most=MAX_AMOUNT, examples=[1000]),
            "per_day": whole(
                "How much one customer may pass on a day (UTC); no limit if not said.", most=MAX_AMOUNT, examples=[5000]
            ),
            "fee_basis_points": whole(
                "What of each transfer is kept back, in hundredths of a percent, rounded up to a whole unit.",
                least=0,
                most=9_999,
                default=0,
                examples=[500],
            ),
            "hold_back_days": whole(
                "How long what money paid for (bonus included) rests in a wallet before it can be passed on: disputes "
                "come late.",
                least=0,
                most=3_650,
                default=0,
                examples=[14],
            ),
        },
        examples=[{"minimum": 10, "maximum": 1000, "fee_basis_points": 500}],
    )
