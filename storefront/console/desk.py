"""What all of the console shares: who is signed in, the menu, how a page is drawn."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog
from aiohttp import web
from yarl import URL

from storefront.console.drawing import checked_part, draw_apart, make_console_templates
from storefront.console.returning import page_of
from storefront.core.errors import Forbidden, Unauthorized
from storefront.core.operators.codes import OneTimeCodes
from storefront.core.operators.provider import Provider
from storefront.core.operators.roles import OperatorRole, scopes_of
from storefront.core.operators.signing_in import OPEN_MS, Session, open_session, sign_out
from storefront.core.services import Services
from storefront.pages import Browser, page_frame
from storefront.pages.frame import PageFrame
from storefront.panels import Asking, ConsolePage, ConsolePanel, Note, PageView, Section, Tone
from storefront.routing import CALLER, Call

HOME, COOKIE = "/console", "storefront_console"
GROUPS = {"main": "", "watch": "Keep an eye on", "setup": "Set up"}
PART_SECONDS = 3.0
"""How long a page waits for what a plugin adds to it."""
LARGEST_PART = 1_000_000
"""How many characters of a page are a plugin's at most."""
log = structlog.get_logger("storefront.console")


class SignedOut(Unauthorized):
    """Nobody is signed in: the page to sign in is what they need."""


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of the menu; ``count`` things wait there."""

    label: str
    path: str
    icon: str
    count: int = 0
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Menu:
    """The menu as one operator sees it: title of a group -> its lines. ``here`` is the page's path, or one above."""

    groups: Sequence[tuple[str, Sequence[MenuItem]]]
    here: str
    who: str
    role: str

    def drawn(self, base: str) -> list[tuple[str, list[dict[str, Any]]]]:
        """Return it as the template's navigation takes it."""
        return [
            (
                title,
                [
                    {
                        "key": one.path,
                        "label": one.label,
                        "url": f"{base}{one.path}",
                        "icon": one.icon,
                        "count": one.count,
                        "tone": "" if one.tone is Tone.PLAIN else one.tone.value,
                    }
                    for one in items
                ],
            )
            for title, items in self.groups
        ]


