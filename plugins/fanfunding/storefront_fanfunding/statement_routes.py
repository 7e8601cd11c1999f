"""HTTP of statements: as JSON page by page, as CSV, and as a page to read and print."""

from aiohttp import web

from storefront.core.services import Services
from storefront.pages import Browser, page_frame
from storefront.routing import Call, Routes, respond
from storefront_fanfunding.payout_routes import ONE, OPERATORS, SCOPE
from storefront_fanfunding.payout_rows import need_payout
from storefront_fanfunding.payout_shapes import STATEMENT, STATEMENT_PAGE
from storefront_fanfunding.statement_view import statement_template, statement_view
from storefront_fanfunding.statements import csv_of, show_statement


def add_statements(routes: Routes, services: Services) -> None:
    """Add the routes of statements."""
    template = statement_template()

    @routes.get(ONE + "/statement", allow=OPERATORS, query=STATEMENT_PAGE, answers={200: STATEMENT}, scope=SCOPE)
    async def show_lines(call: Call) -> web.StreamResponse:
        """Show what a payout is made of: what was left before, each line since, and what is left.

        `opening.payable` and the `amount` of all lines, the payout's own being the last, add up to `closing.payable`;
        so do `debt` and `owed`. `share` is the creator's part of a `tip`; less of it is released if some went back.
        """
        row = await need_payout(services, call.path("id"))
        return respond(await show_statement(services, row, limit=call.query["limit"], after=call.query.get("after")))

    @routes.get(ONE + "/statement.csv", allow=OPERATORS, scope=SCOPE)
    async def send_csv(call: Call) -> web.StreamResponse:
        """Send a payout's statement as CSV, its amounts as decimals; no cell begins a formula."""
        row = await need_payout(services, call.path("id"))
        response = await call.stream("text/csv")
        async for text in csv_of(services, row):
            await response.write(text.encode())
        await response.write_eof()
        return response

    @routes.get(ONE + "/statement.html", allow=OPERATORS, scope=SCOPE, page=True)
    async def show_page(call: Call) -> web.StreamResponse:
        """Show a payout's statement as a page to read and to print; of very many lines the first, and all sums."""
        row = await need_payout(services, call.path("id"))
        browser = Browser.of(call)
        view = await statement_view(services, row, browser.language)
        return browser.answer(template.render(page=page_frame(call, services, browser), view=view))
