"""The tip page's handlers: the page, its form, the way back from the payment, the ticket. None needs a script."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from storefront.core.commit.outcome import Taken
from storefront.core.customers import is_introduced
from storefront.core.errors import NotFound, StorefrontError
from storefront.core.finalizing import cancel as cancel_purchase
from storefront.core.finalizing import finalize
from storefront.core.idempotency import idempotency_key
from storefront.core.money import Money
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.design import asset_url
from storefront.design.accent import OURS, fit_accent
from storefront.networks import network_of
from storefront.pages import Browser, check_csrf, make_templates, page_frame
from storefront.routing import Call, Routes
from storefront.shapes import closed
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import Creator, find_creator_id, need_creator
from storefront_fanfunding.page.amounts import amount_of
from storefront_fanfunding.page.fans import fan_of, give_token, is_fan, see, token_of
from storefront_fanfunding.page.files import add_file
from storefront_fanfunding.page.mistakes import Asked, first_taken, mistakes, typed_of
from storefront_fanfunding.page.pledges import add_pledge_pages
from storefront_fanfunding.page.previewing import add_previews, preview_of
from storefront_fanfunding.page.thanks import thanks_view
from storefront_fanfunding.page.view import Typed, real_currencies, tip_view
from storefront_fanfunding.rows import OF_PURCHASE, PENDING, need_tip
from storefront_fanfunding.tipping import TipRequest, give_tip

HERE = Path(__file__).parent
STATIC = HERE / "static"
PATH = "/tip/{creator}"
TOO_LONG = 8_000
_ID = {"type": "string", "maxLength": 40}
_WORDS = {"type": "string", "maxLength": TOO_LONG}
FORM = closed(
    {
        "csrf": {"type": "string", "maxLength": 100},
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
# Links to pages are shared and collect parameters of others on their way: these are passed over.
QUERY = {**closed({"currency": _ID}), "additionalProperties": True}
RETURN = {**closed({"purchase": _ID, "canceled": {"type": "string", "maxLength": 1}}), "additionalProperties": True}


def add_tip_page(routes: Routes, services: Services, settings: Settings) -> None:
    """Declare the tip page and what its form does."""
    desk = _Desk(services, settings)

    @routes.get(PATH, allow=Role.PUBLIC, query=QUERY, page=True, tags=["pages"])
    async def show_tip_page(call: Call) -> web.StreamResponse:
        """Show a creator, and the form that tips them."""
        return await desk.page(call, Typed(), currency=call.query.get("currency"))

    @routes.post(PATH, allow=Role.PUBLIC, form=FORM, page=True, limit="checkout", tags=["pages"])
    async def send_tip(call: Call) -> web.StreamResponse:
        """Begin a tip and lead to its payment, or say at the field why not; one form is one tip."""
        return await desk.give(call)

    @routes.get(f"{PATH}/return", allow=Role.PUBLIC, query=RETURN, page=True, tags=["pages"])
    async def come_back_to_tip(call: Call) -> web.StreamResponse:
        """Take a fan back from the payment: ask the gateway what became of it, and show that."""
        return await desk.come_back(call)

    @routes.get(f"{PATH}/tips/{{id}}", allow=Role.PUBLIC, page=True, tags=["pages"])
    async def show_ticket(call: Call) -> web.StreamResponse:
        """Show what became of a tip: to its giver with their own words, to others with what is public."""
        return await desk.ticket(call)

    @routes.get(f"{PATH}/accent.css", allow=Role.PUBLIC, page=True, tags=["pages"])
    async def show_accent(call: Call) -> web.StreamResponse:
        """Answer a creator's colour as a style sheet, moved until it can be read in both themes."""
        accent = desk.creator(call).told.get("accent")
        css = (OURS if accent is None else fit_accent(accent)).css()
        return web.Response(text=css, content_type="text/css", headers={"Cache-Control": "no-cache"})

    add_pledge_pages(routes, services, settings, desk.templates)
    add_previews(routes, services, settings)
    for name in ("tip.css", "tip.js", "statement.css"):
        add_file(routes, "/fanfunding", STATIC / name)


