"""Exports in the console: every list as a file, to whoever may see it, and the page that offers them."""

from aiohttp import web

from storefront.console.desk import HOME, Desk, SignedOut
from storefront.console.returning import to_sign_in
from storefront.console.words import link
from storefront.core.errors import Forbidden
from storefront.core.exporting.formats import FORMATS
from storefront.core.exporting.running import Exports
from storefront.panels import Asking, Cell, Column, ConsolePage, PageView, Row, Table
from storefront.routing import Call, Role, Routes
from storefront.web.export_shapes import EXPORT_QUERY
from storefront.web.exports import SCOPE, send_export
from storefront.web.privacy import SCOPE as OF_PERSON
from storefront.web.privacy import send_person

PATH = f"{HOME}/exports"
_WORDS = {"csv": "CSV", "parquet": "Parquet", "jsonl": "JSON lines"}


def add_exports(routes: Routes, desk: Desk, exports: Exports) -> None:
    """Declare the addresses under which the console sends a list, and all about one customer."""

    @routes.get(f"{PATH}/{{list}}", allow=Role.PUBLIC, query=EXPORT_QUERY, page=True, tags=["console"])
    async def send_console_export(call: Call) -> web.StreamResponse:
        """Send a list as a file to an operator whose role may see it."""
        try:
            session = await desk.session(call)
        except SignedOut:
            return to_sign_in(call)
        desk.allow(session, SCOPE)
        if session.lacks_codes:
            raise Forbidden("Set up your one-time codes first, under How you sign in.")
        return await send_export(call, exports, session.principal(desk.scopes))

    @routes.get(f"{HOME}/customers/{{customer}}/export", allow=Role.PUBLIC, page=True, tags=["console"])
    async def send_console_person(call: Call) -> web.StreamResponse:
        """Send everything that is held about one customer to an operator whose role may see it."""
        try:
            session = await desk.session(call)
        except SignedOut:
            return to_sign_in(call)
        desk.allow(session, OF_PERSON)
        if session.lacks_codes:
            raise Forbidden("Set up your one-time codes first, under How you sign in.")
        return await send_person(call, session.operator.caller)


def pages(exports: Exports) -> list[ConsolePage]:
    """Return the page of all lists."""

    async def show(asking: Asking) -> PageView:
        """Show every list that this role may take out."""
        rows = [
            Row(
                (
                    Cell(one.title, is_strong=True, hint=one.name),
                    Cell(", ".join(one.narrows_by) or "–"),
                    *(Cell(_WORDS[name], url=link(f"{PATH}/{one.name}", {}, format=name)) for name in FORMATS),
                )
            )
            for one in exports.lists.values()
            if asking.may(one.scope)
        ]
        columns = (Column("List"), Column("Can be narrowed by"), *(Column(_WORDS[name]) for name in FORMATS))
        hint = "All rows as they are at one moment, and a line in the audit trail. In the shell: storefront export."
        return PageView("Exports", [Table("Lists", columns, rows, hint=hint)])

    return [ConsolePage(PATH, "Exports", SCOPE, show, group="setup", icon="download")]
