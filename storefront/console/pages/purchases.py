"""Purchases: found by whatever somebody has at hand, seen whole, refunded after a look at what a refund would take."""

from collections.abc import Mapping
from typing import Any

from storefront.console.forms import text
from storefront.console.pages.purchase_parts import entries_of, payment_lines, timeline
from storefront.console.pages.purchase_receipt import show_receipts
from storefront.console.pages.purchase_refund import PATH, refund_act, refund_forms
from storefront.console.returning import MOST, WITHIN, back_to, leading_back
from storefront.console.words import (
    SPANS,
    at,
    chips,
    instant,
    link,
    moment_words,
    offer_title,
    reason_words,
    spoken,
    status,
    total,
)
from storefront.core.exporting.lists import Narrowed
from storefront.core.operating.purchases import show_purchase_in_full
from storefront.core.operating.searching import STATUSES, Wanted, find_purchases, matching_purchases
from storefront.core.purchasing import read_purchase
from storefront.core.refunds import is_effective, read_reversals
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsolePage,
    Line,
    Lines,
    Link,
    Note,
    PageView,
    Row,
    Search,
    Section,
    ShownList,
    Table,
    Tone,
)

SHOWN = 25
_STATUS_CHIPS = (("completed", "Completed"), ("in_review", "In review"), ("paid", "Goods owed"), ("failed", "Failed"))
_TROUBLE_CHIPS = (("refunded", "Refunded"), ("disputed", "Disputed"))
QUERY: Mapping[str, Any] = {
    "q": text(200),
    "from": text(40),
    "to": text(40),
    "span": {"type": "string", "enum": [name for name, _, _ in SPANS]},
    "status": {"type": "string", "enum": list(STATUSES)},
    "trouble": {"type": "string", "enum": ["refunded", "disputed"]},
    "sku": text(100),
    "currency": text(64),
    "source": text(40),
    "kind": text(64),
    "after": text(40),
}


def wanted_of(asking: Asking) -> Wanted:
    """Return what a list's filters look for; raises ``Invalid`` for an instant that is none."""
    query, since, until = asking.query, None, None
    if query.get("span"):
        since = asking.services.clock.now() - next(ms for name, _, ms in SPANS if name == query["span"])
    if query.get("from"):
        since = instant(query["from"], "/from")
    if query.get("to"):
        until = instant(query["to"], "/to")
    return Wanted(
        text=query.get("q", ""),
        status=query.get("status"),
        trouble=query.get("trouble"),
        sku=query.get("sku"),
        currency=query.get("currency"),
        kinds=(query["kind"],) if query.get("kind") else kinds_of_source(asking, query.get("source")),
        since=since,
        until=until,
    )


def kinds_of_source(asking: Asking, source: str | None) -> tuple[str, ...]:
    """Return the kinds of offers that a source of revenue is made of; all (empty) where none is asked for."""
    if not source:
        return ()
    kinds = asking.services.kinds
    found = tuple(name for name, kind in kinds.items() if getattr(kind, "source", "sales") == source)
    return found or ("none of this source",)


async def show_list(asking: Asking) -> PageView:
    """Show purchases, newest first."""
    query = asking.query
    found = await find_purchases(asking.services, wanted_of(asking), limit=SHOWN, after=query.get("after"))
    rows = [row_of(asking, one, within=query) for one in found["data"]]
    columns = (Column("When"), Column("Customer"), Column("Bought"), Column("Amount", is_number=True), Column("Status"))
    older = None if found["next"] is None else link(PATH, query, after=found["next"])
    newest = link(PATH, query, after=None) if query.get("after") else None
    kept = {name: str(value) for name, value in query.items() if name not in ("q", "after", "says") and value}
    chosen = [
        *chips(PATH, query, "span", [(name, label) for name, label, _ in SPANS]),
        *chips(PATH, query, "status", _STATUS_CHIPS),
        *chips(PATH, query, "trouble", _TROUBLE_CHIPS),
        *_other_chips(asking),
    ]
    empty = "Nothing matches. Take a filter away, or search for an id." if query else "No purchases yet."
    table = Table("Purchases", columns, rows, empty=empty, older=older, newer=newest, name="purchases")
    search = Search(
        "Customer, item, id, receipt, gateway id or last 4 digits",
        query.get("q", ""),
        kept,
        "Customer, item, id or card",
    )
    return PageView("Purchases", [table], search=search, chips=chosen, is_live=not query)


