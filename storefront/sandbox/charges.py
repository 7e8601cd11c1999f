"""Charges: the emulator's record of every attempt to take money, and the balance it moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.sandbox import balance_transactions
from storefront.sandbox.cards import Card
from storefront.sandbox.operations import Operation, filters, list_page, retrieving
from storefront.sandbox.params import EXPAND, PAGE, Checked, Metadata, Text, When, not_emulated_names
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata, new_id


def new_charge(world: World, intent: Body, method: Body, card: Card, *, is_authenticated: bool) -> Body:
    """Try to take an intent's amount from a card: a charge that succeeded, was authorised, or failed."""
    decline = card.decline
    is_captured = decline is None and intent["capture_method"] != "manual"
    charge: Body = {
        "id": new_id("ch"),
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
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(card),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": _card_details(intent, method, is_authenticated), "type": "card"},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded" if decline is None else "failed",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }
    charge["refunds"] = {
        "object": "list", "data": [], "has_more": False, "url": f"/v1/charges/{charge['id']}/refunds"
    }  # fmt: skip
    world.insert(charge)
    if is_captured:
        _book(world, charge, intent["amount"])
    world.emit("charge.failed" if decline else "charge.succeeded", charge)
    return charge


def capture(world: World, charge_id: str, amount: int) -> Body:
    """Take ``amount`` minor units of an authorised charge for good."""
    charge = world.get("charge", charge_id)
    _book(world, charge, amount)
    world.emit("charge.captured", charge)
    return charge


def release(world: World, charge_id: str) -> Body:
    """Give an authorisation back to the card; no money has moved."""
    charge = world.get("charge", charge_id)
    charge.update(amount_refunded=charge["amount"], refunded=True)
    world.save(charge)
    world.emit("charge.refunded", charge)
    return charge


def _book(world: World, charge: Body, amount: int) -> None:
    movement = balance_transactions.book(
        world,
        amount=amount,
        fee=balance_transactions.processing_fee(world, amount, charge["currency"]),
        currency=charge["currency"],
        source=charge["id"],
        type="charge",
        description=charge["description"],
    )
    charge.update(captured=True, amount_captured=amount, balance_transaction=movement["id"])
    world.save(charge)


def _outcome(card: Card) -> Body:
    decline = card.decline
    outcome: Body = {
        "advice_code": decline.advice_code if decline else None,
        "network_advice_code": None,
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


def _card_details(intent: Body, method: Body, is_authenticated: bool) -> Body:
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
    return {
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


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "customer", "payment_intent", "transfer_group")
    return list_page(world, "charge", params, url="/v1/charges", conditions=conditions)


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    charge = world.get("charge", ids[0])
    if "metadata" in params:
        charge["metadata"] = merged_metadata(charge["metadata"], params["metadata"])
    if "description" in params:
        charge["description"] = params["description"]
    return world.save(charge)


OPERATIONS = (
    Operation("GET", "charges", {
        "created": When(), "customer": Text(), "payment_intent": Text(), "transfer_group": Text(), **PAGE,
    }, _list),
    Operation("GET", "charges/{}", EXPAND, retrieving("charge")),
    Operation("POST", "charges/{}", {
        "description": Text(1_000, clearable=True),
        "metadata": Metadata(),
        **not_emulated_names("customer", "fraud_details", "receipt_email", "shipping", "transfer_group"),
        **EXPAND,
    }, _update),
)  # fmt: skip
