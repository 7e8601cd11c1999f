"""Attempts to pay an intent: with a card, after the bank's question, or by a debit that arrives days later.

Each function runs in one transaction and looks at the intent as it is then. The same
code serves the checkout page, the API's confirmations and the bank's own page.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from storefront.sandbox import bank_accounts, charges
from storefront.sandbox.cards import AUTHENTICATION_REQUIRED, Authentication, Card, Decline, Sequel
from storefront.sandbox.charge_objects import AUTHORISED_SECONDS, is_held
from storefront.sandbox.checkout_completion import note_debit
from storefront.sandbox.due import schedule
from storefront.sandbox.errors import DOCS
from storefront.sandbox.mandates import new_mandate
from storefront.sandbox.payment_methods import account_of, card_of, keep, mark_used
from storefront.sandbox.sequels import follow_up
from storefront.sandbox.store import Body
from storefront.sandbox.world import World


class Outcome(Enum):
    """How an attempt to pay ended; the intent says the rest."""

    PAID = "paid"  # or authorised, where capture is manual
    PENDING = "pending"  # a debit under way
    DECLINED = "declined"
    ASKED = "asked"  # the bank wants to know the buyer first
    NOT_AUTHENTICATED = "not_authenticated"
    CLOSED = "closed"  # complete or expired before this attempt: nothing was done


@dataclass(frozen=True, slots=True)
class Terms:
    """What the caller said about an attempt."""

    is_off_session: bool = False
    fails_on_action: bool = False
    return_url: str | None = None  # where the bank's page leads back to; without one, the page of the caller asks


def attempt(world: World, intent: Body, method: Body, terms: Terms) -> Outcome:
    """Try to pay an intent with a method."""
    intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
    if method["type"] != "card":
        return _debit(world, intent, method)
    card = card_of(world, method)
    if asks(world, method, card, intent["payment_method_options"], is_off_session=terms.is_off_session):
        if terms.is_off_session or terms.fails_on_action:
            return _charge(world, intent, method, AUTHENTICATION_REQUIRED)
        return _ask(world, intent, terms.return_url)
    return _charge(world, intent, method, card.decline)


def answer(world: World, intent: Body, *, is_passed: bool) -> Outcome:
    """Go on after the bank's question; without one pending, nothing is done."""
    if intent["status"] != "requires_action":
        return Outcome.CLOSED
    method = world.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if is_passed:
        return _charge(world, intent, method, card_of(world, method).decline, is_authenticated=True)
    _fail(world, intent, not_authenticated("payment_intent"), method)
    return Outcome.NOT_AUTHENTICATED


def asks(world: World, method: Body, card: Card, options: Body, *, is_off_session: bool) -> bool:
    """Whether the bank wants to see the card's holder for this payment."""
    if card.authentication is Authentication.ALWAYS:
        return True
    if is_off_session:
        is_set_up = bool(world.records.hidden(method["id"]).get("is_set_up"))
        return card.authentication is Authentication.UNLESS_SET_UP and not is_set_up
    wish = (options.get("card") or {}).get("request_three_d_secure")
    return card.authentication is not Authentication.NEVER or wish in ("any", "challenge")


def not_authenticated(kind: str) -> Body:
    """The error of an intent (``payment_intent``, ``setup_intent``) whose holder the bank did not recognise."""
    return {
        "code": f"{kind}_authentication_failure",
        "doc_url": f"{DOCS}{kind}_authentication_failure".replace("_", "-"),
        "message": "We are unable to authenticate your payment method. "
        "Please choose a different payment method and try again.",
        "type": "invalid_request_error",
    }


def card_error(decline: Decline, charge: str | None) -> Body:
    """The error that a bank's refusal leaves on an intent."""
    error: dict[str, Any] = {
        "advice_code": decline.advice_code,
        "charge": charge,
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": DOCS + decline.code.replace("_", "-"),
        "message": decline.message,
        "network_decline_code": decline.network_decline_code,
        "type": "card_error",
    }
    return {name: value for name, value in error.items() if value is not None}


