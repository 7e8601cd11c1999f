"""Checkout Sessions: the hosted page on which a payer pays, and how it stands."""

from dataclasses import replace
from typing import Any, Literal

import msgspec
import structlog

from storefront.core.errors import NotFound
from storefront.core.gateways import (
    Checkout,
    CheckoutRequest,
    GatewayFailed,
    GatewayRefused,
    OutcomeUnknown,
    PaymentFacts,
    PaymentState,
    TaxPart,
)
from storefront.core.gateways.stripe.amounts import from_stripe, to_stripe
from storefront.core.gateways.stripe.client import Page, key_of_this_call, options
from storefront.core.gateways.stripe.payments import EXPANDED, LONGEST_TITLE, PaymentCalls, payment_facts
from storefront.core.gateways.stripe.shapes import Intent
from storefront.core.gateways.stripe.translating import Named, read

SESSIONS = "checkout.sessions"

log = structlog.get_logger("storefront.stripe")


class _Rate(msgspec.Struct):
    country: str | None = None
    state: str | None = None


class _Tax(msgspec.Struct):
    amount: int
    rate: _Rate


class _Breakdown(msgspec.Struct):
    taxes: list[_Tax] = []


class _Totals(msgspec.Struct):
    amount_tax: int = 0
    breakdown: _Breakdown | None = None


class Opened(msgspec.Struct, tag_field="object", tag="checkout.session"):
    """A session as it is opened: where to send the payer."""

    id: str
    url: str | None


class Session(msgspec.Struct, tag_field="object", tag="checkout.session"):
    """A session in payment mode, its intent expanded."""

    id: str
    livemode: bool
    payment_status: Literal["paid", "unpaid", "no_payment_required"]
    status: Literal["open", "complete", "expired"]
    amount_total: int
    currency: str
    customer: str | None = None
    metadata: dict[str, str] = {}
    payment_intent: Intent | str | None = None
    total_details: _Totals | None = None


