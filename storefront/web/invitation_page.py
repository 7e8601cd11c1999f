"""The link of a referral: it leads to the shop page, which keeps its code until the new customer says yes to it."""

from aiohttp import web

from storefront.core.config.model_promos import normal_code
from storefront.core.errors import StorefrontError
from storefront.core.principals import Role
from storefront.core.referring.entering import REFERRAL, enter_referral
from storefront.core.services import Services
from storefront.pages.browser import Browser, reader_of
from storefront.routing import Call, Routes
from storefront.shapes import PROMO_CODE, closed
from storefront.web.entering_codes import entering_codes
from storefront.web.notices import INVITATION_TAKEN, note_of
from storefront.web.services import SERVICES

routes = Routes("core", tags=["pages"])
INVITATION_COOKIE = "storefront_referral"
ACCEPT = closed({"code": PROMO_CODE, "csrf": {"type": "string", "maxLength": 100}}, required=["code", "csrf"])


@routes.post("/shop/referral", allow=Role.PUBLIC, form=ACCEPT, page=True)
async def accept_invitation(call: Call) -> web.StreamResponse:
    """Say whose referral code brought this customer, and forget the invitation."""
    services, customer_id, code = call.app[SERVICES], reader_of(call), call.body["code"]
    note = INVITATION_TAKEN
    try:
        with entering_codes(call, [code], customer_id):
            await enter_referral(services, customer_id, code)
    except StorefrontError as refusal:
        note = note_of(refusal)
    response = web.Response(status=303, headers={"Location": f"/shop?note={note}"})
    response.del_cookie(INVITATION_COOKIE)
    return response


def keep_invitation(call: Call, services: Services, browser: Browser, response: web.StreamResponse) -> None:
    """Remember the code of a referral's link in this browser: its reader may have to sign in first."""
    code = normal_code(call.query.get("referral", ""))
    if code is not None and services.catalogs.active.referrals is not None:
        browser.keep(response, INVITATION_COOKIE, code)


async def read_invitation(call: Call, services: Services) -> str | None:
    """Return the code that brought the reader here, if they are signed in and have used none yet."""
    customer_id = call.principal.customer_id
    if customer_id is None or services.catalogs.active.referrals is None:
        return None
    code = normal_code(call.query.get("referral") or call.request.cookies.get(INVITATION_COOKIE, ""))
    if code is None or await services.reader.first(REFERRAL, customer_id=customer_id) is not None:
        return None
    return code