class Desk:
    """Knows who is signed in, and draws pages.

    ``scopes`` are all scopes of the shop; ``alarm`` tells what stands on top of every page.
    """

    def __init__(
        self,
        services: Services,
        codes: OneTimeCodes,
        *,
        provider: Provider | None,
        pages: Sequence[ConsolePage],
        panels: Sequence[ConsolePanel],
        scopes: frozenset[str],
        alarm: Callable[[Services], Awaitable[Note | None]],
    ) -> None:
        self.provider = provider
        self.services = services
        self.codes = codes
        self.pages = pages
        self.panels = panels
        self.scopes = scopes
        self._alarm = alarm
        self._templates = make_console_templates()

    async def session(self, call: Call) -> Session:
        """Return the session of whoever asks; raises ``SignedOut``."""
        token = call.request.cookies.get(cookie_name(Browser.of(call)))
        found = await open_session(self.services, token)
        if found is None:
            raise SignedOut("You are signed out.")
        call.request[CALLER] = found.operator.caller
        return found

    async def sender(self, call: Call) -> Session:
        """Return whose form this is; raises ``SignedOut``, ``Forbidden``."""
        session = await self.session(call)
        if not hmac.compare_digest(session.csrf.encode(), str(call.body["csrf"]).encode()):
            raise Forbidden(
                "You signed in anew since this form was opened, perhaps in another tab. "
                "Load it again and try once more.",
                page=page_of(call),
            )
        return session

    def allow(self, session: Session, scope: str) -> None:
        """Let a role that has a scope pass; raises ``Forbidden`` with the roles that do (``may``)."""
        if not session.principal(self.scopes).may(scope):
            may = [role.words for role in OperatorRole if {"*", scope} & scopes_of(role, self.scopes)]
            raise Forbidden(f"You are signed in as {session.operator.role.words}.", may=may)

    def asking(self, call: Call, session: Session, *, form: Mapping[str, Any] | None = None) -> Asking:
        """Return who asks for what, as pages and acts see it."""
        return Asking(
            services=self.services,
            actor=session.operator.caller,
            scopes=scopes_of(session.operator.role, self.scopes),
            language=Browser.of(call).language,
            path=dict(call.request.match_info),
            query=call.query,
            form=form or {},
            key=str(call.body.get("key", "")),
            panels=self.parts,
        )

    async def answer(self, call: Call, session: Session, view: PageView, *, here: str, **said: Any) -> web.Response:
        """Answer a page: ``here`` is the path of the page that the menu shows as chosen.

        ``says`` is a sentence of what was done, ``problem`` what was refused, which makes it 422.
        """
        browser = Browser.of(call)
        frame, menu = page_frame(call, self.services, browser), await self.menu(session, here)
        alarm = await self._top()
        if alarm is not None:
            view = replace(view, notes=(alarm, *view.notes))
        html = self.render(
            "page.html",
            page=frame,
            menu=menu,
            view=view,
            csrf=session.csrf,
            says=said.get("says"),
            problem=said.get("problem"),
            typed=said.get("typed") or {},
        )
        response = browser.answer(html)
        response.set_status(200 if said.get("problem") is None else 422)
        return response

    def render(self, template: str, **named: object) -> str:
        """Return a page."""
        return self._templates.get_template(template).render(**named)

    async def menu(self, session: Session, here: str) -> Menu:
        """Return the menu, with what waits."""
        scopes = scopes_of(session.operator.role, self.scopes)
        groups: dict[str, list[MenuItem]] = {name: [] for name in GROUPS}
        for page in self.pages:
            if page.group and ("*" in scopes or page.scope in scopes):
                count, tone = await self._count(page)
                groups[page.group].append(MenuItem(page.label, page.path, page.icon, count, tone))
        shown = [(GROUPS[name], items) for name, items in groups.items() if items]
        paths = [one.path for _, items in shown for one in items]
        above = max((path for path in paths if f"{here}/".startswith(f"{path}/")), key=len, default=here)
        return Menu(shown, above, session.operator.login, session.operator.role.words)

    async def parts(self, asking: Asking, place: str, about: str) -> list[Section]:
        """Return what plugins add to a page; one that fails, hangs or adds nonsense adds a sentence instead."""
        found: list[Section] = []
        for panel in self.panels:
            if panel.place == place and asking.may(panel.scope):
                found.extend(await self._part(panel, asking, about))
        return found

    async def _part(self, panel: ConsolePanel, asking: Asking, about: str) -> Sequence[Section]:
        """Return one plugin's part, which was drawn once to see that it can be; what goes wrong is in the log."""
        try:
            async with asyncio.timeout(PART_SECONDS):
                found = checked_part(await panel.show(asking, about))
            drawn = len(draw_apart(self._templates, found))
            if drawn > LARGEST_PART:
                raise ValueError(f"{drawn:,} characters are too many")
        except Exception:  # a plugin that fails takes no page of the core away
            log.exception("console_panel_failed", plugin=panel.plugin, place=panel.place, about=about)
            return [Note(Tone.BAD, f"What {panel.plugin} adds here could not be read.", "The server's log says why.")]
        return found

    async def _count(self, page: ConsolePage) -> tuple[int, Tone]:
        if page.counts is None:
            return 0, Tone.PLAIN
        try:
            async with asyncio.timeout(PART_SECONDS):
                count, tone = await page.counts(self.services)
            return int(count), Tone(tone)
        except Exception:  # the menu is on every page, also on the one that tells what is wrong
            log.exception("console_count_failed", plugin=page.plugin, page=page.path)
            return 0, Tone.PLAIN

    async def _top(self) -> Note | None:
        """Return what stands on top of every page; that it cannot be told is told."""
        try:
            return await self._alarm(self.services)
        except Exception:  # pages that tell what is wrong have to open then, too
            log.exception("console_alarm_failed")
            return Note(Tone.BAD, "Whether the books are in order could not be read.", "The server's log says why.")

    async def hand_over(self, call: Call, response: web.StreamResponse, token: str) -> None:
        """Give a browser the token of the session that it has begun, and end the one that it had before."""
        with suppress(SignedOut):
            await sign_out(self.services, await self.session(call))
        browser = Browser.of(call)
        response.set_cookie(
            cookie_name(browser),
            token,
            max_age=OPEN_MS // 1000,
            httponly=True,
            samesite="Strict",
            secure=browser.is_secure,
            path="/",
        )

    def drop_cookie(self, call: Call, response: web.StreamResponse) -> None:
        browser = Browser.of(call)
        name = cookie_name(browser)
        response.del_cookie(name, path="/", secure=browser.is_secure, httponly=True, samesite="Strict")

    def frame(self, call: Call) -> PageFrame:
        return page_frame(call, self.services, Browser.of(call))


def cookie_name(browser: Browser) -> str:
    return f"__Host-{COOKIE}" if browser.is_secure else COOKIE


def see(address: str) -> web.Response:
    """Answer a form: look there."""
    return web.Response(status=303, headers={"Location": str(URL(address))})
