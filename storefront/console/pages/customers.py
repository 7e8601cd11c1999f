"""Customers: one look answers who they are, what they have, what they bought, and what others noted."""

from collections.abc import Mapping
from typing import Any

from storefront.console.forms import text
from storefront.console.pages.purchases import row_of
from storefront.console.words import at, link, money, spoken
from storefront.core.adjusting import OPERATION as ADJUST
from storefront.core.adjusting import Adjustment, adjust
from storefront.core.clock import DAY_MS
from storefront.core.errors import FieldError, Invalid
from storefront.core.granting import OPERATION as GRANT
from storefront.core.granting import GrantRequest, grant
from storefront.core.history import wallet_history
from storefront.core.idempotency import idempotency_key
from storefront.core.operating.customers import show_customer
from storefront.core.operating.notes import LONGEST, add_note, list_notes
from storefront.core.operating.searching import find_customers
from storefront.core.operating.wallets import open_lots
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
    Happened,
    Line,
    Lines,
    Link,
    Note,
    PageView,
    Row,
    Search,
    Section,
    Table,
    Timeline,
    Tone,
)

PATH = "/console/customers"
SHOWN = 25
MOST_HISTORY = 20
MOST_LOTS = 50
_NOTE = {"note": text(LONGEST)}
_GRANT = {
    "asset": text(64),
    "amount": text(30),
    "sku": text(100),
    "quantity": text(10),
    "days": text(6),
    "reason": text(500),
}
_ADJUST = {"asset": text(64), "amount": text(30), "reason": text(500)}


async def show_list(asking: Asking) -> PageView:
    """Show customers, newest first, or those whose id begins with what was typed."""
    query = asking.query
    found = await find_customers(asking.services, query.get("q", "").strip(), limit=SHOWN, after=query.get("after"))
    rows = [
        Row(
            (
                Cell(one["customer"], is_name=True),
                Cell(one["id"], is_code=True),
                Cell(one["country"] or "–"),
                Cell.when(at(one["created_at"])),
            ),
            url=f"{PATH}/{one['id']}",
        )
        for one in found["data"]
    ]
    older = None if found["next"] is None else link(PATH, query, after=found["next"])
    newest = link(PATH, query, after=None) if query.get("after") else None
    columns = (Column("Customer"), Column("Our id"), Column("Country"), Column("Since"))
    empty = "Nobody is called so." if query.get("q") else "Nobody yet. Customers come with their first session."
    table = Table("Customers", columns, rows, empty=empty, older=older, newer=newest, name="customers")
    exports = [Link("Export CSV", "/console/exports/customers")] if asking.may("exports:read") else []
    return PageView("Customers", [table], search=Search("The game's id or ours", query.get("q", "")), exports=exports)


async def show_one(asking: Asking) -> PageView:
    """Show one customer whole."""
    services = asking.services
    whole = await show_customer(services, asking.path["id"])
    customer_id, state = whole["id"], whole["state"]
    sections: list[Section] = [*_warnings(asking, whole), _wallets(asking, customer_id, state)]
    sections += [*await _lots(asking, customer_id), _owned(state)]
    sections.extend(await asking.parts("customer", customer_id))
    rows = [row_of(asking, {**one, "customer": whole["customer"]}) for one in whole["purchases"]]
    columns = (Column("When"), Column("Customer"), Column("Bought"), Column("Amount", is_number=True), Column("Status"))
    more = Link("All their purchases", f"/console/purchases?q={customer_id}")
    sections.append(Table("Bought last", columns, rows, empty="Nothing yet.", more=more))
    beside: list[Section] = [_facts(whole), *_forms(asking, customer_id), *await _noted(asking, customer_id)]
    return PageView(whole["customer"], sections, detail=beside, hint=f"Customer {customer_id}")


def _warnings(asking: Asking, whole: Mapping[str, Any]) -> list[Section]:
    found: list[Section] = [
        Note(
            Tone.BAD,
            f"Owes {money(asking, one['owed'], one['asset'])}.",
            "They cannot spend until it is paid." if one["blocks_spending"] else "New value pays it off first.",
        )
        for one in whole["debts"]
    ]
    if whole["freezes"]:
        found.append(Note(Tone.PLAY, "Something of theirs is frozen.", "A refund or dispute is not decided yet."))
    return found


def _wallets(asking: Asking, customer_id: str, state: Mapping[str, Any]) -> Lines:
    lines = []
    for asset, wallet in sorted(state["wallets"].items()):
        held = f" ({money(asking, wallet['held'], asset)} held)" if wallet.get("held") else ""
        words = f"{money(asking, wallet['available'], asset)}{held}"
        lines.append(Line(spoken(asset), words, url=f"{PATH}/{customer_id}/wallets/{asset}"))
    return Lines("Wallets", lines, hint="" if lines else "Empty.")


