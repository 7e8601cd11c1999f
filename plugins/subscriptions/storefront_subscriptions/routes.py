"""HTTP: subscribe, see, cancel, take back; ``/v1/subscriptions``."""

from typing import Any

from aiohttp import web

from storefront.core.clock import iso
from storefront.core.commit.outcome import Taken
from storefront.core.customers import is_introduced
from storefront.core.errors import FieldError, Invalid
from storefront.core.gifts import find_receiver
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Role
from storefront.core.purchases import Bought
from storefront.core.returning import check_return
from storefront.core.services import Services
from storefront.routing import Call, ErrorDoc, Routes, respond, respond_once
from storefront.shapes import ANY_OBJECT, table
from storefront_subscriptions.account.routes import add_account_routes
from storefront_subscriptions.canceling import cancel_at_end, end_now
from storefront_subscriptions.change_routes import add_change_routes
from storefront_subscriptions.config import Settings
from storefront_subscriptions.crediting import CREDITS, read_ahead
from storefront_subscriptions.giving import GiveRequest, give
from storefront_subscriptions.pause_routes import add_pause_routes
from storefront_subscriptions.rows import INVOICES, OF_CUSTOMER, need
from storefront_subscriptions.shapes import (
    CANCEL,
    CREDIT,
    INVOICE,
    METERED,
    NEXT_CREDIT,
    OF_CUSTOMER_QUERY,
    SUBSCRIBE,
    SUBSCRIPTION,
)
from storefront_subscriptions.showing import show, show_credit, show_invoice
from storefront_subscriptions.subscribing import SubscribeRequest, subscribe
from storefront_subscriptions.usage_lines import read_metered, show_metered

PATH = "/v1/subscriptions"
OPERATION = f"POST {PATH}"
ERRORS = (
    ErrorDoc("already_subscribed", 409, "There is a subscription of this family already",
             "Change or end that one: `subscription` names it."),
    ErrorDoc("subscription_over", 409, "This subscription is over", "Begin a new one."),
    ErrorDoc("renewal_under_way", 409, "A payment for this subscription is being made",
             "Wait until it is decided, then try again."),
    ErrorDoc("payment_due", 409, "A payment for this subscription is due", "Pay it first, then change the tier."),
    ErrorDoc("change_outdated", 409, "The subscription has changed since this was worked out",
             "Look at the change again (`preview`), then ask for it."),
    ErrorDoc("nothing_to_change", 409, "The subscription is like that already", "Nothing is to be done."),
    ErrorDoc("ends_with_period", 409, "This subscription ends with its period",
             "Take that back (`resume`) before you change what the next period is."),
    ErrorDoc("subscription_paused", 409, "This subscription is paused", "Resume it (`resume`), then change it."),
    ErrorDoc("pausing_not_offered", 403, "This shop does not let customers pause", "A server key may."),
    ErrorDoc("pauses_with_period", 409, "This subscription pauses with its period only",
             "Pause it with `period_end`; a server key may at once."),
    ErrorDoc("pause_too_long", 409, "A pause does not last that long here", "Pause until `until`, or shorter."),
    ErrorDoc("no_payment_method", 409, "There is no payment method to charge", "Save one, then resume."),
    ErrorDoc("trial_used", 409, "This card or mailbox has had its trial",
             "Another account has tried this family with it. Send `trial: false` to begin to pay at once."),
    ErrorDoc("gift_needs_same_plan", 409, "The recipient has another plan of this family",
             "Give periods of `possible`, or wait until that plan is over."),
    ErrorDoc("gift_ahead", 409, "What was given to this subscription is not used up yet",
             "Change it after `until`."),
    ErrorDoc("not_due", 409, "This is not to be paid now", "It is paid, or was given up; look at the subscription."),
)  # fmt: skip


_OWNERS = Role.CUSTOMER | Role.SERVER


def make_routes(services: Services, settings: Settings) -> Routes:
    routes = Routes("subscriptions", errors=ERRORS)
    _add_subscribing(routes, services)
    _add_looking(routes, services)
    _add_credits(routes, services)
    _add_usage(routes, services)
    _add_ending(routes, services, settings)
    add_change_routes(routes, services, settings)
    add_pause_routes(routes, services, settings)
    add_account_routes(routes, services, settings)
    return routes


