"""Set-up intents by the API: made, confirmed, changed, cancelled."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import setups
from storefront.sandbox.attempts import Outcome
from storefront.sandbox.checkout_completion import session_of
from storefront.sandbox.errors import ApiError, attempt_failed, invalid
from storefront.sandbox.intent_params import AUTOMATIC, MANDATE_DATA
from storefront.sandbox.method_params import DATA, METHOD_TYPES, OPTIONS
from storefront.sandbox.operations import Operation, filters, list_page, present
from storefront.sandbox.params import (
    EXPAND,
    NO_METHOD_TYPES,
    PAGE,
    Checked,
    Choice,
    Each,
    Flag,
    Metadata,
    Object,
    Required,
    Table,
    Text,
    Url,
    When,
    not_emulated_names,
)
from storefront.sandbox.payment_methods import check_usable, from_data, resolve
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    if "customer" in params:
        world.get("customer", params["customer"], param="customer")
    method = _method(world, params, params.get("customer"))
    wanted = {**params, "metadata": merged_metadata({}, params.get("metadata"))}
    setup = setups.new_setup(world, wanted, method=method, hidden={"session": None})
    return _confirmed(world, setup, method, params) if params.get("confirm") else setup


def _method(world: World, params: Checked, customer: str | None) -> Body | None:
    if "payment_method_data" in params:
        return from_data(world, params["payment_method_data"], "payment_method_data")
    if "payment_method" not in params:
        return None
    method = resolve(world, params["payment_method"])
    check_usable(world, method, customer)
    return method


def _confirmed(world: World, setup: Body, method: Body | None, params: Checked) -> Body:
    if method is None:
        raise invalid(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a "
            "payment method and then confirm it again.",
            param="payment_method",
            code="setup_intent_unexpected_state",
        )
    automatic = setup["automatic_payment_methods"]
    if automatic["enabled"] and automatic["allow_redirects"] == "always" and "return_url" not in params:
        raise invalid(
            "This SetupIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`.",
            param="return_url",
        )
    if method["type"] == "sepa_debit" and not params.get("mandate_data"):
        raise invalid("This SetupIntent requires a mandate: pass `mandate_data`.", param="mandate_data")
    outcome = setups.attempt(world, setup, method, params.get("return_url"))
    if outcome is Outcome.DECLINED:
        raise attempt_failed(setup["last_setup_error"], setup_intent=setup)
    return setup


def _open(world: World, setup_id: str, verb: str) -> Body:
    setup = world.get("setup_intent", setup_id)
    session = session_of(world, setup)
    if setup["status"] not in OPEN or (session is not None and session["status"] == "open"):
        why = "it belongs to an open Checkout Session" if session else f"it has a status of {setup['status']}"
        message = f"This SetupIntent could not be {verb} because {why}."
        raise ApiError(400, message, code="setup_intent_unexpected_state", extra={"setup_intent": setup})
    return setup


def _confirm(world: World, params: Checked, ids: Sequence[str]) -> Body:
    setup = _open(world, ids[0], "confirmed")
    method = _method(world, params, setup["customer"])
    if method is None and setup["payment_method"]:
        method = world.get("payment_method", setup["payment_method"])
    if params.get("payment_method_options"):
        setup["payment_method_options"] = params["payment_method_options"]
    return _confirmed(world, setup, method, params)


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    setup = world.get("setup_intent", ids[0])
    if set(params) - {"metadata", "description", "expand"}:
        _open(world, ids[0], "updated")
    if "metadata" in params:
        setup["metadata"] = merged_metadata(setup["metadata"], params["metadata"])
    if "customer" in params:
        setup["customer"] = world.get("customer", params["customer"], param="customer")["id"]
    method = _method(world, params, setup["customer"])
    if method is not None:
        setup.update(payment_method=method["id"], status="requires_confirmation", next_action=None)
    setup["description"] = params.get("description", setup["description"])
    if params.get("payment_method_options"):
        setup["payment_method_options"] = params["payment_method_options"]
    return world.save(setup)


def _cancel(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return setups.cancel(world, _open(world, ids[0], "canceled"), params.get("cancellation_reason"))


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    setup = world.get("setup_intent", ids[0])
    if params.get("client_secret", setup["client_secret"]) != setup["client_secret"]:
        raise invalid("The client_secret provided does not match this SetupIntent.", param="client_secret")
    return present(world, setup)


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "customer", "payment_method")
    return list_page(world, "setup_intent", params, url="/v1/setup_intents", conditions=conditions)


def _list_attempts(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "setup_intent")
    return list_page(world, "setup_attempt", params, url="/v1/setup_attempts", conditions=conditions)


_METHOD: Table = {
    "payment_method": Text(),
    "payment_method_data": DATA,
    "payment_method_options": Object(OPTIONS),
    "payment_method_types": NO_METHOD_TYPES,
}
_TYPES: Table = {
    "allowed_payment_method_types": Each(Choice(METHOD_TYPES)),
    "excluded_payment_method_types": Each(Choice(METHOD_TYPES)),
}
_CONFIRMING: Table = {
    "mandate_data": MANDATE_DATA,
    "return_url": Url(),
    "use_stripe_sdk": Flag(),
    **not_emulated_names("confirmation_token"),
}
OPERATIONS = (
    Operation("POST", "setup_intents", {
        "automatic_payment_methods": AUTOMATIC,
        "confirm": Flag(),
        "customer": Text(),
        "description": Text(1_000),
        "metadata": Metadata(),
        "usage": Choice(("off_session", "on_session")),
        **_METHOD, **_TYPES, **_CONFIRMING,
        **not_emulated_names("attach_to_self", "customer_account", "flow_directions", "on_behalf_of",
                             "payment_method_configuration", "single_use"),
        **EXPAND,
    }, _create),
    Operation("GET", "setup_intents", {
        "created": When(), "customer": Text(), "payment_method": Text(), **PAGE,
        **not_emulated_names("attach_to_self", "customer_account"),
    }, _list),
    Operation("GET", "setup_intents/{}", {"client_secret": Text(), **EXPAND}, _retrieve),
    Operation("POST", "setup_intents/{}", {
        "customer": Text(), "description": Text(1_000, clearable=True), "metadata": Metadata(), **_METHOD,
        **not_emulated_names("allowed_payment_method_types", "attach_to_self", "customer_account",
                             "excluded_payment_method_types", "flow_directions", "payment_method_configuration"),
        **EXPAND,
    }, _update),
    Operation("POST", "setup_intents/{}/confirm", {
        **_METHOD, **_CONFIRMING, **not_emulated_names("allowed_payment_method_types"), **EXPAND,
    }, _confirm),
    Operation("POST", "setup_intents/{}/cancel", {
        "cancellation_reason": Choice(("abandoned", "duplicate", "requested_by_customer")), **EXPAND,
    }, _cancel),
    Operation("GET", "setup_attempts", {
        "created": When(), "setup_intent": Required(Text()), **PAGE, **not_emulated_names("attach_to_self"),
    }, _list_attempts),
)  # fmt: skip
