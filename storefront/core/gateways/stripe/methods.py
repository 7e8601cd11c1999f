"""Customers and their saved payment methods: what an off-session charge takes."""

from typing import Any, Literal

import msgspec

from storefront.core.errors import NotFound
from storefront.core.gateways import (
    Checkout,
    GatewayFailed,
    GatewayRefused,
    OutcomeUnknown,
    PaymentState,
    SavedMethod,
    SetupFacts,
    SetupRequest,
)
from storefront.core.gateways.stripe.checkout import SESSIONS, Opened
from storefront.core.gateways.stripe.client import StripeAccount, options
from storefront.core.gateways.stripe.shapes import PaymentMethod
from storefront.core.gateways.stripe.translating import Named

SETUPS = "setup_intents"
METHODS = "payment_methods"


class SetupIntent(msgspec.Struct, tag_field="object", tag="setup_intent"):
    """A setup intent, its method expanded."""

    id: str
    livemode: bool
    status: Literal[
        "requires_payment_method", "requires_confirmation", "requires_action", "processing", "canceled", "succeeded"
    ]
    customer: str | None = None
    metadata: dict[str, str] = {}
    payment_method: PaymentMethod | str | None = None


class SetupSession(msgspec.Struct, tag_field="object", tag="checkout.session"):
    """A session in setup mode, its intent expanded."""

    id: str
    livemode: bool
    status: Literal["open", "complete", "expired"]
    customer: str | None = None
    metadata: dict[str, str] = {}
    setup_intent: SetupIntent | str | None = None


class MethodCalls(StripeAccount):
    """Saving methods, listing and forgetting them."""

    async def make_payer(self, customer_id: str) -> str:
        """Make a customer at Stripe, which gets our id and nothing else of them."""
        parameters: Any = {"metadata": {"customer_id": customer_id}}
        made = await self._write(
            "customers",
            Named,
            lambda client: client.v1.customers.create_async(parameters, options(f"payer:{customer_id}")),
        )
        return made.id

    async def open_setup(self, request: SetupRequest) -> Checkout:
        metadata = {"setup_id": request.setup_id, "customer_id": request.customer_id}
        parameters: Any = {
            "mode": "setup",
            "ui_mode": "hosted_page",
            "client_reference_id": request.setup_id,
            "currency": request.currency.lower(),
            "customer": request.payer,
            "metadata": metadata,
            "setup_intent_data": {"metadata": metadata},
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
        }
        session = await self._write(
            SESSIONS,
            Opened,
            lambda client: client.v1.checkout.sessions.create_async(parameters, options(f"setup:{request.setup_id}")),
        )
        if session.url is None:
            raise OutcomeUnknown(f"Stripe opened {session.id} without an address.")
        return Checkout(reference=session.id, redirect_url=session.url)

    async def look_up_setup(self, reference: str) -> SetupFacts:
        """Ask how a setup stands, by its session or its intent."""
        if not reference.startswith("cs_"):
            parameters: Any = {"expand": ["payment_method"]}
            intent = await self._read(
                SETUPS, SetupIntent, lambda client: client.v1.setup_intents.retrieve_async(reference, parameters)
            )
            return _facts(intent, reference, state=_INTENT_STATES[intent.status])
        expanded: Any = {"expand": ["setup_intent.payment_method"]}
        session = await self._read(
            SESSIONS,
            SetupSession,
            lambda client: client.v1.checkout.sessions.retrieve_async(reference, expanded),
        )
        return _session_facts(session)

    async def saved_methods(self, payer: str) -> list[SavedMethod]:
        found = await self._read_all(
            METHODS,
            PaymentMethod,
            lambda client, page: client.v1.customers.payment_methods.list_async(payer, page),
        )
        return [method.as_saved() for method in found]

    async def forget_method(self, method: str) -> None:
        try:
            await self._write(
                METHODS,
                Named,
                lambda client: client.v1.payment_methods.detach_async(method, {}, options(f"forget:{method}")),
            )
        except NotFound:
            return
        except GatewayRefused:
            left = await self._read(
                METHODS, PaymentMethod, lambda client: client.v1.payment_methods.retrieve_async(method)
            )
            if left.customer is not None:
                raise

    async def forget_payer(self, payer: str) -> None:
        """Delete a customer at Stripe, who keeps what its own books need; nothing can be charged for it any more."""
        try:
            await self._write(
                "customers",
                Named,
                lambda client: client.v1.customers.delete_async(payer),
            )
        except NotFound:
            return


_INTENT_STATES = {
    "requires_payment_method": PaymentState.AWAITING,
    "requires_confirmation": PaymentState.AWAITING,
    "requires_action": PaymentState.AWAITING,
    "processing": PaymentState.PROCESSING,
    "canceled": PaymentState.VOIDED,
    "succeeded": PaymentState.RECEIVED,
}


def _session_facts(session: SetupSession) -> SetupFacts:
    intent = session.setup_intent
    if session.status == "complete":
        if not isinstance(intent, SetupIntent):
            raise GatewayFailed("Stripe says that a setup is complete, but not what it saved.")
        is_refused = intent.status == "requires_payment_method"
        state = PaymentState.FAILED if is_refused else _INTENT_STATES[intent.status]
        return _facts(intent, session.id, state=state)
    return SetupFacts(
        reference=session.id,
        state=PaymentState.AWAITING if session.status == "open" else PaymentState.VOIDED,
        is_live=session.livemode,
        setup_id=session.metadata.get("setup_id"),
        payer=session.customer,
    )


def _facts(intent: SetupIntent, reference: str, *, state: PaymentState) -> SetupFacts:
    method = intent.payment_method
    is_saved = state is PaymentState.RECEIVED
    if is_saved and not isinstance(method, PaymentMethod):
        raise GatewayFailed("Stripe says that a method is saved, but not which.")
    return SetupFacts(
        reference=reference,
        state=state,
        is_live=intent.livemode,
        setup_id=intent.metadata.get("setup_id"),
        payer=intent.customer,
        method=method.as_saved() if is_saved and isinstance(method, PaymentMethod) else None,
    )
