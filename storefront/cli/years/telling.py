"""``storefront demo --subscriptions``: plays, then tells the figures and the audit's verdict, to people or programs."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import typer
from babel.numbers import get_currency_precision
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storefront.cli.output import console, print_json
from storefront.cli.progress import progress_bar
from storefront.cli.serving import run
from storefront.cli.years.playing import Played, Wanted, play
from storefront.core.audit import render

STEPS = {
    "visited": "signed in by the game's server",
    "tried": "began a subscription",
    "trial": "had a trial",
    "free": "had a period for nothing",
    "paid": "paid for a period",
    "renewed": "paid for two or more",
    "canceled": "all that they had is over",
}


def demonstrate(wanted: Wanted, *, as_json: bool) -> None:
    """Play years of subscriptions and print what came of it; exit code 1 if the audit finds a violation."""
    out = console(stderr=as_json)
    out.print(
        f"\n  [bold]{wanted.subscribers:,} subscribers, {wanted.days} days[/]  [dim]seed {wanted.seed}: "
        f"--seed {wanted.seed} lets them choose the same again[/]"
    )
    with progress_bar(total=wanted.days) as tell:
        played = run(play(wanted, tell))
    if as_json:
        print_json(_facts(wanted, played))
    else:
        _tell(out, played)
    if not played.report.is_clean:
        raise typer.Exit(1)


def _facts(wanted: Wanted, played: Played) -> dict[str, Any]:
    return {
        "seed": wanted.seed,
        "subscribers": wanted.subscribers,
        "days": wanted.days,
        **played.figures,
        "done": dict(sorted(played.done.items())),
        "audit": msgspec.json.decode(played.report.to_json()),
        "seconds": round(played.seconds, 1),
        "processor_seconds": round(played.processor_seconds, 1),
    }


def _tell(out: Console, played: Played) -> None:
    figures = played.figures
    out.print("\n  [bold]What they did[/]  [dim]by their own account; the figures below are the shop's[/]")
    for name, times in played.done.most_common():
        out.print(f"    {times:>7,}  {escape(name)}")
    _tell_funnel(out, figures)
    for asset, facts in figures["assets"].items():
        _tell_months(out, asset, facts["months"])
        _tell_dunning(out, asset, facts["dunning"])
    out.print("\n  [bold]At last the books are proved[/]  [dim]storefront audit verify --deep[/]\n")
    out.print(render(played.report))
    out.print(f"\n  [dim]played in {played.seconds:,.0f} s, {played.processor_seconds:,.0f} s of them computing[/]\n")


def _tell_funnel(out: Console, figures: Mapping[str, Any]) -> None:
    out.print("\n  [bold]How far customers came[/]")
    most = max(1, *figures["funnel"].values())
    for step, many in figures["funnel"].items():
        bar = "█" * round(40 * many / most)
        out.print(f"    {step:<9}{many:>7,}  [cyan]{bar:<40}[/]  [dim]{STEPS[step]}[/]")
    out.print("\n  [bold]Why subscriptions ended[/]")
    for reason, many in sorted(figures["ended"].items(), key=lambda item: -item[1]):
        out.print(f"    {many:>7,}  {escape(reason)}")


def _tell_months(out: Console, asset: str, months: Sequence[Mapping[str, Any]]) -> None:
    table = Table(title=f"\n{asset} by month", title_justify="left", title_style="bold", box=None, padding=(0, 2))
    for name in ("month", "MRR", "paying", "lost", "churn", "of revenue", "taken", "given back"):
        table.add_column(name, justify="left" if name == "month" else "right", header_style="dim")
    for one in months:
        table.add_row(
            one["month"],
            _amount(one["mrr"], asset),
            f"{one['paying_at_start']:,}",
            f"{one['lost']:,}",
            _percent(one["churn_of_customers"]),
            _percent(one["churn_of_revenue"]),
            _amount(one["taken"], asset),
            _amount(one["given_back"], asset),
        )
    out.print(table)
    out.print(
        "    [dim]MRR: at the month's end. Paying: at its beginning; lost: of those. Taken, given back: booked.[/]"
    )


def _tell_dunning(out: Console, asset: str, dunning: Mapping[str, Any]) -> None:
    out.print(f"\n  [bold]Renewals in {asset} that failed at first[/]")
    for name in ("recovered", "given_up", "waiting"):
        told = dunning[name]
        out.print(
            f"    {name.replace('_', ' '):<10}{_amount(told['amount'], asset):>14}  {told['invoices']:>6,} invoices"
        )
    if dunning["rate"] is not None:
        out.print(f"    [dim]{_percent(dunning['rate'])} of what is decided was recovered[/]")


def _amount(amount: int, asset: str) -> str:
    """Write an amount of smallest units; what is no currency has no decimals."""
    places = get_currency_precision(asset) if len(asset) == 3 and asset.isupper() else 0
    whole, rest = divmod(abs(amount), 10**places)
    return f"{'-' if amount < 0 else ''}{whole:,}" + (f".{rest:0{places}d}" if places else "")


def _percent(share: str | None) -> str:
    """Write a share of four decimals as percents of one."""
    if share is None:
        return "–"
    whole, _, decimals = share.partition(".")
    tenths = (int(whole + decimals) + 5) // 10
    return f"{tenths // 10}.{tenths % 10} %"
