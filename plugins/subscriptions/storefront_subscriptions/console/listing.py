"""The list of memberships: searched, filtered, or exactly what a figure of analytics is made of."""

from collections.abc import Mapping
from typing import Any

from storefront.core.analytics.metrics import CHURN
from storefront.core.exporting.lists import Narrowed
from storefront.core.reading import Row
from storefront.pages.lists import PERIOD_QUERY, chips, instant, link, moment_words, money, offer_title, period_chips
from storefront.panels import Asking, Cell, Chip, Column, PageView, Search, Section, Table
from storefront.panels import Row as TableRow
from storefront_subscriptions.config import KIND
from storefront_subscriptions.console.figures import who_pays
from storefront_subscriptions.console.finding import (
    LEFT,
    STANDINGS,
    Wanted,
    conditions_of,
    find_subscriptions,
    sums_of,
)
from storefront_subscriptions.console.moving import MOVEMENTS, Moved, find_moved
from storefront_subscriptions.console.words import PATH, a_month, badge, next_date, price

SHOWN = 25
_CHIPS = ("paying", "trialing", "past_due", "paused", "ended")
_ANY = "any"
_FILTERS = ("q", "standing", "tier", "currency", "movement", "from", "to", "after")
QUERY: Mapping[str, Any] = {
    "q": {"type": "string", "maxLength": 200},
    "standing": {"type": "string", "enum": list(STANDINGS)},
    "movement": {"type": "string", "enum": [*MOVEMENTS, _ANY]},
    "tier": {"type": "string", "maxLength": 100},
    "currency": {"type": "string", "maxLength": 64},
    "from": {"type": "string", "maxLength": 40},
    "to": {"type": "string", "maxLength": 40},
    "span": PERIOD_QUERY,
    "after": {"type": "string", "maxLength": 80},
}
_COLUMNS = (Column("Customer"), Column("Tier"), Column("Standing"), Column("A month", is_number=True))


async def show_list(asking: Asking) -> PageView:
    """Show memberships, newest first; without a filter also who pays, in figures."""
    query, (since, until), movement = asking.query, _times(asking), _movement(asking)
    if movement is None:
        sections: list[Section] = [await _standing_list(asking)]
    else:
        sections = [await _moved_list(asking, movement, since, until)]
    is_narrow = any(query.get(name) for name in _FILTERS if name != "currency")
    kept = {name: str(value) for name, value in query.items() if name not in ("q", "after", "says") and value}
    search = Search("Customer or subscription id", query.get("q", ""), kept)
    switch = [] if is_narrow else period_chips(PATH, query)
    if not is_narrow:
        tiles, charts = await who_pays(asking)
        sections = [tiles, *sections, *charts]
    return PageView("Memberships", sections, search=search, chips=_chips(asking), switch=switch)


async def narrow(asking: Asking) -> Narrowed | None:
    """Return which subscriptions the list shows; None where it shows what moved, each time by itself."""
    if _movement(asking) is not None:
        return None
    asked = {name: str(value) for name, value in asking.query.items() if name in _FILTERS and name != "after" and value}
    told = {**asked, **({"q": "searched"} if "q" in asked else {})}
    return Narrowed(await conditions_of(asking.services, _wanted(asking)), told)


def _times(asking: Asking) -> tuple[int | None, int | None]:
    since, until = (
        instant(asking.query[name], f"/{name}") if asking.query.get(name) else None for name in ("from", "to")
    )
    return since, until


def _movement(asking: Asking) -> str | None:
    found: str | None = asking.query.get("movement")
    return CHURN if asking.query.get("standing") == LEFT else found


def _wanted(asking: Asking) -> Wanted:
    query, (since, until) = asking.query, _times(asking)
    return Wanted(
        text=query.get("q", "").strip(),
        standing=query.get("standing"),
        tier=query.get("tier"),
        currency=query.get("currency"),
        since=since,
        until=until,
    )


async def _standing_list(asking: Asking) -> Table:
    query, wanted = asking.query, _wanted(asking)
    found = await find_subscriptions(asking.services, wanted, limit=SHOWN, after=query.get("after"))
    sums = await sums_of(asking.services, wanted)
    rows = [row_of(asking, row) for row in found["data"]]
    return _table(asking, rows, found["next"], when="Next", hint=_sum_words(asking, sums))


