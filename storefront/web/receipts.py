"""Receipts over HTTP: signed JSON, a page to read and print, and the keys to check them with."""

from aiohttp import web

from storefront.core.errors import NotFound
from storefront.core.principals import Role
from storefront.core.receipts.reading import read_receipt_keys, show_receipt
from storefront.core.receipts.signing import key_set
from storefront.pages.browser import Browser, page_frame
from storefront.routing import Call, Routes, respond
from storefront.web.browsing import renderer_of
from storefront.web.pages import build_receipt_view
from storefront.web.services import SERVICES, SIGNER
from storefront.web.shapes import JWKS, RECEIPT

routes = Routes("core", tags=["receipts"])
SEES_ALL = Role.SERVER | Role.OPERATOR


@routes.get(
    "/v1/purchases/{id}/receipt",
    allow=Role.CUSTOMER | SEES_ALL,
    answers={200: RECEIPT},
    scope="purchases:read",
    refusals=["no_receipt"],
)
async def get_receipt(call: Call) -> web.StreamResponse:
    """Show the receipt of a completed purchase that was paid in real money, signed, with its credit notes.

    Its number follows a moment after the purchase: until then `number` and `jws` are null.
    """
    return respond(await show_receipt(call.app[SERVICES], call.path("id"), owner=call.principal.owner))


@routes.get("/.well-known/jwks.json", allow=Role.PUBLIC, answers={200: JWKS})
async def show_keys(call: Call) -> web.StreamResponse:
    """Publish the public keys that receipts are signed with, those of earlier receipts included (RFC 7517)."""
    kept = await read_receipt_keys(call.app[SERVICES].reader)
    headers = {"Cache-Control": "public, max-age=300"}
    return respond(key_set(call.app[SIGNER].known_keys(), kept), headers=headers)


@routes.get("/receipts/{id}", allow=Role.PUBLIC, page=True)
async def show_receipt_page(call: Call) -> web.StreamResponse:
    """Show a receipt to read and to print: to its buyer, or with a key."""
    services, browser, principal = call.app[SERVICES], Browser.of(call), call.principal
    if principal.role is not Role.CUSTOMER and principal.role not in SEES_ALL:
        raise NotFound("There is nothing at this address.")
    receipt = await show_receipt(services, call.path("id"), owner=principal.owner)
    view = build_receipt_view(receipt, page=page_frame(call, services, browser))
    return browser.answer(renderer_of(browser).render_receipt(view))
