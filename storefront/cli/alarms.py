"""``storefront alarms``: what went wrong in a way that a person should know of."""

from typing import Annotated

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, AfterFlag, Choice, ConfigFlag, DataFlag, JsonFlag, LimitFlag
from storefront.cli.showing import ask_shop, print_as_json, print_more, print_table, say, short_time, words

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
    page = ask_shop(Choice(config, data=data), "alarms.list", kind=kind, limit=limit, after=after)
    if as_json:
        print_as_json(page)
    elif page["data"]:
        rows = [
            (short_time(one["raised_at"]), f"[red]{escape(one['kind'])}[/]", escape(one["about"]),
             escape(words(one["facts"])))
            for one in page["data"]
        ]  # fmt: skip
        print_table(("raised", "kind", "about", "facts"), rows, prose=("facts",))
        print_more(page)
    else:
        say("No alarm was ever raised." if kind is None else f"No alarm of the kind {escape(kind)} was ever raised.")
