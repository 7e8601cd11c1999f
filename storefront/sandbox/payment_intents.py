"""Payment intents: made by the checkout page, then read, labelled, captured or cancelled by the API."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import charges
from storefront.sandbox.currencies import check_amount
from storefront.sandbox.errors import ApiError, invalid
from storefront.sandbox.operations import Operation, filters, list_page, present
from storefront.sandbox.params import (
    EXPAND,
    PAGE,
    Checked,
    Choice,
    Email,
    Integer,
    Metadata,
    NotEmulated,
    Text,
    When,
    not_emulated_names,
)
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata, new_id

CANCELLABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing")


def new_intent(world: World, session: Body, wanted: Checked) -> Body:
    """The intent behind a checkout session's first attempt to pay; ``wanted`` is ``payment_intent_data``."""
    intent_id = new_id("pi")
    intent: Body = {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": session["allowed_payment_method_types"],
        "amount": session["amount_total"],
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
        "currency": session["currency"],
        "customer": session["customer"],
        "customer_account": None,
        "description": wanted.get("description"),
        "excluded_payment_method_types": session["excluded_payment_method_types"],
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": merged_metadata({}, wanted.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": session["payment_method_options"],
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": wanted.get("receipt_email"),
        "review": None,
        "setup_future_usage": wanted.get("setup_future_usage"),
        "shipping": None,
        "source": None,
        "statement_descriptor": wanted.get("statement_descriptor"),
        "statement_descriptor_suffix": wanted.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": wanted.get("transfer_group"),
    }
    world.insert(intent, hidden={"session": session["id"]})
    world.emit("payment_intent.created", intent)
    return intent


def cancel_intent(world: World, intent: Body, reason: str | None) -> Body:
    """Move an intent to ``canceled`` and give back what was authorised."""
    if intent["status"] == "requires_capture":
        charges.release(world, intent["latest_charge"])
    intent.update(
        status="canceled",
        amount_capturable=0,
        canceled_at=world.now,
        cancellation_reason=reason,
        next_action=None,
    )
    world.save(intent)
    world.emit("payment_intent.canceled", intent)
    return intent


def _unexpected(intent: Body, verb: str) -> ApiError:
    message = f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
    return ApiError(400, message, code="payment_intent_unexpected_state", extra={"payment_intent": intent})


def _cancel(world: World, params: Checked, ids: Sequence[str]) -> Body:
    intent = world.get("payment_intent", ids[0])
    session = world.records.find("checkout.session", world.records.hidden(intent["id"])["session"])
    if session is not None and session["status"] == "open":
        raise invalid(
            "You cannot cancel this PaymentIntent because it belongs to an open Checkout Session. "
            "Expire the Checkout Session instead.",
            code="payment_intent_unexpected_state",
        )
    if intent["status"] not in CANCELLABLE:
        raise _unexpected(intent, "canceled")
    return cancel_intent(world, intent, params.get("cancellation_reason"))


def _capture(world: World, params: Checked, ids: Sequence[str]) -> Body:
    intent = world.get("payment_intent", ids[0])
    if intent["status"] != "requires_capture":
        raise _unexpected(intent, "captured")
    amount = int(params.get("amount_to_capture") or intent["amount_capturable"])
    if amount > intent["amount_capturable"]:
        raise invalid(
            f"The amount you tried to capture is greater than the capturable amount of {intent['amount_capturable']}.",
            param="amount_to_capture",
            code="amount_too_large",
        )
    check_amount(amount, intent["currency"], "amount_to_capture")
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    for member in ("statement_descriptor", "statement_descriptor_suffix"):
        intent[member] = params.get(member, intent[member])
    charges.capture(world, intent["latest_charge"], amount)
    intent.update(status="succeeded", amount_capturable=0, amount_received=amount)
    world.save(intent)
    _mark_session_paid(world, intent)
    world.emit("payment_intent.succeeded", intent)
    return intent


def _mark_session_paid(world: World, intent: Body) -> None:
    session = world.records.find("checkout.session", world.records.hidden(intent["id"])["session"])
    if session is not None:
        world.save({**session, "payment_status": "paid"})


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    intent = world.get("payment_intent", ids[0])
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    for member in ("description", "receipt_email", "transfer_group"):
        if member in params:
            intent[member] = params[member]
    return world.save(intent)


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "customer")
    return list_page(world, "payment_intent", params, url="/v1/payment_intents", conditions=conditions)


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    intent = world.get("payment_intent", ids[0])
    if params.get("client_secret", intent["client_secret"]) != intent["client_secret"]:
        raise invalid("The client_secret provided does not match this PaymentIntent.", param="client_secret")
    return present(world, intent)


OPERATIONS = (
    Operation("GET", "payment_intents", {"created": When(), "customer": Text(), **PAGE,
              **not_emulated_names("customer_account")}, _list),
    Operation("GET", "payment_intents/{}", {"client_secret": Text(), **EXPAND}, _retrieve),
    Operation("POST", "payment_intents/{}", {
        "description": Text(1_000, clearable=True),
        "metadata": Metadata(),
        "receipt_email": Email(clearable=True),
        "transfer_group": Text(500),
        **not_emulated_names(
            "allowed_payment_method_types", "amount", "amount_details", "application_fee_amount", "capture_method",
            "currency", "customer", "customer_account", "excluded_payment_method_types", "hooks", "payment_details",
            "payment_method", "payment_method_configuration", "payment_method_data", "payment_method_options",
            "setup_future_usage", "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_data",
        ),
        **EXPAND,
    }, _update),
    Operation("POST", "payment_intents/{}/capture", {
        "amount_to_capture": Integer(1),
        "final_capture": NotEmulated(harmless=("true",)),
        "metadata": Metadata(),
        "statement_descriptor": Text(22, clearable=True),
        "statement_descriptor_suffix": Text(22, clearable=True),
        **not_emulated_names("amount_details", "application_fee_amount", "hooks", "payment_details", "transfer_data"),
        **EXPAND,
    }, _capture),
    Operation("POST", "payment_intents/{}/cancel", {
        "cancellation_reason": Choice(("duplicate", "fraudulent", "requested_by_customer", "abandoned")),
        **EXPAND,
    }, _cancel),
)  # fmt: skip
