"""The pages of pledges: the form that pledges, the way back from the gateway's page, and how a pledge stands."""

from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import web
from jinja2 import Environment

from storefront.core.commit.outcome import Taken
from storefront.core.customers import is_introduced
from storefront.core.errors import NotFound, StorefrontError
from storefront.core.finalizing import finalize
from storefront.core.idempotency import idempotency_key
from storefront.core.money import Money
from storefront.core.principals import Role
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.networks import network_of
from storefront.pages import Browser, check_csrf, page_frame
from storefront.routing import Call, Routes
from storefront.shapes import closed
from storefront_fanfunding.campaigns import BY_PURCHASE, BY_SETUP, need_pledge
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import Creator, find_creator_id, need_creator
from storefront_fanfunding.page.amounts import amount_of
from storefront_fanfunding.page.fans import fan_of, give_token, is_fan, see, token_of
from storefront_fanfunding.page.mistakes import Asked, first_taken, mistakes, typed_of
from storefront_fanfunding.page.pledge_view import OfferView, offer_view, pledge_view
from storefront_fanfunding.page.view import Typed, tip_view
from storefront_fanfunding.pledging import finalize_pledge, make_pledge, withdraw_pledge
from storefront_fanfunding.tipping import TipRequest

PATH = "/tip/{creator}/goals/{goal}"
ONE = "/tip/{creator}/pledges/{id}"
BACK = "/tip/{creator}/pledged"
_ID = {"type": "string", "maxLength": 40}
_WORDS = {"type": "string", "maxLength": 8_000}
_CSRF = {"type": "string", "maxLength": 100}
FORM = closed(
    {
        "csrf": _CSRF,
        "idempotency_key": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        "currency": _ID,
        "preset": _ID,
        "other": {"type": "string", "maxLength": 400},
        "name": _WORDS,
        "message": _WORDS,
        "anonymous": {"type": "string", "enum": ["yes"]},
    },
    required=["csrf", "idempotency_key", "currency"],
)
JUST_THAT = closed({"csrf": _CSRF}, required=["csrf"])
# Links to pages are shared and collect parameters of others on their way: these are passed over.
QUERY = {**closed({"currency": _ID}), "additionalProperties": True}
RETURN = {**closed({"setup": _ID, "purchase": _ID}), "additionalProperties": True}


def add_pledge_pages(routes: Routes, services: Services, settings: Settings, templates: Environment) -> None:
    """Declare the pages of pledges and what their forms do."""
    desk = _Desk(services, settings, templates)

    @routes.get(PATH, allow=Role.PUBLIC, query=QUERY, page=True, tags=["pages"])
    async def show_goal_page(call: Call) -> web.StreamResponse:
        """Show a goal that is all or nothing, and the form that pledges to it."""
        return await desk.page(call, Typed(), currency=call.query.get("currency"))

    @routes.post(PATH, allow=Role.PUBLIC, form=FORM, page=True, limit="checkout", tags=["pages"])
    async def send_pledge(call: Call) -> web.StreamResponse:
        """Begin a pledge and lead to where a card is saved, or say at the field why not; one form is one pledge."""
        return await desk.give(call)

    @routes.get(BACK, allow=Role.PUBLIC, query=RETURN, page=True, tags=["pages"])
    async def come_back_to_pledge(call: Call) -> web.StreamResponse:
        """Take a fan back from the gateway's page: ask it what became of that, and show the pledge."""
        return await desk.come_back(call)

    @routes.get(ONE, allow=Role.PUBLIC, page=True, tags=["pages"])
    async def show_pledge_page(call: Call) -> web.StreamResponse:
        """Show how a pledge stands; to its fan with what they can do about it."""
        return await desk.show(call)

    @routes.post(ONE + "/withdraw", allow=Role.PUBLIC, form=JUST_THAT, page=True, limit="checkout", tags=["pages"])
    async def take_pledge_back(call: Call) -> web.StreamResponse:
        """Take a fan's own pledge back, and show that."""
        return await desk.withdraw(call)