async def _lots(asking: Asking, customer_id: str) -> list[Section]:
    """Return the lots that the wallets are made of, in the order in which a spend would draw them."""
    rows = []
    found = await open_lots(asking.services, customer_id, limit=MOST_LOTS + 1)
    for lot in found[:MOST_LOTS]:
        cost = lot["cost"]
        paid = "–" if cost is None else money(asking, cost["amount"], cost["currency"])
        rows.append(
            Row(
                (
                    Cell.when(at(lot["opened_at"])),
                    Cell(spoken(lot["source"]), hint=lot["payment"] or ""),
                    Cell(money(asking, lot["remaining"], lot["asset"]), is_strong=True),
                    Cell(paid),
                    Cell.when(at(lot["expires_at"]), otherwise="never"),
                )
            )
        )
    columns = (
        Column("Since"),
        Column("Comes from"),
        Column("Left", is_number=True),
        Column("Paid for it", is_number=True),
        Column("Lapses"),
    )
    hint = "" if len(found) <= MOST_LOTS else f"The {MOST_LOTS} that are spent first; there are more."
    return [Table("Lots, in the order they are spent", columns, rows, hint=hint)] if rows else []


def _owned(state: Mapping[str, Any]) -> Table:
    rows = [
        Row(
            (
                Cell("Item"),
                Cell(one["sku"]),
                Cell(str(one["quantity"])),
                Cell.when(at(one.get("expires_at")), otherwise="never"),
            )
        )
        for one in _each(state["items"], "sku")
    ] + [
        Row((Cell("Right"), Cell(one["key"]), Cell("–"), Cell.when(at(one.get("expires_at")), otherwise="never")))
        for one in _each(state["entitlements"], "key")
    ]
    columns = (Column("Kind"), Column("What"), Column("How many", is_number=True), Column("Until"))
    return Table("Owns", columns, rows, empty="Nothing.")


def _each(found: Any, name: str) -> list[Mapping[str, Any]]:
    """Return a state's part as a list, whether it is one or a mapping by name."""
    if isinstance(found, Mapping):
        return [
            {name: key, **(value if isinstance(value, Mapping) else {"quantity": value})}
            for key, value in found.items()
        ]
    return list(found)


def _facts(whole: Mapping[str, Any]) -> Lines:
    lines = [
        Line("Our id", whole["id"]),
        Line("Country", whole["country"] or "not known"),
        Line.when("Since", at(whole["created_at"])),
    ]
    for one in whole["payment_methods"]:
        ends = f" ending {one['last4']}" if one.get("last4") else ""
        lines.append(Line("Payment method", f"{spoken(one.get('brand') or one.get('kind') or 'saved')}{ends}"))
    return Lines("Facts", lines)


def _forms(asking: Asking, customer_id: str) -> list[Section]:
    found: list[Section] = []
    assets = [(code, spoken(code)) for code in asking.services.catalogs.active.assets]
    reason = Field("reason", "Reason", hint="Kept for ever. No names or addresses.")
    if asking.may("grants:write"):
        skus = [("", "–"), *((sku, sku) for sku in asking.services.catalogs.active.offers)]
        fields = (
            Field("asset", "Currency", "select", choices=[("", "–"), *assets], is_required=False),
            Field("amount", "How much", is_required=False),
            Field("days", "Lapses after days", hint="Leave empty for never.", is_required=False),
            Field("sku", "Or the goods of an offer", "select", choices=skus, is_required=False),
            Field("quantity", "How many", value="", is_required=False),
            reason,
        )
        found.append(
            Form(
                f"{PATH}/{customer_id}/grant",
                "Give it",
                fields,
                title="Give…",
                is_folded=True,
                explains="Nobody pays for it. It stands in the books as a grant, with your name.",
            )
        )
        if assets:
            adjusts = (Field("asset", "Currency", "select", choices=assets), Field("amount", "How much"), reason)
            found.append(
                Form(
                    f"{PATH}/{customer_id}/adjust",
                    "Take it away",
                    adjusts,
                    title="Take away…",
                    tone=Tone.BAD,
                    is_folded=True,
                    explains="It leaves their wallet at once.",
                )
            )
    return found


async def _noted(asking: Asking, customer_id: str) -> list[Section]:
    found: list[Section] = []
    if asking.may("customers:write"):
        fields = (Field("note", "Note", "textarea", hint="Seen by operators alone.", longest=LONGEST),)
        found.append(Form(f"{PATH}/{customer_id}/note", "Add the note", fields, title="Add a note…", is_folded=True))
    noted = [
        Happened(one["note"], one["by"], at(one["at"]) or 0, "user")
        for one in await list_notes(asking.services, customer_id)
    ]
    if noted:
        found.append(Timeline("Notes", noted))
    return found


