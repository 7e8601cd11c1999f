"""What a bar of net revenue is made of: its sum by source, and every entry that moved it, with its purchase."""

from collections.abc import Mapping

from storefront.console.forms import text
from storefront.console.pages.books import PATH as BOOKS
from storefront.console.pages.overview import day_words
from storefront.console.words import chips, instant, link, money, offer_title, spoken
from storefront.core.analytics.earning import Earned, by_source, earned_by, together
from storefront.core.analytics.entries_of_revenue import Moved, read_moved
from storefront.core.analytics.overview import main_currency
from storefront.core.analytics.periods import Period
from storefront.core.analytics.sums import Rollups
from storefront.core.clock import DAY_MS
from storefront.core.errors import FieldError, Invalid
from storefront.pages.lists import PERIOD_QUERY, period_asked
from storefront.panels import Asking, Cell, Column, ConsolePage, Line, Lines, PageView, Row, Table

PATH = "/console/revenue"
SHOWN = 50


async def show(asking: Asking) -> PageView:
    """Show what net revenue of some days came to, and what made it."""
    services, query, period = asking.services, asking.query, _period(asking)
    rollups = await Rollups.current(services.reader)
    currencies = await rollups.currencies()
    currency, source = query.get("currency") or main_currency(services, currencies), query.get("source")
    found = by_source(await earned_by(services, rollups, currency, period))
    shown = {name: earned for name, earned in found.items() if source in (None, name)}
    moved, following = await read_moved(
        services, rollups, currency, period, source=source, limit=SHOWN, after=query.get("after")
    )
    older = None if following is None else link(PATH, query, after=following)
    newer = link(PATH, query, after=None) if query.get("after") else None
    columns = (Column("When"), Column("What"), Column("Source"), Column("Brought", is_number=True), Column("Books"))
    rows = [_row(asking, one, currency) for one in moved]
    hint = "" if not rows else "Fees stand on the day on which they were booked, refunds on the day on which they went."
    table = Table(
        "What made it", columns, rows, empty="Nothing moved it.", hint=hint, older=older, newer=newer, name="revenue"
    )
    sources = chips(PATH, query, "source", [(name, spoken(name)) for name in found] if len(found) > 1 else [])
    return PageView("Net revenue", [_sums(asking, shown, currency), table], hint=day_words(period), chips=sources)


def _period(asking: Asking) -> Period:
    """Return the days that are asked for, whole ones; those of the first page without ``from`` and ``to``."""
    query = asking.query
    if not (query.get("from") and query.get("to")):
        return period_asked(asking)
    since, until = instant(query["from"], "/from"), instant(query["to"], "/to")
    if since % DAY_MS or until % DAY_MS or until <= since:
        raise Invalid("Revenue is told by whole days (UTC).", errors=[FieldError("/from", "must begin a day")])
    return Period(since // DAY_MS, until // DAY_MS - 1)


def _sums(asking: Asking, found: Mapping[str, Earned], currency: str) -> Lines:
    """Return the parts of the bar, above and below its line, and its sum."""
    whole = together(found.values())
    lines = [Line(spoken(name), money(asking, earned.earned, currency)) for name, earned in found.items()]
    lines.append(Line("Refunds", money(asking, -whole.refunds, currency)))
    hint = "After tax, creators' shares, gateways' fees and losses."
    return Lines("Sum", lines, total=Line("Net", money(asking, whole.net, currency)), hint=hint)


def _row(asking: Asking, one: Moved, currency: str) -> Row:
    bought, entry = one.bought, f"{BOOKS}/{one.entry_id}"
    what = "Gateway's fee" if one.kind.startswith("gateway.") else spoken(one.kind)
    return Row(
        (
            Cell.when(one.occurred_at),
            Cell(what, hint="" if bought is None else offer_title(asking, bought.sku)),
            Cell(spoken(one.source)),
            Cell(money(asking, one.amount, currency), is_strong=True),
            Cell("Entry", url=entry),
        ),
        url=entry if bought is None else f"/console/purchases/{bought.id}",
    )


def pages() -> list[ConsolePage]:
    """Return the page of what net revenue is made of."""
    query = {
        "from": text(40),
        "to": text(40),
        "span": PERIOD_QUERY,
        "currency": text(64),
        "source": text(64),
        "after": text(60),
    }
    return [ConsolePage(PATH, "Net revenue", "analytics:read", show, query=query)]
