"""Parts of a purchase's page: what happened, how it was paid, and its entries in the books."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.console.words import at, moment_words, money, spoken, total
from storefront.core.operating.told_of import told_of_purchase
from storefront.panels import (
    Asking,
    Cell,
    Column,
    Happened,
    LedgerEntry,
    Line,
    Lines,
    Row,
    Section,
    Table,
    Timeline,
    Tone,
)

_ICONS = {
    "purchase.created": "bag",
    "purchase.completed": "check",
    "purchase.refunded": "replay",
    "payment.received": "check",
    "payment.failed": "close",
    "dispute.opened": "warning",
    "purchase.in_review": "shield",
}


async def timeline(asking: Asking, whole: Mapping[str, Any]) -> Timeline:
    """Return what happened to a purchase, newest first: its events, what its gateway told and kept, its receipts."""
    found = [
        Happened(
            spoken(one["type"]),
            _about(asking, whole, one),
            at(one["occurred_at"]) or 0,
            _ICONS.get(one["type"], "clock"),
        )
        for one in whole["events"]
    ]
    receipt, here = whole["receipt"], f"/console/purchases/{whole['purchase']['id']}"
    if receipt is not None:
        issued = [("Receipt", receipt), *(("Credit note", note) for note in receipt["credit_notes"])]
        found.extend(
            Happened(f"{word} {one['label']}", "", at(one["issued_at"]) or 0, "card", url=f"{here}/receipt")
            for word, one in issued
            if one["issued_at"] and one["label"]
        )
    found.extend(_fees(asking, whole["entries"]))
    found.extend(
        Happened(spoken(one.type), f"{one.gateway} told it: {one.note or one.state}", one.at, "webhook")
        for one in await told_of_purchase(asking.services, whole["purchase"]["id"])
    )
    return Timeline("What happened", sorted(found, key=lambda one: one.at)[::-1])


def _fees(asking: Asking, entries: Sequence[Mapping[str, Any]]) -> list[Happened]:
    """Return what the gateway kept, and what it gave back of that, each with its entry of the books."""
    return [
        Happened(
            "Gateway's fee" if is_kept else "Gateway's fee given back",
            money(asking, moved["amount"], moved["asset"]),
            at(entry["occurred_at"]) or 0,
            "book",
            url=f"/console/books/{entry['id']}" if asking.may("audit:read") else None,
        )
        for entry in entries
        for moved in entry["transfers"]
        for is_kept, account in ((True, moved["source"]), (False, moved["destination"]))
        if account.startswith("gateway:") and account.split(":")[2] == "fees"
    ]


def payment_lines(asking: Asking, whole: Mapping[str, Any]) -> list[Section]:
    """Return how it was paid, and what took it back."""
    sections: list[Section] = []
    payment = whole["payment"]
    if payment is not None:
        card = payment["card"] or {}
        lines = [
            Line("Gateway", payment["gateway"]),
            Line("State", spoken(payment["state"])),
            Line("Asked", total(asking, payment["asked"])),
            Line("Received", total(asking, payment["received"])),
            *(
                [Line("Card", f"{spoken(card.get('brand') or 'card')} ending {card['last4']}")]
                if card.get("last4")
                else []
            ),
            *([Line("Card from", card["country"])] if card.get("country") else []),
            *([Line("Payment", payment["payment"])] if payment["payment"] else []),
            *([Line("Checkout", payment["checkout"])] if payment["checkout"] else []),
        ]
        sections.append(Lines("Payment", lines))
    if whole["reversals"]:
        sections.append(_reversals(asking, whole["reversals"]))
    return sections


async def entries_of(asking: Asking, whole: Mapping[str, Any]) -> list[LedgerEntry]:
    """Return the entries of the books: each account, debit and credit, with equal totals per asset."""
    return [
        await ledger_entry(asking, spoken(one["kind"]), one["id"], one["transfers"], url=f"/console/books/{one['id']}")
        for one in whole["entries"]
    ]


async def ledger_entry(
    asking: Asking, title: str, entry_id: str, moved: Sequence[Mapping[str, Any]], *, url: str | None = None
) -> LedgerEntry:
    """Return an entry as debit and credit, as the journal has it: a transfer's source is debited."""
    lines, sums = [], dict[str, int]()
    for one in moved:
        words = money(asking, one["amount"], one["asset"])
        lines += [
            (await _account(asking, one["source"]), words, ""),
            (await _account(asking, one["destination"]), "", words),
        ]
        sums[one["asset"]] = sums.get(one["asset"], 0) + one["amount"]
    told = {asset: money(asking, amount, asset) for asset, amount in sums.items()}
    totals = [(f"{asset}, balanced", both, both) for asset, both in told.items()]
    return LedgerEntry(title, entry_id, lines, totals, url=url)


async def _account(asking: Asking, account: str) -> str:
    """Return an account's id with the game's name of its customer in it."""
    owner, _, rest = account.partition(":")
    if owner != "customer":
        return account
    customer_id, _, role = rest.partition(":")
    return f"customer:{await asking.services.customers.external_id(customer_id)}:{role}"


def _reversals(asking: Asking, reversals: list[Mapping[str, Any]]) -> Table:
    tones = {"completed": Tone.GOOD, "failed": Tone.BAD, "lost": Tone.BAD, "pending": Tone.PLAY, "open": Tone.PLAY}
    rows = [
        Row(
            (
                Cell.when(at(one["created_at"])),
                Cell(spoken(one.get("cause", "refund"))),
                Cell(total(asking, one["amount"]), is_strong=True),
                Cell(spoken(one["state"]), tone=tones.get(one["state"], Tone.PLAIN)),
                Cell(_explained(one) or "–", is_long=True),
            )
        )
        for one in reversals
    ]
    columns = (Column("When"), Column("What"), Column("Amount", is_number=True), Column("State"), Column("Why"))
    return Table("Refunds and disputes", columns, rows)


def _explained(reversal: Mapping[str, Any]) -> str:
    """Return a refund's or dispute's reason, and until when the bank takes evidence."""
    due = reversal["evidence_due_by"] if reversal["state"] in ("open", "warning") else None
    until = f"evidence by {moment_words(due)}, at the gateway" if due else None
    return ", ".join(filter(None, (reversal["reason"], until)))


def _about(asking: Asking, whole: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return how much an event moved, and why, as far as the purchase knows."""
    reversal = next((one for one in whole["reversals"] if one["id"] in (event["reversal"], event["subject"])), None)
    if reversal is not None:
        return ": ".join(filter(None, (total(asking, reversal["amount"]), reversal["reason"])))
    if event["type"] == "purchase.completed":
        return total(asking, whole["purchase"]["total"])
    return "" if event["subject"] == whole["purchase"]["id"] else str(event["subject"])
