"""HTTP: subscribe, see, cancel, take back; ``/v1/subscriptions``."""

from typing import Any

from aiohttp import web

from storefront.core.clock import iso
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, ErrorDoc, Routes, respond, respond_bytes
from storefront.shapes import ANY_OBJECT, CUSTOMER, INTEGER, MONEY, TEXT, TIME, closed, nullable, table
from storefront_subscriptions.canceling import cancel_at_end, end_now
from storefront_subscriptions.config import Settings
from storefront_subscriptions.intervals import PATTERN
from storefront_subscriptions.rows import INVOICES, OF_CUSTOMER, lines_of, need, shown
from storefront_subscriptions.subscribing import SubscribeRequest, subscribe

PATH = "/v1/subscriptions"
OPERATION = f"POST {PATH}"
SUBSCRIPTION = table(
    {
        "id": TEXT,
        "customer": {"type": "object", "properties": {"id": TEXT}, "required": ["id"]},
        "sku": TEXT,
        "family": TEXT,
        "interval": TEXT,
        "billing_state": {
            **TEXT,
            "enum": ["incomplete", "trialing", "active", "past_due", "unpaid", "canceled", "incomplete_expired"],
        },
        "has_access": {"type": "boolean"},
        "access_until": nullable(TIME),
        "period_start": nullable(TIME),
        "period_end": nullable(TIME),
        "will_renew": {"type": "boolean"},
        "price": {**MONEY, "description": "Of one seat for one interval, as it was agreed to."},
        "seats": INTEGER,
        "pay_with": TEXT,
        "reason": {**nullable(TEXT), "description": "Why it is not simply active."},
        "next_attempt_at": nullable(TIME),
        "created_at": TIME,
        "ended_at": nullable(TIME),
    }
)
INVOICE = table(
    {
        "id": TEXT,
        "period": {**INTEGER, "description": "Which period it is for, from 0; -1 for a trial."},
        "period_start": nullable(TIME),
        "period_end": nullable(TIME),
        "state": {**TEXT, "enum": ["open", "paid", "void", "uncollectible"]},
        "lines": {"type": "array", "items": table({"title": TEXT, "total": MONEY})},
        "total": {**MONEY, "description": "Before tax."},
        "attempts": INTEGER,
        "purchase": nullable(TEXT),
    }
)
_OF_CUSTOMER = {**CUSTOMER, "description": "Whose, with a server key; absent with a session."}
SUBSCRIBE = closed(
    {
        "customer": _OF_CUSTOMER,
        "sku": {"type": "string", "maxLength": 100, "description": "The tier.", "examples": ["premium"]},
        "interval": {
            "type": "string",
            "pattern": PATTERN,
            "description": "For how long one payment lasts; the tier's first interval if absent.",
            "examples": ["month"],
        },
        "seats": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 1, "description": "How many seats."},
        "currency": {"type": "string", "maxLength": 40, "description": "In which asset.", "examples": ["USD"]},
        "pay_with": {"type": "string", "maxLength": 40, "description": "A gateway, or `wallet`."},
        "payment_method": {"type": "string", "maxLength": 80, "description": "A saved method to charge."},
        "return_url": {"type": "string", "maxLength": 2_000, "description": "Where the payer comes back to."},
        "promo_codes": {
            "type": "array",
            "items": {"type": "string", "maxLength": 60},
            "maxItems": 5,
            "description": "For the first payment.",
        },
    },
    required=["sku"],
)
CANCEL = closed(
    {
        "at": {
            "type": "string",
            "enum": ["period_end", "now"],
            "default": "period_end",
            "description": "With the period that is paid, which may be taken back, or at once.",
        }
    }
)
OF_CUSTOMER_QUERY = closed({"customer": _OF_CUSTOMER})
ERRORS = (
    ErrorDoc("already_subscribed", 409, "There is a subscription of this family already",
             "Change or end that one: `subscription` names it."),
    ErrorDoc("subscription_over", 409, "This subscription is over", "Begin a new one."),
    ErrorDoc("renewal_under_way", 409, "A payment for this subscription is being made",
             "Wait until it is decided, then try again."),
    ErrorDoc("not_due", 409, "This is not to be paid now", "It is paid, or was given up; look at the subscription."),
)  # fmt: skip


