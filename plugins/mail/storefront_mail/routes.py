"""HTTP: addresses for the game's server, and the page where a reader opts out."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront.shapes import INTEGER, TEXT, TIME, closed, nullable, table
from storefront_mail.addresses import choose, forget_address, keep_address, owner_of, show_address
from storefront_mail.composing import UNSUBSCRIBE
from storefront_mail.config import ADDRESS_PATTERN, Settings
from storefront_mail.templates import environment, language_of

PATH = "/v1/mail/customers/{customer}"
KEEP = closed(
    {
        "email": {"type": "string", "pattern": ADDRESS_PATTERN, "maxLength": 254, "examples": ["ada@example.com"]},
        "language": {"type": "string", "pattern": "^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$", "maxLength": 35,
                     "description": "A language tag, such as de or pt-BR.", "examples": ["de"]},
    },
    required=["email"],
)  # fmt: skip
_MESSAGE = table(
    {"id": TEXT, "event_type": TEXT, "template": TEXT, "state": TEXT, "reason": nullable(TEXT), "attempts": INTEGER,
     "updated_at": TIME}
)  # fmt: skip
MAIL = table(
    {"email": nullable(TEXT), "language": nullable(TEXT), "opted_out_at": nullable(TIME),
     "messages": {"type": "array", "items": _MESSAGE}}
)  # fmt: skip
_READERS = Role.SERVER | Role.OPERATOR


def make_routes(services: Services, settings: Settings) -> Routes:
    """Declare the routes over the shop's services."""
    routes = Routes("mail")
    _add_addresses(routes, services)
    _add_pages(routes, services, settings)
    return routes


def _add_addresses(routes: Routes, services: Services) -> None:
    @routes.put(PATH, allow=Role.SERVER, body=KEEP, answers={200: MAIL}, scope="customers:write")
    async def put_address(call: Call) -> web.StreamResponse:
        """Say where a customer gets mail, and in which language.

        Without an address nothing is sent to them. What they chose about mail stays as it is.
        """
        customer_id = await services.customers.ensure(call.path("customer"), actor=call.principal.caller)
        language = call.body.get("language")
        await keep_address(services, customer_id, call.body["email"], language, actor=call.principal.caller)
        return respond(await show_address(services, customer_id))

    @routes.get(PATH, allow=_READERS, answers={200: MAIL}, scope="customers:read")
    async def get_address(call: Call) -> web.StreamResponse:
        """Show where a customer gets mail, and what became of their newest fifty."""
        return respond(await show_address(services, await services.customers.need(call.path("customer"))))

    @routes.delete(PATH, allow=_READERS, answers={200: MAIL}, scope="customers:write")
    async def delete_address(call: Call) -> web.StreamResponse:
        """Erase a customer's address, language and choice; mails that wait for them are not sent. Safe to repeat."""
        customer_id = await services.customers.need(call.path("customer"))
        await forget_address(services, customer_id, actor=call.principal.caller)
        return respond(await show_address(services, customer_id))


def _add_pages(routes: Routes, services: Services, settings: Settings) -> None:
    path = UNSUBSCRIBE
    again = path.replace("unsubscribe", "subscribe")

    @routes.get(path, allow=Role.PUBLIC, page=True)
    async def show_choice(call: Call) -> web.StreamResponse:
        """Ask a reader whether they want no more mail; looking alone, as scanners do, changes nothing."""
        return await _page(services, settings, call.path("token"))

    @routes.post(path, allow=Role.PUBLIC, page=True, raw_body=True, body_limit=4096)
    async def opt_out(call: Call) -> web.StreamResponse:
        """Opt out of all but the necessary, at once: by the page, or by a mail program's button (RFC 8058)."""
        await choose(services, call.path("token"), wants_mail=False)
        return await _page(services, settings, call.path("token"))

    @routes.post(again, allow=Role.PUBLIC, page=True, raw_body=True, body_limit=4096)
    async def opt_in(call: Call) -> web.StreamResponse:
        """Take an opt-out back."""
        await choose(services, call.path("token"), wants_mail=True)
        return await _page(services, settings, call.path("token"))


async def _page(services: Services, settings: Settings, token: str) -> web.Response:
    row = await owner_of(services, token)
    shop = services.config.shop
    wanted = [one for one in (row["language"], settings.language, shop.default_language) if one]
    language = language_of(settings.templates, "unsubscribe", wanted, (".html",))
    values: Mapping[str, Any] = {
        "shop_name": shop.name,
        "language": language,
        "is_out": row["opted_out_at"] is not None,
        "base": services.public_url,
        "token": token,
    }
    html = environment(settings.templates).get_template(f"{language}/unsubscribe.html").render(values)
    style = html.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'"
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return web.Response(text=html, content_type="text/html", headers=headers)
