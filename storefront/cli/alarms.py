"""``storefront alarms``: what went wrong in a way that a person should know of."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import (
    DEFAULT_CONFIG,
    AfterFlag,
    Choice,
    ConfigArgument,
    ConfigFlag,
    DataFlag,
    JsonFlag,
    LimitFlag,
)
from storefront.cli.showing import ask_shop, print_page, short_time, words

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def alarms() -> None:
    """Look at the alarms. The same alarm about the same thing is raised once. docs/payments.md says what to do.

    \b
    Example:
      storefront alarms list
    """


@app.command("list")
def list_alarms(
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind, as goods_owed.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List alarms, newest first.

    \b
    Examples:
      storefront alarms list --kind payment_quarantined
      storefront alarms list --json | jq -r '.data[].kind' | sort | uniq -c
    """
    page = ask_shop(Choice(file or config, data=data), "alarms.list", kind=kind, limit=limit, after=after)
    empty = "No alarm was ever raised." if kind is None else f"No alarm of the kind {escape(kind)} was ever raised."
    print_page(
        page, ("raised", "kind", "about", "facts", "closed"), _cells, empty=empty, as_json=as_json, prose=("facts",)
    )


def _cells(alarm: dict[str, Any]) -> tuple[str, ...]:
    kind, about, facts = escape(alarm["kind"]), escape(alarm["about"]), escape(words(alarm["facts"]))
    closed = alarm["closed_at"]
    shown = f"[red]{kind}[/]" if closed is None else kind
    return short_time(alarm["raised_at"]), shown, about, facts, "" if closed is None else short_time(closed)
