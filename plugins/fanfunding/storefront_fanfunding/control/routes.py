"""The control page's handlers. All of it works without a script, which only looks at the queue again.

Whoever is signed in is told by a cookie of this page alone, and every form carries a secret that only that session has.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from yarl import URL

from storefront.core.commit.outcome import Stale
from storefront.core.errors import Conflict, Forbidden, NotFound, StorefrontError, Unauthorized
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.design import asset_url
from storefront.pages import Browser, make_templates, page_frame, refuse_other_sites
from storefront.routing import Call, Routes, respond
from storefront.shapes import closed
from storefront_fanfunding.alert_queue import need_overlay, queue_test, replay_last, skip, switch
from storefront_fanfunding.config import Settings
from storefront_fanfunding.control.payouts import add_creators_payouts
from storefront_fanfunding.control.sessions import OPEN_MS, session_of, sign_in, sign_out
from storefront_fanfunding.control.signed import Signed
from storefront_fanfunding.control.view import control_view, queue_view
from storefront_fanfunding.creators import creator_name, need_creator
from storefront_fanfunding.moderating import Verdict, judge
from storefront_fanfunding.overlay_routes import OVERLAYS
from storefront_fanfunding.overlay_tokens import find_overlay, rotate
from storefront_fanfunding.page.files import add_file
from storefront_fanfunding.steering import SWITCHES

HERE = Path(__file__).parent
STATIC = HERE / "static"
PATH = "/creator"
COOKIE = "storefront_creator"
_TEXT = {"type": "string", "maxLength": 100}
_CODE = closed({"code": {"type": "string", "maxLength": 200}}, required=["code"])
_JUST_THAT = closed({"csrf": _TEXT}, required=["csrf"])
_ACT = closed(
    {"csrf": _TEXT, "act": {"type": "string", "enum": [*SWITCHES, "skip", "replay", "test"]}}, required=["csrf", "act"]
)
_JUDGED = closed(
    {
        "csrf": _TEXT,
        "sequence": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
        "verdict": {"type": "string", "enum": list(Verdict)},
    },
    required=["csrf", "sequence", "verdict"],
)
_WHERE = {Verdict.BLOCK: "blocked", Verdict.UNBLOCK: "blocked"}
"""Where on the page one finds what a verdict has done."""
OF_SHOWN = ((Verdict.BLOCK, "Block sender"),)
OF_QUEUED = ((Verdict.NAME_ONLY, "Name only"), *OF_SHOWN)
OF_HELD = ((Verdict.APPROVE, "Show it"), OF_QUEUED[0], (Verdict.REJECT, "Don’t show it"), *OF_SHOWN)
"""What can be decided about an alert that is on screen, waits, or is held, in words."""
_QUERY = {**closed({"note": _TEXT}), "additionalProperties": True}
_SAYS = {"moved": "The queue has just moved. Look again.", "nothing": "There was nothing to do.",
         "refunded": "That tip was refunded, and is not shown again.",
         "blocked": "You have blocked that sender."}  # fmt: skip


def add_control_page(routes: Routes, services: Services, settings: Settings) -> None:
    """Declare the control page and what its forms do."""
    desk = _Desk(services, settings)

    @routes.get(PATH, allow=Role.PUBLIC, query=_QUERY, page=True, tags=["pages"])
    async def show_control(call: Call) -> web.StreamResponse:
        """Show a creator their queue, their money and their overlay's link; a stranger, where to sign in."""
        return await desk.page(call)

    @routes.get(f"{PATH}/queue", allow=Role.PUBLIC, page=True, tags=["pages"])
    async def show_control_queue(call: Call) -> web.StreamResponse:
        """Answer the queue as it is now, for the page's script."""
        signed = await desk.signed(call)
        overlay = await find_overlay(services, signed.identity)
        return respond(await queue_view(services, signed.creator, signed.identity, overlay))

    @routes.post(f"{PATH}/sign-in", allow=Role.PUBLIC, form=_CODE, page=True, limit="sign_in", tags=["pages"])
    async def sign_creator_in(call: Call) -> web.StreamResponse:
        """Take a code that is good once."""
        return await desk.sign_in(call)

    for path, form, act in (
        ("queue", _ACT, desk.steer),
        ("held", _JUDGED, desk.judge),
        ("link", _JUST_THAT, desk.link),
        ("sign-out", _JUST_THAT, desk.sign_out),
    ):
        _add_form(routes, path, form, act)
    add_creators_payouts(routes, services, desk)
    for name in ("control.css", "control.js"):
        add_file(routes, PATH, STATIC / name)


def _add_form(
    routes: Routes, path: str, form: Mapping[str, Any], act: Callable[[Call], Awaitable[web.StreamResponse]]
) -> None:
    async def take(call: Call) -> web.StreamResponse:
        """Do what a form of the control page asks for."""
        return await act(call)

    take.__name__ = take.__qualname__ = f"send_control_{path.replace('-', '_')}"
    routes.post(f"{PATH}/{path}", allow=Role.PUBLIC, form=form, page=True, limit="write", tags=["pages"])(take)