def make_routes(services: Services, settings: Settings) -> Routes:
    routes = Routes("subscriptions", errors=ERRORS)
    owners = Role.CUSTOMER | Role.SERVER

    def owner_of(call: Call) -> str | None:
        return call.principal.customer_id if call.principal.role is Role.CUSTOMER else None

    async def show(row: Any) -> dict[str, Any]:
        customer = await services.customers.external_id(row["customer_id"])
        return shown(row, customer, services.clock.now())

    @routes.post(
        PATH, allow=owners, body=SUBSCRIBE, answers={201: ANY_OBJECT, 202: ANY_OBJECT}, idempotent=True,
        scope="purchases:write", refusals=["already_subscribed", "insufficient_funds", "gateway_unavailable",
                                           "gateway_refused", "payment_declined"],
    )  # fmt: skip
    async def begin(call: Call) -> web.StreamResponse:
        """Subscribe, once per idempotency key; the answer is the purchase that pays, and its details name it."""
        body: dict[str, Any] = call.body
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
            country=call.principal.country,
        )
        bought = await subscribe(services, wanted)
        headers = {"Idempotent-Replayed": "true"} if bought.is_replay else None
        return respond_bytes(bought.answer.body, status=bought.answer.status, headers=headers)

    @routes.get(PATH, allow=owners, query=OF_CUSTOMER_QUERY, scope="customers:read",
                answers={200: table({"data": {"type": "array", "items": SUBSCRIPTION}})})  # fmt: skip
    async def list_all(call: Call) -> web.StreamResponse:
        """List a customer's subscriptions, newest first."""
        customer_id = await services.customer_of(call.principal, call.query.get("customer"))
        rows = await services.reader.all(OF_CUSTOMER, customer_id=customer_id)
        return respond({"data": [await show(row) for row in rows]})

    @routes.get(PATH + "/{id}", allow=owners, answers={200: SUBSCRIPTION}, scope="customers:read")
    async def show_one(call: Call) -> web.StreamResponse:
        """Show one subscription."""
        return respond(await show(await need(services, call.path("id"), owner=owner_of(call))))

    @routes.get(PATH + "/{id}/invoices", allow=owners, scope="customers:read",
                answers={200: table({"data": {"type": "array", "items": INVOICE}})})  # fmt: skip
    async def list_invoices(call: Call) -> web.StreamResponse:
        """List what a subscription asked for, period by period, newest first."""
        row = await need(services, call.path("id"), owner=owner_of(call))
        found = await services.reader.all(INVOICES, subscription_id=row["id"])
        return respond({"data": [_invoice(one) for one in found]})

    @routes.post(PATH + "/{id}/cancel", allow=owners, body=CANCEL, answers={200: SUBSCRIPTION},
                 scope="purchases:write", refusals=["subscription_over", "renewal_under_way"])  # fmt: skip
    async def cancel(call: Call) -> web.StreamResponse:
        """End a subscription with the period that is paid, or now. What is so already stays so."""
        row = await need(services, call.path("id"), owner=owner_of(call))
        actor = call.principal.caller
        if call.body.get("at", "period_end") == "now":
            row = await end_now(services, settings, row["id"], reason="canceled", actor=actor)
        else:
            row = await cancel_at_end(services, settings, row["id"], is_on=True, actor=actor)
        return respond(await show(row))

    @routes.post(PATH + "/{id}/resume", allow=owners, answers={200: SUBSCRIPTION}, scope="purchases:write",
                 refusals=["subscription_over"])  # fmt: skip
    async def resume(call: Call) -> web.StreamResponse:
        """Take back that a subscription ends with its period."""
        row = await need(services, call.path("id"), owner=owner_of(call))
        row = await cancel_at_end(services, settings, row["id"], is_on=False, actor=call.principal.caller)
        return respond(await show(row))

    return routes


def _invoice(row: Any) -> dict[str, Any]:
    currency = row["currency"]
    return {
        "id": row["id"],
        "period": row["period"],
        "period_start": None if row["period_start"] is None else iso(row["period_start"]),
        "period_end": None if row["period_end"] is None else iso(row["period_end"]),
        "state": row["state"],
        "lines": [
            {"title": title, "total": {"amount": amount, "currency": currency}} for title, amount in lines_of(row)
        ],
        "total": {"amount": row["total"], "currency": currency},
        "attempts": row["attempts"],
        "purchase": row["purchase_id"],
    }
