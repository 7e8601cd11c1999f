"""``storefront webhooks``: who gets the shop's events, and what became of them."""

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
    duration_ms,
)
from storefront.cli.showing import ask_shop, print_answer, print_as_json, print_facts, print_more, print_table, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

EndpointArgument = Annotated[str, typer.Argument(metavar="ID", help="The endpoint, as in: storefront webhooks list")]
TypesFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--type", "-t", help="Only events of this type, or purchase.* for all that begin so; may be repeated."
    ),
]


class State(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@app.callback()
def webhooks() -> None:
    """Bring the shop's events to other servers, signed, at least once; in a running server or without one.

    \b
    Example:
      storefront webhooks add https://game.example/hooks --type 'purchase.*'
    """


@app.command("list")
def list_endpoints(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List who gets events, and how many wait, arrived and died.

    \b
    Example:
      storefront webhooks list --json
    """
    endpoints = ask_shop(Choice(file or config, data=data), "webhooks.list")["data"]
    if as_json:
        print_as_json(endpoints)
    elif endpoints:
        cells = [
            (one["id"], _state(one), escape(one["url"]), _types(one), *map(str, one["deliveries"].values()))
            for one in endpoints
        ]
        print_table(("id", "state", "url", "types", "waiting", "delivered", "dead"), cells, prose=("url", "types"))
    else:
        say("Nobody gets events yet: storefront webhooks add --help")


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="An https:// address that takes POST requests.")],
    *,
    types: TypesFlag = None,
    description: Annotated[str, typer.Option("--description", help="What you will know it by.")] = "",
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring events to an address from now on. Its secret is shown once.

    \b
    Examples:
      storefront webhooks add https://game.example/hooks
      storefront webhooks add https://game.example/hooks -t 'purchase.*' -t hold.expired --description "game server"
    """
    made = ask_shop(
        Choice(config, data=data), "webhooks.add", url=url, description=description, event_types=types or []
    )
    _print_secret(made, as_json=as_json)


@app.command()
def show(
    endpoint: EndpointArgument,
    event: Annotated[
        str | None, typer.Option("--event", help="Show this event's delivery, with every attempt.")
    ] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show an endpoint, or one delivery with all its attempts.

    \b
    Examples:
      storefront webhooks show whe_01k9x3v2m7q8r5t4w6y1z0abcd
      storefront webhooks show whe_01k9x3v2m7q8r5t4w6y1z0abcd --event evt_01k9x3w8n2p4s6v7x9z1b3c5d7
    """
    choice = Choice(config, data=data)
    if event is None:
        _print_endpoint(ask_shop(choice, "webhooks.show", id=endpoint), as_json=as_json)
        return
    found = ask_shop(choice, "webhooks.delivery", id=endpoint, event=event)
    if as_json:
        print_as_json(found)
        return
    print_facts(found, ("event", "type", "state", "attempts", "due_at", "created_at", "closed_at"))
    cells = [
        (one["at"], str(one["status"] or "-"), "-" if one["latency_ms"] is None else f"{one['latency_ms']} ms",
         escape(one["error"] or one["excerpt"]))
        for one in found["history"]
    ]  # fmt: skip
    print_table(("at", "status", "latency", "answer"), cells, prose=("answer",))


@app.command()
def update(
    endpoint: EndpointArgument,
    *,
    url: Annotated[str | None, typer.Option("--url", help="Another address.")] = None,
    types: TypesFlag = None,
    all_types: Annotated[bool, typer.Option("--all-types", help="Events of every type.")] = False,
    description: Annotated[str | None, typer.Option("--description")] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Change an endpoint's address, types or description; what waits already goes to the new address.

    \b
    Example:
      storefront webhooks update whe_01k9x3v2m7q8r5t4w6y1z0abcd --url https://new.example/hooks
    """
    if types and all_types:
        raise typer.BadParameter("give either --type or --all-types", param_hint="--all-types")
    changed = ask_shop(
        Choice(config, data=data),
        "webhooks.update",
        id=endpoint,
        url=url,
        description=description,
        event_types=[] if all_types else types or None,
    )
    _print_endpoint(changed, as_json=as_json)


@app.command()
def pause(
    endpoint: EndpointArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Send nothing until it is resumed; what happens meanwhile waits. Safe to repeat.

    \b
    Example:
      storefront webhooks pause whe_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    _print_endpoint(ask_shop(Choice(config, data=data), "webhooks.pause", id=endpoint), as_json=as_json)


@app.command()
def resume(
    endpoint: EndpointArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Send what waits, to an endpoint that was paused, or disabled by its receiver's 410. Safe to repeat.

    \b
    Example:
      storefront webhooks resume whe_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    _print_endpoint(ask_shop(Choice(config, data=data), "webhooks.resume", id=endpoint), as_json=as_json)


@app.command()
def rotate(
    endpoint: EndpointArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Make a new secret, shown once. For 24 hours deliveries are signed with the one before as well.

    \b
    Example:
      storefront webhooks rotate whe_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    _print_secret(ask_shop(Choice(config, data=data), "webhooks.rotate", id=endpoint), as_json=as_json)


@app.command()
def remove(
    endpoint: EndpointArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Take an endpoint away; what waits for it is not delivered any more.

    \b
    Example:
      storefront webhooks remove whe_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    answer = ask_shop(Choice(config, data=data), "webhooks.remove", id=endpoint)
    print_answer(answer, f"{escape(endpoint)} is removed.", as_json=as_json)


@app.command("test")
def send_test(
    endpoint: EndpointArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Send an event of the type webhook_endpoint.test to this endpoint alone.

    \b
    Example:
      storefront webhooks test whe_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    answer = ask_shop(Choice(config, data=data), "webhooks.test", id=endpoint)
    line = f"A {answer['type']} is on its way: storefront webhooks deliveries {escape(endpoint)}"
    print_answer(answer, line, as_json=as_json)


@app.command()
def deliveries(
    endpoint: EndpointArgument,
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List what became of events at an endpoint, newest first.

    \b
    Examples:
      storefront webhooks deliveries whe_01k9x3v2m7q8r5t4w6y1z0abcd --state dead
      storefront webhooks deliveries whe_01k9x3v2m7q8r5t4w6y1z0abcd --json | jq '.data[].event'
    """
    page = ask_shop(
        Choice(config, data=data),
        "webhooks.deliveries",
        id=endpoint,
        state=None if state is None else str(state),
        limit=limit,
        after=after,
    )
    if as_json:
        print_as_json(page)
        return
    cells = [
        (one["event"], one["type"], one["state"], str(one["attempts"]), one["due_at"] or one["closed_at"])
        for one in page["data"]
    ]
    print_table(("event", "type", "state", "attempts", "due or closed"), cells)
    print_more(page)


@app.command()
def replay(
    endpoint: EndpointArgument,
    *,
    event: Annotated[str | None, typer.Option("--event", help="Send this event again.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Send all since then again: 1h, 30d, or 2026-11-21T09:30:00Z.")
    ] = None,
    after: Annotated[str | None, typer.Option("--after", help="Send all behind this cursor of the feed again.")] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Send one event again, or all since a time, also from before the endpoint was made.

    \b
    Examples:
      storefront webhooks replay whe_01k9x3v2m7q8r5t4w6y1z0abcd --event evt_01k9x3w8n2p4s6v7x9z1b3c5d7
      storefront webhooks replay whe_01k9x3v2m7q8r5t4w6y1z0abcd --since 1h
      storefront webhooks replay whe_01k9x3v2m7q8r5t4w6y1z0abcd --since 2026-11-21T09:30:00Z
    """
    if sum(one is not None for one in (event, since, after)) != 1:
        raise typer.BadParameter("give one of --event, --since and --after", param_hint="--event")
    ago = None if since is None else duration_ms(since)
    asked = {"event": event, "since": since if ago is None else None, "milliseconds_ago": ago, "after": after}
    answer = ask_shop(Choice(config, data=data), "webhooks.replay", id=endpoint, **asked)
    line = f"It goes out again: storefront webhooks deliveries {escape(endpoint)}"
    print_answer(answer, line, as_json=as_json)


def _state(endpoint: dict[str, Any]) -> str:
    colour = {"enabled": "green", "paused": "yellow", "disabled": "red"}[endpoint["state"]]
    return f"[{colour}]{endpoint['state']}[/]"


def _types(endpoint: dict[str, Any]) -> str:
    return ", ".join(endpoint["event_types"]) or "all"


def _print_endpoint(endpoint: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_as_json(endpoint)
        return
    counts = ", ".join(f"{count} {state}" for state, count in endpoint["deliveries"].items())
    shown = {**endpoint, "types": _types(endpoint), "deliveries": counts}
    print_facts(shown, ("id", "url", "description", "types", "state", "reason", "deliveries", "created_at"))


def _print_secret(endpoint: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_as_json(endpoint)
        return
    from storefront.cli.output import console

    say(f"\n  [bold]{endpoint['secret']}[/]\n")
    out = console(stderr=True)
    out.print(f"  The secret of [bold]{endpoint['id']}[/], which gets events at {escape(endpoint['url'])}.")
    out.print("  Copy it now: it is not shown again. How to verify with it: docs/webhooks.md")
