"""Payments by hand over HTTP: the buyer's page with the instructions, and what operators mark."""

from aiohttp import web

from storefront.core.catalog import text_in
from storefront.core.manual_payments import (
    confirm_refunds,
    list_payments,
    manual_gateway,
    receive_payment,
    void_payment,
)
from storefront.core.principals import Role
from storefront.design.money import format_money
from storefront.pages.browser import Browser, page_frame
from storefront.routing import Call, Routes, respond
from storefront.shapes import INTEGER, MONEY, TEXT, TIME, closed, listing, nullable, table
from storefront.web.browsing import renderer_of
from storefront.web.pages import PaymentView
from storefront.web.services import SERVICES

routes = Routes("core", tags=["payments by hand"])

_STATES = ["awaiting", "received", "voided"]
_QUERY = closed({"state": {"enum": _STATES}})
PAYMENT = table(
    {
        "reference": TEXT,
        "purchase_id": TEXT,
        "title": TEXT,
        "amount": MONEY,
        "refunded": INTEGER,
        "state": {"enum": _STATES},
        "opened_at": TIME,
        "ended_at": nullable(TIME),
    }
)
SENT = table({**PAYMENT["properties"], "sent": {"type": "array", "items": TEXT}})


@routes.get("/pay/manual/{reference}", allow=Role.PUBLIC, page=True)
async def show_payment(call: Call) -> web.StreamResponse:
    """Show how to pay: the operator's instructions, the sum, and the reference to name."""
    services, browser = call.app[SERVICES], Browser.of(call)
    gateway = manual_gateway(services)
    row = await gateway.payment(call.path("reference"))
    instructions = text_in(gateway.instructions, browser.language, services.catalogs.active.default_language)
    frame = page_frame(call, services, browser)
    view = PaymentView(
        page=frame,
        instructions=instructions or "",
        amount=format_money(row["amount"], row["currency"], browser.language),
        title=row["title"],
        reference=row["reference"],
        state=row["state"],
        back_url=row["cancel_url"] if row["state"] == "voided" else row["success_url"],
    )
    return browser.answer(renderer_of(browser).render_payment(view))


@routes.get(
    "/v1/manual-payments",
    allow=Role.OPERATOR,
    query=_QUERY,
    answers={200: listing(PAYMENT)},
    scope="purchases:read",
)
async def list_manual_payments(call: Call) -> web.StreamResponse:
    """List the newest 500 payments by hand, or those in one state, newest first."""
    found = await list_payments(call.app[SERVICES], call.query.get("state"))
    return respond({"data": found, "next": None})


@routes.post(
    "/v1/manual-payments/{reference}/receive",
    allow=Role.OPERATOR,
    answers={200: PAYMENT},
    refusals=["payment_in_another_state"],
    scope="purchases:write",
)
async def receive_manual_payment(call: Call) -> web.StreamResponse:
    """Say that the money of a payment has come: the goods are given. Safe to repeat."""
    found = await receive_payment(call.app[SERVICES], call.path("reference"), actor=call.principal.caller)
    return respond(found)


@routes.post(
    "/v1/manual-payments/{reference}/void",
    allow=Role.OPERATOR,
    answers={200: PAYMENT},
    refusals=["payment_in_another_state"],
    scope="purchases:write",
)
async def void_manual_payment(call: Call) -> web.StreamResponse:
    """Say that nobody will pay this any more: the purchase ends. Safe to repeat."""
    found = await void_payment(call.app[SERVICES], call.path("reference"), actor=call.principal.caller)
    return respond(found)


@routes.post("/v1/manual-payments/{reference}/refund", allow=Role.OPERATOR, answers={200: SENT}, scope="refunds:write")
async def confirm_manual_refunds(call: Call) -> web.StreamResponse:
    """Say that the refunds of a payment that wait have been sent to the buyer. Safe to repeat."""
    found = await confirm_refunds(call.app[SERVICES], call.path("reference"), actor=call.principal.caller)
    return respond(found)
