"""The life stories of payments, told to the end; what their acts do is in ``lives.py``."""

from types import MappingProxyType

from storefront.testing import TINY_SHOP
from tests.stories.lives import (
    Story,
    both,
    buys,
    charges_saved,
    confirms,
    debits,
    disputed,
    is_given_up,
    payout_fails,
    pays,
    pays_out,
    refunds,
    spends,
    warned,
)

GIVEN = {"status": "completed", "refunded": "none", "dispute": "none", "gems": 500, "revenue": 499}
BACK = {"status": "completed", "refunded": "full", "dispute": "none", "gems": 0, "revenue": 0}
NOTHING = {"refunded": "none", "dispute": "none", "gems": 0, "revenue": 0}
ASKS_ALWAYS, REFUND_FAILS, REFUND_TAKES_LONG = "4000002760003184", "4000000000005126", "4000000000007726"
GOOD_IBAN, REFUSED_IBAN = "DE89370400440532013000", "DE62370400440532013001"

MINUTES, HOURS, DAYS = 60, 3600, 24 * 3600
TIMELINE = MappingProxyType(
    {
        "at first": 10 * MINUTES,
        "in ten minutes": 8 * HOURS,
        "after a night": 10 * MINUTES,
        "and ten minutes": 4 * DAYS,
        "after days": 8 * HOURS,
        "later": 3 * DAYS,
        "at last": 8 * HOURS,
    }
)
"""Moments at which acts happen, and how many seconds it is to the next one."""

SHOP = TINY_SHOP + "  hoard: {kind: currency_pack, title: A hoard, contents: {gems: 500}, prices: {USD: 9900}}\n"
"""Payouts need a balance that disputes cannot use up."""

PACK = buys("gems-500")
PAID = both(PACK, pays())

STORIES = tuple(
    Story(name, acts, ends)
    for name, acts, ends in (
        ("paid", {"at first": PAID}, GIVEN),
        (
            "3-D Secure",
            {
                "at first": both(PACK, pays("4000002500003155", challenge="fail", expect=402)),
                "in ten minutes": pays("4000002500003155", challenge="pass"),
            },
            GIVEN,
        ),
        (
            "fails then pays",
            {"at first": both(PACK, pays("4000000000000002", expect=402)), "in ten minutes": pays()},
            GIVEN,
        ),
        (
            "refunded in parts",
            {"at first": PAID, "after a night": refunds(200), "after days": refunds(100), "later": refunds()},
            BACK,
        ),
        (
            "refund failed",
            {"at first": both(PACK, pays(REFUND_FAILS)), "after a night": refunds()},
            GIVEN,
        ),
        (
            "refund takes long",
            {"at first": both(PACK, pays(REFUND_TAKES_LONG)), "after a night": refunds()},
            BACK,
        ),
        (
            "dispute won",
            {
                "at first": PAID,
                "after a night": disputed("needs_response"),
                "after days": disputed("under_review", "won"),
            },
            {**GIVEN, "dispute": "won"},
        ),
        (
            "dispute lost, won on appeal",
            {"at first": PAID, "after a night": disputed("needs_response", "lost", "won")},
            {**GIVEN, "dispute": "won"},
        ),
        (
            "dispute lost with spent gems",
            {
                "at first": PAID,
                "after a night": spends,
                "and ten minutes": disputed("needs_response"),
                "after days": disputed("lost"),
            },
            {**GIVEN, "dispute": "lost", "gems": 0, "revenue": 0, "debt": 15},
        ),
        (
            "inquiry, then dispute lost",
            {
                "at first": PAID,
                "after a night": disputed("warning_needs_response"),
                "after days": disputed("needs_response"),
                "later": disputed("lost"),
            },
            {**GIVEN, "dispute": "lost", "gems": 0, "revenue": 0},
        ),
        (
            "dispute won, and lost after all",
            {"at first": PAID, "after a night": disputed("needs_response", "won"), "after days": disputed("lost")},
            {**GIVEN, "dispute": "lost", "gems": 0, "revenue": 0},
        ),
        (
            "dispute won, opened again and lost",
            {
                "at first": PAID,
                "after a night": disputed("needs_response", "won", "under_review"),
                "after days": disputed("lost"),
            },
            {**GIVEN, "dispute": "lost", "gems": 0, "revenue": 0},
        ),
        ("early warning refunded", {"at first": PAID, "after a night": warned}, BACK),
        (
            "delayed method succeeds",
            {"at first": both(buys("gems-500", currency="EUR"), debits(GOOD_IBAN))},
            {**GIVEN, "revenue": 479},
        ),
        (
            "delayed method fails",
            {"at first": both(buys("gems-500", currency="EUR"), debits(REFUSED_IBAN))},
            {**NOTHING, "status": "failed"},
        ),
        ("paid late", {"at first": both(PACK, is_given_up), "in ten minutes": pays()}, GIVEN),
        (
            "never paid",
            {"at first": both(PACK, pays("4000000000009995", expect=402))},
            {**NOTHING, "status": "expired"},
        ),
        (
            "off-session needs action",
            {
                "at first": both(buys("gems-500", save_payment_method=True), pays(ASKS_ALWAYS, challenge="pass")),
                "after a night": charges_saved,
                "and ten minutes": confirms,
            },
            {**GIVEN, "revenue": 499 + 1499, "entitlements": ["chapters"]},
        ),
        (
            "payout failed after it was paid",
            {"at first": both(buys("hoard"), pays()), "after days": pays_out, "at last": payout_fails},
            {**GIVEN, "revenue": 9900},
        ),
    )
)
