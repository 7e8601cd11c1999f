"""``storefront deliveries``: the commands for game servers, which the plugin microtransactions keeps."""

import secrets
from enum import StrEnum
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
from storefront.cli.showing import ask_shop, coloured, print_as_json, print_facts, print_page, short_time

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The delivery, as in: storefront deliveries list")]
_OPERATIONS = "microtransactions.deliveries"
_FACTS = (
    "id", "server", "player", "command", "template", "state", "attempts", "online_only", "stage", "sku", "purchase",
    "event", "due_at", "leased_by", "lease_until", "last_error", "canceled_for", "resend_of", "created_at", "closed_at",
)  # fmt: skip


class State(StrEnum):
    """What became of a command."""

    QUEUED = "queued"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"
    CANCELED = "canceled"


@app.callback()
def deliveries() -> None:
    """Look at what is delivered to game servers, send it again, or take it out of the queue.

    \b
    Example:
      storefront deliveries list --state dead
    """


@app.command("list")
def list_deliveries(
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    server: Annotated[str | None, typer.Option("--server", help="Only those for this server.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer's, by the game's id.")] = None,
    purchase: Annotated[str | None, typer.Option("--purchase", help="Only those of this purchase.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List commands for game servers, newest first, with what became of them.

    \b
    Examples:
      storefront deliveries list --state dead
      storefront deliveries list --customer ada --json | jq '.data[].command'
    """
    page = ask_shop(
        Choice(file or config, data=data),
        f"{_OPERATIONS}.list",
        state=None if state is None else str(state),
        server=server,
        customer=customer,
        purchase=purchase,
        limit=limit,
        after=after,
    )
    print_page(
        page,
        ("id", "server", "player", "command", "state", "attempts", "due", "last error"),
        _cells,
        empty="There are none.",
        as_json=as_json,
        right=("attempts",),
        prose=("command", "last error"),
    )


@app.command()
def show(
    delivery: IdArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Show a command, what it came from, and what became of it.

    \b
    Example:
      storefront deliveries show dlv_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    _print(ask_shop(Choice(config, data=data), f"{_OPERATIONS}.show", id=delivery), as_json=as_json)


@app.command()
def resend(
    delivery: IdArgument,
    *,
    key: Annotated[
        str | None, typer.Option("--key", help="The key of an earlier try, so that it happens once.")
    ] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a command again. One that is done gets a new id: the server remembers the old one and would do nothing.

    \b
    Example:
      storefront deliveries resend dlv_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    asked = {"id": delivery, "key": key or secrets.token_urlsafe(12)}
    _print(ask_shop(Choice(config, data=data), f"{_OPERATIONS}.resend", **asked), as_json=as_json)


@app.command()
def cancel(
    delivery: IdArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Take a command out of the queue before any server has it. Safe to repeat.

    \b
    Example:
      storefront deliveries cancel dlv_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    _print(ask_shop(Choice(config, data=data), f"{_OPERATIONS}.cancel", id=delivery), as_json=as_json)


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    command = one["command"] or one["template"]
    return (
        one["id"],
        one["server"],
        escape(one["player"]),
        escape(command),
        coloured(one["state"]),
        str(one["attempts"]),
        short_time(one["due_at"]),
        escape(one["last_error"] or ""),
    )


def _print(one: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_as_json(one)
    else:
        print_facts(one, _FACTS)
