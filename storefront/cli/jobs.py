"""``storefront jobs``: work that waits, and work that was given up."""

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
from storefront.cli.showing import ask_shop, coloured, print_answer, print_page, short_time

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


class State(StrEnum):
    """Whether a job waits, or was given up."""

    WAITING = "waiting"
    DEAD = "dead"


@app.callback()
def jobs() -> None:
    """Look at the shop's jobs. One that fails is tried later and later; after 40 times it is dead and waits for you.

    \b
    Example:
      storefront jobs list
    """


@app.command("list")
def list_jobs(
    *,
    state: Annotated[State, typer.Option("--state", help="Those that were given up, or those that wait.")] = State.DEAD,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List the jobs that were given up, with why they failed the last time.

    \b
    Examples:
      storefront jobs list
      storefront jobs list --state waiting --json | jq '.data[].kind'
    """
    page = ask_shop(Choice(file or config, data=data), "jobs.list", state=str(state), limit=limit, after=after)
    print_page(
        page,
        ("id", "kind", "state", "attempts", "due", "last error"),
        _cells,
        empty="No job is dead." if state is State.DEAD else "No job waits.",
        as_json=as_json,
        right=("attempts",),
        prose=("last error",),
    )


@app.command()
def retry(
    job: Annotated[str, typer.Argument(metavar="ID", help="The job, as in: storefront jobs list")],
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a job that was given up try again, as often as a new one. Audited.

    \b
    Example:
      storefront jobs retry job:sweep:pur_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    found = ask_shop(Choice(config, data=data), "jobs.retry", id=job)
    line = f"{escape(found['id'])} waits again, due at {short_time(found['due_at'])} UTC."
    print_answer(found, line, as_json=as_json)


def _cells(job: dict[str, Any]) -> tuple[str, ...]:
    state, due_at, failure = coloured(job["state"]), short_time(job["due_at"]), escape(job["last_error"] or "")
    return escape(job["id"]), job["kind"], state, str(job["attempts"]), due_at, failure
