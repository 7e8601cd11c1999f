"""``storefront keys``: API keys, made, listed and revoked."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import ask_shop, print_answer, print_as_json, print_table, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


class Kind(StrEnum):
    """Who a key speaks for."""

    SERVER = "server"
    PUBLISHABLE = "publishable"
    OPERATOR = "operator"


@app.callback()
def keys() -> None:
    """Make, list and revoke API keys, in a running server or without one.

    \b
    Example:
      storefront keys create --kind server --name "game server"
    """


@app.command()
def create(
    *,
    kind: Annotated[Kind, typer.Option("--kind", help="Who the key speaks for.")],
    name: Annotated[str, typer.Option("--name", help="What you will know it by.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="Limit it to a scope; may be given several times.")
    ] = None,
    expires_in_days: Annotated[int | None, typer.Option("--expires-in-days", min=1, max=3650)] = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key. It is shown once: only its hash is kept.

    \b
    Examples:
      storefront keys create --kind server --name "game server"
      storefront keys create --kind server --name bot --scope grants:write
    """
    if not 1 <= len(name) <= 100:
        raise typer.BadParameter("a name has 1 to 100 characters", param_hint="--name")
    made = ask_shop(
        Choice(file or config, data=data),
        "keys.create",
        kind=str(kind),
        name=name,
        scopes=scope or [],
        expires_in_days=expires_in_days,
    )
    if as_json:
        print_as_json(made)
        return
    from storefront.cli.output import console

    say(f"\n  [bold]{made['key']}[/]\n")
    ends = f", until {made['expires_at']}" if made["expires_at"] else ""
    out = console(stderr=True)
    out.print(f"  {kind} key [bold]{escape(name)}[/] ({made['id']}), scopes {', '.join(made['scopes'])}{ends}.")
    out.print("  Copy it now: it is not shown again.")
    out.print(f"  [dim]To revoke it: storefront keys revoke {made['id']}[/]")


@app.command("list")
def list_keys(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List the keys that were made here, newest first. Those in the YAML are not in the database.

    \b
    Example:
      storefront keys list --json
    """
    answer = ask_shop(Choice(file or config, data=data), "keys.list")
    if as_json:
        print_as_json(answer["data"])
        return
    if not answer["data"]:
        say("No keys were made here yet: storefront keys create --help")
        return
    rows = [
        (one["id"], one["kind"], escape(one["name"]), ", ".join(one["scopes"]), one["created_at"][:10], _state(one))
        for one in answer["data"]
    ]
    print_table(("id", "kind", "name", "scopes", "created", "state"), rows, prose=("name", "scopes"))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as in: storefront keys list")],
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key useless at once. Safe to repeat.

    \b
    Example:
      storefront keys revoke key_7dGq2LmXw0aB
    """
    answer = ask_shop(Choice(config, data=data), "keys.revoke", id=key_id)
    print_answer(answer, f"{escape(key_id)} is revoked.", as_json=as_json)


@app.command()
def adopt(*, file: ConfigArgument = None, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None) -> None:
    """Go on with the keys of this data folder and YAML after the shop's own are lost; for a shop on PostgreSQL.

    Sessions end, and API keys that were made with another pepper stop working; those in the YAML go on.

    \b
    Example:
      storefront keys adopt
    """
    ask_shop(Choice(file or config, data=data), "keys.adopt")
    say(
        "The keys of this data folder, and those that the YAML lists under signing.keys, are the shop's now. "
        "Give every other server the same."
    )


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return f"[red]revoked {key['revoked_at'][:10]}[/]"
    return f"until {key['expires_at'][:10]}" if key["expires_at"] else "[green]valid[/]"
