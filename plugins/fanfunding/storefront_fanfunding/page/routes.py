"""The tip page's handlers: the page, its form, the way back from the payment, the ticket. None needs a script."""

import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from yarl import URL

from storefront.core.commit.outcome import Taken
from storefront.core.customers import Newcomer, is_introduced
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
from storefront_fanfunding.creator_schema import MOST_CHARACTERS
from storefront_fanfunding.creators import Creator, find_creator_id, need_creator
from storefront_fanfunding.guests import meet_guest
from storefront_fanfunding.page.amounts import amount_of
from storefront_fanfunding.page.files import add_file
from storefront_fanfunding.page.thanks import thanks_view
from storefront_fanfunding.page.view import Typed, limits_of, real_currencies, tip_view
from storefront_fanfunding.page.words import refusals, wrong_words
from storefront_fanfunding.rows import OF_PURCHASE, PENDING, need_tip
from storefront_fanfunding.tipping import TipRequest, give_tip

HERE = Path(__file__).parent
STATIC = HERE / "static"
PATH = "/tip/{creator}"
FAN_COOKIE = "storefront_fan"
TOO_LONG = 8_000
_STILL_AT_WORK = frozenset({"outcome_unknown", "gateway_unavailable", "idempotency_key_in_flight"})
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

    for name in ("tip.css", "tip.js", "statement.css"):
        add_file(routes, "/fanfunding", STATIC / name)


class _Desk:
    """What the page shows and its form does."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self._templates = make_templates(HERE / "templates")
        self._templates.globals.update(
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
        html = self._templates.get_template("tip.html").render(view=view, page=frame)
        response = browser.answer_with_forms(html)
        if typed.errors:
            response.set_status(422)
        if _token(call, browser) is None:
            browser.keep(response, _cookie(browser), secrets.token_urlsafe(24))
        return response

    async def give(self, call: Call) -> web.Response:
        creator, body = self.creator(call), call.body
        other = body.get("other", "")
        typed = Typed(
            preset="" if other.strip() else body.get("preset", ""),
            other=other[:400],
            name=body.get("name", ""),
            message=body.get("message", ""),
            is_anonymous="anonymous" in body,
        )
        try:
            check_csrf(call)
            purchase = await self._begin(call, creator)
        except NotFound:
            raise
        except StorefrontError as refusal:
            return await self._refuse(call, creator, typed, refusal)
        address, tip = purchase["payment"].get("redirect_url"), purchase["details"]["tip"]
        if address is not None and Browser.of(call).may_lead_to(address):
            return _see(address)
        return _see(f"/tip/{creator.name}/tips/{tip}")

    async def _refuse(self, call: Call, creator: Creator, typed: Typed, refusal: StorefrontError) -> web.Response:
        services, language = self._services, Browser.of(call).language
        taken, currency = real_currencies(services, creator), call.body["currency"]
        if currency not in taken:
            currency = next(iter(taken), None)
        limits, most = "", MOST_CHARACTERS
        if currency is not None:
            limits = limits_of(services, creator, currency, language)
            try:
                amount = amount_of(typed.preset, typed.other, currency)
            except StorefrontError:
                amount = taken[currency]
            most = creator.tier_of(Money(amount, currency)).max_chars
        errors = refusals(refusal, limits=limits, most=most)
        if "" not in errors:
            errors |= wrong_words(typed.name, typed.message, limits=limits, most=most)
        # What may still go through is asked again under its own key; anything else is a new try.
        key = call.body["idempotency_key"] if refusal.code in _STILL_AT_WORK else None
        return await self.page(call, replace(typed, errors=errors, key=key), currency=currency)

    async def _begin(self, call: Call, creator: Creator) -> dict[str, Any]:
        services, body, browser = self._services, call.body, Browser.of(call)
        currency = body["currency"]
        if currency not in real_currencies(services, creator):
            creator.check(Money(1, currency))
            raise NotFound("Tips are not taken in that here.")
        amount = Money(amount_of(body.get("preset", ""), body.get("other", ""), currency), currency)
        # A browser that keeps no cookies has failed at the form's own already.
        terms = {**body, "csrf": "", "creator": creator.name, "fan": _token(call, browser)}
        while True:
            fan, is_guest = await self._fan(call, browser)
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

    async def _fan(self, call: Call, browser: Browser) -> tuple[str | Newcomer, bool]:
        """Return who gives, and whether they are a guest: whoever is signed in is not."""
        if call.principal.customer_id is not None:
            return call.principal.customer_id, False
        return await meet_guest(self._services, _token(call, browser) or secrets.token_urlsafe(24)), True

    async def come_back(self, call: Call) -> web.Response:
        creator, has_left = self.creator(call), bool(call.query.get("canceled"))
        tip = await self._services.reader.first(OF_PURCHASE, purchase_id=call.query.get("purchase", ""))
        identity = await find_creator_id(self._services, creator.name)
        if tip is None or tip["creator_id"] != identity:
            return _see(f"/tip/{creator.name}")
        if tip["state"] == PENDING:
            leaves = has_left and await self._is_givers(call, tip["customer_id"])
            # If the gateway is away, or the bank takes its time, the tip's page says so and asks again.
            with suppress(StorefrontError):
                await (cancel_purchase if leaves else finalize)(self._services, tip["purchase_id"], owner=None)
        return _see(f"/tip/{creator.name}/tips/{tip['id']}")

    async def ticket(self, call: Call) -> web.Response:
        creator, browser = self.creator(call), Browser.of(call)
        tip = await need_tip(self._services, call.path("id"))
        if tip["creator_id"] != await find_creator_id(self._services, creator.name):
            raise NotFound("There is no such tip.")
        frame = page_frame(call, self._services, browser)
        is_givers = await self._is_givers(call, tip["customer_id"])
        view = await thanks_view(self._services, creator, frame, tip, is_givers=is_givers)
        return browser.answer(self._templates.get_template("thanks.html").render(view=view, page=frame))

    async def _is_givers(self, call: Call, customer_id: str) -> bool:
        if call.principal.customer_id is not None:
            return call.principal.customer_id == customer_id
        token = _token(call, Browser.of(call))
        return token is not None and await meet_guest(self._services, token) == customer_id


def _cookie(browser: Browser) -> str:
    return f"__Host-{FAN_COOKIE}" if browser.is_secure else FAN_COOKIE


def _token(call: Call, browser: Browser) -> str | None:
    token = call.request.cookies.get(_cookie(browser), "")
    return token if 16 <= len(token) <= 128 else None


def _see(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": str(URL(address))})
