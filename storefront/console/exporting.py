"""Exports in the console: every list as a file, to whoever may see it, and the page that offers them."""

from dataclasses import replace

from aiohttp import web

from storefront.console.desk import HOME, Desk, SignedOut
from storefront.console.returning import to_sign_in
from storefront.console.words import link
from storefront.core.errors import Forbidden, NotFound
from storefront.core.exporting.formats import FORMATS
from storefront.core.exporting.lists import Wanted
from storefront.core.exporting.running import Exports
from storefront.core.operators.signing_in import Session
from storefront.panels import Asking, Cell, Column, ConsolePage, Link, PageView, Row, ShownList, Table
from storefront.routing import Call, Role, Routes
from storefront.shapes import closed
from storefront.web.export_shapes import EXPORT_QUERY, FORMATS_QUERY
from storefront.web.exports import SCOPE, need_export, send_export, send_rows
from storefront.web.privacy import SCOPE as OF_PERSON
from storefront.web.privacy import send_person

PATH = f"{HOME}/exports"
_WORDS = {"csv": "CSV", "parquet": "Parquet", "jsonl": "JSON lines"}


def add_exports(routes: Routes, desk: Desk, exports: Exports) -> None:
    """Declare where the console sends lists, whole or as pages show them, and all about one customer."""

    @routes.get(f"{PATH}/{{list}}", allow=Role.PUBLIC, query=EXPORT_QUERY, page=True, tags=["console"])
    async def send_console_export(call: Call) -> web.StreamResponse:
        """Send a list as a file to an operator whose role may see it."""
        try:
            session = await _admitted(desk, call)
        except SignedOut:
            return to_sign_in(call)
        return await send_export(call, exports, session.principal(desk.scopes))

    @routes.get(f"{HOME}/customers/{{customer}}/export", allow=Role.PUBLIC, page=True, tags=["console"])
    async def send_console_person(call: Call) -> web.StreamResponse:
        """Send everything that is held about one customer to an operator whose role may see it."""
        try:
            session = await _admitted(desk, call, OF_PERSON)
        except SignedOut:
            return to_sign_in(call)
        return await send_person(call, session.operator.caller)

    for page in desk.pages:
        if page.takes_out is not None:
            _add_shown(routes, desk, exports, page, page.takes_out)


def _add_shown(routes: Routes, desk: Desk, exports: Exports, page: ConsolePage, shown: ShownList) -> None:
    query = {**closed({**page.query, **FORMATS_QUERY}), "additionalProperties": True}

    async def send(call: Call) -> web.StreamResponse:
        """Send what a page of the console shows as a file, by the same filters."""
        try:
            session = await _admitted(desk, call)
        except SignedOut:
            return to_sign_in(call)
        desk.allow(session, page.scope)
        principal = session.principal(desk.scopes)
        export = need_export(exports, shown.name, principal)
        narrowed = await shown.narrow(desk.asking(call, session))
        if narrowed is None:
            raise NotFound("What is shown with these filters is no list that can be taken out.")
        return await send_rows(call, exports, Wanted(export, shown=narrowed), principal)

    send.__name__ = send.__qualname__ = f"send_shown_{shown.name.replace('-', '_')}"
    routes.get(_shown_at(shown), allow=Role.PUBLIC, query=query, page=True, tags=["console"])(send)


async def _admitted(desk: Desk, call: Call, scope: str = SCOPE) -> Session:
    """Return the session of somebody who may take lists, or one person, out; raises ``SignedOut``, ``Forbidden``."""
    session = await desk.session(call)
    desk.allow(session, scope)
    if session.lacks_codes:
        raise Forbidden("Set up your one-time codes first, under How you sign in.")
    return session


async def with_export(page: ConsolePage, asking: Asking, view: PageView) -> PageView:
    """Return a page's view with the button that takes out what it shows, where its role may."""
    if page.takes_out is None or not asking.may(SCOPE) or await page.takes_out.narrow(asking) is None:
        return view
    way = Link("Export CSV", link(_shown_at(page.takes_out), asking.query, format="csv", after=None))
    return replace(view, exports=(*view.exports, way))


def _shown_at(shown: ShownList) -> str:
    return f"{PATH}/{shown.name}/shown"


def pages(exports: Exports) -> list[ConsolePage]:
    """Return the page of all lists."""

    async def show(asking: Asking) -> PageView:
        """Show every list that this role may take out."""
        rows = [
            Row(
                (
                    Cell(one.title, is_strong=True, is_long=True, hint=one.name),
                    Cell(", ".join(one.narrows_by) or "–", is_long=True),
                    Cell(ways=[Link(_WORDS[name], link(f"{PATH}/{one.name}", {}, format=name)) for name in FORMATS]),
                )
            )
            for one in exports.lists.values()
            if asking.may(one.scope)
        ]
        columns = (Column("List"), Column("Can be narrowed by"), Column("As"))
        hint = "All rows as they are at one moment, and a line in the audit trail. In the shell: storefront export."
        return PageView("Exports", [Table("Lists", columns, rows, hint=hint)])

    return [ConsolePage(PATH, "Exports", SCOPE, show, group="setup", icon="download")]
