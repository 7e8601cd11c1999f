"""How the handlers of the shop page answer: back to the page, or in words for its script."""

from aiohttp import web
from yarl import URL

from storefront.core.errors import StorefrontError, Unauthorized
from storefront.core.services import Services
from storefront.pages.browser import Browser
from storefront.routing import Call
from storefront.web.browsing import wants_json
from storefront.web.notices import SESSION_ENDED, Notices, note_of

CSRF = {"type": "string", "maxLength": 100}
KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}


async def refuse(
    call: Call, services: Services, refusal: StorefrontError, *, card: str | None = None
) -> web.StreamResponse:
    """Send a refused customer back to the shop, which says why; the script gets the words with the problem.

    ``card`` is the SKU of the card to say it on, else it is said at the top.
    """
    if not wants_json(call.request):
        if card is None:
            return see_other("/shop", note=note_of(refusal))
        # To that card: without script nothing else would bring it into sight.
        return see_other("/shop", f"offer-{card}", note=note_of(refusal), sku=card)
    notices = await notices_of(call, services)
    refusal.facts = {**refusal.facts, "notice": notices.refusal(refusal, card)}
    raise refusal


def session_ended(call: Call) -> web.StreamResponse:
    if wants_json(call.request):
        raise Unauthorized("This session has ended.", redirect_url=f"/shop?note={SESSION_ENDED}")
    return see_other("/shop", note=SESSION_ENDED)


async def notices_of(call: Call, services: Services) -> Notices:
    customer_id = call.principal.customer_id
    assert customer_id is not None, "only somebody who is signed in buys and uses"
    return Notices(services, Browser.of(call).language, await services.states.document(customer_id))


def see_other(path: str, place: str = "", **query: str) -> web.Response:
    return web.Response(status=303, headers={"Location": str(URL(path).with_query(query).with_fragment(place))})
