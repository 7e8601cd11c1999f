"""``storefront reviews``: purchases that wait for a person's verdict, approving and rejecting them."""

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
    money_text,
    print_as_json,
    print_facts,
    print_page,
    say,
    short_time,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

PurchaseArgument = Annotated[str, typer.Argument(metavar="PURCHASE", help="As in: storefront reviews list")]
ReasonFlag = Annotated[
    str, typer.Option("--reason", "-r", help="Why, for whoever asks later. The buyer never sees it.")
]


class State(StrEnum):
    """How a review stands."""

    AWAITING = "awaiting"
    OPEN = "open"
    DECIDING = "deciding"
    CLOSED = "closed"


@app.callback()
def reviews() -> None:
    """Look at purchases that wait for a person's verdict, and decide them.

    Nothing is given while one is `open`: its price is held in the wallet, or its money is authorised or received at the
    gateway. What nobody decides in time is rejected by itself.

    \b
    Examples:
      storefront reviews list --state open
      storefront reviews approve pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason "a customer of years"
    """


@app.command("list")
def list_reviews(
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer's.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List reviews, newest first, with why and until when they wait.

    \b
    Example:
      storefront reviews list --state open
    """
    asked = {"state": None if state is None else str(state), "customer": customer, "limit": limit, "after": after}
    page = ask_shop(Choice(file or config, data=data), "reviews.list", **asked)
    columns = ("purchase", "state", "customer", "offer", "amount", "money", "why", "until")
    empty = "No purchase ever waited for a review." if state is None else f"No review is {state}."
    print_page(page, columns, _cells, empty=empty, as_json=as_json, right=("amount",), prose=("why",))


@app.command()
def show(
    purchase: PurchaseArgument,
    *,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a review: why it waits, what the gateway says of the card, and how it was decided.

    \b
    Example:
      storefront reviews show pur_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    _print(ask_shop(Choice(config, data=data), "reviews.show", purchase=purchase), as_json=as_json)


@app.command()
def approve(
    purchase: PurchaseArgument,
    *,
    reason: ReasonFlag,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Approve a purchase: its money is taken, its goods are given. Safe to repeat; audited.

    \b
    Example:
      storefront reviews approve pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason "a customer of years"
    """
    found = ask_shop(Choice(config, data=data), "reviews.approve", purchase=purchase, reason=reason)
    _print(found, as_json=as_json)


@app.command()
def reject(
    purchase: PurchaseArgument,
    *,
    reason: ReasonFlag,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Reject a purchase: what is held or authorised is let go, what was received is refunded. Safe to repeat; audited.

    \b
    Example:
      storefront reviews reject pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason "a stolen card"
    """
    found = ask_shop(Choice(config, data=data), "reviews.reject", purchase=purchase, reason=reason)
    _print(found, as_json=as_json)


def _cells(review: dict[str, Any]) -> tuple[str, ...]:
    until = short_time(review["expires_at"]) if review["state"] == "open" else ""
    return (
        review["purchase"],
        coloured(review["decision"] or review["state"]),
        escape(review["customer"]["id"]),
        escape(review["sku"]),
        escape(money_text(review["total"])),
        review["money"],
        escape("; ".join(review["reasons"])),
        until,
    )


def _print(review: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_as_json(review)
        return
    say(f"[bold]{review['purchase']}[/]  {coloured(review['decision'] or review['state'])}")
    shown = {
        **review,
        "customer": review["customer"]["id"],
        "offer": f"{review['quantity']} × {review['sku']}",
        "amount": money_text(review["total"]),
        "why": "; ".join(review["reasons"]),
    }
    names = ("status", "customer", "offer", "amount", "money", "why", "opened_at", "expires_at", "decision",
             "decided_by", "reason", "decided_at")  # fmt: skip
    print_facts(shown, names)
    for name, value in review["card"].items():
        if value is not None:
            say(f"[dim]{'card':<16}[/] {escape(name)}: {escape(str(value))}")
    if review["state"] == "deciding":
        say("[dim]The gateway did not answer; it is asked until it does.[/]")
