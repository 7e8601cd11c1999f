"""Payment intents: charges while the payer is away, authorisations, and what an intent says of the money."""

from collections.abc import Awaitable
from functools import partial
from typing import Any

import msgspec
import stripe

from storefront.core.errors import NotFound
from storefront.core.gateways import (
    ActionRequired,
    ChargeRequest,
    GatewayRefused,
    PaymentFacts,
    PaymentState,
)
from storefront.core.gateways.stripe.amounts import from_stripe, to_stripe
from storefront.core.gateways.stripe.client import MOST_PER_PAGE, StripeAccount, key_of_this_call, options
from storefront.core.gateways.stripe.shapes import Intent, MethodDetails
from storefront.core.gateways.stripe.translating import Refusal
from storefront.core.money import Money

INTENTS = "payment_intents"
EXPANDED = ("latest_charge", "payment_method")
LONGEST_TITLE = 250

# The payer has done all, and the money comes days later, or not.
_DELAYED_KINDS = frozenset(
    {
        "acss_debit",
        "au_becs_debit",
        "bacs_debit",
        "boleto",
        "customer_balance",
        "konbini",
        "multibanco",
        "nz_bank_account",
        "oxxo",
        "sepa_debit",
        "us_bank_account",
    }
)


class IntentPage(msgspec.Struct):
    data: list[Intent]
    has_more: bool = False


class PaymentCalls(StripeAccount):
    """Off-session charges and captures."""

    async def charge(self, request: ChargeRequest) -> PaymentFacts:
        """Charge a saved method; one that Stripe knows already is not made again.

        Stripe forgets keys after a day, so it is asked first: a server may have been away for longer. The newest
        hundred are enough, as one payer cannot have more attempts than that while the shop is away.
        """
        known = await self._find_charge(request)
        if known is None:
            try:
                known = await self._write(
                    INTENTS,
                    Intent,
                    lambda client: client.v1.payment_intents.create_async(
                        _charge_parameters(request), options(f"charge:{request.purchase_id}:{request.attempt}")
                    ),
                )
            except ActionRequired as asked:
                raise ActionRequired(reference=asked.reference or await self._charge_reference(request)) from asked
        return outcome_of(known)

    async def confirm(self, reference: str, *, method: str | None, return_url: str) -> PaymentFacts:
        """Confirm an intent with the payer there. Only one that waits for it is confirmed: never paid twice."""
        intent = await self._intent(reference)
        if intent.status in ("requires_payment_method", "requires_confirmation"):
            parameters: Any = {"return_url": return_url, "expand": [*EXPANDED]}
            chosen = method or _method_id(intent)
            if chosen is not None:
                parameters["payment_method"] = chosen
            key = key_of_this_call("confirm", reference)
            try:
                intent = await self._write(
                    INTENTS,
                    Intent,
                    lambda client: client.v1.payment_intents.confirm_async(reference, parameters, options(key)),
                )
            except GatewayRefused:
                intent = await self._intent(reference)
                if intent.status in ("requires_payment_method", "requires_confirmation"):
                    raise
        return outcome_of(intent)

    async def capture(self, payment: str, amount: Money) -> PaymentFacts:
        """Take what was authorised, or a part; one that is captured or gone already is looked up instead."""
        parameters: Any = {"amount_to_capture": to_stripe(amount)}
        try:
            await self._write(
                INTENTS,
                Intent,
                lambda client: client.v1.payment_intents.capture_async(
                    payment, parameters, options(f"capture:{payment}:{amount.amount_minor}")
                ),
            )
        except GatewayRefused:
            intent = await self._intent(payment)
            if intent.status not in ("succeeded", "canceled"):
                raise
        return await self._payment(payment)

    async def void(self, payment: str) -> PaymentFacts:
        """Cancel an intent; one that is over already, or whose money is on its way, is looked up instead."""
        try:
            await self._write(
                INTENTS,
                Intent,
                lambda client: client.v1.payment_intents.cancel_async(
                    payment, {}, options(key_of_this_call("void", payment))
                ),
            )
        except GatewayRefused:
            intent = await self._intent(payment)
            if intent.status not in ("succeeded", "canceled", "processing"):
                raise
        return await self._payment(payment)

    async def _payment(self, payment: str) -> PaymentFacts:
        """Return the facts of a payment; overridden where checkouts are known, which then name it."""
        return facts_of(await self._intent(payment))

    async def _intent(self, reference: str) -> Intent:
        parameters: Any = {"expand": [*EXPANDED]}
        return await self._read(
            INTENTS, Intent, lambda client: client.v1.payment_intents.retrieve_async(reference, parameters)
        )

    async def _find_charge(self, request: ChargeRequest) -> Intent | None:
        """Return the intent that this very request made, if it was made: Stripe forgets keys after a day."""
        wanted = {"purchase_id": request.purchase_id, "attempt": str(request.attempt)}
        page: dict[str, Any] = {
            "customer": request.payer,
            "limit": MOST_PER_PAGE,
            "expand": [f"data.{member}" for member in EXPANDED],
        }
        while True:
            parameters: Any = dict(page)
            found = await self._read(INTENTS, IntentPage, partial(_list_intents, parameters=parameters))
            known = next((intent for intent in found.data if wanted.items() <= intent.metadata.items()), None)
            if known is not None or not found.has_more or not found.data:
                return known
            page["starting_after"] = found.data[-1].id

    async def _charge_reference(self, request: ChargeRequest) -> str:
        known = await self._find_charge(request)
        if known is None:
            raise NotFound("The gateway asks for the payer, but does not say for which charge.")
        return known.id