def bank_page(world: World, intent: Body, return_url: str | None) -> Body:
    """The next action of an intent whose bank asks: its page, and the way back if there is one."""
    url = f"{world.public_url}/authenticate/{intent['id']}/{intent['client_secret']}"
    if return_url is None:
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"stripe_js": url, "type": "three_d_secure_redirect"}}
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}


def _ask(world: World, intent: Body, return_url: str | None) -> Outcome:
    intent.update(status="requires_action", next_action=bank_page(world, intent, return_url))
    world.records.save(intent, hidden={**world.records.hidden(intent["id"]), "return_url": return_url})
    world.emit("payment_intent.requires_action", intent)
    return Outcome.ASKED


def _charge(
    world: World, intent: Body, method: Body, decline: Decline | None, *, is_authenticated: bool = False
) -> Outcome:
    card = card_of(world, method)
    charge = charges.new_charge(world, intent, method, card, decline=decline, is_authenticated=is_authenticated)
    intent["latest_charge"] = charge["id"]
    if decline is not None:
        _fail(world, intent, card_error(decline, charge["id"]), method)
        return Outcome.DECLINED
    _keep(world, intent, method, is_authenticated=is_authenticated)
    if is_held(intent):
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        world.save(intent)
        schedule(world, world.now + AUTHORISED_SECONDS, "authorisation_lapses", intent["id"])
        world.emit("payment_intent.amount_capturable_updated", intent)
        return Outcome.PAID
    intent.update(status="succeeded", amount_received=intent["amount"])
    world.save(intent)
    world.emit("payment_intent.succeeded", intent)
    follow_up(world, charge["id"], card.sequel)
    return Outcome.PAID


def _debit(world: World, intent: Body, method: Body) -> Outcome:
    is_kept = bool(intent["setup_future_usage"] and intent["customer"])
    amount = None if is_kept else (intent["amount"], intent["currency"])
    mandate = new_mandate(world, method, amount=amount)
    charge = charges.new_debit(world, intent, method, mandate["id"])
    _keep(world, intent, method, is_authenticated=False)
    intent.update(status="processing", latest_charge=charge["id"])
    world.save(intent)
    schedule(world, world.now + bank_accounts.SETTLES_AFTER_SECONDS, "debit_arrives", charge["id"])
    world.emit("payment_intent.processing", intent)
    return Outcome.PENDING


def debit_arrives(world: World, charge_id: str) -> None:
    """The time of a debit has come: its bank answers as the account is known for."""
    charge = world.get("charge", charge_id)
    if charge["status"] == "pending":
        method = world.get("payment_method", charge["payment_method"])
        finish_debit(world, charge_id, decline=account_of(world, method).decline)


def finish_debit(world: World, charge_id: str, *, decline: Decline | None) -> None:
    """End a pending debit: paid, or refused with ``decline``."""
    charge = world.get("charge", charge_id)
    intent = world.get("payment_intent", charge["payment_intent"])
    method = world.get("payment_method", charge["payment_method"])
    if decline is not None:
        charges.fail_debit(world, charge_id, decline)
        _fail(world, intent, {**card_error(decline, charge_id), "type": "invalid_request_error"}, method)
        note_debit(world, intent, is_paid=False)
        return
    charges.settle_debit(world, charge_id)
    intent.update(status="succeeded", amount_received=intent["amount"])
    world.save(intent)
    world.emit("payment_intent.succeeded", intent)
    note_debit(world, intent, is_paid=True)
    is_disputed = account_of(world, method).is_disputed
    follow_up(world, charge_id, Sequel.DISPUTE_FRAUDULENT if is_disputed else Sequel.NONE)


def _fail(world: World, intent: Body, error: Body, method: Body) -> None:
    intent.update(
        status="requires_payment_method",
        last_payment_error={**error, "payment_method": method},
        payment_method=None,
    )
    world.save(intent)
    world.emit("payment_intent.payment_failed", intent)


def _keep(world: World, intent: Body, method: Body, *, is_authenticated: bool) -> None:
    wish = intent["setup_future_usage"]
    if wish and intent["customer"]:
        keep(world, method, intent["customer"], is_authenticated=is_authenticated and wish == "off_session")
    elif method["customer"] is None:
        mark_used(world, method)
