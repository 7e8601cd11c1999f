"""``storefront payouts``: paying creators out, which the plugin fanfunding does."""

import secrets
import sys
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
from storefront.cli.refunding import AmountInQuotes
from storefront.cli.showing import (
    amount_text,
    ask_shop,
    coloured,
    money_text,
    print_as_json,
    print_facts,
    print_page,
    print_table,
    say,
    short_time,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

PayoutArgument = Annotated[str, typer.Argument(metavar="ID", help="The payout, as in: storefront payouts list")]
KeyFlag = Annotated[
    str | None, typer.Option("--key", help="The key of an earlier try, so that it happens once.", show_default=False)
]


class State(StrEnum):
    """How a payout stands."""

    CREATED = "created"
    IN_PROGRESS = "in_progress"
    PAID = "paid"
    FAILED = "failed"


@app.callback()
def payouts() -> None:
    """Pay creators out, say what became of it, and print the statement that adds it up.

    A payout takes what can be paid of a creator's money at once. By hand: send it, then `pay` it with the bank's
    reference. Through a gateway (`payout: stripe`) the transfer follows by itself. What fails can be paid anew.

    \b
    Examples:
      storefront payouts payable
      storefront payouts create luna USD
      storefront payouts pay pyt_01k9x3v2m7q8r5t4w6y1z0abcd --reference "SEPA 2026-11-28 17"
      storefront payouts statement pyt_01k9x3v2m7q8r5t4w6y1z0abcd > luna.csv
    """


@app.command("list")
def list_payouts(
    *,
    creator: Annotated[str | None, typer.Option("--creator", help="Only this creator's.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List payouts, newest first, with what the bank or the gateway calls them.

    \b
    Examples:
      storefront payouts list --state in_progress
      storefront payouts list --creator luna --json | jq '.data[].amount'
    """
    asked = {"creator": creator, "state": None if state is None else str(state), "limit": limit, "after": after}
    columns = ("id", "creator", "state", "amount", "with", "reference", "created")
    page = ask_shop(Choice(file or config, data=data), "fanfunding.payouts.list", **asked)
    print_page(page, columns, _cells, empty="There are none.", as_json=as_json, right=("amount",))


@app.command()
def payable(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List what can be paid to whom now, in each currency, and what they owe. What waits in reserve is not in it.

    \b
    Example:
      storefront payouts payable
    """
    told = ask_shop(Choice(file or config, data=data), "fanfunding.payouts.payable")
    if as_json:
        print_as_json(told)
    elif told["data"]:
        amounts = ("payable", "debt", "minimum")
        rows = [(escape(one["creator"]), *(escape(amount_text(one[name], one["currency"])) for name in amounts),
                 one["pay_with"]) for one in told["data"]]  # fmt: skip
        print_table(("creator", *amounts, "with"), rows, right=amounts)
    else:
        say("Nobody can be paid anything now.")


@app.command(cls=AmountInQuotes)
def create(
    creator: Annotated[str, typer.Argument(metavar="CREATOR", help="The creator, as the YAML names them.")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="In what they are paid, as in: USD")],
    *,
    amount: Annotated[
        tuple[str, str] | None,
        typer.Option("--amount", metavar="NUMBER CURRENCY", help="Only this much, as in: --amount 20.00 USD"),
    ] = None,
    key: KeyFlag = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Pay a creator all that can be paid in a currency, or an amount of it. Audited.

    It is set aside at once. A gateway's transfer follows by itself; by hand, send it and say so: `payouts pay`. Where
    two people are needed (`four_eyes`), another one approves it first, over HTTP with a key of their own.

    \b
    Examples:
      storefront payouts create luna USD
      storefront payouts create luna USD --amount 20.00 USD
    """
    if amount is not None and amount[1] != currency:
        raise typer.BadParameter(f"must be in {currency}, which is paid out", param_hint="--amount")
    asked = {"creator": creator, "currency": currency, "amount": None if amount is None else amount[0]}
    _tell(Choice(config, data=data), "create", asked, key, as_json=as_json)


@app.command()
def approve(
    payout: PayoutArgument,
    *,
    key: KeyFlag = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a payout begin that somebody has created with a key, where two people are needed. Audited.

    Whoever works in the shell is one person: what was created here is approved over HTTP.

    \b
    Example:
      storefront payouts approve pyt_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    _tell(Choice(config, data=data), "approve", {"id": payout}, key, as_json=as_json)


@app.command()
def pay(
    payout: PayoutArgument,
    *,
    reference: Annotated[str, typer.Option("--reference", "-r", help="What the bank calls it.")],
    key: KeyFlag = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that a payout by hand was sent, and what the bank calls it. Audited.

    \b
    Example:
      storefront payouts pay pyt_01k9x3v2m7q8r5t4w6y1z0abcd --reference "SEPA 2026-11-28 17"
    """
    _tell(Choice(config, data=data), "pay", {"id": payout, "reference": reference}, key, as_json=as_json)


@app.command()
def fail(
    payout: PayoutArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why: kept for ever, so nothing personal.")],
    key: KeyFlag = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that a payout by hand comes to nothing, or that the bank sent it back: it can be paid anew. Audited.

    What a gateway was asked for ends by what the gateway says alone.

    \b
    Example:
      storefront payouts fail pyt_01k9x3v2m7q8r5t4w6y1z0abcd --reason "account closed"
    """
    _tell(Choice(config, data=data), "fail", {"id": payout, "reason": reason}, key, as_json=as_json)


@app.command()
def statement(
    payout: PayoutArgument,
    *,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
) -> None:
    """Print the statement of a payout as CSV: each line since the payout before, which add up to it.

    \b
    Example:
      storefront payouts statement pyt_01k9x3v2m7q8r5t4w6y1z0abcd > luna.csv
    """
    sys.stdout.write(ask_shop(Choice(config, data=data), "fanfunding.payouts.statement", id=payout)["csv"])


def _tell(choice: Choice, act: str, asked: dict[str, Any], key: str | None, *, as_json: bool) -> None:
    """Carry out an act under a key, and show the payout as it stands then."""
    told = ask_shop(choice, f"fanfunding.payouts.{act}", **asked, key=key or f"shell-{secrets.token_hex(8)}")
    if as_json:
        print_as_json(told)
        return
    say(f"[bold]{told['id']}[/]  {coloured(told['state'])}")
    shown = {**told, "amount": money_text(told["amount"]), "with": told["pay_with"]}
    print_facts(shown, ("creator", "amount", "with", "account", "reference", "reason", "created_by", "approved_by"))


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    amount, reference = escape(money_text(one["amount"])), escape(one["reference"] or "-")
    state = coloured(one["state"])
    return one["id"], escape(one["creator"]), state, amount, one["pay_with"], reference, short_time(one["created_at"])