class _Desk:
    """What the page shows and its form does."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self.templates = make_templates(HERE / "templates")
        self.templates.globals.update(
            sheet=lambda base: asset_url("tip.css", base=base, folder=STATIC, mount="/fanfunding"),
            script=lambda base: asset_url("tip.js", base=base, folder=STATIC, mount="/fanfunding"),
        )

    def creator(self, call: Call) -> Creator:
        """Return whose page this is; raises ``NotFound``."""
        return need_creator(self._services, self._settings, call.path("creator"))

    async def page(self, call: Call, typed: Typed, *, currency: str | None) -> web.Response:
        creator, browser = self.creator(call), Browser.of(call)
        frame = page_frame(call, self._services, browser)
        view = await tip_view(self._services, creator, frame, currency=currency, typed=typed)
        html = self.templates.get_template("tip.html").render(
            view=view, page=frame, preview=preview_of(self._services, creator)
        )
        response = browser.answer_with_forms(html)
        if typed.errors:
            response.set_status(422)
        give_token(call, browser, response)
        return response

    async def give(self, call: Call) -> web.Response:
        creator, body = self.creator(call), call.body
        typed = typed_of(body)
        try:
            check_csrf(call)
            purchase = await self._begin(call, creator)
        except NotFound:
            raise
        except StorefrontError as refusal:
            return await self._refuse(call, creator, typed, refusal)
        address, tip = purchase["payment"].get("redirect_url"), purchase["details"]["tip"]
        if address is not None and Browser.of(call).may_lead_to(address):
            return see(address)
        return see(f"/tip/{creator.name}/tips/{tip}")

    async def _refuse(self, call: Call, creator: Creator, typed: Typed, refusal: StorefrontError) -> web.Response:
        asked, currency = Asked.of(call), first_taken(real_currencies(self._services, creator), call.body["currency"])
        typed = mistakes(self._services, creator, typed, refusal, currency=currency, asked=asked)
        return await self.page(call, typed, currency=currency)

    async def _begin(self, call: Call, creator: Creator) -> dict[str, Any]:
        services, body, browser = self._services, call.body, Browser.of(call)
        currency = body["currency"]
        if currency not in real_currencies(services, creator):
            creator.check(Money(1, currency))
            raise NotFound("Tips are not taken in that here.")
        amount = Money(amount_of(body.get("preset", ""), body.get("other", ""), currency), currency)
        # A browser that keeps no cookies has failed at the form's own already.
        terms = {**body, "csrf": "", "creator": creator.name, "fan": token_of(call, browser)}
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
                return_url=f"{services.public_url}/tip/{creator.name}/return",
                address=call.address,
                network=network_of(call.address),
                country=call.principal.country,
            )
            try:
                bought = await give_tip(services, self._settings, wanted)
            except Taken as taken:
                if not is_introduced(taken):
                    raise
                continue  # another tab has just made this fan, whom this one finds now
            begun: dict[str, Any] = msgspec.json.decode(bought.answer.body)
            return begun

    async def come_back(self, call: Call) -> web.Response:
        creator, has_left = self.creator(call), bool(call.query.get("canceled"))
        tip = await self._services.reader.first(OF_PURCHASE, purchase_id=call.query.get("purchase", ""))
        identity = await find_creator_id(self._services, creator.name)
        if tip is None or tip["creator_id"] != identity:
            return see(f"/tip/{creator.name}")
        if tip["state"] == PENDING:
            leaves = has_left and await is_fan(self._services, call, tip["customer_id"])
            # If the gateway is away, or the bank takes its time, the tip's page says so and asks again.
            with suppress(StorefrontError):
                await (cancel_purchase if leaves else finalize)(self._services, tip["purchase_id"], owner=None)
        return see(f"/tip/{creator.name}/tips/{tip['id']}")

    async def ticket(self, call: Call) -> web.Response:
        creator, browser = self.creator(call), Browser.of(call)
        tip = await need_tip(self._services, call.path("id"))
        if tip["creator_id"] != await find_creator_id(self._services, creator.name):
            raise NotFound("There is no such tip.")
        frame = page_frame(call, self._services, browser)
        is_givers = await is_fan(self._services, call, tip["customer_id"])
        view = await thanks_view(self._services, creator, frame, tip, is_givers=is_givers)
        return browser.answer(self.templates.get_template("thanks.html").render(view=view, page=frame))
