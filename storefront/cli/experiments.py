"""``storefront experiments``: what came of price experiments."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import amount_text, ask_shop, print_as_json, print_heading, print_table, say


def experiments(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this experiment.")] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who saw and who bought in each variant of a price experiment, the uplift, and how sure that is.

    \b
    Examples:
      storefront experiments
      storefront experiments cheap-sword --json
    """
    choice = Choice(config, data=data)
    if name is not None:
        shown = [ask_shop(choice, "experiments.show", name=name)]
    else:
        shown = ask_shop(choice, "experiments.list")["data"]
    if as_json:
        print_as_json(shown[0] if name is not None else {"data": shown})
        return
    for one in shown:
        _print(one)
    if not shown:
        say("There are no experiments: docs/experiments.md")


def _print(experiment: dict[str, Any]) -> None:
    state = "running" if experiment["running"] else "not running"
    print_heading(f"{escape(experiment['name'])} ({escape(experiment['offer'])}, {state})")
    columns = ("variant", "weight", "exposed", "converted", "refunded", "rate", "uplift", "revenue", "uplift each")
    print_table(columns, [_cells(one) for one in experiment["variants"]], right=("exposed", "converted", "refunded"))
    for warning in experiment["warnings"]:
        say(f"[yellow]![/] {escape(warning)}")


def _cells(variant: dict[str, Any]) -> tuple[str, ...]:
    revenue = variant["revenue"]
    return (
        escape(variant["name"]),
        "-" if variant["weight"] is None else str(variant["weight"]),
        str(variant["exposed"]),
        str(variant["converted"]),
        str(variant["refunded"]),
        _percent(variant["rate"], signed=False),
        _percent(variant["uplift"], signed=True),
        ", ".join(amount_text(one["total"], one["currency"]) for one in revenue) or "-",
        ", ".join(_minor(one) for one in revenue if one["uplift"] is not None) or "-",
    )


def _percent(interval: dict[str, float] | None, *, signed: bool) -> str:
    if interval is None:
        return "-"
    sign = "+" if signed else ""
    low, middle, high = (f"{100 * interval[name]:{sign}.1f}" for name in ("low", "estimate", "high"))
    return f"{middle} % ({low} … {high})"


def _minor(revenue: dict[str, Any]) -> str:
    low, middle, high = (f"{revenue['uplift'][name]:+.2f}" for name in ("low", "estimate", "high"))
    return f"{middle} ({low} … {high}) {escape(revenue['currency'])} in its smallest unit"
