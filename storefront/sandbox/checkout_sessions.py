"""Checkout sessions: one purchase on the hosted page, from open to complete or expired."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.checkout_objects import new_line, new_session
from storefront.sandbox.checkout_params import CREATE
from storefront.sandbox.currencies import check_amount
from storefront.sandbox.errors import ApiError, invalid, not_emulated
from storefront.sandbox.operations import Operation, equal, filters, line_items, list_page, retrieving
from storefront.sandbox.params import (
    EXPAND,
    PAGE,
    Checked,
    Choice,
    Metadata,
    Object,
    Text,
    When,
    missing,
    not_emulated_names,
)
from storefront.sandbox.payment_intents import cancel_intent
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata

LEAST_SECONDS = 30 * 60
MOST_SECONDS = 24 * 3600


def expire_due(world: World) -> None:
    """Expire every account's open session whose time has passed, oldest first; cheap when there is none."""
    conditions = [equal("status", "open"), ("json_extract(body, '$.expires_at') <= ?", world.now)]
    with world.acting_for(None):
        sessions = world.records.select("checkout.session", conditions, oldest_first=True)
    for session in sessions:
        with world.acting_for(world.records.owner_of(session["id"])):
            expire(world, session)


def next_expiry(world: World) -> int | None:
    """The Unix second at which the next open session expires, if any is open."""
    row = world.records.connection.execute(
        "SELECT min(json_extract(body, '$.expires_at')) FROM objects"
        " WHERE kind = 'checkout.session' AND json_extract(body, '$.status') = 'open'"
    ).fetchone()
    return None if row[0] is None else int(row[0])


def expire(world: World, session: Body) -> Body:
    """Close an open session unpaid, and cancel the intent of its attempts."""
    session.update(status="expired", url=None)
    world.save(session)
    if session["payment_intent"]:
        cancel_intent(world, world.get("payment_intent", session["payment_intent"]), "expired")
    world.emit("checkout.session.expired", session)
    return session


def return_url(session: Body) -> str:
    """Where the buyer goes after paying, with the session's id filled in."""
    success_url: str = session["success_url"]
    return success_url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    _check_mode(params)
    _check_methods(params)
    expires_at = _expires_at(world, params)
    customer = world.get("customer", params["customer"], param="customer") if "customer" in params else None
    if customer and "customer_email" in params:
        message = "You may only specify one of these parameters: customer, customer_email."
        raise invalid(message, param="customer_email")
    if customer and "customer_creation" in params:
        raise invalid("`customer_creation` cannot be used in conjunction with `customer`.", param="customer_creation")
    lines = [new_line(world, line, index) for index, line in enumerate(params["line_items"])]
    currency = lines[0]["currency"]
    if any(line["currency"] != currency for line in lines):
        raise invalid("All line items must have the same currency.", param="line_items")
    total = sum(line["amount_total"] for line in lines)
    if total:
        check_amount(total, currency, "line_items")
    session = new_session(world, params, expires_at=expires_at, customer=customer, currency=currency, total=total)
    hidden = {
        "line_items": lines,
        "products": [line["price_data"]["product_data"] for line in params["line_items"]],
        "intent": params.get("payment_intent_data") or {},
    }
    return world.insert(session, hidden=hidden)


def _check_mode(params: Checked) -> None:
    if params["mode"] != "payment":
        raise not_emulated("mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_emulated("ui_mode")
    if not params.get("line_items"):
        raise missing("line_items")
    if "success_url" not in params:
        raise missing("success_url")
    if "payment_method_collection" in params:
        message = "You can only set `payment_method_collection` if there are recurring prices."
        raise invalid(message, param="payment_method_collection")


def _check_methods(params: Checked) -> None:
    allowed = params.get("allowed_payment_method_types")
    excluded = params.get("excluded_payment_method_types") or []
    if (allowed and "card" not in allowed) or "card" in excluded:
        raise invalid(
            "No valid payment method types for this Checkout Session. The sandbox plays cards only.",
            param="allowed_payment_method_types" if allowed else "excluded_payment_method_types",
        )


def _expires_at(world: World, params: Checked) -> int:
    expires_at: int = params.get("expires_at", world.now + MOST_SECONDS)
    if expires_at < world.now + LEAST_SECONDS:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid(message, param="expires_at")
    if expires_at > world.now + MOST_SECONDS:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid(message, param="expires_at")
    return expires_at


def _expire(world: World, params: Checked, ids: Sequence[str]) -> Body:
    session = world.get("checkout.session", ids[0])
    if session["status"] != "open":
        raise ApiError(
            400,
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session['status']}.",
        )
    return expire(world, session)


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    session = world.get("checkout.session", ids[0])
    if "metadata" in params:
        session["metadata"] = merged_metadata(session["metadata"], params["metadata"])
    return world.save(session)


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "customer", "payment_intent", "status")
    email = (params.get("customer_details") or {}).get("email")
    if email:
        conditions.append(equal("customer_details.email", email))
    return list_page(world, "checkout.session", params, url="/v1/checkout/sessions", conditions=conditions)


def _list_lines(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return line_items(world, world.get("checkout.session", ids[0])["id"], params)


OPERATIONS = (
    Operation("POST", "checkout/sessions", CREATE, _create),
    Operation("GET", "checkout/sessions", {
        "created": When(),
        "customer": Text(),
        "customer_details": Object({"email": Text()}),
        "payment_intent": Text(),
        "status": Choice(("complete", "expired", "open")),
        **not_emulated_names("customer_account", "payment_link", "subscription"),
        **PAGE,
    }, _list),
    Operation("GET", "checkout/sessions/{}", EXPAND, retrieving("checkout.session")),
    Operation("POST", "checkout/sessions/{}", {
        "metadata": Metadata(),
        **not_emulated_names("collected_information", "line_items", "payment_intent_data", "shipping_options"),
        **EXPAND,
    }, _update),
    Operation("GET", "checkout/sessions/{}/line_items", PAGE, _list_lines),
    Operation("POST", "checkout/sessions/{}/expire", EXPAND, _expire),
)  # fmt: skip