def row_of(asking: Asking, one: Mapping[str, Any], *, within: Mapping[str, Any] | None = None) -> Row:
    """Return a purchase as a row of a list; ``within`` are the filters of the list that its page leads back to."""
    quantity = f"{one['quantity']} × " if one["quantity"] > 1 else ""
    cells = (
        Cell.when(at(one["created_at"])),
        Cell(one["customer"], is_name=True),
        Cell(f"{quantity}{one.get('title') or offer_title(asking, one['sku'])}"),
        Cell(total(asking, one["total"]), is_strong=True),
        status(one),
    )
    return Row(cells, url=leading_back(f"{PATH}/{one['id']}", within or {}))


async def show_one(asking: Asking) -> PageView:
    """Show one purchase with all that belongs to it."""
    whole = await show_purchase_in_full(asking.services, asking.path["id"])
    purchase = whole["purchase"]
    row = await read_purchase(asking.services, asking.path["id"])
    customer = await asking.services.customers.external_id(row["customer_id"])
    owner = Line("Customer", customer, url=f"/console/customers/{row['customer_id']}", is_name=True)
    sections: list[Section] = [_head(asking, purchase, owner)]
    if purchase["status"] == "in_review":
        words = "It waits in the review queue: goods are not granted."
        sections.insert(0, Note(Tone.PLAY, "In review.", words, Link("Look at it", f"/console/review?q={row['id']}")))
    gone = sum(one["amount"] for one in await read_reversals(asking.services.reader, row["id"]) if is_effective(one))
    left = row["total"] - gone
    sections.append(await timeline(asking, whole))
    sections.extend(await asking.parts("purchase", row["id"]))
    beside: list[Section] = [*refund_forms(asking, purchase, left), *payment_lines(asking, whole)]
    beside.extend(await entries_of(asking, whole))
    title, hint = total(asking, purchase["total"]), f"Purchase {row['id']}"
    return PageView(title, sections, detail=beside, hint=hint, back=back_to(PATH, "Purchases", asking.query))


def _head(asking: Asking, purchase: Mapping[str, Any], customer: Line) -> Lines:
    lines = [Line(line["title"], total(asking, line["total"])) for line in purchase["lines"]]
    lines.insert(0, customer)
    if purchase.get("recipient"):
        lines.insert(1, Line("For", purchase["recipient"]["id"], is_name=True))
    lines += [Line("SKU", purchase["sku"]), Line.when("Bought", at(purchase["created_at"]))]
    title = offer_title(asking, purchase["sku"])
    shown = {"status": purchase["status"], "refunded": purchase["refunded"], "dispute": purchase["dispute"]}
    return Lines(
        f"{purchase['quantity']} × {title}" if purchase["quantity"] > 1 else title,
        lines,
        total=Line("Total", total(asking, purchase["total"])),
        badge=status(shown),
        hint=reason_words(purchase["reason"]),
    )


def _chip_words(asking: Asking, name: str, value: str) -> str:
    if name in ("from", "to"):
        return moment_words(value)
    return offer_title(asking, value) if name == "sku" else value if name == "currency" else spoken(value)


def _other_chips(asking: Asking) -> list[Any]:
    """Return filters that a link of another page brought here, each with what takes it away."""
    found, query = list[Any](), asking.query
    for name, word in (
        ("sku", "Item"),
        ("currency", "Currency"),
        ("source", "Source"),
        ("kind", "Kind"),
        ("from", "From"),
        ("to", "Until"),
    ):
        if query.get(name):
            found.extend(chips(PATH, query, name, [(query[name], f"{word}: {_chip_words(asking, name, query[name])}")]))
    return found


async def narrow(asking: Asking) -> Narrowed:
    """Return which purchases the list shows; what was searched for is not told, for it may be somebody's name."""
    asked = {name: str(value) for name, value in asking.query.items() if name in QUERY and name != "after" and value}
    told = {**asked, **({"q": "searched"} if "q" in asked else {})}
    return Narrowed([await matching_purchases(asking.services, wanted_of(asking))] if asked else (), told)


def pages() -> list[ConsolePage]:
    """Return the pages of purchases."""
    return [
        ConsolePage(
            PATH,
            "Purchases",
            "purchases:read",
            show_list,
            group="main",
            icon="bag",
            query=QUERY,
            takes_out=ShownList("purchases", narrow),
        ),
        ConsolePage(
            f"{PATH}/{{id}}", "Purchase", "purchases:read", show_one, acts=[refund_act()], query={WITHIN: text(MOST)}
        ),
        ConsolePage(f"{PATH}/{{id}}/receipt", "Receipt", "purchases:read", show_receipts),
    ]
