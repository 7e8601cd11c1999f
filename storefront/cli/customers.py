"""``storefront customers``: one customer in full, and all that is held about them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.customers_merge import merge
from storefront.cli.purchases import print_purchases
from storefront.cli.showing import (
    amount_text,
    ask_shop,
    print_as_json,
    print_facts,
    print_heading,
    print_table,
    say,
    short_time,
)
from storefront.cli.subscriptions import print_subscriptions

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
app.command()(merge)


@app.callback()
def customers() -> None:
    """Look at the shop's customers, and take out what is held about one, in a running server or without one.

    \b
    Examples:
      storefront customers show ada
      storefront customers export ada --output ada.json
    """


@app.command()
def show(
    customer: Annotated[str, typer.Argument(metavar="ID", help="The game's own id of the customer, or ours (cus_…).")],
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a customer: wallets, items, rights, subscriptions, debts, what is frozen, saved cards, last purchases.

    What is frozen waits for the refund or dispute that is named with it. A debt is what a lost dispute or a refund
    left owing: whatever the customer gets of that asset pays it off first.

    \b
    Examples:
      storefront customers show ada
      storefront customers show ada --json | jq '.debts'
    """
    found = ask_shop(Choice(config, data=data), "customers.show", customer=customer)
    if as_json:
        print_as_json(found)
        return
    state = found["state"]
    facts = {**found, "version": state["version"], "known_as": ", ".join(found["known_as"])}
    print_facts(facts, ("customer", "known_as", "id", "country", "created_at", "version"))
    _print_wallets(state["wallets"])
    _print_goods(state)
    print_subscriptions(state["subscriptions"], of=found["customer"])
    _print_debts(found["debts"])
    _print_freezes(found["freezes"])
    _print_methods(found["payment_methods"])
    if found["purchases"]:
        print_heading("Bought last")
        print_purchases(found["purchases"])


@app.command()
def export(
    customer: Annotated[str, typer.Argument(metavar="ID", help="The game's own id of the customer, or ours (cus_…).")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The JSON file to write (only you may read it).")
    ] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Take out everything that is held about a customer, plugins' tables too: the answer to a request for access.

    One JSON document with a section for each table. Without --output and --json it is printed to be read. It may name
    others (who gave a gift) and how fraud is told: read it before you hand it out. That you took it out stands in the
    audit trail.

    \b
    Examples:
      storefront customers export ada
      storefront customers export ada --output ada.json
      storefront customers export ada --json | jq '.sections.purchases'
    """
    found = ask_shop(Choice(config, data=data), "customers.export", customer=customer)
    if output is not None:
        from storefront.cli.exporting import opened

        with opened(output) as file:
            file.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    if output is None and as_json:
        print_as_json(found)
        return
    counts = {name: len(rows) for name, rows in found["sections"].items() if rows}
    if as_json:
        print_as_json({"customer": found["customer"], "id": found["id"], "output": str(output), "rows": counts})
    elif output is not None:
        say(f"{output}: {sum(counts.values()):,} rows of {len(counts)} tables about {escape(found['customer'])}.")
    else:
        _print_sections(found)


def _print_sections(found: dict[str, Any]) -> None:
    print_facts(found, ("customer", "id", "exported_at"))
    for name, rows in found["sections"].items():
        for number, row in enumerate(rows, start=1):
            print_heading(f"{name} {number} of {len(rows)}")
            print_facts(row, tuple(row))
    empty = [name for name, rows in found["sections"].items() if not rows]
    if empty:
        say(f"\n[dim]Nothing is held in {', '.join(empty)}.[/]")


def _print_wallets(wallets: dict[str, Any]) -> None:
    if wallets:
        print_heading("Wallets")
        columns = ("balance", "available", "held", "frozen")
        rows = [(escape(asset), *(f"{one[name]:,}" for name in columns)) for asset, one in wallets.items()]
        print_table(("asset", *columns), rows, right=columns)


def _print_goods(state: dict[str, Any]) -> None:
    if state["items"]:
        print_heading("Items")
        rows = [
            (
                escape(one["sku"]),
                f"{one['quantity']:,}",
                "frozen" if one["frozen"] else "",
                short_time(one["expires_at"]),
            )
            for one in state["items"]
        ]
        print_table(("sku", "quantity", "", "until"), rows, right=("quantity",))
    if state["entitlements"]:
        print_heading("Rights")
        rows = [
            (escape(key), "[green]active[/]" if one["active"] else "over", one["reason"], short_time(one["expires_at"]))
            for key, one in state["entitlements"].items()
        ]
        print_table(("key", "state", "reason", "until"), rows)


def _print_debts(debts: list[dict[str, Any]]) -> None:
    if debts:
        print_heading("Owes")
        rows = [
            (f"[red]{escape(amount_text(one['owed'], one['asset']))}[/]", f"{one['repay_percent']} %",
             "nothing can be spent of it" if one["blocks_spending"] else "", short_time(one["opened_at"]))
            for one in debts
        ]  # fmt: skip
        print_table(("owed", "of what comes in", "", "since"), rows, right=("owed",))


def _print_freezes(freezes: list[dict[str, Any]]) -> None:
    if freezes:
        print_heading("Frozen")
        rows = [
            (one["id"], escape(", ".join(frozen_parts(one)) or "nothing yet"), short_time(one["created_at"]))
            for one in freezes
        ]
        print_table(("for", "what", "since"), rows)


def frozen_parts(freeze: dict[str, Any]) -> list[str]:
    """Word what a freeze has set aside: amounts, items and rights."""
    wallets = [amount_text(amount, asset) for asset, amount in freeze["wallets"].items()]
    return wallets + [f"{count} × {sku}" for sku, count in freeze["items"].items()] + list(freeze["entitlements"])


def _print_methods(methods: list[dict[str, Any]]) -> None:
    if methods:
        print_heading("Saved payment methods")
        rows = [
            (one["id"], one["gateway"], escape(one["brand"] or one["kind"]),
             f"•••• {one['last4']}" if one["last4"] else "", one["expires"] or "", escape(one["reference"]))
            for one in methods
        ]  # fmt: skip
        print_table(("id", "gateway", "kind", "number", "expires", "known there as"), rows)
    else:
        say("\n[dim]No saved payment methods.[/]")
