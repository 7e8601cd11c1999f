"""``storefront report``: the figures of analytics, the same as ``GET /v1/analytics/…``, and their rebuild."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import amount_text, ask_shop, print_as_json, print_heading, print_table, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

FromFlag = Annotated[str | None, typer.Option("--from", metavar="DAY", help="The first day, as in 2026-11-01.")]
ToFlag = Annotated[str | None, typer.Option("--to", metavar="DAY", help="The last day; today if absent.")]
CurrencyFlag = Annotated[str | None, typer.Option("--currency", help="Only this currency, or virtual one.")]
CsvFlag = Annotated[bool, typer.Option("--csv", help="Print all figures as CSV.")]
_MOST_SHOWN = 60


class Name(StrEnum):
    """What is reported."""

    OVERVIEW = "overview"
    REVENUE = "revenue"
    MEMBERSHIPS = "memberships"
    COHORTS = "cohorts"
    FANFUNDING = "fanfunding"
    WALLETS = "wallets"
    PAYMENTS = "payments"


@app.callback()
def report() -> None:
    """Tell what the shop earns: day by day, by source, by member, by wallet.

    Everything is counted from the ledger and from events, on the day (UTC) on which it happened: a refund in March of a
    purchase in February takes nothing off February. Amounts of several currencies are never added up, unless the YAML
    states rates (`analytics: {currency: EUR, rates: {USD: "0.92"}}`).

    \b
    Examples:
      storefront report overview
      storefront report revenue --from 2026-11-01 --to 2026-11-30 --csv > november.csv
      storefront report memberships --currency EUR --json | jq '.figures[] | select(.figure == "mrr")'
      storefront report rebuild
    """


def _make(name: Name, says: str) -> None:
    def command(
        *,
        since: FromFlag = None,
        until: ToFlag = None,
        currency: CurrencyFlag = None,
        as_csv: CsvFlag = False,
        file: ConfigArgument = None,
        config: ConfigFlag = DEFAULT_CONFIG,
        data: DataFlag = None,
        as_json: JsonFlag = False,
    ) -> None:
        choice = Choice(file or config, data=data)
        told = ask_shop(choice, "report", name=str(name), since=since, until=until, currency=currency)
        _tell(told, as_csv=as_csv, as_json=as_json)

    command.__doc__ = f"""{says}

    The last 30 days without --from. Without --json and --csv, what is of the whole period is shown, with its formulas.

    \b
    Examples:
      storefront report {name}
      storefront report {name} --from 2026-11-01 --to 2026-11-30
      storefront report {name} --from 2026-01-01 --csv > {name}.csv
    """
    app.command(str(name))(command)


for _name, _says in (
    (Name.OVERVIEW, "Tell the first page's figures: MRR, churn, per member, lifetime value, net revenue, and more."),
    (Name.REVENUE, "Tell what each source brought: gross, tax, refunds, creators' shares, fees, net, settled."),
    (
        Name.MEMBERSHIPS,
        "Tell MRR and how it moved, churn, revenue per member, lifetime value, and what dunning brought.",
    ),
    (Name.COHORTS, "Tell how many of those who joined in a month still paid at the end of each month after it."),
    (Name.FANFUNDING, "Tell what fans gave, by source and creator, what went back, and what creators earned."),
    (Name.WALLETS, "Tell the economy of virtual currencies: issued, spent, lapsed, taken back, held by players."),
    (Name.PAYMENTS, "Tell what gateways received and kept, cost per transaction, time to clear, and conversion."),
):
    _make(_name, _says)


@app.command()
def rebuild(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Compute all roll-ups anew from the ledger and events, beside those that are read, and put them in their place.

    Works while the shop sells, and comes to the same figures; `storefront audit verify --deep` compares them too.

    \b
    Example:
      storefront report rebuild
    """
    from storefront.cli.progress import progress_bar

    choice = Choice(file or config, data=data)
    with progress_bar() as tell:
        done = asyncio.run(_rebuild(choice, tell))
    if as_json:
        print_as_json(done)
    else:
        say(f"{done['done']:,} entries and events are counted anew.")


async def _rebuild(choice: Choice, tell: Any) -> dict[str, Any]:
    from storefront.cli.asking import asking

    async with asking(choice, choice.load()) as ask:
        begun = await ask("report.rebuild", {})
        while True:
            state = await ask("report.rebuild", {"generation": begun["generation"]})
            tell("counting", state["done"], max(begun["total"], state["done"], 1))
            if state["finished"]:
                return {"generation": begun["generation"], "done": state["done"]}


def _tell(told: Mapping[str, Any], *, as_csv: bool, as_json: bool) -> None:
    if as_csv:
        from storefront.core.analytics.lines import csv_of

        sys.stdout.write(csv_of(told["figures"]))
    elif as_json:
        print_as_json(told)
    else:
        _tell_people(told)


def _tell_people(told: Mapping[str, Any]) -> None:
    print_heading(f"{told['report']}  [dim]{told['from']} to {told['to']}[/]")
    whole = [one for one in told["figures"] if len(one["date"]) < len("2026-11-01")]
    rows = [_row(one) for one in whole[:_MOST_SHOWN]]
    if rows:
        print_table(("figure", "month", "of", "", "value", "count"), rows, right=("value", "count"))
    else:
        say("Nothing is counted in this time.")
    if len(whole) > _MOST_SHOWN:
        say(f"[dim]and {len(whole) - _MOST_SHOWN:,} more: --csv and --json show all, day by day[/]")
    for name, formula in told["formulas"].items():
        if any(one["figure"] == name for one in whole):
            say(f"  [dim]{escape(name)}: {escape(formula)}[/]")


def _row(one: Mapping[str, Any]) -> Sequence[str]:
    what = " ".join(part for part in (one["kind"], one["key"]) if part)
    count = "" if one["count"] is None else f"{one['count']:,}"
    return (one["figure"], one["date"], escape(what), one["asset"], _value(one), count)


def _value(one: Mapping[str, Any]) -> str:
    if one["value"] is None:
        return "–"
    if one["unit"] == "money" and one["asset"]:
        return amount_text(one["value"], one["asset"])
    return str(one["value"]) if one["unit"] == "share" else f"{one['value']:,}"
