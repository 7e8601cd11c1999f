"""What a buyer does on the checkout page: choose a country, pay by card or debit, answer the bank.

Each function runs in one transaction and looks at the session as it is then, so that a
double submit finds the session complete and charges nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

from storefront.sandbox import attempts, customers, setups
from storefront.sandbox.attempts import Outcome, Terms
from storefront.sandbox.bank_accounts import BankAccount
from storefront.sandbox.cards import Card
from storefront.sandbox.checkout_completion import complete
from storefront.sandbox.checkout_objects import customer_details
from storefront.sandbox.errors import invalid
from storefront.sandbox.intent_objects import intent_of_session
from storefront.sandbox.payment_methods import account_method, card_method
from storefront.sandbox.store import Body
from storefront.sandbox.taxes import apply_tax
from storefront.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Debit:
    """A bank account as it was typed into the page, with its holder's name."""

    account: BankAccount
    name: str


@dataclass(frozen=True, slots=True)
class Plastic:
    """A card as it was typed into the page; ``expiry`` is month and full year."""

    card: Card
    expiry: tuple[int, int]


def pay(world: World, session_id: str, means: Plastic | Debit, *, email: str | None) -> Outcome:
    """Try to pay an open session, or to keep the means where the session is for that."""
    session = world.get("checkout.session", session_id)
    if session["status"] != "open":
        return Outcome.CLOSED
    hidden = world.records.hidden(session_id)
    _ensure_customer(world, session, hidden["intent"], email)
    if isinstance(means, Plastic):
        method = card_method(world, means.card, expiry=means.expiry, email=email)
    else:
        method = account_method(world, means.account, name=means.name, email=email)
    if session["setup_intent"]:
        setup = world.get("setup_intent", session["setup_intent"])
        setup["customer"] = session["customer"]
        return _finish(world, session, setup, method, setups.attempt(world, setup, method, None))
    intent = _intent_of(world, session, hidden)
    return _finish(world, session, intent, method, attempts.attempt(world, intent, method, Terms()))


def pay_late(world: World, session_id: str, means: Plastic) -> Outcome:
    """Pay a session that has expired, as when the bank's yes came after the session's end.

    Raises:
        ApiError: the session has not expired.
    """
    session = world.get("checkout.session", session_id, param="session")
    if session["status"] != "expired":
        raise invalid("Only an expired session can be paid late.", param="session")
    # The intent of an earlier attempt was cancelled with the session; this payment has one of its own.
    world.save({**session, "status": "open", "payment_intent": None})
    outcome = pay(world, session_id, means, email=None)
    if outcome is not Outcome.PAID:
        raise invalid(f"This card does not pay at once: {outcome.value}.", param="card_number")
    return outcome


def answer_challenge(world: World, session_id: str, *, is_passed: bool) -> Outcome:
    """Go on after the bank's question; without one pending, nothing is done."""
    session = world.get("checkout.session", session_id)
    intent = intent_of(world, session)
    if session["status"] != "open" or intent is None or intent["status"] != "requires_action":
        return Outcome.CLOSED
    method = world.get("payment_method", intent["payment_method"])
    go_on = setups.answer if session["setup_intent"] else attempts.answer
    return _finish(world, session, intent, method, go_on(world, intent, is_passed=is_passed))


def choose_country(world: World, session_id: str, country: str) -> None:
    """The buyer says where they live: the tax follows, and the customer's address where the shop wants it."""
    session = world.get("checkout.session", session_id)
    if session["status"] != "open" or not session["automatic_tax"]["enabled"]:
        return
    address = {**dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")), "country": country}
    session["customer_details"] = {**customer_details(None), **(session["customer_details"] or {}), "address": address}
    apply_tax(world, session, country)
    if session["customer"] and world.records.hidden(session_id).get("keeps_address"):
        customer = world.get("customer", session["customer"])
        previous = {"address": customer["address"]}
        customer["address"] = address
        world.save(customer)
        world.emit("customer.updated", customer, previous)


def _finish(world: World, session: Body, intent: Body, method: Body, outcome: Outcome) -> Outcome:
    if outcome in (Outcome.PAID, Outcome.PENDING):
        is_paid = intent["object"] == "payment_intent" and intent["status"] == "succeeded"
        complete(world, session, method["billing_details"]["email"], is_paid=is_paid)
    return outcome


def intent_of(world: World, session: Body) -> Body | None:
    """The payment or set-up intent behind a session, once there is one."""
    if session["setup_intent"]:
        return world.get("setup_intent", session["setup_intent"])
    return world.get("payment_intent", session["payment_intent"]) if session["payment_intent"] else None


def complete_without_payment(world: World, session_id: str, email: str | None) -> Outcome:
    """Close a session whose total is zero; no intent and no charge is made."""
    session = world.get("checkout.session", session_id)
    if session["status"] != "open":
        return Outcome.CLOSED
    complete(world, session, email, is_paid=False)
    return Outcome.PAID


def is_challenged(world: World, session: Body) -> bool:
    """Whether the bank waits for the buyer's answer."""
    intent = intent_of(world, session)
    return intent is not None and bool(intent["status"] == "requires_action")


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