async def send_note(asking: Asking) -> Done:
    customer_id = asking.path["id"]
    await add_note(asking.services, customer_id, asking.form["note"], actor=asking.actor)
    return Done(f"{PATH}/{customer_id}", "noted")


async def send_grant(asking: Asking) -> Done:
    """Give a currency or the goods of an offer, once per form."""
    services, form, customer_id = asking.services, asking.form, asking.path["id"]
    await services.customers.external_id(customer_id)
    if bool(form.get("asset")) == bool(form.get("sku")):
        raise Invalid(
            "Choose a currency or an offer, not both.", errors=[FieldError("/asset", "or an offer: choose one")]
        )
    catalog = services.catalogs.active
    amount = read_amount(catalog, form.get("amount", ""), form["asset"]) if form.get("asset") else None
    days = None if not form.get("days") else _whole(form["days"], "/days", 36_500)
    quantity = None if not form.get("sku") else _whole(form.get("quantity") or "1", "/quantity", 1_000_000)
    terms = {**form, "customer": customer_id}
    await grant(
        services,
        GrantRequest(
            idempotency=idempotency_key(asking.actor, GRANT, asking.key, terms),
            customer_id=customer_id,
            reason=form["reason"],
            asset=form.get("asset") or None,
            amount=amount,
            expires_at=None if days is None else services.clock.now() + days * DAY_MS,
            sku=form.get("sku") or None,
            quantity=quantity,
        ),
    )
    return Done(f"{PATH}/{customer_id}", "given")


async def send_adjustment(asking: Asking) -> Done:
    """Take a currency out of a wallet, once per form."""
    services, form, customer_id = asking.services, asking.form, asking.path["id"]
    await services.customers.external_id(customer_id)
    amount = read_amount(services.catalogs.active, form["amount"], form["asset"])
    key = idempotency_key(asking.actor, ADJUST, asking.key, {**form, "customer": customer_id})
    await adjust(services, Adjustment(key, customer_id, form["asset"], amount, form["reason"]))
    return Done(f"{PATH}/{customer_id}", "taken")


def _whole(typed: str, pointer: str, most: int) -> int:
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed) <= most):
        wrong = f"must be a whole number from 1 to {most:,}"
        raise Invalid(f"{typed} {wrong}.", errors=[FieldError(pointer, wrong)])
    return int(typed)


async def show_wallet(asking: Asking) -> PageView:
    """Show the history of one wallet."""
    services, customer_id, asset = asking.services, asking.path["id"], asking.path["asset"]
    name = await services.customers.external_id(customer_id)
    page = await wallet_history(services, customer_id, asset, limit=MOST_HISTORY, after=asking.query.get("after"))
    rows = [
        Row(
            (
                Cell.when(at(one["occurred_at"])),
                Cell(spoken(one["kind"]), hint=one["about"]),
                Cell(money(asking, one["amount"], asset), is_strong=True),
                Cell(one["entry"], url=f"/console/books/{one['entry']}", is_code=True),
            )
        )
        for one in page["data"]
    ]
    here = f"{PATH}/{customer_id}/wallets/{asset}"
    older = None if page["next"] is None else link(here, {}, after=page["next"])
    columns = (Column("When"), Column("What"), Column("Amount", is_number=True), Column("Entry"))
    table = Table(
        f"{spoken(asset)} in and out", columns, rows, older=older, newer=here if asking.query.get("after") else None
    )
    return PageView(f"{spoken(asset)} of {name}", [table], hint=f"Customer {customer_id}")


def pages() -> list[ConsolePage]:
    """Return the pages of customers."""
    acts = [
        ConsoleAct("note", "customers:write", send_note, _NOTE, needed=["note"], says={"noted": "Noted."}),
        ConsoleAct(
            "grant", "grants:write", send_grant, _GRANT, needed=["reason"], asks_proof=True, says={"given": "Given."}
        ),
        ConsoleAct(
            "adjust",
            "grants:write",
            send_adjustment,
            _ADJUST,
            needed=["asset", "amount", "reason"],
            asks_proof=True,
            says={"taken": "Taken away."},
        ),
    ]
    query = {"q": text(200), "after": text(40)}
    return [
        ConsolePage(PATH, "Customers", "customers:read", show_list, group="main", icon="users", query=query),
        ConsolePage(f"{PATH}/{{id}}", "Customer", "customers:read", show_one, acts=acts),
        ConsolePage(
            f"{PATH}/{{id}}/wallets/{{asset}}", "Wallet", "customers:read", show_wallet, query={"after": text(60)}
        ),
    ]
