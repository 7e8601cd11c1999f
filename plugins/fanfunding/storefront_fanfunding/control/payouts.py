"""A creator's own payouts and their statements, read on the control page. No other creator's is found there."""

from typing import Any

from aiohttp import web
from sqlalchemy import bindparam

from storefront.core.errors import NotFound, Unauthorized
from storefront.core.operating.pages import read_page
from storefront.core.principals import Role
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.pages import Browser, amount_words, page_frame
from storefront.routing import Call, Routes
from storefront.shapes import closed
from storefront_fanfunding.control.signed import Desk
from storefront_fanfunding.control.view import purses_of
from storefront_fanfunding.page.view import initials
from storefront_fanfunding.payout_rows import FAILED, PAID, WITH_NAME
from storefront_fanfunding.statement_view import STATES, day, statement_template, statement_view
from storefront_fanfunding.statements import csv_of
from storefront_fanfunding.tables import payouts

PATH = "/creator/payouts"
MOST_ON_A_PAGE = 25
_QUERY = {**closed({"after": {"type": "string", "maxLength": 80}}), "additionalProperties": True}
_OWN = Query(WITH_NAME.where(payouts.c.id == bindparam("id"), payouts.c.creator_id == bindparam("creator_id")))
_TONES = {PAID: "good", FAILED: "bad"}


def add_creators_payouts(routes: Routes, services: Services, desk: Desk) -> None:
    """Declare the pages of a creator's own payouts."""
    statement = statement_template()

    async def own(call: Call) -> Row:
        """Return the payout that is asked for, if it is of who is signed in; raises ``NotFound``."""
        signed = await desk.signed(call)
        row = await services.reader.first(_OWN, id=call.path("id"), creator_id=signed.identity)
        if row is None:
            raise NotFound("There is no such payout.")
        return row

    @routes.get(PATH, allow=Role.PUBLIC, query=_QUERY, page=True, tags=["pages"])
    async def show_own_payouts(call: Call) -> web.StreamResponse:
        """Show a creator what they can be paid, and their payouts, newest first."""
        browser = Browser.of(call)
        try:
            signed = await desk.signed(call)
        except Unauthorized:
            return desk.stranger(call, None)
        frame = page_frame(call, services, browser)
        wanted = WITH_NAME.where(payouts.c.creator_id == signed.identity)
        found = await read_page(services.reader, wanted, (payouts.c.created_at, payouts.c.id),
                                limit=MOST_ON_A_PAGE, after=call.query.get("after"),
                                shown=lambda row: _line(services, frame.locale, row))  # fmt: skip
        name = signed.creator.shown_name
        view = {
            "name": name,
            "initials": initials(name),
            "tip_path": f"/tip/{signed.creator.name}",
            "purses": await purses_of(services, signed.identity, frame),
            "lines": found["data"],
            "older": found["next"],
        }
        return browser.answer(desk.render("payouts.html", view=view, page=frame))

    @routes.get(PATH + "/{id}", allow=Role.PUBLIC, page=True, tags=["pages"])
    async def show_own_statement(call: Call) -> web.StreamResponse:
        """Show a creator the statement of one of their payouts, to read and to print."""
        browser, row = Browser.of(call), await own(call)
        view = await statement_view(services, row, browser.language)
        links = {"back": PATH, "csv": f"{PATH}/{row['id']}/statement.csv"}
        return browser.answer(statement.render(view=view | links, page=page_frame(call, services, browser)))

    @routes.get(PATH + "/{id}/statement.csv", allow=Role.PUBLIC, page=True, tags=["pages"])
    async def send_own_csv(call: Call) -> web.StreamResponse:
        """Send a creator the statement of one of their payouts as CSV."""
        row = await own(call)
        response = await call.stream("text/csv")
        async for text in csv_of(services, row):
            await response.write(text.encode())
        await response.write_eof()
        return response


def _line(services: Services, language: str, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "at": day(row["created_at"]),
        "amount": amount_words(services, language, row["amount"], row["currency"]),
        "state": STATES[row["state"]],
        "tone": _TONES.get(row["state"], "info"),
        "reference": row["reference"],
    }
