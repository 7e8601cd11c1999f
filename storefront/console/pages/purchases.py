"""Purchases: found by whatever somebody has at hand, seen whole, refunded after a look at what a refund would take."""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.console.forms import text
from storefront.console.pages.purchase_parts import entries_of, payment_lines, timeline
from storefront.console.pages.refund_words import refund_words
from storefront.console.words import SPANS, at, chips, instant, link, money, status, total
from storefront.core.exporting.lists import Narrowed
from storefront.core.idempotency import idempotency_key
from storefront.core.operating.purchases import show_purchase_in_full
from storefront.core.operating.searching import STATUSES, Wanted, find_purchases, matching_purchases
from storefront.core.purchasing import read_purchase
from storefront.core.refunding import OPERATION, refund
from storefront.core.refunds import RefundRequest, Strategy, is_effective, read_reversals
from storefront.core.typed_amounts import read_amount
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsoleAct,
    ConsolePage,
    Done,
    Field,
    Form,
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

PATH = "/console/purchases"
SHOWN = 25
_STATUS_CHIPS = (("completed", "Completed"), ("in_review", "In review"), ("paid", "Goods owed"), ("failed", "Declined"))
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
STRATEGIES = (
    (Strategy.FAIL.value, "Refuse, if goods are gone"),
    (Strategy.FLOOR.value, "Take what is left, write off the rest"),
    (Strategy.DEBT.value, "Let the customer owe what is gone"),
)
_REFUND = {"reason": text(500), "amount": text(30), "strategy": text(10), "sure": text(5)}


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
    rows = [row_of(asking, one) for one in found["data"]]
    columns = (Column("When"), Column("Customer"), Column("Bought"), Column("Amount", is_number=True), Column("Status"))
    older = None if found["next"] is None else link(PATH, query, after=found["next"])
    newest = link(PATH, query, after=None) if query.get("after") else None
    kept = {name: str(value) for name, value in query.items() if name not in ("q", "after", "says") and value}
    chosen = [
        *chips(PATH, query, "span", [(name, label) for name, label, _ in SPANS]),
        *chips(PATH, query, "status", _STATUS_CHIPS),
        *chips(PATH, query, "trouble", _TROUBLE_CHIPS),
        *_other_chips(query),
    ]
    empty = "Nothing matches. Take a filter away, or search for an id." if query else "No purchases yet."
    table = Table("Purchases", columns, rows, empty=empty, older=older, newer=newest, name="purchases")
    search = Search("Customer, item, id, receipt, gateway id or last 4 digits", query.get("q", ""), kept)
    return PageView("Purchases", [table], search=search, chips=chosen, is_live=not query)


def row_of(asking: Asking, one: Mapping[str, Any]) -> Row:
    """Return a purchase as a row of a list."""
    quantity = f"{one['quantity']} × " if one["quantity"] > 1 else ""
    cells = (
        Cell.when(at(one["created_at"])),
        Cell(one["customer"], is_name=True),
        Cell(f"{quantity}{one.get('title') or one['sku']}"),
        Cell(total(asking, one["total"]), is_strong=True),
        status(one),
    )
    return Row(cells, url=f"{PATH}/{one['id']}")


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
    sections.append(timeline(asking, whole))
    sections.extend(await asking.parts("purchase", row["id"]))
    beside: list[Section] = [*_refund_forms(asking, purchase, left), *payment_lines(asking, whole)]
    beside.extend(await entries_of(asking, whole))
    return PageView(total(asking, purchase["total"]), sections, detail=beside, hint=f"Purchase {row['id']}")


def _head(asking: Asking, purchase: Mapping[str, Any], customer: Line) -> Lines:
    lines = [Line(line["title"], total(asking, line["total"])) for line in purchase["lines"]]
    lines.insert(0, customer)
    if purchase.get("recipient"):
        lines.insert(1, Line("For", purchase["recipient"]["id"], is_name=True))
    lines.append(Line.when("Bought", at(purchase["created_at"])))
    shown = {"status": purchase["status"], "refunded": purchase["refunded"], "dispute": purchase["dispute"]}
    return Lines(
        f"{purchase['quantity']} × {purchase['sku']}" if purchase["quantity"] > 1 else purchase["sku"],
        lines,
        total=Line("Total", total(asking, purchase["total"])),
        badge=status(shown),
        hint=purchase["reason"] or "",
    )


def _refund_forms(asking: Asking, purchase: Mapping[str, Any], left: int) -> list[Section]:
    """Return where a refund begins: what it would take is shown before anything happens. ``left``: not given back."""
    if not asking.may("refunds:write") or purchase["status"] not in ("completed", "paid"):
        return []
    if left <= 0:
        return []
    currency = purchase["total"]["currency"]
    fields = (
        Field("amount", f"Amount in {currency}", hint="Leave empty for all that is left.", is_required=False),
        Field("reason", "Reason", hint="Kept for ever. No names or addresses."),
        Field(
            "strategy",
            "If goods are used",
            "select",
            choices=STRATEGIES,
            value=Strategy.FAIL.value,
            hint="A part of the money leaves the goods with the buyer, whatever is chosen.",
        ),
    )
    return [
        Form(
            f"{PATH}/{purchase['id']}/refund",
            "See what it would take back",
            fields,
            title="Refund…",
            explains=f"{money(asking, left, currency)} can go back. The next page shows what would happen.",
            is_folded=True,
        )
    ]


