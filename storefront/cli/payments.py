"""``storefront payments``: payments by hand, listed and marked by an operator."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import ask_shop, print_answer, print_as_json, print_table, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

ReferenceArgument = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="The payment's reference, as in: storefront payments list")
]


class State(StrEnum):
    """Where a payment by hand stands."""

    AWAITING = "awaiting"
    RECEIVED = "received"
    VOIDED = "voided"


@app.callback()
def payments() -> None:
    """List and mark payments by hand (gateways.manual), in a running server or without one.

    \b
    Example:
      storefront payments list --state awaiting
    """


@app.command("list")
def list_payments(
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List the newest 500 payments by hand.

    \b
    Example:
      storefront payments list --json
    """
    answer = ask_shop(Choice(file or config, data=data), "payments.list", state=None if state is None else str(state))
    if as_json:
        print_as_json(answer["data"])
        return
    if not answer["data"]:
        say("There are no such payments.")
        return
    rows = [
        (one["reference"], one["opened_at"][:10], _amount(one), one["state"], escape(one["title"]))
        for one in answer["data"]
    ]
    print_table(("reference", "opened", "amount", "state", "what"), rows, right=("amount",), prose=("what",))


@app.command()
def receive(
    reference: ReferenceArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Say that the money has come: the goods are given. Safe to repeat.

    \b
    Example:
      storefront payments receive man_01kavm6m3sf8t9bq1a2c3d4e5f
    """
    answer = ask_shop(Choice(config, data=data), "payments.receive", reference=reference)
    _say(answer, "is received", as_json=as_json)


@app.command()
def void(
    reference: ReferenceArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Say that nobody will pay this any more: the purchase ends. Safe to repeat.

    \b
    Example:
      storefront payments void man_01kavm6m3sf8t9bq1a2c3d4e5f
    """
    answer = ask_shop(Choice(config, data=data), "payments.void", reference=reference)
    _say(answer, "is voided", as_json=as_json)


@app.command()
def refund(
    reference: ReferenceArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Say that the refunds of a payment that wait have been sent to the buyer. Safe to repeat.

    \b
    Example:
      storefront payments refund man_01kavm6m3sf8t9bq1a2c3d4e5f
    """
    answer = ask_shop(Choice(config, data=data), "payments.refund", reference=reference)
    _say(answer, f"has {len(answer['sent'])} refunds more that were sent", as_json=as_json)


def _say(payment: dict[str, Any], what: str, *, as_json: bool) -> None:
    print_answer(payment, f"{escape(payment['reference'])} ({_amount(payment)}) {what}.", as_json=as_json)


def _amount(payment: dict[str, Any]) -> str:
    from storefront.core.config.currencies import show_amount

    return show_amount(payment["amount"]["amount"], payment["amount"]["currency"])
