"""What of the joined shop a page needs, as the application holds it."""

from aiohttp import web

from storefront.core.services import Services
from storefront.core.sessions import SessionTokens

SERVICES = web.AppKey("SERVICES", Services)
TOKENS = web.AppKey("TOKENS", SessionTokens)
