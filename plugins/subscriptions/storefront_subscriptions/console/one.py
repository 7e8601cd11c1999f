"""One membership whole: how it stands, its periods and invoices, what failed, credits, usage, and what happened."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import select

from storefront.core.operators.people import list_operators
from storefront.core.payment_methods import list_methods
from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import audit_actions, events
from storefront.pages.lists import at, money, spoken, total
from storefront.panels import (
    Asking,
    Cell,
    Column,
    Happened,
    Line,
    Lines,
    Note,
    PageView,
    Section,
    Table,
    Timeline,
    Tone,
)
from storefront.panels import Row as TableRow
from storefront_subscriptions.account.reading import Standing, read_standing
from storefront_subscriptions.account.wording import each, method_name
from storefront_subscriptions.config import Settings
from storefront_subscriptions.console.acts import simple_forms
from storefront_subscriptions.console.tiers import change_forms
from storefront_subscriptions.console.words import a_month, badge, capital, next_of, price, reason, wording_of
from storefront_subscriptions.crediting import CREDITS
from storefront_subscriptions.retrying import FAILED, FINAL_FAILED
from storefront_subscriptions.rows import INVOICES, OVER, need
from storefront_subscriptions.showing import show, show_credit, show_invoice
from storefront_subscriptions.usage_lines import charges_usage, read_metered, show_metered

MOST_CREDITS = 12
_INVOICE_TONES = {"paid": Tone.GOOD, "open": Tone.PLAY, "uncollectible": Tone.BAD}


async def read_one(services: Services, settings: Settings, row: Row) -> Standing | None:
    """Return how a subscription stands; None where it is over."""
    if row["billing_state"] in OVER:
        return None
    found = await read_standing(services, row, await list_methods(services, row["customer_id"]))
    return replace(found, asks_at_end=settings.at_end.is_asked and await charges_usage(services, row))


async def show_one(asking: Asking, settings: Settings) -> PageView:
    """Show one membership with all that belongs to it."""
    services = asking.services
    row = await need(services, asking.path["id"])
    one, shown = await read_one(services, settings, row), await show(services, row)
    told = await _events(services, row)
    invoices = [show_invoice(invoice) for invoice in await services.reader.all(INVOICES, subscription_id=row["id"])]
    sections: list[Section] = [
        *_notes(asking, row, one, shown),
        await _plan(asking, row, one, shown),
        _invoices(asking, invoices),
        *_failed(asking, told),
        *await _credits(asking, row, one),
        *await _usage(asking, row),
    ]
    beside: list[Section] = [
        *([] if one is None else [*change_forms(asking, row, one), *simple_forms(asking, settings, row, one)]),
        _happened(told),
        *await _by_hand(services, row["id"]),
    ]
    title = await wording_of(asking).title(row)
    customer = shown["customer"]["id"]
    return PageView(f"{title} of {customer}", sections, detail=beside, hint="Membership")


def _notes(asking: Asking, row: Row, one: Standing | None, shown: Mapping[str, Any]) -> list[Section]:
    found: list[Section] = []
    final = shown["final_invoice"]
    if final is not None and final["state"] != "paid":
        words = f"It asks {total(asking, final['total'])} for what was used last: {spoken(final['state']).lower()}."
        found.append(Note(Tone.PLAY, "It left a final invoice.", words))
    if one is None:
        return found
    if row["billing_state"] in ("past_due", "unpaid"):
        waits = "No further try is planned." if row["next_attempt_at"] is None else ""
        due = money(asking, one.due, one.invoice["currency"])
        found.append(Note(Tone.BAD, f"{due} is due.", f"{capital(reason(row['reason']))}. {waits}".strip()))
    for url, words in ((one.pay_url, "A payment waits"), (one.change_url, "A change of tier waits")):
        if url is not None:
            found.append(Note(Tone.PLAY, f"{words} for its payer.", f"They pay or confirm it at {url}"))
    if one.waiting:
        found.append(Note(Tone.INFO, "A gift waits.", "It is given once this plan can take it, or is over."))
    return found


async def _plan(asking: Asking, row: Row, one: Standing | None, shown: Mapping[str, Any]) -> Lines:
    wording, when = wording_of(asking), next_of(row)
    lines = [
        Line("Customer", shown["customer"]["id"], url=f"/console/customers/{row['customer_id']}", is_name=True),
        Line("Id", row["id"]),
        Line("Price, before tax", price(asking, row)),
        Line("Counts a month", a_month(asking, row)),
        Line.when("Since", row["created_at"]),
    ]
    if shown["period_start"] is not None:
        lines.append(Line.when("Period from", row["period_start"]))
        lines.append(Line.when("Period until", row["period_end"]))
    if row["access_until"] is not None:
        lines.append(Line.when("Access until", row["access_until"]))
    lines.append(Line.when("Next", when[0], otherwise=spoken(when[1])))
    if one is not None:
        lines.append(Line("Pays with", _pays_with(row, one)))
    lines += [
        Line(words, total(asking, shown[name]))
        for name, words in (("credit", "Credit for the next invoice"), ("owed", "Owed with the next invoice"))
        if shown[name]["amount"]
    ]
    if shown["gifted"] is not None:
        lines.append(Line("Given, periods still to come", str(shown["gifted"]["periods_left"])))
    change, pause = shown["pending_change"], shown["pause"]
    if change is not None:
        lines.append(Line(f"Changes to {change['tier']}", f"{spoken(change['state'])}, {_price_of(asking, change)}"))
        lines.append(Line.when("Changes at", at(change["change_at"])))
    if pause is not None:
        lines.append(Line.when(f"Pause ({spoken(pause['state']).lower()}) from", at(pause["starts_at"])))
        lines.append(Line.when("Goes on by itself", at(pause["resume_at"]), otherwise="never"))
    if row["billing_state"] in OVER:
        lines.append(Line("Why it is over", capital(reason(row["reason"])) or "–"))
    renews = shown["renews_for"]
    last = None if renews is None else Line("Renews for", total(asking, renews))
    hint = "" if last is None else "Before tax, and before what is carried or used."
    return Lines(await wording.title(row), lines, total=last, badge=badge(row), hint=hint)


def _price_of(asking: Asking, change: Mapping[str, Any]) -> str:
    words = money(asking, change["price"]["amount"] * change["seats"], change["price"]["currency"])
    return f"{words} {each(change['interval'])}"


def _pays_with(row: Row, one: Standing) -> str:
    if row["pay_with"] == WALLET:
        return "their wallet"
    return "nothing saved" if one.method is None else method_name(one.method)


def _invoices(asking: Asking, invoices: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for one in invoices:
        lines = ", ".join(line["title"] for line in one["lines"])
        tone = _INVOICE_TONES.get(one["state"], Tone.PLAIN)
        tries = "" if one["attempts"] < 2 else f"{one['attempts']} tries"
        rows.append(
            TableRow(
                (
                    Cell("Trial" if one["period"] < 0 else f"Period {one['period'] + 1}", hint=lines),
                    Cell.when(at(one["period_start"])),
                    Cell.when(at(one["period_end"])),
                    Cell(total(asking, one["total"]), is_strong=True),
                    Cell(spoken(one["state"]), tone=tone, hint=tries),
                ),
                url=None if one["purchase"] is None else f"/console/purchases/{one['purchase']}",
            )
        )
    columns = (Column("For"), Column("From"), Column("Until"), Column("Before tax", is_number=True), Column("State"))
    return Table("Periods and invoices", columns, rows)


def _failed(asking: Asking, told: Sequence[tuple[Row, Mapping[str, Any]]]) -> list[Section]:
    """Return each attempt that failed, newest first, and when it was to be tried again."""
    rows = [
        TableRow(
            (
                Cell.when(row["occurred_at"]),
                Cell(capital(reason(facts["reason"]))),
                Cell(total(asking, facts["amount"]), is_strong=True),
                Cell.when(at(facts.get("next_attempt_at")), otherwise="no further try"),
            )
        )
        for row, facts in reversed(told)
        if row["type"] in (FAILED, FINAL_FAILED) and "amount" in facts
    ]
    columns = (Column("When"), Column("Why"), Column("Asked", is_number=True), Column("Next try"))
    return [Table("Attempts that failed", columns, rows)] if rows else []


async def _credits(asking: Asking, row: Row, one: Standing | None) -> list[Section]:
    """Return what included credits were granted, newest first, and which come next."""
    found = [show_credit(credit) for credit in await asking.services.reader.all(CREDITS, subscription_id=row["id"])]
    rows = [
        TableRow(
            (
                Cell.when(at(credit["slot_start"])),
                Cell(spoken(credit["cause"])),
                Cell(money(asking, credit["amount"], credit["asset"]), is_strong=True),
                Cell("–") if credit["entry"] is None else Cell(
                    credit["entry"], url=f"/console/books/{credit['entry']}", is_code=True),
            )
        )
        for credit in reversed(found[-MOST_CREDITS:])
    ]  # fmt: skip
    ahead = [] if one is None else [
        Line.when(f"Next: {money(asking, amount, clock.asset)}", instant) for clock, amount, instant in one.credits
    ]  # fmt: skip
    columns = (Column("For the time from"), Column("What"), Column("Granted", is_number=True), Column("Entry"))
    sections: list[Section] = [Table("Included credits", columns, rows)] if rows else []
    return [*sections, Lines("Credits ahead", ahead)] if ahead else sections


async def _usage(asking: Asking, row: Row) -> list[Section]:
    """Return what its periods metered, newest first: what is billed, and what the next invoice asks."""
    if not await charges_usage(asking.services, row):
        return []
    metered = await read_metered(asking.services, row, asking.services.clock.now())
    rows, owed = [], dict[str, int]()
    for one in map(show_metered, reversed(metered)):
        currency = one["pending"]["currency"]
        owed[currency] = owed.get(currency, 0) + one["pending"]["amount"]
        rows.append(
            TableRow(
                (
                    Cell(one["title"], hint=f"{one['included']} included"),
                    Cell.when(at(one["starts_at"])),
                    Cell(str(one["quantity"])),
                    Cell(total(asking, one["billed"])),
                    Cell(total(asking, one["pending"]), is_strong=True),
                )
            )
        )
    columns = (Column("What"), Column("From"), Column("Used", is_number=True), Column("Billed", is_number=True),
               Column("Owed", is_number=True))  # fmt: skip
    hint = ", ".join(f"{money(asking, amount, code)} is owed for usage" for code, amount in owed.items() if amount)
    return [Table("Usage", columns, rows, empty="Nothing was used yet.", hint=hint)]


def _happened(told: Sequence[tuple[Row, Mapping[str, Any]]]) -> Timeline:
    return Timeline(
        "What happened",
        [
            Happened(spoken(row["type"].removeprefix("subscription.")), _detail(facts), row["occurred_at"], _icon(row))
            for row, facts in reversed(told)
        ],
    )


def _detail(facts: Mapping[str, Any]) -> str:
    words = [reason(facts["reason"])] if facts.get("reason") else []
    if facts.get("to"):
        words.append(f"to {facts['to']}")
    return ", ".join(words)


def _icon(row: Row) -> str:
    if row["type"].endswith("_failed"):
        return "warning"
    return "close" if row["type"].endswith(("canceled", "expired", "paused")) else "check"


async def _by_hand(services: Services, subscription_id: str) -> list[Section]:
    """Return what operators did to it, and why."""
    statement = (
        select(audit_actions)
        .where(audit_actions.c.about == subscription_id, audit_actions.c.action.startswith("subscription."))
        .order_by(audit_actions.c.recorded_at.desc(), audit_actions.c.id.desc())
        .limit(50)
    )
    rows = await services.reader.scan(statement)
    logins = {one.caller: one.login for one in await list_operators(services)} if rows else {}
    done = []
    for row in rows:
        why = msgspec.json.decode(row["facts"]).get("reason", "")
        who = logins.get(row["actor"], row["actor"])
        words = spoken(row["action"].removeprefix("subscription."))
        done.append(Happened(words, f"{who}: {why}", row["occurred_at"], "user"))
    return [Timeline("By hand", done)] if done else []


async def _events(services: Services, row: Row) -> list[tuple[Row, Mapping[str, Any]]]:
    statement = (
        select(events.c.type, events.c.occurred_at, events.c.payload)
        .where(events.c.anchor == row["customer_id"], events.c.subject == row["id"])
        .order_by(events.c.sequence)
    )
    return [(one, msgspec.json.decode(one["payload"])) for one in await services.reader.scan(statement)]
