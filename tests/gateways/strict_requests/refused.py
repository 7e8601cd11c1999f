"""What is gone from Stripe's API, or never was in it, although some type, some memory or some page may say otherwise.

The request types know most of it by not naming it; here it is said why, and what they cannot say.
Source: Stripe's changelogs up to 2026-10-28.endive.
"""

REFUSED_PARAMETERS = {
    "payment_method_types": "payment_method_types_no_longer_supported since 2026-09-30.endive",
    "coupon": "gone since 2025-03-31.basil; discounts take its place",
    "iterations": "gone since 2025-09-30.clover; duration takes its place",
    "billing_thresholds": "gone since 2025-03-31.basil",
    "source": "cards never pass through us: no tokens, no sources",
    "card": "cards never pass through us: numbers are typed on Stripe's page",
}
"""At the top of any body of a ``POST``."""

REFUSED_PATHS = {
    "/v1/charges": "charges are made by payment intents",
    "/v1/tokens": "cards never pass through us",
    "/v1/sources": "sources are gone; payment methods take their place",
    "/v1/subscription_items/{}/usage_records": "gone since 2025-03-31.basil; meters take their place",
    "/v1/invoices/upcoming": "gone since 2025-03-31.basil; create_preview takes its place",
}
"""To which nothing may be posted; ``{}`` stands for an id."""

REFUSED_EXPANSIONS = (
    "invoice.payment_intent",
    "invoice.charge",
    "charge.invoice",
    "payment_intent.invoice",
    "latest_charge.refunds",
    "payment_intent.charges",
    "charges",
)
"""Whatever stands before them: the members are gone, or expanding them answers only a part."""

STEPS = {"isk": 100, "ugx": 100, "bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10}
"""Currency -> what an amount must be divisible by at the wire (docs.stripe.com/currencies)."""

PAYOUT_STEPS = {"huf": 100, "twd": 100}
"""The same for payouts alone."""
