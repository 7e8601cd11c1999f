"""Stripe, and our emulator of it: hosted Checkout, look-ups, signed webhooks. The sole importer of ``stripe``.

One instance serves one account with the official library's async methods. Idempotency keys are ours, made
of our purchase's id, so a lost reply is answered by the same call again.
Source: Stripe API 2026-10-28.endive by stripe-python 16.1, read 2026-11-21.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
import stripe
import structlog

from storefront.core.errors import NotFound
from storefront.core.gateways import (
    BadSignature,
    Checkout,
    CheckoutRequest,
    Declined,
    GatewayEvent,
    GatewayFailed,
    GatewayRefused,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentFacts,
    PaymentState,
)
from storefront.core.gateways.stripe_amounts import from_stripe, minimum_problem, to_stripe
from storefront.core.ids import is_id
from storefront.core.money import Money

TOLERANCE_SECONDS = 300
TIMEOUT_SECONDS = 20
NETWORK_RETRIES = 2
RATE_LIMIT_RETRIES = 4
LONGEST_TITLE = 250

_REFERENCE = re.compile(r"[A-Za-z0-9_]{1,255}")

T = TypeVar("T")
log = structlog.get_logger("storefront.stripe")


class StripeGateway:
    """A Stripe account. ``webhook_secrets`` holds one secret, or two while one is being replaced."""

    def __init__(
        self,
        name: str,
        *,
        secret_key: str,
        webhook_secrets: Sequence[str],
        api_base: str | None = None,
        account: str | None = None,
    ) -> None:
        self._name = name
        self._webhook_secrets = tuple(webhook_secrets)
        self._account = account
        bases: Any = {} if api_base is None else dict.fromkeys(("api", "files", "connect", "meter_events"), api_base)
        http_client = stripe.AIOHTTPClient(timeout=TIMEOUT_SECONDS)
        self._close_http: Callable[[], Awaitable[None]] = http_client.close_async
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses=bases,
            http_client=http_client,
            max_network_retries=NETWORK_RETRIES,
            stripe_account=account,
        )

    @property
    def name(self) -> str:
        return self._name

    def can_charge(self, amount: Money) -> str | None:
        return minimum_problem(amount)

    async def close(self) -> None:
        await self._close_http()

    async def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Create a Checkout Session; the same purchase always gets the same one."""
        parameters = _session_parameters(request)
        options: Any = {"idempotency_key": f"checkout:{request.purchase_id}"}
        session = await self._ask(
            lambda: self._client.v1.checkout.sessions.create_async(parameters, options), is_write=True
        )
        if session.url is None:
            raise GatewayRefused(f"Stripe opened {session.id} without an address.")
        return Checkout(reference=session.id, redirect_url=session.url)

    async def look_up(self, reference: str) -> PaymentFacts:
        parameters: Any = {"expand": ["payment_intent.latest_charge"]}
        session = await self._ask(
            lambda: self._client.v1.checkout.sessions.retrieve_async(reference, parameters), is_write=False
        )
        return _facts(session)

    async def close_checkout(self, reference: str) -> PaymentFacts:
        """Expire the session; one that is complete, or expired already, cannot be and is looked up instead."""
        try:
            await self._ask(lambda: self._client.v1.checkout.sessions.expire_async(reference), is_write=True)
        except GatewayRefused as refused:
            log.info("checkout_not_open", reference=reference, reason=refused.detail)
        return await self.look_up(reference)

    async def find_checkout(self, payment: str) -> str | None:
        """Return the session that a payment intent was paid by, None for one that no session made."""
        parameters: Any = {"payment_intent": payment, "limit": 1}
        found = await self._ask(lambda: self._client.v1.checkout.sessions.list_async(parameters), is_write=False)
        return found.data[0].id if found.data else None

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        signature = headers.get("Stripe-Signature", "")
        try:
            payload = raw.decode()
        except UnicodeDecodeError as error:
            raise BadSignature("This is not a Stripe event.") from error
        if not any(self._is_signed(payload, signature, secret) for secret in self._webhook_secrets):
            raise BadSignature
        return _event(raw, self._account)

    def _is_signed(self, payload: str, signature: str, secret: str) -> bool:
        """Tell whether ``secret`` signed this within the tolerance; the library looks at the past only."""
        try:
            stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
        except stripe.SignatureVerificationError:
            return False
        stamps = [part[2:] for part in signature.split(",") if part.startswith("t=")]
        return all(int(stamp) <= time.time() + TOLERANCE_SECONDS for stamp in stamps)

    async def _ask(self, call: Callable[[], Awaitable[T]], *, is_write: bool) -> T:
        """Call Stripe, translate its errors, and retry what Stripe refuses for being too much at once.

        The library retries lost connections and 5xx by itself under the same key, but not 429.
        """
        for attempt in range(RATE_LIMIT_RETRIES + 1):
            try:
                return await call()
            except stripe.RateLimitError as error:
                if attempt == RATE_LIMIT_RETRIES:
                    raise GatewayUnavailable("Stripe is limiting our requests.") from error
                await asyncio.sleep(0.25 * 2**attempt * (0.5 + random.random() / 2))  # noqa: S311
            except stripe.StripeError as error:
                raise _translate(error, is_write=is_write) from error
        raise AssertionError("unreachable: the last attempt returns or raises")


