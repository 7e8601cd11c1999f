"""``storefront mail``: what the plugin mail is asked by hand."""

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


class State(StrEnum):
    """What became of a mail."""

    QUEUED = "queued"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    EXPIRED = "expired"


@app.callback()
def mail() -> None:
    """See what became of mails, send one again, or see whether mail goes out at all.

    \b
    Examples:
      storefront mail list --state failed
      storefront mail test me@example.com
    """


@app.command("list")
def list_mails(
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer's, by the game's id.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List mails, those that moved last first, with what became of them.

    \b
    Examples:
      storefront mail list --state failed
      storefront mail list --customer ada --json | jq '.data[].reason'
    """
    asked = {"state": None if state is None else str(state), "customer": customer, "limit": limit, "after": after}
    print_page(
        ask_shop(Choice(file or config, data=data), "mail.list", **asked),
        ("id", "customer", "mail", "state", "attempts", "since", "reason"),
        _cells,
        empty="There are none.",
        as_json=as_json,
        right=("attempts",),
        prose=("reason",),
    )


@app.command()
def resend(
    mail: Annotated[str, typer.Argument(metavar="ID", help="The mail, as in: storefront mail list --state failed")],
    *,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a mail again that failed, was skipped or became too old. It keeps its Message-ID. Safe to repeat.

    \b
    Example:
      storefront mail resend mai_0f3c2a9be1d04756a8c1f27b90e3d5a4
    """
    waits = ask_shop(Choice(config, data=data), "mail.resend", id=mail)
    if as_json:
        print_as_json(waits)
    else:
        print_facts(waits, ("id", "event_type", "template", "state", "updated_at"))


@app.command("test")
def send_test(
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to send it.")],
    *,
    language: Annotated[str | None, typer.Option("--language", help="In this language.")] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a test mail now, past the queue; says what the SMTP server answered if it was not taken.

    \b
    Example:
      storefront mail test me@example.com --language de
    """
    sent = ask_shop(Choice(config, data=data), "mail.test", to=to, language=language)
    if as_json:
        print_as_json(sent)
    else:
        print_facts(sent, ("to", "server", "message_id"))


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"],
        escape(one["customer"] or ""),
        one["template"],
        coloured(one["state"]),
        str(one["attempts"]),
        short_time(one["updated_at"]),
        escape(one["reason"] or ""),
    )
