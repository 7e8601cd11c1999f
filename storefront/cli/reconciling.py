"""``storefront reconcile``: the gateways' records against payments and ledger, to the cent."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag, duration_ms
from storefront.cli.showing import amount_text, ask_shop, print_as_json, print_heading, print_table, say


def reconcile(
    *,
    gateway: Annotated[
        str | None, typer.Option("--gateway", "-g", help="Only this one; else all that show their books.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="From when on: 30d, 12h, 2w, or 2026-11-21T09:30:00Z; a week if absent."),
    ] = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare the gateways' own records with the shop's payments and its ledger, to the cent.

    What is safe is mended: webhooks that never came, fees, movements that were passed over. Every other difference
    is listed with what to do about it; then the exit code is 1. A job does the same once a day.

    \b
    Examples:
      storefront reconcile
      storefront reconcile --gateway stripe --since 30d
      storefront reconcile --json | jq '.[].differences'
    """
    _reconcile(Choice(file or config, data=data), gateway=gateway, since=since, as_json=as_json)


def _reconcile(choice: Choice, *, gateway: str | None, since: str | None, as_json: bool) -> None:
    """Reconcile one gateway or all that show their books; ends with exit code 1 if there are differences.

    Raises:
        StorefrontError: a gateway does not answer, or there is none such.
    """
    asked = _span(since)
    names = [gateway] if gateway is not None else ask_shop(choice, "reconcile.gateways")["data"]
    reports = [ask_shop(choice, "reconcile", gateway=name, **asked) for name in names]
    if as_json:
        print_as_json(reports)
    elif not reports:
        say("No gateway here shows its own books.")
    else:
        for report in reports:
            _print(report)
    if any(report["differences"] for report in reports):
        raise typer.Exit(1)


def _span(since: str | None) -> dict[str, Any]:
    """Read ``30d``, ``12h``, ``2w`` or a time."""
    milliseconds = None if since is None else duration_ms(since)
    return {"since": since if milliseconds is None else None, "milliseconds_ago": milliseconds}


def _print(report: dict[str, Any]) -> None:
    differences = report["differences"]
    colour = "red" if differences else "green"
    print_heading(
        f"{escape(report['gateway'])}  [{colour}]{report['explained_percent']:g} % explained[/]  "
        f"[dim]{report['movements']:,} movements since {report['since'][:16].replace('T', ' ')}, "
        f"{report['mended']:,} mended just now[/]"
    )
    columns = ("currency", "the gateway says", "the ledger says", "on its way", "difference")
    rows = []
    for currency, one in report["balances"].items():
        off = one["gateway"] - one["ledger"]
        figures = [amount_text(one[name], currency) for name in ("gateway", "ledger", "clearing")]
        rows.append((currency, *figures, f"[red]{amount_text(off, currency)}[/]" if off else "[green]none[/]"))
    print_table(columns, rows, right=columns[1:])
    for one in differences:
        amount = escape(amount_text(one["amount"], one["currency"]))
        say(
            f"\n[red]{one['kind']}[/] {escape(one['about'])}  [bold]{amount}[/]"
            f"  [dim]since {one['since'][:16].replace('T', ' ')}[/]"
        )
        say(f"  {escape(one['proposal'])}")