def _list_intents(client: stripe.StripeClient, parameters: Any) -> Awaitable[object]:
    return client.v1.payment_intents.list_async(parameters)


def outcome_of(intent: Intent) -> PaymentFacts:
    """Return the facts of a charge; raises ``Declined`` or ``ActionRequired`` for one that does not go on alone."""
    if intent.status == "requires_action":
        action = intent.next_action
        redirect = None if action is None else action.redirect_to_url
        raise ActionRequired(None if redirect is None else redirect.url, reference=intent.id)
    if intent.status in ("requires_payment_method", "requires_confirmation"):
        raise (intent.last_payment_error or Refusal()).as_failure(intent.id)
    return facts_of(intent)


def facts_of(intent: Intent) -> PaymentFacts:
    """Read an intent that no checkout made."""
    return payment_facts(intent, reference=intent.id, state=_state_of(intent))


def payment_facts(intent: Intent, *, reference: str, state: PaymentState) -> PaymentFacts:
    """Put together what an intent and its charge say of the money; ``reference`` is what it is looked up by."""
    charge = intent.charge
    details = MethodDetails() if charge is None else charge.payment_method_details or MethodDetails()
    until = details.own.get("capture_before")
    amount = intent.amount_received if state is PaymentState.RECEIVED else intent.amount
    refunded = 0 if charge is None else from_stripe(charge.amount_refunded, intent.currency).amount_minor
    error = intent.last_payment_error
    return PaymentFacts(
        reference=reference,
        state=state,
        amount=from_stripe(amount, intent.currency),
        is_live=intent.livemode,
        purchase_id=intent.metadata.get("purchase_id"),
        payment=intent.id,
        card=_card(intent),
        payer=intent.customer,
        method=intent.kept_method,
        is_delayed=state is PaymentState.PROCESSING or details.type in _DELAYED_KINDS,
        authorized_until=until * 1000 if isinstance(until, int) and state is PaymentState.AUTHORIZED else None,
        refunded=refunded,
        is_disputed=charge is not None and charge.disputed,
        failure=(error or Refusal()).reason if state is PaymentState.FAILED else None,
    )


def _charge_parameters(request: ChargeRequest) -> Any:
    return {
        "amount": to_stripe(request.amount),
        "currency": request.amount.currency.lower(),
        "customer": request.payer,
        "payment_method": request.method,
        "description": request.title[:LONGEST_TITLE],
        "off_session": True,
        "confirm": True,
        **({} if request.is_captured else {"payment_method_options": {"card": {"capture_method": "manual"}}}),
        "metadata": {
            "purchase_id": request.purchase_id,
            "customer_id": request.customer_id,
            "attempt": str(request.attempt),
        },
        "expand": [*EXPANDED],
    }


def _state_of(intent: Intent) -> PaymentState:
    match intent.status:
        case "succeeded":
            return PaymentState.RECEIVED
        case "processing":
            return PaymentState.PROCESSING
        case "requires_capture":
            return PaymentState.AUTHORIZED
        case "canceled":
            return PaymentState.VOIDED
        case "requires_payment_method" if _is_refused(intent):
            return PaymentState.FAILED
        case _:
            return PaymentState.AWAITING


def _is_refused(intent: Intent) -> bool:
    error = intent.last_payment_error
    return error is not None and not error.needs_the_payer


def _card(intent: Intent) -> dict[str, Any]:
    charge = intent.charge
    if charge is None:
        return {}
    method = (charge.payment_method_details or MethodDetails()).own
    kept = {name: method.get(name) for name in ("brand", "last4", "country", "funding", "fingerprint", "checks")}
    kept["three_d_secure"] = (method.get("three_d_secure") or {}).get("result")
    if charge.outcome is not None:
        kept |= {
            "risk_level": charge.outcome.risk_level,
            "risk_score": charge.outcome.risk_score,
            "outcome": charge.outcome.type,
            "outcome_reason": charge.outcome.reason,
        }
    if intent.review is not None:
        kept["review"] = intent.review
    return kept


def _method_id(intent: Intent) -> str | None:
    """Return what the intent was last tried with; an intent that was refused names it in its error only."""
    method = intent.payment_method
    if method is None:
        refused = None if intent.last_payment_error is None else intent.last_payment_error.payment_method
        return None if refused is None else refused.id
    return method if isinstance(method, str) else method.id