class CheckoutCalls(PaymentCalls):
    """The hosted page of one payment."""

    async def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Create a Checkout Session; the same purchase always gets the same one."""
        session = await self._write(
            SESSIONS,
            Opened,
            lambda client: client.v1.checkout.sessions.create_async(
                _parameters(request), options(f"checkout:{request.purchase_id}")
            ),
        )
        if session.url is None:
            raise OutcomeUnknown(f"Stripe opened {session.id} without an address.")
        return Checkout(reference=session.id, redirect_url=session.url)

    async def look_up(self, reference: str) -> PaymentFacts:
        """Ask where a session stands, or the intent of an off-session charge."""
        if not reference.startswith("cs_"):
            return await super()._payment(reference)
        session = await self._session(reference, *(f"payment_intent.{member}" for member in EXPANDED))
        taxes: tuple[TaxPart, ...] = ()
        if session.total_details is not None and session.total_details.amount_tax:
            taxes = _taxes(await self._session(reference, "total_details.breakdown"))
        return _facts(session, taxes)

    async def close_checkout(self, reference: str) -> PaymentFacts:
        """Expire the session; one that is complete, or expired already, cannot be and is looked up instead."""
        if not reference.startswith("cs_"):
            return await self.void(reference)
        key = key_of_this_call("expire", reference)
        try:
            await self._write(
                SESSIONS,
                Opened,
                lambda client: client.v1.checkout.sessions.expire_async(reference, {}, options(key)),
            )
        except GatewayRefused as refused:
            log.info("checkout_not_open", reference=reference, reason=refused.detail)
        return await self.look_up(reference)

    async def find_checkout(self, payment: str) -> str | None:
        """Return the session that a payment intent was paid by, the intent itself if we charged it without one."""
        parameters: Any = {"payment_intent": payment, "limit": 1}
        page = await self._read(SESSIONS, Page, lambda client: client.v1.checkout.sessions.list_async(parameters))
        if page.data:
            return read(page.data[0], Named).id
        try:
            intent = await self._intent(payment)
        except NotFound:
            return None
        return intent.id if "purchase_id" in intent.metadata else None

    async def _payment(self, payment: str) -> PaymentFacts:
        reference = await self.find_checkout(payment)
        return await (super()._payment(payment) if reference is None else self.look_up(reference))

    async def _session(self, reference: str, *expanded: str) -> Session:
        parameters: Any = {"expand": [*expanded]}
        return await self._read(
            SESSIONS, Session, lambda client: client.v1.checkout.sessions.retrieve_async(reference, parameters)
        )


def _parameters(request: CheckoutRequest) -> Any:
    metadata = {"purchase_id": request.purchase_id, "customer_id": request.customer_id}
    intent: dict[str, Any] = {"metadata": metadata}
    if request.saves_method:
        intent["setup_future_usage"] = "off_session"
    parameters: dict[str, Any] = {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "client_reference_id": request.purchase_id,
        "metadata": metadata,
        "payment_intent_data": intent,
        "line_items": [_line(request)],
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "expires_at": request.expires_at // 1000,
    }
    if request.payer is not None:
        parameters["customer"] = request.payer
    elif request.saves_method:
        parameters["customer_creation"] = "always"
    if not request.is_captured or request.asks_challenge:
        parameters["payment_method_options"] = {"card": _card_options(request)}
    if request.taxes:
        parameters["automatic_tax"] = {"enabled": True}
        if request.payer is not None:
            parameters["customer_update"] = {"address": "auto"}  # the tax needs one, and Stripe asks for it
    return parameters


def _card_options(request: CheckoutRequest) -> dict[str, str]:
    """Return what is asked of cards alone: with ``manual`` for the whole session, delayed methods were not offered."""
    options = {} if request.is_captured else {"capture_method": "manual"}
    return options | ({"request_three_d_secure": "any"} if request.asks_challenge else {})


def _line(request: CheckoutRequest) -> dict[str, Any]:
    """Return the one line of a session: what is bought, however many, at the price of all."""
    name = request.title[:LONGEST_TITLE]
    product = {"name": name if request.quantity == 1 else f"{request.quantity} × {name}"}
    if request.description:
        product["description"] = request.description[:LONGEST_TITLE]
    price: dict[str, Any] = {
        "currency": request.amount.currency.lower(),
        "unit_amount": to_stripe(request.amount),
        "product_data": product,
    }
    if request.taxes:
        price["tax_behavior"] = "inclusive"
    return {"quantity": 1, "price_data": price}


def _facts(session: Session, taxes: tuple[TaxPart, ...]) -> PaymentFacts:
    intent = session.payment_intent
    state = _state_of(session)
    asked = from_stripe(session.amount_total, session.currency)
    if not isinstance(intent, Intent):
        return PaymentFacts(
            reference=session.id,
            state=state,
            amount=asked,
            is_live=session.livemode,
            purchase_id=_purchase_id(session),
            payment=intent,
            payer=session.customer,
            taxes=taxes,
        )
    facts = payment_facts(intent, reference=session.id, state=state)
    return replace(
        facts,
        amount=facts.amount if state is PaymentState.RECEIVED else asked,
        purchase_id=_purchase_id(session),
        payer=session.customer or facts.payer,
        taxes=taxes,
    )


def _state_of(session: Session) -> PaymentState:
    """Money counts as received when Stripe says ``paid``; a page that is open may be paid whatever went wrong."""
    if session.status == "open":
        return PaymentState.AWAITING
    if session.status == "expired":
        return PaymentState.VOIDED
    if session.payment_status != "unpaid":
        return PaymentState.RECEIVED
    intent = session.payment_intent
    return _COMPLETE_UNPAID[intent.status] if isinstance(intent, Intent) else PaymentState.PROCESSING


# The payer has done all on the page, and how their payment goes on is said by its intent.
_COMPLETE_UNPAID = {
    "succeeded": PaymentState.RECEIVED,
    "requires_capture": PaymentState.AUTHORIZED,
    "requires_payment_method": PaymentState.FAILED,
    "requires_confirmation": PaymentState.FAILED,
    "canceled": PaymentState.VOIDED,
    "processing": PaymentState.PROCESSING,
    "requires_action": PaymentState.PROCESSING,
}


def _purchase_id(session: Session) -> str | None:
    return session.metadata.get("purchase_id")


def _taxes(session: Session) -> tuple[TaxPart, ...]:
    """Return the tax in a session's amount by jurisdiction; what no rate accounts for stands under ``unknown``."""
    totals = session.total_details or _Totals()
    parts: dict[str, int] = {}
    for tax in () if totals.breakdown is None else totals.breakdown.taxes:
        place = "-".join(part for part in (tax.rate.country, tax.rate.state) if part) or "unknown"
        parts[place] = parts.get(place, 0) + from_stripe(tax.amount, session.currency).amount_minor
    whole = from_stripe(totals.amount_tax, session.currency).amount_minor
    missing = whole - sum(parts.values())
    if missing < 0:
        raise GatewayFailed("Stripe's parts of a tax are more than the tax.")
    if missing:
        parts["unknown"] = parts.get("unknown", 0) + missing
    return tuple(TaxPart(place, amount) for place, amount in sorted(parts.items()) if amount)
