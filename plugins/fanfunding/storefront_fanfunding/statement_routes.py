"""HTTP of statements: as JSON page by page, as CSV, and as a page to read and print."""

from pathlib import Path
from typing import Any

from aiohttp import web

from storefront.core.clock import iso
from storefront.core.journal import show_amount
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.pages import Browser, make_templates, page_frame
from storefront.routing import Call, Routes, respond
from storefront_fanfunding.payout_routes import ONE, OPERATORS, SCOPE
from storefront_fanfunding.payout_rows import need_payout
from storefront_fanfunding.payout_shapes import STATEMENT, STATEMENT_PAGE
from storefront_fanfunding.statements import WORDS, csv_of, exponent_in, show_statement, totals_of

MOST_ON_A_PAGE = 5_000
_TEMPLATES = Path(__file__).parent / "page" / "templates"


def add_statements(routes: Routes, services: Services) -> None:
    """Add the routes of statements."""
    template = make_templates(_TEMPLATES).get_template("statement.html")

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
        view = await _view(services, row)
        return browser.answer(template.render(page=page_frame(call, services, browser), view=view))


async def _view(services: Services, payout: Row) -> dict[str, Any]:
    told = await show_statement(services, payout, limit=MOST_ON_A_PAGE, after=None)
    totals, exponent = await totals_of(services, payout), exponent_in(services, payout["currency"])

    def text(amount: int | None) -> str:
        return "" if amount is None else show_amount(amount, exponent)

    names = ("tip", "share", "amount", "owed", "balance", "debt")
    return {
        "id": payout["id"],
        "creator": payout["creator"],
        "state": payout["state"],
        "amount": text(payout["amount"]),
        "currency": payout["currency"],
        "created_at": iso(payout["created_at"]),
        "reference": payout["reference"],
        "opening": {name: text(amount) for name, amount in told["opening"].items()},
        "closing": {name: text(amount) for name, amount in told["closing"].items()},
        "lines": [{**line, "word": _word(line["kind"]), **{name: text(line[name]) for name in names}}
                  for line in told["lines"]],
        "totals": [{"word": _word(kind), "many": many, "amount": text(amount), "owed": text(owed)}
                   for kind, (many, amount, owed) in sorted(totals.items())],
        "is_cut": told["next"] is not None,
    }  # fmt: skip


def _word(kind: str) -> str:
    return WORDS.get(kind, kind)
