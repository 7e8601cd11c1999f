"""Set-ups: a card or a bank account is kept for later, its holder asked if the bank wants it; no money moves."""

from __future__ import annotations

from storefront.sandbox.attempts import Outcome, asks, bank_page, card_error, not_authenticated
from storefront.sandbox.cards import Authentication, Card, Decline
from storefront.sandbox.mandates import new_mandate
from storefront.sandbox.payment_methods import card_of, keep
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id


def new_setup(world: World, wanted: Body, *, method: Body | None, hidden: Body) -> Body:
    """A fresh set-up intent; ``wanted`` are the caller's parameters, checked already."""
    setup_id = new_id("seti")
    automatic = wanted.get("automatic_payment_methods") or {"enabled": True}
    setup: Body = {
        "id": setup_id,
        "object": "setup_intent",
        "allowed_payment_method_types": wanted.get("allowed_payment_method_types") or None,
        "application": None,
        "attach_to_self": None,
        "automatic_payment_methods": {"allow_redirects": "always", **automatic},
        "cancellation_reason": None,
        "client_secret": f"{setup_id}_secret_{new_id('x', 25)[2:]}",
        "created": world.now,
        "customer": wanted.get("customer"),
        "customer_account": None,
        "description": wanted.get("description"),
        "excluded_payment_method_types": wanted.get("excluded_payment_method_types") or None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "managed_payments": None,
        "mandate": None,
        "metadata": dict(wanted.get("metadata") or {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": method["id"] if method else None,
        "payment_method_configuration_details": None,
        "payment_method_options": wanted.get("payment_method_options") or {},
        "payment_method_types": ["card", "sepa_debit"],
        "single_use_mandate": None,
        "status": "requires_confirmation" if method else "requires_payment_method",
        "usage": wanted.get("usage", "off_session"),
    }
    world.insert(setup, hidden=hidden)
    world.emit("setup_intent.created", setup)
    return setup


def attempt(world: World, setup: Body, method: Body, return_url: str | None) -> Outcome:
    """Try to keep a method."""
    setup.update(payment_method=method["id"], last_setup_error=None, next_action=None)
    if method["type"] != "card":
        setup["mandate"] = new_mandate(world, method, amount=None)["id"]
        return _succeed(world, setup, method, is_authenticated=False)
    card = card_of(world, method)
    if asks(world, method, card, setup["payment_method_options"], is_off_session=False):
        setup.update(status="requires_action", next_action=bank_page(world, setup, return_url))
        world.records.save(setup, hidden={**world.records.hidden(setup["id"]), "return_url": return_url})
        world.emit("setup_intent.requires_action", setup)
        return Outcome.ASKED
    return _settle(world, setup, method, card, is_authenticated=card.authentication is Authentication.NEVER)


def answer(world: World, setup: Body, *, is_passed: bool) -> Outcome:
    """Go on after the bank's question; without one pending, nothing is done."""
    if setup["status"] != "requires_action":
        return Outcome.CLOSED
    method = world.get("payment_method", setup["payment_method"])
    setup["next_action"] = None
    if is_passed:
        return _settle(world, setup, method, card_of(world, method), is_authenticated=True)
    _fail(world, setup, not_authenticated("setup_intent"), method)
    return Outcome.NOT_AUTHENTICATED


def cancel(world: World, setup: Body, reason: str | None) -> Body:
    """End a set-up that has not succeeded."""
    setup.update(status="canceled", cancellation_reason=reason, next_action=None)
    world.save(setup)
    world.emit("setup_intent.canceled", setup)
    return setup


def _settle(world: World, setup: Body, method: Body, card: Card, *, is_authenticated: bool) -> Outcome:
    if card.decline is not None and card.declines_set_up:
        return _decline(world, setup, method, card.decline)
    return _succeed(world, setup, method, is_authenticated=is_authenticated)


def _decline(world: World, setup: Body, method: Body, decline: Decline) -> Outcome:
    _fail(world, setup, card_error(decline, None), method)
    return Outcome.DECLINED


def _succeed(world: World, setup: Body, method: Body, *, is_authenticated: bool) -> Outcome:
    setup["status"] = "succeeded"
    _note_attempt(world, setup, method, error=None)
    if setup["customer"]:
        is_for_later = is_authenticated and setup["usage"] == "off_session"
        keep(world, method, setup["customer"], is_authenticated=is_for_later)
    world.save(setup)
    world.emit("setup_intent.succeeded", setup)
    return Outcome.PAID


def _fail(world: World, setup: Body, error: Body, method: Body) -> None:
    whole = {**error, "payment_method": method}
    setup.update(status="requires_payment_method", last_setup_error=whole, payment_method=None)
    _note_attempt(world, setup, method, error=whole)
    world.save(setup)
    world.emit("setup_intent.setup_failed", setup)


def _note_attempt(world: World, setup: Body, method: Body, *, error: Body | None) -> None:
    """Record the attempt: ``GET /v1/setup_attempts`` lists them."""
    noted = world.insert(
        {
            "id": new_id("setatt"),
            "object": "setup_attempt",
            "application": None,
            "attach_to_self": None,
            "created": world.now,
            "customer": setup["customer"],
            "customer_account": None,
            "flow_directions": None,
            "livemode": False,
            "on_behalf_of": None,
            "payment_method": method["id"],
            "payment_method_details": {method["type"]: _details(method), "type": method["type"]},
            "setup_error": error,
            "setup_intent": setup["id"],
            "status": "succeeded" if error is None else "failed",
            "usage": setup["usage"],
        }
    )
    setup["latest_attempt"] = noted["id"]


def _details(method: Body) -> Body:
    if method["type"] != "card":
        return {}
    card = method["card"]
    members = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {
        **{member: card[member] for member in members}, "network": card["brand"], "three_d_secure": None,
        "wallet": None,
    }  # fmt: skip