class _Desk:
    """What the pages show and their forms do."""

    def __init__(self, services: Services, settings: Settings, templates: Environment) -> None:
        self._services = services
        self._settings = settings
        self._templates = templates

    def _creator(self, call: Call) -> Creator:
        return need_creator(self._services, self._settings, call.path("creator"))

    async def _offer(self, call: Call, creator: Creator) -> OfferView:
        return await offer_view(self._services, creator, call.path("goal"), Browser.of(call).language)

    async def page(self, call: Call, typed: Typed, *, currency: str | None) -> web.Response:
        creator, browser = self._creator(call), Browser.of(call)
        frame, offer = page_frame(call, self._services, browser), await self._offer(call, creator)
        chosen = first_taken(dict.fromkeys(offer.currencies), currency)
        view = await tip_view(self._services, creator, frame, currency=chosen, typed=typed)
        html = self._templates.get_template("pledge.html").render(view=view, page=frame, offer=offer)
        response = browser.answer_with_forms(html)
        if typed.errors:
            response.set_status(422)
        give_token(call, browser, response)
        return response

    async def give(self, call: Call) -> web.Response:
        creator, typed = self._creator(call), typed_of(call.body)
        try:
            check_csrf(call)
            pledge = await self._begin(call, creator)
        except NotFound:
            raise
        except StorefrontError as refusal:
            offer, asked = await self._offer(call, creator), Asked.of(call)
            currency = first_taken(dict.fromkeys(offer.currencies), call.body["currency"])
            typed = mistakes(self._services, creator, typed, refusal, currency=currency, asked=asked)
            return await self.page(call, typed, currency=currency)
        address = pledge["setup"]["redirect_url"]
        if address is not None and Browser.of(call).may_lead_to(address):
            return see(address)
        return see(f"/tip/{creator.name}/pledges/{pledge['id']}")

    async def _begin(self, call: Call, creator: Creator) -> dict[str, Any]:
        services, body, browser, goal = self._services, call.body, Browser.of(call), call.path("goal")
        currency = body["currency"]
        if currency not in (await self._offer(call, creator)).currencies:
            creator.check(Money(1, currency))
            raise NotFound("Pledges are not taken in that here.")
        amount = Money(amount_of(body.get("preset", ""), body.get("other", ""), currency), currency)
        # A browser that keeps no cookies has failed at the form's own already.
        terms = {**body, "csrf": "", "creator": creator.name, "goal": goal, "fan": token_of(call, browser)}
        while True:
            fan, is_guest = await fan_of(services, call, browser)
            wanted = TipRequest(
                idempotency=idempotency_key(call.principal.caller, f"POST {PATH}", body["idempotency_key"], terms),
                creator=creator.name,
                fan=fan,
                is_guest=is_guest,
                amount=amount,
                name=body.get("name", ""),
                message=body.get("message", ""),
                is_anonymous="anonymous" in body,
                return_url=f"{services.public_url}/tip/{creator.name}/pledged",
                address=call.address,
                network=network_of(call.address),
                country=call.principal.country,
            )
            try:
                answer, _ = await make_pledge(services, self._settings, goal, wanted)
            except Taken as taken:
                if not is_introduced(taken):
                    raise
                continue  # another tab has just made this fan, whom this one finds now
            begun: dict[str, Any] = msgspec.json.decode(answer.body)
            return begun

    async def come_back(self, call: Call) -> web.Response:
        creator, services = self._creator(call), self._services
        pledge = await services.reader.first(BY_SETUP, setup_id=call.query.get("setup", ""))
        purchase_id = call.query.get("purchase", "")
        pledge = pledge or await services.reader.first(BY_PURCHASE, purchase_id=purchase_id)
        if pledge is None or pledge["creator_id"] != await find_creator_id(services, creator.name):
            return see(f"/tip/{creator.name}")
        # If the gateway is away, the pledge's page says how it stands, and asks again.
        with suppress(StorefrontError):
            await finalize_pledge(services, pledge)
            if purchase_id:
                await finalize(services, purchase_id, owner=None)
        return see(f"/tip/{creator.name}/pledges/{pledge['id']}")

    async def show(self, call: Call) -> web.Response:
        creator, browser = self._creator(call), Browser.of(call)
        pledge = await self._need(call, creator)
        is_own = await is_fan(self._services, call, pledge["customer_id"])
        frame = page_frame(call, self._services, browser)
        view = await pledge_view(self._services, creator, frame, pledge, is_own=is_own)
        return browser.answer_with_forms(self._templates.get_template("pledged.html").render(view=view, page=frame))

    async def withdraw(self, call: Call) -> web.Response:
        creator = self._creator(call)
        pledge = await self._need(call, creator)
        if not await is_fan(self._services, call, pledge["customer_id"]):
            raise NotFound("There is no such pledge.")
        # Too late, or another tab's page: the pledge's own page says how it stands.
        with suppress(StorefrontError):
            check_csrf(call)
            await withdraw_pledge(self._services, pledge["id"])
        return see(f"/tip/{creator.name}/pledges/{pledge['id']}")

    async def _need(self, call: Call, creator: Creator) -> Row:
        pledge = await need_pledge(self._services, call.path("id"))
        if pledge["creator_id"] != await find_creator_id(self._services, creator.name):
            raise NotFound("There is no such pledge.")
        return pledge
