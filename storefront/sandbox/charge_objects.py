"""The shapes of a fresh charge: what was tried, with which card or bank account, and how the network answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storefront.sandbox.cards import Card, Decline
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id

AUTHORISED_SECONDS = 7 * 24 * 3600


def is_held(intent: Body) -> bool:
    """Whether a card that pays this intent is only authorised: by the intent's own word, or by its word on cards."""
    of_cards = (intent["payment_method_options"].get("card") or {}).get("capture_method")
    return "manual" in (intent["capture_method"], of_cards)


def charge_body(world: World, intent: Body, method: Body, *, status: str, outcome: Body, details: Body) -> Body:
    """A charge of an intent's amount that nothing has been booked for; ``status`` as Stripe names it."""
    charge_id = new_id("py" if method["type"] != "card" else "ch")
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": None,
        "captured": False,
        "created": world.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": outcome,
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {method["type"]: details, "type": method["type"]},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "refunds": {"object": "list", "data": [], "has_more": False, "url": f"/v1/charges/{charge_id}/refunds"},
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def card_outcome(card: Card, decline: Decline | None) -> Body:
    """Radar's and the network's word on a card."""
    outcome: Body = {
        "advice_code": decline.advice_code if decline else None,
        "network_advice_code": _network_advice(decline),
        "network_decline_code": decline.network_decline_code if decline else None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": card.risk_level,
        "risk_score": card.risk_score,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if decline is None:
        return outcome
    outcome["seller_message"] = decline.seller_message
    if decline.is_blocked:
        return {**outcome, "network_status": "not_sent_to_network", "reason": "highest_risk_level", "type": "blocked"}
    return {
        **outcome, "network_status": "declined_by_network", "reason": decline.decline_code, "type": "issuer_declined"
    }  # fmt: skip


def _network_advice(decline: Decline | None) -> str | None:
    # The networks' own code for "do not try again".
    if decline is None or decline.is_blocked:
        return None
    return "03" if decline.advice_code == "do_not_try_again" else None


def card_details(world: World, intent: Body, method: Body, *, is_authenticated: bool) -> Body:
    """What a charge says of the card it was tried with."""
    card: Mapping[str, Any] = method["card"]
    secure = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
    details: Body = {
        "amount_authorized": intent["amount"],
        "authorization_code": None,
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": secure if is_authenticated else None,
        "transaction_link_id": None,
        "wallet": None,
    }
    if is_held(intent):
        details["capture_before"] = world.now + AUTHORISED_SECONDS
    return details


def debit_outcome() -> Body:
    """Radar's word on a bank debit: none, and the bank's comes days later."""
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "not_assessed",
        "seller_message": "Payment complete.",
        "type": "authorized",
    }


def debit_details(method: Body, mandate: str | None) -> Body:
    """What a charge says of the bank account it was taken from."""
    account: Mapping[str, Any] = method["sepa_debit"]
    return {
        "bank_code": account["bank_code"],
        "branch_code": account["branch_code"],
        "country": account["country"],
        "expected_debit_date": None,
        "fingerprint": account["fingerprint"],
        "last4": account["last4"],
        "mandate": mandate,
    }
