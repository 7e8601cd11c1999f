"""``storefront operators``: who may sign in to the console, and how they get in."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import ask_shop, print_answer, print_as_json, print_table, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
Who = Annotated[str, typer.Argument(metavar="LOGIN", help="The operator's login, or their id (opr_…).")]


class RoleName(StrEnum):
    """What an operator may do: owner, finance, support or read_only, each less than the one before."""

    OWNER = "owner"
    FINANCE = "finance"
    SUPPORT = "support"
    READ_ONLY = "read_only"


RoleFlag = Annotated[
    RoleName,
    typer.Option(
        "--role",
        help="owner: everything. finance: all but keys, operators and erasing. support: looks, notes, reviews. "
        "read_only: looks.",
    ),
]


@app.callback()
def operators() -> None:
    """Say who may sign in to the console at /console, in a running server or without one.

    \b
    Examples:
      storefront operators add ana@example.com --role owner
      storefront operators link ana@example.com
    """


@app.command()
def add(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="A name or e-mail address, as they will type it.")],
    *,
    role: RoleFlag,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Add an operator, and print the link that signs them in once, within an hour.

    \b
    Example:
      storefront operators add ana@example.com --role owner
    """
    _print_link(ask_shop(Choice(config, data=data), "operators.add", login=login, role=str(role)), as_json=as_json)


@app.command()
def link(login: Who, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False) -> None:
    """Print a link that signs an operator in once, within an hour; links of before stop.

    \b
    Example:
      storefront operators link ana@example.com
    """
    _print_link(ask_shop(Choice(config, data=data), "operators.link", operator=login), as_json=as_json)


@app.command("list")
def list_operators(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List the operators, also those that have ended.

    \b
    Example:
      storefront operators list --json
    """
    answer = ask_shop(Choice(file or config, data=data), "operators.list")
    if as_json:
        print_as_json(answer["data"])
        return
    if not answer["data"]:
        say("Nobody can sign in yet: storefront operators add --help")
        return
    rows = [
        (one["id"], escape(one["login"]), one["role"], _proves(one), one["created_at"][:10], _state(one))
        for one in answer["data"]
    ]
    print_table(("id", "login", "role", "signs in with", "since", "state"), rows, prose=("login",))


@app.command()
def role(
    login: Who,
    *,
    role: RoleFlag,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Give an operator another role; it holds at once.

    \b
    Example:
      storefront operators role ben@example.com --role support
    """
    answer = ask_shop(Choice(config, data=data), "operators.role", operator=login, role=str(role))
    print_answer(answer, f"{escape(answer['login'])} is {answer['role']} now.", as_json=as_json)


@app.command()
def end(login: Who, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False) -> None:
    """End an operator: they are signed out everywhere, at once. Safe to repeat.

    \b
    Example:
      storefront operators end ben@example.com
    """
    answer = ask_shop(Choice(config, data=data), "operators.end", operator=login)
    print_answer(answer, f"{escape(answer['login'])} has ended.", as_json=as_json)


@app.command("take-back")
def take_back(
    login: Who, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Let an operator who was ended sign in again: storefront operators link makes the way in.

    \b
    Example:
      storefront operators take-back ben@example.com
    """
    answer = ask_shop(Choice(config, data=data), "operators.take_back", operator=login)
    print_answer(answer, f"{escape(answer['login'])} may sign in again, by a link.", as_json=as_json)


@app.command()
def reset(login: Who, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False) -> None:
    """Forget an operator's password and one-time codes, as after a lost phone, and sign them out everywhere.

    \b
    Example:
      storefront operators reset ana@example.com
    """
    answer = ask_shop(Choice(config, data=data), "operators.reset", operator=login)
    print_answer(
        answer, f"{escape(answer['login'])} starts anew: storefront operators link {escape(login)}", as_json=as_json
    )


def _print_link(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_as_json(made)
        return
    from storefront.cli.output import console

    say(f"\n  [bold]{escape(made['url'])}[/]\n")
    out = console(stderr=True)
    out.print(f"  Signs in [bold]{escape(made['login'])}[/] ({made['role']}) once, until {made['expires_at']}.")
    out.print("  Whoever opens it is that operator: send it on a private way.")


def _proves(one: dict[str, Any]) -> str:
    found = [name for name, has in (("password", one["password"]), ("codes", one["codes"])) if has]
    return " + ".join(found) or "a link"


def _state(one: dict[str, Any]) -> str:
    return f"[red]ended {one['ended_at'][:10]}[/]" if one["ended_at"] else "[green]may sign in[/]"
