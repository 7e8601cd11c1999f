"""What the tip page says when a tip is not taken, at the field that it is about."""

from collections.abc import Callable, Mapping

from storefront.core.errors import Invalid, StorefrontError
from storefront_fanfunding.wording import LONGEST_NAME, SHORTEST_NAME, message_of, name_of

_AWAY = "The payment page does not open right now. Nothing was charged. Try again in a moment."
_REFUSALS: Mapping[str, str] = {
    "forbidden": "This page was too old. Nothing was charged. It is fresh now: try once more.",
    "gateway_refused": _AWAY,
    "gateway_failed": _AWAY,
    "gateway_unavailable": _AWAY,
    "outcome_unknown": "We don't know yet if this went through. You will not be charged twice.",
    "payment_declined": "The bank declined this card. Nothing was charged. Try another card.",
    "too_many_pending": "Other tips of yours wait for their payment. Pay or leave some, then try again.",
    "too_many_declines": "Too many cards were declined from here. Try again in an hour.",
    "idempotency_key_in_flight": "Your last press is still at work. Wait a moment, then press again.",
    "idempotency_key_reused": "This form was sent already, with other words. Press again to tip a second time.",
    "goal_not_open": "This goal takes no pledges any more. Nothing was charged.",
    "already_pledged": "You have pledged to this goal already. Take that pledge back to pledge another amount.",
    "purchase_refused": "We can't take this tip. Nothing was charged.",
}
_NOT_DONE = "That did not work. Nothing was charged. Try again in a moment."


def refusals(refusal: StorefrontError, *, limits: str, most: int) -> dict[str, str]:
    """Return field (``amount``, ``name``, ``message``; empty: none of them) -> what is wrong there."""
    if refusal.code in ("amount_out_of_range", "amount_not_chargeable"):
        return {"amount": f"Choose an amount: {limits}."}
    pointers = [error.pointer for error in refusal.errors] if isinstance(refusal, Invalid) else []
    found = {}
    for pointer in pointers:
        field = pointer.split("/")[1]
        if field == "amount":
            found[field] = f"Enter an amount: {limits}."
        elif field == "name":
            found[field] = f"Enter a name of {SHORTEST_NAME} to {LONGEST_NAME} characters, without hidden signs."
        elif field == "message":
            found[field] = f"Enter a message of at most {most} characters, without hidden signs."
    return found or {"": _REFUSALS.get(refusal.code, _NOT_DONE)}


def wrong_words(name: str, message: str, *, limits: str, most: int) -> dict[str, str]:
    """Return what else is wrong with a form that is refused for a field, so that all of it is said at once."""
    found: dict[str, str] = {}
    checks: tuple[Callable[[], str], ...] = (lambda: name_of(name), lambda: message_of(message, most))
    for check in checks:
        try:
            check()
        except StorefrontError as refusal:
            found |= refusals(refusal, limits=limits, most=most)
    return found
