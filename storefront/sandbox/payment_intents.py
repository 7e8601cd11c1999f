"""Payment intents by the API: made, confirmed, changed, captured, cancelled, and lapsed."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import charges
from storefront.sandbox.attempts import Outcome, Terms, attempt
from storefront.sandbox.checkout_completion import mark_paid, session_of
from storefront.sandbox.currencies import check_amount, checked_currency
from storefront.sandbox.due import unschedule
from storefront.sandbox.errors import ApiError, attempt_failed, invalid
from storefront.sandbox.intent_objects import intent_by_api
from storefront.sandbox.intent_params import CANCEL, CAPTURE, CAPTURE_CHARGE, CONFIRM, CREATE, UPDATE
from storefront.sandbox.operations import Operation, filters, list_page, present
from storefront.sandbox.params import EXPAND, PAGE, Checked, Text, When, not_emulated_names
from storefront.sandbox.payment_methods import card_of, check_usable, from_data, resolve
from storefront.sandbox.sequels import follow_up
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata

CANCELLABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_MONEY = ("amount", "currency")
_PLAIN = ("description", "receipt_email", "setup_future_usage", "statement_descriptor", "statement_descriptor_suffix",
          "transfer_group")  # fmt: skip


def cancel_intent(world: World, intent: Body, reason: str | None, *, event: str = "charge.refunded") -> Body:
    """Move an intent to ``canceled`` and give back what was authorised; ``event`` tells of the charge."""
    if intent["status"] == "requires_capture":
        charges.release(world, intent["latest_charge"], event=event)
        unschedule(world, "authorisation_lapses", intent["id"])
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


def lapse(world: World, intent_id: str) -> None:
    """Seven days have passed without a capture: the bank lets the authorisation go."""
    intent = world.get("payment_intent", intent_id)
    if intent["status"] == "requires_capture":
        cancel_intent(world, intent, "automatic", event="charge.expired")


def capture_intent(world: World, intent: Body, amount: int) -> Body:
    """Take ``amount`` minor units of what was authorised; the rest goes back."""
    charge = charges.capture(world, intent["latest_charge"], amount)
    unschedule(world, "authorisation_lapses", intent["id"])
    intent.update(status="succeeded", amount_capturable=0, amount_received=amount)
    world.save(intent)
    mark_paid(world, intent)
    world.emit("payment_intent.succeeded", intent)
    card = card_of(world, world.get("payment_method", charge["payment_method"]))
    follow_up(world, charge["id"], card.sequel)
    return intent


def _unexpected(intent: Body, verb: str) -> ApiError:
    message = f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
    return ApiError(400, message, code="payment_intent_unexpected_state", extra={"payment_intent": intent})


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    currency = checked_currency(params["currency"], "currency")
    check_amount(params["amount"], currency, "amount")
    if "customer" in params:
        world.get("customer", params["customer"], param="customer")
    if not params.get("confirm"):
        _refuse_without_confirm(params)
    method = _method(world, params)
    if method is not None:
        check_usable(world, method, params.get("customer"))
    intent = intent_by_api(world, params, currency=currency, method=method)
    if params.get("confirm"):
        return _confirmed(world, intent, method, params)
    return intent


def _refuse_without_confirm(params: Checked) -> None:
    for name in ("off_session", "return_url", "error_on_requires_action", "mandate_data"):
        if name in params:
            message = f"You cannot provide `{name}` without also passing `confirm=true`."
            raise invalid(message.replace("passing", "setting"), param=name)


def _method(world: World, params: Checked) -> Body | None:
    if "payment_method" in params and "payment_method_data" in params:
        message = "You may only specify one of these parameters: payment_method, payment_method_data."
        raise invalid(message, param="payment_method_data")
    if "payment_method_data" in params:
        return from_data(world, params["payment_method_data"], "payment_method_data")
    return resolve(world, params["payment_method"]) if "payment_method" in params else None


def _confirmed(world: World, intent: Body, method: Body | None, params: Checked) -> Body:
    """Attempt to pay; a refusal of the bank raises 402 and what was written stays."""
    if method is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            param="payment_method",
            code="payment_intent_unexpected_state",
        )
    _check_type(intent, method)
    if method["type"] == "sepa_debit" and not params.get("mandate_data") and method["customer"] is None:
        raise invalid(
            "This PaymentIntent requires a mandate, but no existing mandate was found. Collect mandate acceptance from "
            "the customer and try again, providing acceptance data in the mandate_data parameter.",
            param="mandate_data",
            code="payment_intent_mandate_invalid",
        )
    is_off_session = params.get("off_session", "false") != "false"
    return_url = params.get("return_url") or world.records.hidden(intent["id"]).get("return_url")
    _refuse_without_return_url(intent, return_url, is_off_session=is_off_session)
    terms = Terms(is_off_session, bool(params.get("error_on_requires_action")), return_url)
    outcome = attempt(world, intent, method, terms)
    if outcome is Outcome.DECLINED:
        raise attempt_failed(intent["last_payment_error"], payment_intent=intent)
    return intent


def _refuse_without_return_url(intent: Body, return_url: str | None, *, is_off_session: bool) -> None:
    automatic = intent["automatic_payment_methods"] or {}
    redirects = automatic.get("enabled") and automatic.get("allow_redirects") == "always"
    if redirects and not (return_url or is_off_session):
        raise invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents.",
            param="return_url",
        )


def _check_type(intent: Body, method: Body) -> None:
    kind = method["type"]
    allowed = intent["allowed_payment_method_types"] or intent["payment_method_types"]
    excluded = intent["excluded_payment_method_types"] or []
    if kind not in intent["payment_method_types"] or kind not in allowed or kind in excluded:
        raise invalid(
            f"The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. Please attach one of the "
            f"following payment method types: {', '.join(intent['payment_method_types'])}.",
            param="payment_method",
        )
    if kind == "sepa_debit" and intent["capture_method"] == "manual":
        raise invalid("The payment method type sepa_debit cannot be captured manually.", param="payment_method")


def _confirm(world: World, params: Checked, ids: Sequence[str]) -> Body:
    intent = world.get("payment_intent", ids[0])
    _refuse_in_open_session(world, intent, "confirm")
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected(intent, "confirmed")
    _apply(world, intent, params)
    method = _method(world, params)
    if method is None and intent["payment_method"]:
        method = world.get("payment_method", intent["payment_method"])
    if method is not None:
        check_usable(world, method, intent["customer"])
    return _confirmed(world, intent, method, params)


def _refuse_in_open_session(world: World, intent: Body, verb: str) -> None:
    session = session_of(world, intent)
    if session is not None and session["status"] == "open":
        raise invalid(
            f"You cannot {verb} this PaymentIntent because it belongs to an open Checkout Session. "
            "Expire the Checkout Session instead.",
            code="payment_intent_unexpected_state",
        )


def _apply(world: World, intent: Body, params: Checked) -> None:
    """Write what the caller changes on the intent itself."""
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    for member in (*_PLAIN, "capture_method"):
        if member in params:
            intent[member] = params[member]
    if params.get("payment_method_options"):
        intent["payment_method_options"] = {**intent["payment_method_options"], **params["payment_method_options"]}
    for member in ("allowed_payment_method_types", "excluded_payment_method_types"):
        if member in params:
            intent[member] = params[member] or None


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    intent = world.get("payment_intent", ids[0])
    restricted = (*_MONEY, "customer", "payment_method", "payment_method_data", "capture_method", "setup_future_usage")
    if any(name in params for name in restricted):
        _refuse_in_open_session(world, intent, "update")
        if intent["status"] not in CONFIRMABLE:
            raise _unexpected(intent, "updated")
    if any(name in params for name in _MONEY):
        wanted = {**{name: intent[name] for name in _MONEY}, **params}
        currency = checked_currency(wanted["currency"], "currency")
        check_amount(wanted["amount"], currency, "amount")
        intent.update(amount=wanted["amount"], currency=currency)
    if "customer" in params:
        intent["customer"] = world.get("customer", params["customer"], param="customer")["id"]
    method = _method(world, params)
    if method is not None:
        check_usable(world, method, intent["customer"])
        intent.update(payment_method=method["id"], status="requires_confirmation", next_action=None)
    _apply(world, intent, params)
    return world.save(intent)


def _cancel(world: World, params: Checked, ids: Sequence[str]) -> Body:
    intent = world.get("payment_intent", ids[0])
    _refuse_in_open_session(world, intent, "cancel")
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
    _apply(world, intent, params)
    return capture_intent(world, intent, amount)


def _capture_charge(world: World, params: Checked, ids: Sequence[str]) -> Body:
    charge = world.get("charge", ids[0])
    if charge["captured"] or charge["status"] != "succeeded":
        message = f"Charge {charge['id']} has already been captured."
        raise invalid(message, code="charge_already_captured")
    wanted = {"amount_to_capture": params["amount"]} if "amount" in params else {}
    _capture(world, wanted, [charge["payment_intent"]])
    return world.get("charge", charge["id"])


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "customer")
    return list_page(world, "payment_intent", params, url="/v1/payment_intents", conditions=conditions)


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    intent = world.get("payment_intent", ids[0])
    if params.get("client_secret", intent["client_secret"]) != intent["client_secret"]:
        raise invalid("The client_secret provided does not match this PaymentIntent.", param="client_secret")
    return present(world, intent)


OPERATIONS = (
    Operation("POST", "payment_intents", CREATE, _create),
    Operation("GET", "payment_intents", {"created": When(), "customer": Text(), **PAGE,
              **not_emulated_names("customer_account")}, _list),
    Operation("GET", "payment_intents/{}", {"client_secret": Text(), **EXPAND}, _retrieve),
    Operation("POST", "payment_intents/{}", UPDATE, _update),
    Operation("POST", "payment_intents/{}/confirm", CONFIRM, _confirm),
    Operation("POST", "payment_intents/{}/capture", CAPTURE, _capture),
    Operation("POST", "payment_intents/{}/cancel", CANCEL, _cancel),
    Operation("POST", "charges/{}/capture", CAPTURE_CHARGE, _capture_charge),
)  # fmt: skip
