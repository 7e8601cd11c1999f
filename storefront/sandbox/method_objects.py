"""The shapes of fresh payment methods."""

from __future__ import annotations

from storefront.sandbox.bank_accounts import BankAccount
from storefront.sandbox.cards import Card
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def method_body(world: World, kind: str, details: Body, *, email: str | None) -> Body:
    """A method of ``kind`` that belongs to nobody yet; ``details`` are its members under that name."""
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(_ADDRESS),
            "email": email,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        kind: details,
        "created": world.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }


def card_members(card: Card, expiry: tuple[int, int]) -> Body:
    """What a method says of its card; ``expiry`` is month and full year."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": card.cvc_check,
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": expiry[0],
        "exp_year": expiry[1],
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def account_members(account: BankAccount) -> Body:
    """What a method says of its bank account."""
    return {
        "bank_code": account.bank_code,
        "branch_code": None,
        "country": account.country,
        "fingerprint": account.fingerprint,
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": account.last4,
    }
