"""Checkout sessions: one purchase on the hosted page, from open to complete or expired."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import setups
from storefront.sandbox.checkout_checks import check_mode, customer_of, expires_at, method_types
from storefront.sandbox.checkout_objects import new_line, new_session
from storefront.sandbox.checkout_params import CREATE
from storefront.sandbox.currencies import check_amount, checked_currency
from storefront.sandbox.errors import ApiError, invalid
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
    not_emulated_names,
)
from storefront.sandbox.payment_intents import cancel_intent
from storefront.sandbox.store import Body
from storefront.sandbox.taxes import apply_tax, automatic_tax
from storefront.sandbox.world import World, merged_metadata


def expire_due(world: World) -> None:
    """Expire every account's open session whose time has passed, oldest first; cheap when there is none."""
    first = next_expiry(world)
    if first is None or first > world.now:
        return  # asked by an index; the list that follows reads every session that there ever was
    conditions = [equal("status", "open"), ("json_extract(body, '$.expires_at') <= ?", world.now)]
    with world.acting_for(None):
        sessions = world.records.select("checkout.session", conditions, oldest_first=True)
    for session in sessions:
        with world.acting_for(world.records.owner_of(session["id"])):
            expire(world, session)


def next_expiry(world: World) -> int | None:
    """The Unix second at which the next open session expires, if any is open."""
    row = world.records.connection.execute(
        "SELECT min(json_extract(body, '$.expires_at')) FROM objects INDEXED BY sessions_open"
        " WHERE kind = 'checkout.session' AND json_extract(body, '$.status') = 'open'"
    ).fetchone()
    return None if row[0] is None else int(row[0])


def expire(world: World, session: Body) -> Body:
    """Close an open session unpaid, and cancel the intent of its attempts."""
    session.update(status="expired", url=None)
    world.save(session)
    if session["payment_intent"]:
        cancel_intent(world, world.get("payment_intent", session["payment_intent"]), "expired")
    if session["setup_intent"]:
        setups.cancel(world, world.get("setup_intent", session["setup_intent"]), None)
    world.emit("checkout.session.expired", session)
    return session


def return_url(session: Body) -> str:
    """Where the buyer goes after paying, with the session's id filled in."""
    success_url: str = session["success_url"]
    return success_url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    check_mode(params)
    ends = expires_at(world, params)
    customer = customer_of(world, params)
    if params["mode"] == "setup":
        return _create_setup(world, params, customer, ends)
    lines = [new_line(world, line, index) for index, line in enumerate(params["line_items"])]
    currency = lines[0]["currency"]
    if any(line["currency"] != currency for line in lines):
        raise invalid("All line items must have the same currency.", param="line_items")
    types = method_types(params, currency)
    total = sum(line["amount_total"] for line in lines)
    if total:
        check_amount(total, currency, "line_items")
    session = new_session(world, params, expires_at=ends, customer=customer, currency=currency, total=total)
    session["payment_method_types"] = types
    session["automatic_tax"] = automatic_tax(is_enabled=is_taxed(params))
    world.insert(
        session,
        hidden={
            "line_items": lines,
            "products": [line["price_data"]["product_data"] for line in params["line_items"]],
            "intent": params.get("payment_intent_data") or {},
            "keeps_address": (params.get("customer_update") or {}).get("address") == "auto",
        },
    )
    country = ((customer or {}).get("address") or {}).get("country")
    return apply_tax(world, session, country) if is_taxed(params) and country else session


def is_taxed(params: Checked) -> bool:
    """Whether the caller wants tax worked out."""
    return bool((params.get("automatic_tax") or {}).get("enabled", False))


def _create_setup(world: World, params: Checked, customer: Body | None, ends: int) -> Body:
    """A session that keeps a method for later and takes no money."""
    currency = checked_currency(params["currency"], "currency")
    types = method_types(params, currency)
    session = new_session(world, params, expires_at=ends, customer=customer, currency=currency, total=0)
    wanted = params.get("setup_intent_data") or {}
    setup = setups.new_setup(
        world,
        {
            **wanted,
            "metadata": merged_metadata({}, wanted.get("metadata")),
            "customer": session["customer"],
            "payment_method_options": params.get("payment_method_options") or {},
        },
        method=None,
        hidden={"session": session["id"]},
    )
    session.update(
        mode="setup",
        amount_subtotal=None,
        amount_total=None,
        payment_method_collection="always",
        payment_method_types=types,
        setup_intent=setup["id"],
        total_details=None,
    )
    return world.insert(session, hidden={"line_items": [], "products": [], "intent": {}, "keeps_address": False})


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