async def _moved_list(asking: Asking, movement: str, since: int | None, until: int | None) -> Table:
    query = asking.query
    found, following = await find_moved(
        asking.services,
        movement=None if movement == _ANY else movement,
        currency=query.get("currency"),
        since=since or 0,
        until=asking.services.clock.now() + 1 if until is None else until,
        limit=SHOWN,
        after=query.get("after"),
    )
    rows = [_moved_row(asking, moved, row) for moved, row in found]
    hint = "By how much each one's amount a month moved, and when. Somebody who left and came back counts each time."
    return _table(asking, rows, following, when="Moved", hint=hint)


def _table(asking: Asking, rows: list[TableRow], following: str | None, *, when: str, hint: str) -> Table:
    query = asking.query
    older = None if following is None else link(PATH, query, after=following)
    newest = link(PATH, query, after=None) if query.get("after") else None
    is_asked = any(query.get(name) for name in _FILTERS)
    empty = "Nothing matches. Take a filter away, or search for an id." if is_asked else "No memberships yet."
    columns = (*_COLUMNS, Column(when))
    return Table("Memberships", columns, rows, empty=empty, hint=hint, older=older, newer=newest, name="memberships")


def row_of(asking: Asking, row: Row) -> TableRow:
    """Return a subscription as a row of a list; the row names its ``customer``."""
    return TableRow(_cells(asking, row, a_month(asking, row), next_date(row)), url=f"{PATH}/{row['id']}")


def _moved_row(asking: Asking, moved: Moved, row: Row) -> TableRow:
    sign = "+" if moved.amount > 0 else "−"
    words = f"{sign}{money(asking, abs(moved.amount), moved.currency)}"
    return TableRow(_cells(asking, row, words, Cell.when(moved.at)), url=f"{PATH}/{row['id']}")


def _cells(asking: Asking, row: Row, amount: str, when: Cell) -> tuple[Cell, ...]:
    return (
        Cell(row["customer"], is_name=True),
        Cell(offer_title(asking, row["sku"]), hint=price(asking, row)),
        badge(row),
        Cell(amount, is_strong=True),
        when,
    )


def _sum_words(asking: Asking, sums: Mapping[str, tuple[int, int]]) -> str:
    """Word what the whole list comes to a month, in each currency by itself."""
    return " ".join(
        f"{many:,} {'pays' if many == 1 else 'pay'}, {money(asking, amount, currency)} a month in all."
        for currency, (many, amount) in sorted(sums.items())
    )


def _chips(asking: Asking) -> list[Chip]:
    """Return the filters: how they stand, tiers on sale, currencies, and what another page's link brought."""
    query, catalog = asking.query, asking.services.catalogs.active
    found = chips(PATH, query, "standing", [(name, STANDINGS[name]) for name in _CHIPS])
    tiers = [offer for offer in catalog.offers.values() if offer.kind == KIND]
    shown = [(offer.sku, offer_title(asking, offer.sku)) for offer in tiers]
    if query.get("tier") and query["tier"] not in dict(shown):
        shown.append((query["tier"], query["tier"]))
    found += chips(PATH, query, "tier", shown if len(shown) > 1 or query.get("tier") else [])
    codes = sorted({code for offer in tiers for code in offer.prices} | ({query["currency"]} if query.get("currency")
                                                                        else set()))  # fmt: skip
    found += chips(PATH, query, "currency", [(code, code) for code in codes] if len(codes) > 1 else [])
    brought = [("standing", {name: STANDINGS[name] for name in STANDINGS if name not in _CHIPS}),
               ("movement", {**MOVEMENTS, _ANY: "Moved"})]  # fmt: skip
    for name, words in brought:
        if query.get(name) in words:
            found += chips(PATH, query, name, [(query[name], words[query[name]])])
    for name, word in (("from", "From"), ("to", "Until")):
        if query.get(name):
            found += chips(PATH, query, name, [(query[name], f"{word}: {moment_words(query[name])}")])
    return found
