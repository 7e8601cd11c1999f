"""What a buyer does on the checkout page: pay with a card, answer a 3-D Secure question.

Each function runs in one transaction and looks at the session as it is then, so that a
double submit finds the session complete and charges nothing more.
"""

from __future__ import annotations

from storefront.sandbox import customers
from storefront.sandbox.attempts import Outcome, Terms, answer, attempt
from storefront.sandbox.cards import Card
from storefront.sandbox.checkout_completion import complete
from storefront.sandbox.intent_objects import intent_of_session
from storefront.sandbox.payment_methods import card_method
from storefront.sandbox.store import Body
from storefront.sandbox.world import World

__all__ = ["Outcome", "answer_challenge", "complete_without_payment", "is_challenged", "pay"]


def pay(world: World, session_id: str, card: Card, *, expiry: tuple[int, int], email: str | None) -> Outcome:
    """Try to pay an open session with a card; ``expiry`` is month and full year."""
    session = world.get("checkout.session", session_id)
    if session["status"] != "open":
        return Outcome.CLOSED
    hidden = world.records.hidden(session_id)
    _ensure_customer(world, session, hidden["intent"], email)
    intent = _intent_of(world, session, hidden)
    method = card_method(world, card, expiry=expiry, email=email)
    return _finish(world, session, intent, method, attempt(world, intent, method, Terms()))


def answer_challenge(world: World, session_id: str, *, is_passed: bool) -> Outcome:
    """Go on after the bank's question; without one pending, nothing is done."""
    session = world.get("checkout.session", session_id)
    if session["status"] != "open" or not is_challenged(world, session):
        return Outcome.CLOSED
    intent = world.get("payment_intent", session["payment_intent"])
    method = world.get("payment_method", intent["payment_method"])
    return _finish(world, session, intent, method, answer(world, intent, is_passed=is_passed))


def _finish(world: World, session: Body, intent: Body, method: Body, outcome: Outcome) -> Outcome:
    if outcome in (Outcome.PAID, Outcome.PENDING):
        email = method["billing_details"]["email"]
        complete(world, session, email, is_paid=intent["status"] == "succeeded")
    return outcome


def complete_without_payment(world: World, session_id: str, email: str | None) -> Outcome:
    """Close a session whose total is zero; no intent and no charge is made."""
    session = world.get("checkout.session", session_id)
    if session["status"] != "open":
        return Outcome.CLOSED
    complete(world, session, email, is_paid=False)
    return Outcome.PAID


def is_challenged(world: World, session: Body) -> bool:
    """Whether the bank waits for the buyer's answer."""
    if not session["payment_intent"]:
        return False
    return bool(world.get("payment_intent", session["payment_intent"])["status"] == "requires_action")


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
    intent = intent_of_session(world, session, hidden["intent"])
    session["payment_intent"] = intent["id"]
    world.save(session)
    return intent
