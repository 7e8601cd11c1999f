"""``storefront demo --subscriptions``: plays, then tells the figures and the audit's verdict, to people or programs."""

from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from storefront.cli.output import console, print_json
from storefront.cli.progress import progress_bar
from storefront.cli.serving import run
from storefront.cli.subscription_figures import tell_figures
from storefront.cli.years.playing import Played, Wanted, play
from storefront.core.audit import render


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
    out.print("\n  [bold]What they did[/]  [dim]by their own account; the figures below are the shop's[/]")
    for name, times in played.done.most_common():
        out.print(f"    {times:>7,}  {escape(name)}")
    tell_figures(played.figures)
    out.print("\n  [bold]At last the books are proved[/]  [dim]storefront audit verify --deep[/]\n")
    out.print(render(played.report))
    out.print(f"\n  [dim]played in {played.seconds:,.0f} s, {played.processor_seconds:,.0f} s of them computing[/]\n")
