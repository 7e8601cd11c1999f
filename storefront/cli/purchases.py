"""``storefront purchases``: one purchase in full."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import (
    amount_text,
    ask_shop,
    coloured,
    money_text,
    print_as_json,
    print_facts,
    print_heading,
    print_table,
    say,
    short_time,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

PurchaseArgument = Annotated[str, typer.Argument(metavar="PURCHASE", help="The purchase's id: pur_…")]


@app.callback()
def purchases() -> None:
    """Look at purchases, in a running server or without one.

    \b
    Example:
      storefront purchases show pur_01k9x3v2m7q8r5t4w6y1z0abcd
    """


@app.command()
def show(
    purchase: PurchaseArgument,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a purchase: its payment, what took it back, every entry of the ledger, its events, its receipt.

    Entries are written account → account. `clearing` is what the gateway took and has not yet shown in its own
    balance; from there it goes to `balance`, and the gateway's share to `fees`.

    \b
    Examples:
      storefront purchases show pur_01k9x3v2m7q8r5t4w6y1z0abcd
      storefront purchases show pur_01k9x3v2m7q8r5t4w6y1z0abcd --json | jq '.entries'
    """
    found = ask_shop(Choice(config, data=data), "purchases.show", purchase=purchase)
    if as_json:
        print_as_json(found)
        return
    _print_purchase(found["purchase"])
    if found["payment"] is not None:
        _print_payment(found["payment"])
    if found["reversals"]:
        _print_reversals(found["reversals"])
    if found["entries"]:
        _print_entries(found["entries"])
    print_heading("Events")
    print_table(("at", "type"), [(short_time(one["occurred_at"]), one["type"]) for one in found["events"]])
    _print_receipt(found["receipt"])


def print_purchases(purchases: list[dict[str, Any]]) -> None:
    """Print a list of purchases, a line each."""
    rows = [
        (one["id"], short_time(one["created_at"]), f"{one['quantity']} × {escape(one['sku'])}",
         escape(money_text(one["total"])), escape(one["pay_with"]), coloured(one["status"]), _back(one))
        for one in purchases
    ]  # fmt: skip
    print_table(("id", "at", "what", "total", "paid with", "status", "back"), rows, right=("total",))


def _back(purchase: dict[str, Any]) -> str:
    refunded = "" if purchase["refunded"] == "none" else f"refunded: {purchase['refunded']}"
    disputed = "" if purchase["dispute"] == "none" else f"dispute: {purchase['dispute']}"
    return " ".join(part for part in (refunded, disputed) if part)


def _print_purchase(purchase: dict[str, Any]) -> None:
    say(f"[bold]{purchase['id']}[/]  {coloured(purchase['status'])}  {_back(purchase)}")
    shown = {
        **purchase,
        "customer": purchase["customer"]["id"],
        "what": f"{purchase['quantity']} × {purchase['sku']}",
        "total": money_text(purchase["total"]),
    }
    names = ("customer", "what", "total", "pay_with", "reason", "created_at", "completed_at", "expires_at")
    print_facts(shown, names)


def _print_payment(payment: dict[str, Any]) -> None:
    print_heading("Payment")
    card = payment["card"]
    shown = {
        **payment,
        "asked": money_text(payment["asked"]),
        "received": money_text(payment["received"]),
        "card": " ".join(str(card[name]) for name in ("brand", "last4") if card.get(name)),
        "saved method": payment["method"],
    }
    names = ("gateway", "state", "asked", "received", "card", "saved method", "checkout", "payment", "asked_at")
    print_facts(shown, names)


def _print_reversals(reversals: list[dict[str, Any]]) -> None:
    print_heading("Taken back")
    for one in reversals:
        say(
            f"{one['id']}  {one['cause']}  {coloured(one['state'])}  {escape(money_text(one['amount']))}  "
            f"[dim]{escape(one['reason'])}{' — ' + escape(one['failure']) if one['failure'] else ''}[/]"
        )
        for line in taken_lines(one["taken_back"]):
            say(f"    {line}")


def taken_lines(taken: dict[str, Any]) -> list[str]:
    """Word what was taken of the goods: a line for each virtual currency, SKU and right."""
    lines = [_taken(one, one["asset"]) for one in taken["credits"]]
    lines += [_taken(one, f"× {one['sku']}") for one in taken["items"]]
    return lines + [f"{escape(key)} ended" for key in taken["entitlements"]]


def _taken(one: dict[str, Any], what: str) -> str:
    parts = [f"{one['taken']:,} of {one['demanded']:,} {escape(what)} taken"]
    parts += [f"{one['written_off']:,} written off"] if one["written_off"] else []
    return ", ".join(parts + ([f"[red]{one['owed']:,} owed[/]"] if one.get("owed") else []))


def _print_entries(entries: list[dict[str, Any]]) -> None:
    print_heading("Entries")
    rows = []
    for entry in entries:
        for number, one in enumerate(entry["transfers"]):
            first = (short_time(entry["occurred_at"]), entry["kind"]) if number == 0 else ("", "")
            rows.append((*first, escape(amount_text(one["amount"], one["asset"])),
                         f"{escape(one['source'])} → {escape(one['destination'])}"))  # fmt: skip
    print_table(("at", "kind", "amount", "from → to"), rows, right=("amount",), prose=("from → to",))


def _print_receipt(receipt: dict[str, Any] | None) -> None:
    if receipt is None:
        return
    print_heading("Receipt")
    notes = [f"credit note {note['label']}" for note in receipt["credit_notes"]]
    say(escape(", ".join([receipt["label"] or "not numbered yet", *notes])))