def _session_parameters(request: CheckoutRequest) -> Any:
    metadata = {"purchase_id": request.purchase_id, "customer_id": request.customer_id}
    product: dict[str, Any] = {"name": request.title[:LONGEST_TITLE]}
    if request.description:
        product["description"] = request.description[:LONGEST_TITLE]
    return {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "client_reference_id": request.purchase_id,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": request.amount.currency.lower(),
                    "unit_amount": to_stripe(request.amount),
                    "product_data": product
                    if request.quantity == 1
                    else {**product, "name": f"{request.quantity} × {product['name']}"},
                },
            }
        ],
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "expires_at": request.expires_at // 1000,
    }


def _facts(session: stripe.checkout.Session) -> PaymentFacts:
    """Read a session with its payment intent expanded. Money counts as received when Stripe says ``paid``."""
    intent = session.payment_intent
    intent_id = intent if isinstance(intent, str) or intent is None else intent.id
    amount = from_stripe(session.amount_total or 0, (session.currency or "").upper())
    if session.payment_status == "paid":
        state = PaymentState.RECEIVED
    elif session.status == "expired":
        state = PaymentState.VOIDED
    else:
        state = PaymentState.AWAITING
    metadata = session.metadata.to_dict() if session.metadata is not None else {}
    return PaymentFacts(
        reference=session.id,
        state=state,
        amount=amount,
        is_live=session.livemode,
        purchase_id=metadata.get("purchase_id"),
        payment=intent_id,
        card=_card(intent),
    )


def _card(intent: str | stripe.PaymentIntent | None) -> dict[str, Any]:
    charge = None if intent is None or isinstance(intent, str) else intent.latest_charge
    if charge is None or isinstance(charge, str):
        return {}
    details = charge.payment_method_details
    card = getattr(details, "card", None) if details is not None else None
    facts: dict[str, Any] = {} if card is None else card.to_dict()
    kept = {name: facts.get(name) for name in ("brand", "last4", "country", "funding", "fingerprint", "checks")}
    outcome = charge.outcome
    if outcome is not None:
        kept["risk_level"] = getattr(outcome, "risk_level", None)
        kept["risk_score"] = getattr(outcome, "risk_score", None)
    return kept


class _Envelope(msgspec.Struct):
    """What every Stripe event has; the rest of it is forgotten."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,255}$")]
    type: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.]{1,255}$")]
    data: dict[str, Any]
    livemode: bool = False
    account: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,255}$")] | None = None


def _event(raw: bytes, account: str | None) -> GatewayEvent:
    """Read from an event whom to ask about; raises ``BadSignature`` for bytes that are no event."""
    try:
        event = msgspec.json.decode(raw, type=_Envelope)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadSignature("This is not a Stripe event.") from error
    subject = event.data.get("object")
    facts: dict[str, Any] = subject if isinstance(subject, dict) else {}
    metadata = facts.get("metadata")
    purchase_id = metadata.get("purchase_id") if isinstance(metadata, dict) else None
    reference = facts.get("id")
    is_session = facts.get("object") == "checkout.session"
    is_ours = is_session or facts.get("object") == "payment_intent"
    is_reference = isinstance(reference, str) and _REFERENCE.fullmatch(reference) is not None
    return GatewayEvent(
        id=event.id,
        type=event.type,
        account=event.account or account or "",
        is_live=event.livemode,
        reference=reference if is_session and is_reference else None,
        purchase_id=purchase_id if is_ours and isinstance(purchase_id, str) and is_id(purchase_id, "pur") else None,
    )


def _translate(error: stripe.StripeError, *, is_write: bool) -> Exception:
    if isinstance(error, stripe.CardError):
        kind = "hard" if error.code in ("stolen_card", "lost_card", "fraudulent") else "soft"
        return Declined(error.user_message or "", kind=kind, reason=error.code or "declined")
    status = error.http_status or 0
    # An answer that says "done" and cannot be read (cut off on its way) tells as little as none.
    is_unreadable = isinstance(error, stripe.APIError) and status < 400
    if isinstance(error, stripe.APIConnectionError) or is_unreadable or status >= 500 or status == 409:
        return OutcomeUnknown() if is_write else GatewayUnavailable()
    if error.http_status == 404:
        return NotFound("The gateway does not know this payment.")
    if isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError):
        return GatewayRefused(f"Stripe refused a request: {error.code or error.user_message or 'invalid request'}")
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return GatewayRefused("Stripe does not accept our key.")
    return GatewayFailed("Stripe answered with an error that we do not know.")
