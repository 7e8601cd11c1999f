"""What a buyer does on the checkout page: pay with a card, answer a 3-D Secure question.

Each function runs in one transaction and looks at the session as it is then, so that a
double submit finds the session complete and charges nothing more.
"""

from __future__ import annotations

from enum import Enum

from storefront.sandbox import charges, customers
from storefront.sandbox.cards import Card, find_card
from storefront.sandbox.checkout_objects import customer_details
from storefront.sandbox.errors import DOCS
from storefront.sandbox.payment_intents import new_intent
from storefront.sandbox.payment_methods import new_method
from storefront.sandbox.store import Body
from storefront.sandbox.world import World


class Outcome(Enum):
    """How an attempt to pay ended; the session says the rest."""

    PAID = "paid"
    DECLINED = "declined"
    ASKED = "asked"  # the bank wants to know the buyer first
    NOT_AUTHENTICATED = "not_authenticated"
    CLOSED = "closed"  # complete or expired before this attempt: nothing was done


def pay(world: World, session_id: str, card: Card, *, expiry: tuple[int, int], email: str | None) -> Outcome:
    """Try to pay an open session with a card; ``expiry`` is month and full year."""
    session = world.get("checkout.session", session_id)
    if session["status"] != "open":
        return Outcome.CLOSED
    hidden = world.records.hidden(session_id)
    _ensure_customer(world, session, hidden["intent"], email)
    intent = _intent_of(world, session, hidden)
    method = new_method(world, card, expiry=expiry, email=email)
    intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
    if card.asks_for_3d_secure or _always_asks(session):
        return _ask(world, intent)
    return _charge(world, session, intent, method, card, is_authenticated=False)


def answer_challenge(world: World, session_id: str, *, is_passed: bool) -> Outcome:
    """Go on after the bank's question; without one pending, nothing is done."""
    session = world.get("checkout.session", session_id)
    if session["status"] != "open" or not is_challenged(world, session):
        return Outcome.CLOSED
    intent = world.get("payment_intent", session["payment_intent"])
    method = world.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if not is_passed:
        message = (
            "We are unable to authenticate your payment method. Please choose a different payment method and try again."
        )
        code = "payment_intent_authentication_failure"
        return _fail(world, intent, {"code": code, "message": message, "type": "invalid_request_error"}, method)
    card = find_card(world.records.hidden(method["id"])["number"])
    assert card is not None, "only test cards reach a challenge"
    return _charge(world, session, intent, method, card, is_authenticated=True)


def complete_without_payment(world: World, session_id: str, email: str | None) -> Outcome:
    """Close a session whose total is zero; no intent and no charge is made."""
    session = world.get("checkout.session", session_id)
    if session["status"] != "open":
        return Outcome.CLOSED
    _complete(world, session, email)
    return Outcome.PAID


def is_challenged(world: World, session: Body) -> bool:
    """Whether the bank waits for the buyer's answer."""
    if not session["payment_intent"]:
        return False
    return bool(world.get("payment_intent", session["payment_intent"])["status"] == "requires_action")


def _always_asks(session: Body) -> bool:
    wish = session["payment_method_options"].get("card", {}).get("request_three_d_secure")
    return wish in ("any", "challenge")


def _ensure_customer(world: World, session: Body, wanted: Body, email: str | None) -> None:
    keeps_card = bool(wanted.get("setup_future_usage"))
    if session["customer"] or not (keeps_card or session["customer_creation"] == "always"):
        return
    customer = customers.new_customer(world, {"email": email} if email else {})
    session["customer"] = customer["id"]
    world.save(session)


def _intent_of(world: World, session: Body, hidden: Body) -> Body:
    if session["payment_intent"]:
        return world.get("payment_intent", session["payment_intent"])
    intent = new_intent(world, session, hidden["intent"])
    session["payment_intent"] = intent["id"]
    world.save(session)
    return intent


def _ask(world: World, intent: Body) -> Outcome:
    intent.update(
        status="requires_action",
        next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}},
    )
    world.save(intent)
    world.emit("payment_intent.requires_action", intent)
    return Outcome.ASKED


def _charge(world: World, session: Body, intent: Body, method: Body, card: Card, *, is_authenticated: bool) -> Outcome:
    charge = charges.new_charge(world, intent, method, card, is_authenticated=is_authenticated)
    intent["latest_charge"] = charge["id"]
    if card.decline is not None:
        error = {
            "advice_code": card.decline.advice_code,
            "charge": charge["id"],
            "code": card.decline.code,
            "decline_code": card.decline.decline_code,
            "message": card.decline.message,
            "network_decline_code": card.decline.network_decline_code,
            "type": "card_error",
        }
        return _fail(world, intent, error, method)
    _keep_card(world, intent, method)
    if intent["capture_method"] == "manual":
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        event = "payment_intent.amount_capturable_updated"
    else:
        intent.update(status="succeeded", amount_received=intent["amount"])
        session["payment_status"] = "paid"
        event = "payment_intent.succeeded"
    world.save(intent)
    world.emit(event, intent)
    _complete(world, session, method["billing_details"]["email"])
    return Outcome.PAID


def _fail(world: World, intent: Body, error: Body, method: Body) -> Outcome:
    error["doc_url"] = DOCS + error["code"].replace("_", "-")
    error["payment_method"] = method
    intent.update(status="requires_payment_method", last_payment_error=error, payment_method=None)
    world.save(intent)
    world.emit("payment_intent.payment_failed", intent)
    return Outcome.DECLINED if error["type"] == "card_error" else Outcome.NOT_AUTHENTICATED


def _keep_card(world: World, intent: Body, method: Body) -> None:
    if intent["setup_future_usage"] and intent["customer"]:
        method.update(customer=intent["customer"], allow_redisplay="limited")
        world.save(method)
        world.emit("payment_method.attached", method)


def _complete(world: World, session: Body, email: str | None) -> None:
    session.update(status="complete", url=None)
    known = session["customer_details"] or {}
    session["customer_details"] = customer_details(email or known.get("email"))
    world.save(session)
    world.emit("checkout.session.completed", session)
