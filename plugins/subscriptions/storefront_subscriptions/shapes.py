"""The JSON Schemas of this plugin's requests and answers."""

from storefront.shapes import CUSTOMER, INTEGER, MONEY, TEXT, TIME, closed, nullable, table
from storefront_subscriptions.change_rules import Direction, Settling, Timing
from storefront_subscriptions.intervals import PATTERN

_DIRECTION = {**TEXT, "enum": [str(one) for one in Direction]}
_TIMING = {**TEXT, "enum": [str(one) for one in Timing]}
_SETTLING = {**TEXT, "enum": [str(one) for one in Settling]}
PENDING_CHANGE = table(
    {
        "id": TEXT,
        "state": {**TEXT, "enum": ["scheduled", "open"], "description": "For the period's end, or while it is paid."},
        "direction": _DIRECTION,
        "timing": _TIMING,
        "tier": TEXT,
        "interval": TEXT,
        "seats": INTEGER,
        "price": {**MONEY, "description": "Of one seat for one interval."},
        "total": {**MONEY, "description": "What is bought for it now, before tax."},
        "change_at": TIME,
        "purchase": nullable(TEXT),
        "redirect_url": {**nullable(TEXT), "description": "Where its payer pays or confirms."},
    }
)
PAUSE = table(
    {
        "id": TEXT,
        "state": {**TEXT, "enum": ["scheduled", "running", "resuming"],
                  "description": "For the period's end, now, or until its next period is paid."},
        "cause": {**TEXT, "enum": ["asked", "no_method", "gift_gone"],
                  "description": "`no_method`: a trial ended without one. `gift_gone`: its gift's money went back."},
        "starts_at": TIME,
        "resume_at": {**nullable(TIME), "description": "When it goes on by itself."},
        "keep_anchor": {"type": "boolean", "description": "Whether its days of payment stay."},
    }
)  # fmt: skip
GIFTED = table(
    {
        "periods_left": {**INTEGER, "description": "Given periods that are still to come."},
        "until": {**nullable(TIME), "description": "When the last of them ends; not known while it is paused."},
    }
)
FINAL_INVOICE = table(
    {
        "id": TEXT,
        "state": {**TEXT, "enum": ["open", "paid", "owed", "written_off"],
                  "description": "`owed`: it could not be collected, and the family's next invoice asks for it."},
        "lines": {"type": "array", "items": table({"title": TEXT, "total": MONEY})},
        "total": {**MONEY, "description": "Before tax."},
        "attempts": INTEGER,
        "reason": {**nullable(TEXT), "description": "Why it is not paid."},
        "next_attempt_at": nullable(TIME),
        "purchase": nullable(TEXT),
        "redirect_url": {**nullable(TEXT), "description": "Where its payer pays or confirms."},
    }
)  # fmt: skip
SUBSCRIPTION = table(
    {
        "id": TEXT,
        "customer": {"type": "object", "properties": {"id": TEXT}, "required": ["id"]},
        "sku": TEXT,
        "family": TEXT,
        "interval": TEXT,
        "billing_state": {
            **TEXT,
            "enum": [
                "incomplete",
                "trialing",
                "active",
                "past_due",
                "unpaid",
                "paused",
                "canceled",
                "incomplete_expired",
            ],
        },
        "has_access": {"type": "boolean"},
        "access_until": nullable(TIME),
        "period_start": nullable(TIME),
        "period_end": nullable(TIME),
        "will_renew": {"type": "boolean"},
        "price": {**MONEY, "description": "Of one seat for one interval, as it was agreed to."},
        "renews_for": {
            **nullable(MONEY),
            "description": "What its next period costs, before tax and credit; null where none follows.",
        },
        "seats": INTEGER,
        "pay_with": TEXT,
        "reason": {**nullable(TEXT), "description": "Why it is not simply active."},
        "pending_change": {**nullable(PENDING_CHANGE), "description": "What was agreed to, and is not done yet."},
        "pause": {**nullable(PAUSE), "description": "The pause that it is in, or that is to come."},
        "gifted": {**nullable(GIFTED), "description": "What somebody else has paid of it, now or for later."},
        "credit": {**MONEY, "description": "What the next invoices of the family cost less; never paid out."},
        "owed": {**MONEY, "description": "What the next invoice of the family costs more."},
        "final_invoice": {
            **nullable(FINAL_INVOICE),
            "description": "What was asked after its end for usage that was on no invoice.",
        },
        "next_attempt_at": nullable(TIME),
        "created_at": TIME,
        "ended_at": nullable(TIME),
    }
)
INVOICE = table(
    {
        "id": TEXT,
        "sku": TEXT,
        "interval": TEXT,
        "period": {**INTEGER, "description": "Which period it is for, from 0; -1 for a trial."},
        "period_start": nullable(TIME),
        "period_end": nullable(TIME),
        "state": {**TEXT, "enum": ["open", "paid", "void", "uncollectible"]},
        "lines": {"type": "array", "items": table({"title": TEXT, "total": MONEY})},
        "total": {**MONEY, "description": "Before tax."},
        "attempts": INTEGER,
        "purchase": nullable(TEXT),
    }
)
METERED = table(
    {
        "feature": TEXT,
        "title": TEXT,
        "sku": {**TEXT, "description": "The tier that charges it."},
        "period": INTEGER,
        "starts_at": TIME,
        "ends_at": {**TIME, "description": "Of the full hours that it is about; of a running period, until now."},
        "quantity": TEXT,
        "included": {**TEXT, "description": "How many units of it are free."},
        "metered": {**MONEY, "description": "Billed and pending."},
        "billed": {**MONEY, "description": "What is on invoices."},
        "pending": {**MONEY, "description": "What the next invoice asks."},
    }
)
_OF_CUSTOMER = {**CUSTOMER, "description": "Whose, with a server key; absent with a session."}
SUBSCRIBE = closed(
    {
        "customer": _OF_CUSTOMER,
        "sku": {"type": "string", "maxLength": 100, "description": "The tier.", "examples": ["premium"]},
        "recipient": {**CUSTOMER, "description": "Who is given it; then name `periods`."},
        "periods": {"type": "integer", "minimum": 1, "maximum": 120, "description": "How many are given."},
        "interval": {
            "type": "string",
            "pattern": PATTERN,
            "description": "For how long one payment lasts; the tier's first interval if absent.",
            "examples": ["month"],
        },
        "seats": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 1, "description": "How many seats."},
        "currency": {"type": "string", "maxLength": 40, "description": "In which asset.", "examples": ["USD"]},
        "pay_with": {"type": "string", "maxLength": 40, "description": "A gateway, or `wallet`."},
        "payment_method": {"type": "string", "maxLength": 80, "description": "A saved method to charge."},
        "return_url": {"type": "string", "maxLength": 2_000, "description": "Where the payer comes back to."},
        "trial": {"type": "boolean", "default": True, "description": "Whether to begin with the tier's trial."},
        "promo_codes": {
            "type": "array",
            "items": {"type": "string", "maxLength": 60},
            "maxItems": 5,
            "description": "For the first payment.",
        },
    },
    required=["sku"],
)
CANCEL = closed(
    {
        "at": {
            "type": "string",
            "enum": ["period_end", "now"],
            "default": "period_end",
            "description": "With the period that is paid, which may be taken back, or at once.",
        }
    }
)
_KEEPS = {"type": "boolean", "description": "Whether its days of payment stay: then the rest of a period is paid."}
_AT = "At once, with credit for the rest of what is paid; or once that is over."
PAUSE_IT = closed(
    {
        "at": {"type": "string", "enum": ["period_end", "now"], "default": "period_end", "description": _AT},
        "resume_at": {**TIME, "description": "When it goes on by itself; for customers no later than the shop says."},
        "keep_anchor": {**_KEEPS, "default": False},
    }
)
RESUME = closed({"keep_anchor": _KEEPS})
OF_CUSTOMER_QUERY = closed({"customer": _OF_CUSTOMER})
_TERMS = {
    "timing": {**_TIMING, "description": "When, if not as the shop says; customers only as the shop lets them."},
    "money": {**_SETTLING, "description": "What is paid for it now, if not as the shop says; the same."},
}
_TARGET = {
    "tier": {"type": "string", "maxLength": 100, "description": "The tier to change to.", "examples": ["premium"]},
    "interval": {
        "type": "string",
        "pattern": PATTERN,
        "description": "The interval to change to; as it is if the tier has that, else the tier's first.",
        "examples": ["year"],
    },
    "seats": {"type": "integer", "minimum": 1, "maximum": 10_000, "description": "How many seats; as many as now."},
    "currency": {"type": "string", "maxLength": 40, "description": "Another asset, from the next period on."},
    **_TERMS,
}
PREVIEW = closed(_TARGET, required=["tier"])
CHANGE = closed(
    {
        "token": {"type": "string", "maxLength": 8_192, "description": "Of a preview: just that, or nothing."},
        **_TARGET,
        "payment_method": {"type": "string", "maxLength": 80, "description": "A saved method to charge."},
        "return_url": {"type": "string", "maxLength": 2_000, "description": "Where the payer comes back to."},
    }
)
PREVIEWED = table(
    {
        "subscription": TEXT,
        "tier": TEXT,
        "interval": TEXT,
        "seats": INTEGER,
        "direction": _DIRECTION,
        "timing": _TIMING,
        "money": nullable(_SETTLING),
        "change_at": TIME,
        "period_start": TIME,
        "period_end": TIME,
        "lines": {
            "type": "array",
            "items": table(
                {
                    "kind": {**TEXT, "enum": ["charge", "usage", "credit", "used", "owed", "kept", "tax"]},
                    "title": TEXT,
                    "total": MONEY,
                }
            ),
        },
        "total": {**MONEY, "description": "What is paid then, tax and all."},
        "returned": {**MONEY, "description": "What goes back to the wallet."},
        "renews_for": {**MONEY, "description": "What each period costs from then on, before tax."},
        "token": {**TEXT, "description": "Pins all of this until `expires_at`."},
        "expires_at": TIME,
    }
)
CREDIT = table(
    {
        "id": TEXT,
        "asset": TEXT,
        "cause": {**TEXT, "enum": ["granted", "rolled"]},
        "amount": {**INTEGER, "description": "What was granted; 0 where a change of tier took some back instead."},
        "worth": {**INTEGER, "description": "What the whole slot is worth from then on."},
        "slot_start": TIME,
        "slot_end": {**TIME, "description": "When what is left of it lapses, or rolls over."},
        "purchase": {**TEXT, "description": "What paid for it."},
        "entry": nullable(TEXT),
    }
)
NEXT_CREDIT = table({"asset": TEXT, "amount": INTEGER, "at": TIME})
