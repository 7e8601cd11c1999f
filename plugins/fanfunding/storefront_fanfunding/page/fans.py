"""Who stands before a creator's page: a customer who is signed in, or a guest by their browser's own secret."""

import secrets

from aiohttp import web
from yarl import URL

from storefront.core.customers import Newcomer
from storefront.core.services import Services
from storefront.pages import Browser
from storefront.routing import Call
from storefront_fanfunding.guests import is_token, meet_guest

FAN_COOKIE = "storefront_fan"


def cookie_of(browser: Browser) -> str:
    """Return what the cookie of a guest's secret is called."""
    return f"__Host-{FAN_COOKIE}" if browser.is_secure else FAN_COOKIE


def token_of(call: Call, browser: Browser) -> str | None:
    """Return a guest's secret, if their browser has one that the API would take, too."""
    token = call.request.cookies.get(cookie_of(browser), "")
    return token if is_token(token) else None


def give_token(call: Call, browser: Browser, response: web.Response) -> None:
    """Give a browser that has none a secret, by which it is the same guest each time."""
    if token_of(call, browser) is None:
        browser.keep(response, cookie_of(browser), secrets.token_urlsafe(24))


async def fan_of(services: Services, call: Call, browser: Browser) -> tuple[str | Newcomer, bool]:
    """Return who gives, and whether they are a guest: whoever is signed in is not."""
    if call.principal.customer_id is not None:
        return call.principal.customer_id, False
    return await meet_guest(services, token_of(call, browser) or secrets.token_urlsafe(24)), True


async def is_fan(services: Services, call: Call, customer_id: str) -> bool:
    """Tell whether the browser is that of a fan."""
    if call.principal.customer_id is not None:
        return call.principal.customer_id == customer_id
    token = token_of(call, Browser.of(call))
    return token is not None and await meet_guest(services, token) == customer_id


def see(address: str) -> web.Response:
    """Lead a browser on after its form."""
    return web.Response(status=303, headers={"Location": str(URL(address))})
