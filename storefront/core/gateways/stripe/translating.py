"""Stripe's errors and answers in our words: nothing of the library's, and no unknown shape, leaves here."""

from typing import Any, TypeVar

import msgspec
import stripe

from storefront.core.errors import NotFound, StorefrontError
from storefront.core.gateways import (
    ActionRequired,
    Declined,
    GatewayFailed,
    GatewayRefused,
    GatewayUnavailable,
    OutcomeUnknown,
)
from storefront.core.gateways.stripe.transport import unseal

T = TypeVar("T")

NEEDS_THE_PAYER = "authentication_required"

# Asking again with the same method is useless, or forbidden by the card networks.
_HARD = frozenset(
    {
        "card_not_supported",
        "expired_card",
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "invalid_number",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "no_action_taken",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
    }
)


class Named(msgspec.Struct):
    """The intent that an error is about, or the method that was refused."""

    id: str


class Refusal(msgspec.Struct):
    """Why a payment was refused, in an error or as an intent's ``last_payment_error``."""

    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    message: str | None = None
    payment_intent: Named | None = None
    payment_method: Named | None = None

    @property
    def reason(self) -> str:
        return self.decline_code or self.code or "declined"

    @property
    def needs_the_payer(self) -> bool:
        return NEEDS_THE_PAYER in (self.code, self.decline_code)

    def as_failure(self, reference: str | None) -> GatewayFailed:
        """Return what this means for the charge ``reference``."""
        if self.needs_the_payer:
            return ActionRequired(reference=reference)
        is_hard = self.reason in _HARD or self.advice_code == "do_not_try_again"
        kind = "hard" if is_hard else "soft"
        return Declined(self.message or "", kind=kind, reason=self.reason, reference=reference)


def read(answer: object, shape: type[T], *, is_write: bool = False) -> T:
    """Read an answer of the library's as a shape of ours.

    Raises:
        GatewayFailed: it has another shape; ``OutcomeUnknown`` if it answers a write, which may have happened.
    """
    body = unseal(answer)
    try:
        return msgspec.convert(_plain(answer), shape) if body is None else msgspec.json.decode(body, type=shape)
    except (msgspec.ValidationError, TypeError) as error:
        detail = f"Stripe answered in a shape that we do not know: {error}"
        raise (OutcomeUnknown(detail) if is_write else GatewayFailed(detail)) from error


def _plain(answer: object) -> Any:
    return answer.to_dict() if isinstance(answer, stripe.StripeObject) else answer


def translate(error: stripe.StripeError, *, is_write: bool) -> StorefrontError:
    """Return what an error of the library's means. ``is_write``: the call may have changed something."""
    if isinstance(error, stripe.CardError):
        refusal = _refusal(error)
        intent = refusal.payment_intent
        return refusal.as_failure(None if intent is None else intent.id)
    status = error.http_status or 0
    # An answer that says "done" and cannot be read (cut off on its way) tells as little as none.
    is_unreadable = isinstance(error, stripe.APIError) and status < 400
    if isinstance(error, stripe.APIConnectionError) or is_unreadable or status >= 500 or status == 409:
        return OutcomeUnknown() if is_write else GatewayUnavailable()
    if status == 404 or error.code == "resource_missing":
        return NotFound("The gateway does not know this.")
    if isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError):
        # The name of the parameter is ours; what it held is told to nobody.
        about = f" ({error.param})" if isinstance(error, stripe.InvalidRequestError) and error.param else ""
        detail = f"Stripe refused a request: {error.code or error.user_message or 'invalid request'}{about}"
        return GatewayRefused(detail, reason=error.code)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return GatewayRefused("Stripe does not accept our key.")
    return GatewayFailed("Stripe answered with an error that we do not know.")


def _refusal(error: stripe.CardError) -> Refusal:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    try:
        return msgspec.convert(body.get("error"), Refusal)
    except msgspec.ValidationError:
        return Refusal(code=error.code, message=error.user_message)