def _add_subscribing(routes: Routes, services: Services) -> None:
    @routes.post(
        PATH, allow=_OWNERS, body=SUBSCRIBE, answers={201: ANY_OBJECT, 202: ANY_OBJECT}, idempotent=True,
        scope="purchases:write", refusals=["already_subscribed", "trial_used", "change_outdated", "insufficient_funds",
                                           "gateway_unavailable", "gateway_refused", "payment_declined", "not_giftable",
                                           "gift_not_possible", "gift_needs_same_plan", "too_many_gifts"],
    )  # fmt: skip
    async def begin(call: Call) -> web.StreamResponse:
        """Subscribe, once per idempotency key; the answer is the purchase that pays, and its details name it.

        With a `recipient` it is a gift of so many `periods`: theirs once it is paid, and not renewed by itself.
        """
        body: dict[str, Any] = call.body
        check_return(services, body.get("return_url"))
        customer_id = await services.customer_of(call.principal, body.get("customer"))
        wanted = SubscribeRequest(
            idempotency=idempotency_key(call.principal.caller, OPERATION, call.key, body),
            customer_id=customer_id,
            sku=body["sku"],
            interval=body.get("interval"),
            seats=body.get("seats", 1),
            currency=body.get("currency"),
            pay_with=body.get("pay_with"),
            payment_method=body.get("payment_method"),
            return_url=body.get("return_url"),
            promo_codes=tuple(body.get("promo_codes", ())),
            address=call.address,
            network=call.customers_network,
            country=call.principal.country,
            trial=body.get("trial", True),
        )
        named = body.get("recipient")
        if (named is None) is not ("periods" not in body):
            raise Invalid("A gift names who gets how many periods.", errors=[FieldError(
                "/recipient" if named is None else "/periods", "is missing")])  # fmt: skip
        if named is None:
            bought = await subscribe(services, wanted)
        else:
            bought = await _give(services, call, wanted, named)
        return respond_once(bought.answer, is_replay=bought.is_replay)


async def _give(services: Services, call: Call, wanted: SubscribeRequest, named: str) -> Bought:
    by_customer = call.principal.role is Role.CUSTOMER
    while True:
        receiver = await find_receiver(services, call.principal, wanted.customer_id, named)
        try:
            return await give(services, GiveRequest(wanted, receiver, call.body["periods"], by_customer))
        except Taken as taken:
            if not is_introduced(taken):
                raise
            # Another request has just made the recipient, whom this one finds now.


def _add_looking(routes: Routes, services: Services) -> None:
    @routes.get(PATH, allow=_OWNERS, query=OF_CUSTOMER_QUERY, scope="customers:read",
                answers={200: table({"data": {"type": "array", "items": SUBSCRIPTION}})})  # fmt: skip
    async def list_all(call: Call) -> web.StreamResponse:
        """List a customer's subscriptions, newest first."""
        customer_id = await services.customer_of(call.principal, call.query.get("customer"))
        rows = await services.reader.all(OF_CUSTOMER, customer_id=customer_id)
        return respond({"data": [await show(services, row) for row in rows]})

    @routes.get(PATH + "/{id}", allow=_OWNERS, answers={200: SUBSCRIPTION}, scope="customers:read")
    async def show_one(call: Call) -> web.StreamResponse:
        """Show one subscription."""
        return respond(await show(services, await need(services, call.path("id"), owner=call.principal.owner)))

    @routes.get(PATH + "/{id}/invoices", allow=_OWNERS, scope="customers:read",
                answers={200: table({"data": {"type": "array", "items": INVOICE}})})  # fmt: skip
    async def list_invoices(call: Call) -> web.StreamResponse:
        """List what a subscription asked for, period by period, newest first."""
        row = await need(services, call.path("id"), owner=call.principal.owner)
        found = await services.reader.all(INVOICES, subscription_id=row["id"])
        return respond({"data": [show_invoice(one) for one in found]})


def _add_credits(routes: Routes, services: Services) -> None:
    @routes.get(PATH + "/{id}/credits", allow=_OWNERS, scope="customers:read",
                answers={200: table({"data": {"type": "array", "items": CREDIT},
                                     "next": {"type": "array", "items": NEXT_CREDIT}})})  # fmt: skip
    async def list_credits(call: Call) -> web.StreamResponse:
        """List which included credits a subscription granted, slot by slot, newest first, and what it grants next."""
        row = await need(services, call.path("id"), owner=call.principal.owner)
        found = await services.reader.all(CREDITS, subscription_id=row["id"])
        ahead = [{"asset": clock.asset, "amount": amount, "at": iso(at)}
                 for clock, amount, at in await read_ahead(services, row)]  # fmt: skip
        return respond({"data": [show_credit(one) for one in reversed(found)], "next": ahead})


def _add_usage(routes: Routes, services: Services) -> None:
    @routes.get(PATH + "/{id}/usage", allow=_OWNERS, scope="customers:read",
                answers={200: table({"data": {"type": "array", "items": METERED}})})  # fmt: skip
    async def list_usage(call: Call) -> web.StreamResponse:
        """List what a subscription's periods metered, newest first: what is billed, and what the next invoice asks."""
        row = await need(services, call.path("id"), owner=call.principal.owner)
        found = await read_metered(services, row, services.clock.now())
        return respond({"data": [show_metered(one) for one in reversed(found)]})


def _add_ending(routes: Routes, services: Services, settings: Settings) -> None:
    @routes.post(PATH + "/{id}/cancel", allow=_OWNERS, body=CANCEL, may_lack_body=True, answers={200: SUBSCRIPTION},
                 scope="purchases:write", refusals=["subscription_over", "renewal_under_way"])  # fmt: skip
    async def cancel(call: Call) -> web.StreamResponse:
        """End a subscription with the period that is paid, or now. What is so already stays so."""
        row = await need(services, call.path("id"), owner=call.principal.owner)
        actor = call.principal.caller
        if call.body.get("at", "period_end") == "now":
            row = await end_now(services, settings, row["id"], reason="canceled", actor=actor, gives_up=True)
        else:
            row = await cancel_at_end(services, settings, row["id"], is_on=True, actor=actor)
        return respond(await show(services, row))
