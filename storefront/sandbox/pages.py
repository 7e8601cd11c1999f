"""The hosted checkout page: a plain form that posts to its own address and works without script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from storefront import design
from storefront.design.icons import icon
from storefront.design.templates import environment
from storefront.sandbox import page_view
from storefront.sandbox.attempts import Outcome
from storefront.sandbox.card_form import DECLINE_WORDS, DECLINED, NOT_CONFIRMED, CardForm, blank_form, read_form
from storefront.sandbox.debit_form import DebitForm, blank_debit, read_debit
from storefront.sandbox.page_view import View
from storefront.sandbox.payments import (
    Debit,
    Plastic,
    answer_challenge,
    choose_country,
    complete_without_payment,
    pay,
)
from storefront.sandbox.sandbox import Sandbox
from storefront.sandbox.store import Body
from storefront.sandbox.taxes import COUNTRIES, RATES
from storefront.sandbox.world import World

FOLDER = Path(__file__).parent
OUTCOMES = (
    ("4242 4242 4242 4242", "Succeeds"),
    ("4000 0000 0000 0002", "Declined"),
    ("4000 0000 0000 9995", "Too little money"),
    ("4000 0025 0000 3155", "Asks for 3-D Secure"),
    ("4000 0000 0000 0119", "Bank does not answer"),
    ("4100 0000 0000 0019", "Blocked as risky"),
)
DEBIT_OUTCOMES = (
    ("DE89 3704 0044 0532 0130 00", "Debit: paid in 3 days"),
    ("DE62 3704 0044 0532 0130 01", "Debit: refused in 3 days"),
)


class Pages:
    """Handlers of ``/pay/<session id>`` and of the files that its pages use."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._base = urlsplit(sandbox.public_url).path.rstrip("/")
        self._templates = environment([FOLDER / "templates"])
        self._templates.globals.update(
            icon=icon, asset=self._asset, outcomes=OUTCOMES, debit_outcomes=DEBIT_OUTCOMES, countries=COUNTRIES
        )

    def routes(self) -> list[web.AbstractRouteDef]:
        """The page and its static files."""
        return [
            web.get("", self.welcome),
            web.get("/", self.welcome),
            web.get("/pay/{session}", self.show),
            web.post("/pay/{session}", self.submit),
            web.static("/static/design", design.STATIC),
            web.static("/static/checkout", FOLDER / "static"),
        ]

    def render(self, template: str, **values: object) -> str:
        """One page of the checkout's look."""
        return self._templates.get_template(template).render(**values)

    async def welcome(self, request: web.Request) -> web.StreamResponse:
        """What stands at the emulator's own address: what it is, and the cards that it takes."""
        view = await self._view(request)
        text = self.render("welcome.html", view=view, shop=self._sandbox.shop_name)
        return web.Response(text=text, content_type="text/html", headers=page_headers(view.return_origins))

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The page as the session stands: form, question of the bank, paid, expired, or unknown."""
        view = await self._view(request)
        return self._page(view, 200, form=None)

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Pay, answer the bank, or walk away; paid and cancelled redirect with 303."""
        fields = await posted_fields(request)
        view = await self._view(request)
        if view.state == "paid":
            return see_other(view.success_url)
        if view.session is None or view.state == "expired":
            return self._page(view, 404, form=None)
        view = await self._choose_country(request, view, fields)
        return await self._act(request, view, view.session or {}, fields)

    async def _act(
        self, request: web.Request, view: View, session: Body, fields: Mapping[str, str]
    ) -> web.StreamResponse:
        match fields.get("action", "pay"):
            case "cancel":
                return see_other(session["cancel_url"]) if session["cancel_url"] else self._page(view, 200)
            case "country":
                return self._page(view, 400 if view.asks_country else 200)
            case "pay":
                pass
            case _:
                return self._page(view, 400)
        if fields.get("challenge") in ("pass", "fail") and not {"card_number", "iban"} & set(fields):
            form = blank_form(view.now, view.email)
            form.card_number = view.card_number or form.card_number
            return await self._settle(request, form, await self._answer(session, fields))
        return self._page(view, 400) if view.asks_country else await self._try(request, view, fields)

    async def _choose_country(self, request: web.Request, view: View, fields: Mapping[str, str]) -> View:
        """The view after the buyer said where they live, where tax wants to know it."""
        country = fields.get("country", "")
        if view.session is None or view.state != "open" or country not in RATES or country == view.country:
            return view
        session_id = view.session["id"]
        await self._sandbox.act(lambda world: choose_country(world, session_id, country))
        return await self._view(request)

    async def _try(self, request: web.Request, view: View, fields: Mapping[str, str]) -> web.StreamResponse:
        assert view.session is not None, "only an open session takes money"
        session_id = view.session["id"]
        if view.takes_debit and "iban" in fields and not view.is_free:
            return await self._try_debit(request, view, fields)
        form = read_form(fields, view.now, view.email)
        if view.is_free:
            outcome = await self._sandbox.act(
                lambda world: complete_without_payment(world, session_id, form.email or None)
            )
            return await self._settle(request, form, outcome)
        card = form.card
        if not view.takes_card or form.errors or card is None:
            return self._page(view, 402 if form.is_refused_by_network else 400, form=form)
        means = Plastic(card, form.expiry)
        outcome = await self._sandbox.act(lambda world: pay(world, session_id, means, email=form.email or None))
        if outcome is Outcome.ASKED and fields.get("challenge") in ("pass", "fail"):
            outcome = await self._answer(view.session, fields)
        return await self._settle(request, form, outcome)

    async def _try_debit(self, request: web.Request, view: View, fields: Mapping[str, str]) -> web.StreamResponse:
        assert view.session is not None, "only an open session takes money"
        session_id, debit = view.session["id"], read_debit(fields, view.email)
        account = debit.account
        if debit.errors or account is None:
            return self._page(view, 400, debit=debit)
        means = Debit(account, debit.name)
        outcome = await self._sandbox.act(lambda world: pay(world, session_id, means, email=debit.email))
        return await self._settle(request, blank_form(view.now, view.email), outcome)

    async def _answer(self, session: Body, fields: Mapping[str, str]) -> Outcome:
        is_passed = fields["challenge"] == "pass"
        return await self._sandbox.act(lambda world: answer_challenge(world, session["id"], is_passed=is_passed))

    async def _settle(self, request: web.Request, form: CardForm, outcome: Outcome) -> web.StreamResponse:
        view = await self._view(request)
        if view.state == "paid":
            return see_other(view.success_url)
        if outcome is Outcome.DECLINED:
            code = (view.last_error or {}).get("decline_code", "")
            name, words = DECLINE_WORDS.get(code, ("card_number", DECLINED))
            form.errors[name] = words
            return self._page(view, 402, form=form)
        if outcome is Outcome.NOT_AUTHENTICATED:
            form.errors["card_number"] = NOT_CONFIRMED
            return self._page(view, 402, form=form)
        return self._page(view, 200, form=None)

    async def _view(self, request: web.Request) -> View:
        session_id = request.match_info.get("session", "")
        locale = page_view.wished_locale(request.headers.get("Accept-Language", ""))
        theme = page_view.chosen_theme(request.cookies.get("theme"))

        def look(world: World) -> View:
            return page_view.view_of(world, session_id, locale, theme)

        return await self._sandbox.act(look)

    def _page(
        self, view: View, status: int, form: CardForm | None = None, debit: DebitForm | None = None
    ) -> web.Response:
        template = {"open": "checkout.html", "challenge": "challenge.html"}.get(view.state, "closed.html")
        if view.state == "unknown":
            status = 404
        elif view.state == "expired":
            status = 410
        shown = form or blank_form(view.now, view.email)
        text = self.render(
            template,
            view=view,
            form=shown,
            debit=debit or blank_debit(view.email),
            is_country_missing=view.asks_country and status == 400,
            shop=self._sandbox.shop_name,
            session=view.session,
        )
        return web.Response(
            status=status, text=text, content_type="text/html", headers=page_headers(view.return_origins)
        )

    def _asset(self, name: str) -> str:
        folder, mount = (
            (FOLDER / "static", "/static/checkout")
            if name.startswith("checkout.")
            else (design.STATIC, "/static/design")
        )
        return design.asset_url(name, base=self._base, folder=folder, mount=mount)


async def posted_fields(request: web.Request) -> dict[str, str]:
    """Return the form's text fields; raises ``HTTPBadRequest`` for bytes that are no form."""
    try:
        fields = await request.post()
    except ValueError as error:
        raise web.HTTPBadRequest(text="This form could not be read. Nothing was charged.") from error
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def see_other(url: str) -> web.Response:
    """Lead the browser on with a GET."""
    return web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store"})


def page_headers(return_origins: Sequence[str]) -> dict[str, str]:
    """The headers of every page; ``return_origins`` are where its form may lead."""
    # Browsers hold a form's redirects against form-action too, so the way back to the shop must be named.
    targets = " ".join(["'self'", *return_origins])
    policy: dict[str, str] = {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self'",
        "form-action": targets,
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
