"""The figures of subscriptions, told to people: the funnel, months of each asset, what dunning brought."""

from collections.abc import Mapping, Sequence
from typing import Any

from babel.numbers import get_currency_precision
from rich.markup import escape

from storefront.cli.showing import print_heading, print_table, say

STEPS = {
    "visited": "signed in by the game's server",
    "tried": "began a subscription",
    "trial": "had a trial",
    "free": "had a period for nothing",
    "paid": "paid for a period",
    "renewed": "paid for two or more",
    "canceled": "all that they had is over",
}


def tell_figures(figures: Mapping[str, Any]) -> None:
    """Print what ``subscriptions.figures`` answers."""
    _tell_funnel(figures)
    for asset, facts in figures["assets"].items():
        _tell_months(asset, facts["months"])
        _tell_dunning(asset, facts["dunning"])


def _tell_funnel(figures: Mapping[str, Any]) -> None:
    print_heading("How far customers came")
    most = max(1, *figures["funnel"].values())
    for step, many in figures["funnel"].items():
        bar = "█" * round(40 * many / most)
        say(f"    {step:<9}{many:>7,}  [cyan]{bar:<40}[/]  [dim]{STEPS[step]}[/]")
    if figures["ended"]:
        print_heading("Why subscriptions ended")
    for reason, many in sorted(figures["ended"].items(), key=lambda item: -item[1]):
        say(f"    {many:>7,}  {escape(reason)}")


def _tell_months(asset: str, months: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            one["month"],
            _amount(one["mrr"], asset),
            f"{one['paying_at_start']:,}",
            f"{one['lost']:,}",
            _percent(one["churn_of_customers"]),
            _percent(one["churn_of_revenue"]),
            _amount(one["taken"], asset),
            _amount(one["given_back"], asset),
        )
        for one in months
    ]
    figures = ("MRR", "paying", "lost", "churn", "of revenue", "taken", "given back")
    print_heading(f"{escape(asset)} by month")
    print_table(("month", *figures), rows, right=figures)
    say("[dim]MRR: at the month's end. Paying: at its beginning; lost: of those. Taken, given back: booked.[/]")


def _tell_dunning(asset: str, dunning: Mapping[str, Any]) -> None:
    print_heading(f"Renewals in {escape(asset)} that failed at first")
    for name in ("recovered", "given_up", "waiting"):
        told = dunning[name]
        say(f"    {name.replace('_', ' '):<10}{_amount(told['amount'], asset):>14}  {told['invoices']:>6,} invoices")
    if dunning["rate"] is not None:
        say(f"    [dim]{_percent(dunning['rate'])} of what is decided was recovered[/]")


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