class _Desk:
    """What the page shows and its forms do."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self._templates = make_templates(HERE / "templates")
        self._templates.globals.update(
            OF_HELD=OF_HELD,
            OF_QUEUED=OF_QUEUED,
            OF_SHOWN=OF_SHOWN,
            sheet=lambda base: asset_url("control.css", base=base, folder=STATIC, mount=PATH),
            script=lambda base: asset_url("control.js", base=base, folder=STATIC, mount=PATH),
        )

    async def signed(self, call: Call) -> Signed:
        """Return who asks; raises ``Unauthorized``."""
        token = call.request.cookies.get(_cookie(Browser.of(call)))
        session = await session_of(self._services, token)
        if session is None or token is None:
            raise Unauthorized("You are signed out here.")
        try:
            name = await creator_name(self._services, session["creator_id"])
            return Signed(session, token, need_creator(self._services, self._settings, name))
        except NotFound as error:
            raise Unauthorized("This creator is no longer in the shop's files.") from error

    async def sender(self, call: Call) -> Signed:
        """Return whose form this is; raises ``Unauthorized``, ``Forbidden``."""
        signed = await self.signed(call)
        if not hmac.compare_digest(signed.csrf.encode(), call.body["csrf"].encode()):
            raise Forbidden("This page is too old. Load it again and try once more.")
        return signed

    async def page(self, call: Call) -> web.Response:
        browser = Browser.of(call)
        frame = page_frame(call, self._services, browser)
        try:
            signed = await self.signed(call)
        except Unauthorized:
            return self.stranger(call, None)
        note = _SAYS.get(call.query.get("note", ""))
        view = await control_view(self._services, signed.creator, signed.identity, frame, csrf=signed.csrf, note=note)
        return browser.answer(self.render("control.html", view=view, page=frame))

    def stranger(self, call: Call, problem: str | None) -> web.Response:
        """Answer where to sign in."""
        browser = Browser.of(call)
        frame = page_frame(call, self._services, browser)
        response = browser.answer(self.render("sign_in.html", page=frame, problem=problem))
        response.set_status(200 if problem is None else 422)
        return response

    def render(self, template: str, **named: object) -> str:
        """Return a page of this plugin's."""
        return self._templates.get_template(template).render(**named)

    async def sign_in(self, call: Call) -> web.Response:
        refuse_other_sites(call)
        browser = Browser.of(call)
        try:
            token = await sign_in(self._services, call.body["code"].strip())
        except Unauthorized as refused:
            return self.stranger(call, refused.detail)
        response = _see(PATH)
        response.set_cookie(_cookie(browser), token, max_age=OPEN_MS // 1000, httponly=True, samesite="Strict",
                            secure=browser.is_secure, path="/")  # fmt: skip
        return response

    async def sign_out(self, call: Call) -> web.Response:
        signed = await self.sender(call)
        await sign_out(self._services, signed.session)
        response, browser = _see(PATH), Browser.of(call)
        response.del_cookie(_cookie(browser), path="/", secure=browser.is_secure, httponly=True, samesite="Strict")
        return response

    async def steer(self, call: Call) -> web.Response:
        signed, wanted = await self.sender(call), call.body["act"]
        services, identity = self._services, signed.identity
        try:
            match wanted:
                case "skip":
                    await need_overlay(services, identity)
                    await skip(services, self._settings, identity)
                case "test":
                    await queue_test(services, identity)
                case "replay":
                    await replay_last(services, identity)
                case _:
                    await switch(services, identity, SWITCHES[wanted])
        except StorefrontError as refused:
            return _see(f"{PATH}?note={_note_of(refused)}")
        return _see(PATH)

    async def judge(self, call: Call) -> web.Response:
        signed, body = await self.sender(call), call.body
        try:
            await judge(self._services, signed.identity, body["sequence"], Verdict(body["verdict"]))
        except (Conflict, NotFound) as refused:
            return _see(f"{PATH}?note={_note_of(refused)}")
        return _see(f"{PATH}#{_WHERE.get(body['verdict'], 'held')}")

    async def link(self, call: Call) -> web.Response:
        """Make a new link, which is shown on the page that answers, this once."""
        signed, browser = await self.sender(call), Browser.of(call)
        try:
            token = await rotate(self._services, signed.identity, actor=f"creator:{signed.identity}")
        except Stale:
            return _see(f"{PATH}?note=moved")
        base = f"{self._services.public_url.rstrip('/')}/overlay"
        frame = page_frame(call, self._services, browser)
        urls = {name: f"{base}/{name}#token={token}" for name in OVERLAYS}
        preview = f"{base}/preview#token={token}"
        html = self.render("link.html", page=frame, name=signed.creator.shown_name, urls=urls, preview=preview)
        return browser.answer(html)


def _note_of(refused: StorefrontError) -> str:
    if isinstance(refused, NotFound):
        return "nothing"
    return next((one for one in ("refunded", "blocked") if one in (refused.detail or "")), "moved")


def _cookie(browser: Browser) -> str:
    return f"__Host-{COOKIE}" if browser.is_secure else COOKIE


def _see(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": str(URL(address))})
