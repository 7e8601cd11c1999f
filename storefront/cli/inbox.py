"""``storefront inbox``: what gateways told by webhook, and doing it again."""

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
from storefront.cli.showing import (
    ask_shop,
    coloured,
    print_as_json,
    print_facts,
    print_heading,
    print_page,
    say,
    short_time,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

GatewayArgument = Annotated[str, typer.Argument(metavar="GATEWAY", help="Who told it: stripe, sandbox …")]
EventArgument = Annotated[str, typer.Argument(metavar="EVENT", help="The gateway's id of the event: evt_…")]
AccountFlag = Annotated[
    str | None, typer.Option("--account", help="Whose, where two of the gateway's accounts told the same id.")
]
_FACTS = ("gateway", "account", "event", "type", "reference", "state", "note", "received_at", "processed_at")


class State(StrEnum):
    """What became of an event."""

    RECEIVED = "received"
    PROCESSED = "processed"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


@app.callback()
def inbox() -> None:
    """Look at what gateways told the shop by webhook, and process it again.

    An event is only a hint to ask the gateway: `received` waits for that, `processed` is done, `ignored` is about
    nothing of the shop's, `quarantined` cannot be ours and was set aside with a note and an alarm.

    \b
    Examples:
      storefront inbox list --state quarantined
      storefront inbox replay stripe evt_1PqLZkGc4mVCLkDd
    """


@app.command("list")
def list_events(
    *,
    gateway: Annotated[str | None, typer.Option("--gateway", "-g", help="Only what this one told.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List events, newest first; of those in quarantine, why.

    \b
    Examples:
      storefront inbox list --state quarantined
      storefront inbox list --json | jq '.data[] | select(.state == "received")'
    """
    asked = {"gateway": gateway, "state": None if state is None else str(state), "limit": limit, "after": after}
    page = ask_shop(Choice(file or config, data=data), "inbox.list", **asked)
    columns = ("received", "gateway", "event", "type", "state", "note")
    empty = "Nothing has come in." if state is None else f"Nothing is {state}."
    print_page(page, columns, _cells, empty=empty, as_json=as_json, prose=("note",))


@app.command()
def show(
    gateway: GatewayArgument,
    event: EventArgument,
    *,
    account: AccountFlag = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one event, with what the gateway wrote until it is forgotten (retention: in the YAML).

    \b
    Example:
      storefront inbox show stripe evt_1PqLZkGc4mVCLkDd
    """
    found = ask_shop(Choice(config, data=data), "inbox.show", gateway=gateway, event_id=event, account=account)
    if as_json:
        print_as_json(found)
        return
    print_facts(found, _FACTS)
    if found["job"] is not None:
        print_heading("Its job")
        print_facts(found["job"], ("state", "attempts", "last_error"))
    print_heading("Body")
    if found["body"] is None:
        say("[dim]Its text is kept no more, only its hash.[/]")
    else:
        print_as_json(found["body"])


@app.command()
def replay(
    gateway: GatewayArgument,
    event: EventArgument,
    *,
    account: AccountFlag = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Process an event again, whatever became of it: the gateway is asked for the truth. Audited, safe to repeat.

    \b
    Example:
      storefront inbox replay stripe evt_1PqLZkGc4mVCLkDd
    """
    found: dict[str, Any] = ask_shop(
        Choice(config, data=data), "inbox.replay", gateway=gateway, event_id=event, account=account
    )
    if as_json:
        print_as_json(found)
    else:
        print_facts(found, _FACTS)


def _cells(event: dict[str, Any]) -> tuple[str, ...]:
    names = (escape(event["gateway"]), escape(event["event"]), escape(event["type"]))
    return short_time(event["received_at"]), *names, coloured(event["state"]), escape(event["note"] or "")