async def send_refund(asking: Asking) -> Done | PageView:
    """Show what a refund would do; do it once that was confirmed."""
    purchase_id = asking.path["id"]
    wanted = await _wanted(asking, is_dry_run=asking.form.get("sure") != "yes")
    answer, _ = await refund(asking.services, wanted)
    made = msgspec.json.decode(answer.body)
    if not wanted.is_dry_run:
        return Done(f"{PATH}/{purchase_id}", "refunded" if answer.status == 201 else "refunding")
    return await _preview(asking, made)


async def needs_proof(asking: Asking) -> bool:
    """Tell whether a refund needs proof of who sends it: a look never, all else above the shop's limit."""
    if asking.form.get("sure") != "yes":
        return False
    row = await read_purchase(asking.services, asking.path["id"])
    limit = asking.services.config.console.unproved_refunds.get(row["currency"], 0)
    typed = asking.form.get("amount")
    amount = row["total"] if typed is None else read_amount(asking.services.catalogs.active, typed, row["currency"])
    return amount > limit


async def _wanted(asking: Asking, *, is_dry_run: bool) -> RefundRequest:
    form, purchase_id = asking.form, asking.path["id"]
    row = await read_purchase(asking.services, purchase_id)
    typed = form.get("amount")
    amount = None if typed is None else read_amount(asking.services.catalogs.active, typed, row["currency"])
    strategy = Strategy(form["strategy"]) if form.get("strategy") in set(Strategy) else Strategy.FAIL
    terms = {"purchase": purchase_id, "amount": amount, "reason": form["reason"], "strategy": strategy.value}
    return RefundRequest(
        idempotency=idempotency_key(asking.actor, OPERATION, asking.key, terms),
        purchase_id=purchase_id,
        reason=form["reason"],
        amount=amount,
        strategy=strategy,
        is_dry_run=is_dry_run,
    )


async def _preview(asking: Asking, made: Mapping[str, Any]) -> PageView:
    """Show what a refund would take back, and the button that does it."""
    purchase_id, form = asking.path["id"], asking.form
    words = total(asking, made["amount"])
    lines = [Line("Goes back to the buyer", words), Line("Reason", form["reason"])]
    taken = made["taken_back"]
    takes_goods = any(taken.get(name) for name in ("items", "credits", "entitlements"))
    for item in taken.get("items", ()):
        gone = f", {item['written_off']} written off" if item["written_off"] else ""
        lines.append(Line(f"Taken back: {item['sku']}", f"{item['taken']} of {item['demanded']}{gone}"))
    for credit in taken.get("credits", ()):
        rest = [
            f"{money(asking, credit[name], credit['asset'])} {label}"
            for name, label in (("written_off", "written off"), ("owed", "owed"))
            if credit.get(name)
        ]
        lines.append(Line("Taken back", ", ".join([money(asking, credit["taken"], credit["asset"]), *rest])))
    lines.extend(Line("Right that ends", key) for key in taken.get("entitlements", ()))
    kept = [Field(name, name, "hidden", value=str(form.get(name, ""))) for name in ("amount", "reason", "strategy")]
    send = Form(
        f"{PATH}/{purchase_id}/refund",
        f"Refund {words}",
        (*kept, Field("sure", "sure", "hidden", value="yes")),
        tone=Tone.BAD,
        explains="This moves the money and takes the goods back."
        if takes_goods
        else "This moves the money. The buyer keeps the goods.",
    )
    back = Note(
        Tone.INFO, "Nothing has happened yet.", link=Link("Keep the purchase as it is", f"{PATH}/{purchase_id}")
    )
    return PageView(f"Refund {words}?", [back, Lines("What the refund does", lines), send], hint=purchase_id)


def _other_chips(query: Mapping[str, Any]) -> list[Any]:
    """Return filters that a link of another page brought here, each with what takes it away."""
    found = []
    for name, word in (
        ("sku", "Item"),
        ("currency", "Currency"),
        ("source", "Source"),
        ("kind", "Kind"),
        ("from", "From"),
        ("to", "Until"),
    ):
        if query.get(name):
            found.extend(chips(PATH, query, name, [(query[name], f"{word}: {query[name]}")]))
    return found


async def narrow(asking: Asking) -> Narrowed:
    """Return which purchases the list shows; what was searched for is not told, for it may be somebody's name."""
    asked = {name: str(value) for name, value in asking.query.items() if name in QUERY and name != "after" and value}
    told = {**asked, **({"q": "searched"} if "q" in asked else {})}
    return Narrowed([await matching_purchases(asking.services, wanted_of(asking))] if asked else (), told)


def pages() -> list[ConsolePage]:
    """Return the pages of purchases."""
    act = ConsoleAct(
        "refund",
        "refunds:write",
        send_refund,
        _REFUND,
        needed=["reason"],
        asks_proof=needs_proof,
        words=refund_words,
        says={"refunded": "Refunded.", "refunding": "The refund is on its way: the gateway takes its time."},
    )
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
        ConsolePage(f"{PATH}/{{id}}", "Purchase", "purchases:read", show_one, acts=[act]),
    ]
