"""The shape of a fresh payment intent."""

from __future__ import annotations

from storefront.sandbox.params import Checked
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata, new_id

_PLAIN = ("description", "receipt_email", "setup_future_usage", "statement_descriptor", "statement_descriptor_suffix",
          "transfer_group")  # fmt: skip


def intent_of_session(world: World, session: Body, wanted: Checked) -> Body:
    """The intent behind a checkout session's first attempt to pay; ``wanted`` is ``payment_intent_data``."""
    intent = {
        **_blank(world, session["amount_total"], session["currency"], wanted),
        "allowed_payment_method_types": session["allowed_payment_method_types"],
        "customer": session["customer"],
        "excluded_payment_method_types": session["excluded_payment_method_types"],
        "payment_method_options": session["payment_method_options"],
        "payment_method_types": session["payment_method_types"],
    }
    world.insert(intent, hidden={"session": session["id"]})
    world.emit("payment_intent.created", intent)
    return intent


def intent_by_api(world: World, params: Checked, *, currency: str, method: Body | None) -> Body:
    """An intent of the caller's own, not yet confirmed; amount, customer and method are checked already."""
    automatic = params.get("automatic_payment_methods") or {"enabled": True}
    intent = {
        **_blank(world, params["amount"], currency, params),
        "allowed_payment_method_types": params.get("allowed_payment_method_types") or None,
        "automatic_payment_methods": {"allow_redirects": "always", **automatic},
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "customer": params.get("customer"),
        "excluded_payment_method_types": params.get("excluded_payment_method_types") or None,
        "payment_method": method["id"] if method else None,
        "payment_method_options": params.get("payment_method_options") or {},
        "payment_method_types": ["card", "sepa_debit"] if currency == "eur" else ["card"],
        "status": "requires_confirmation" if method else "requires_payment_method",
    }
    world.insert(intent, hidden={"session": None, "return_url": params.get("return_url")})
    world.emit("payment_intent.created", intent)
    return intent


def _blank(world: World, amount: int, currency: str, wanted: Checked) -> Body:
    intent_id = new_id("pi")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": wanted.get("capture_method", "automatic_async"),
        "client_secret": f"{intent_id}_secret_{new_id('x', 25)[2:]}",
        "confirmation_method": "automatic",
        "created": world.now,
        "currency": currency,
        "customer": None,
        "customer_account": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": merged_metadata({}, wanted.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "review": None,
        "shipping": None,
        "source": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        **{member: wanted.get(member) for member in _PLAIN},
    }
