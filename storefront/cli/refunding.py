"""``storefront refund``: give a purchase's money back, or look at what that would take."""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.output import console, counted
from storefront.cli.purchases import PurchaseArgument, taken_lines
from storefront.cli.showing import ask_shop, coloured, money_text, print_as_json, say

_IS_DECIDED = frozenset({"not_refundable", "already_refunded", "refund_too_large", "refund_too_fine", "goods_used",
                         "refund_failed", "not_found", "invalid_request", "idempotency_key_reused"})  # fmt: skip
MOST_UNITS = 1_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be refunded, as it was typed: ``amount`` is a decimal number and its currency, ``lines`` are units of
    what is in a bundle."""

    purchase: str
    reason: str
    amount: tuple[str, str] | None
    quantity: int | None
    lines: list[tuple[str, int]]
    strategy: str
    is_dry_run: bool
    key: str | None


class AmountInQuotes(TyperCommand):
    """A command that takes ``--amount "2.50 USD"`` as ``--amount 2.50 USD``, and no option for a currency."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words: list[str] = []
        for word in args:
            if word.startswith("--amount="):
                words += ["--amount", *word.removeprefix("--amount=").split()]
            elif words and words[-1] == "--amount":
                words += word.split() or [word]
            else:
                words.append(word)
        return super().parse_args(ctx, words)


class Strategy(StrEnum):
    """What becomes of goods that are gone."""

    FAIL = "fail"
    FLOOR = "floor"
    DEBT = "debt"


def refund(
    purchase: PurchaseArgument,
    *,
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Why, for the books: kept for ever, so nothing personal.")
    ],
    amount: Annotated[
        tuple[str, str] | None,
        typer.Option("--amount", metavar="NUMBER CURRENCY", help="Only this much, as in: --amount 2.50 USD"),
    ] = None,
    quantity: Annotated[
        int | None, typer.Option("--quantity", min=1, help="Take this many back, at their share of the price.")
    ] = None,
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line", metavar="SKU=QUANTITY", help="Of a bundle, only so many of one of its contents; may be repeated."
        ),
    ] = None,
    strategy: Annotated[
        Strategy,
        typer.Option("--strategy", help="If goods are gone: refuse, write them off (floor), or let it be owed (debt)."),
    ] = Strategy.FAIL,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go back and be taken.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", help="The key of an earlier try, so that it happens once.")
    ] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a purchase's money back the way it came, and take its goods back. Audited.

    Without --amount, --quantity and --line all that is left goes back. An --amount alone takes no goods, unless it is
    all that is left; a currency of the shop's own is counted in its smallest unit. A --line gives back what that part
    of a bundle cost of it. What a gateway was paid goes back through it, which can take days: the shop goes on by
    itself.

    \b
    Examples:
      storefront refund pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason "a mistake" --dry-run
      storefront refund pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason goodwill --amount 2.50 USD
      storefront refund pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason "a mistake" --strategy debt
      storefront refund pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason broken --line sword=1 --line potion=2
    """
    if amount is not None and amount[1].startswith("-"):
        raise typer.BadParameter("a currency is missing, as in: --amount 2.50 USD", param_hint="--amount")
    lines = [_line(word) for word in line or ()]
    wanted = Wanted(purchase, reason, amount, quantity, lines, str(strategy), dry_run, key)
    _refund(Choice(config, data=data), wanted, as_json=as_json)


def _line(word: str) -> tuple[str, int]:
    """Read ``SKU=QUANTITY``."""
    sku, _, quantity = word.rpartition("=")
    if not sku or not (quantity.isascii() and quantity.isdecimal()) or not 1 <= int(quantity) <= MOST_UNITS:
        raise typer.BadParameter(f"{word} is not SKU=QUANTITY, as in: --line potion=2", param_hint="--line")
    return sku, int(quantity)


def _refund(choice: Choice, wanted: Wanted, *, as_json: bool) -> None:
    """Refund, or with a dry run say what would be done.

    Raises:
        StorefrontError: it was refused, or nobody knows; then the key to repeat it under was printed.
    """
    key = wanted.key or secrets.token_urlsafe(12)
    try:
        made = ask_shop(
            choice,
            "purchases.refund",
            key=key,
            purchase=wanted.purchase,
            reason=wanted.reason,
            amount=None if wanted.amount is None else list(wanted.amount),
            quantity=wanted.quantity,
            lines=wanted.lines,
            strategy=wanted.strategy,
            dry_run=wanted.is_dry_run,
        )
    except Exception as error:
        if not wanted.is_dry_run and _may_have_happened(error):
            say_again = f"Repeat it with --key {key}: then it happens once, whatever became of this."
            console(stderr=True).print(f"[yellow]{escape(say_again)}[/]")
        raise
    if as_json:
        print_as_json(made)
        return
    _print(made)


def _may_have_happened(error: Exception) -> bool:
    """Tell whether an error leaves open what became of the refund: all do that are not the shop's clear no."""
    facts: Any = getattr(error, "facts", {})
    return facts.get("code", getattr(error, "code", None)) not in _IS_DECIDED


def _print(made: dict[str, Any]) -> None:
    amount = escape(money_text(made["amount"]))
    if made["dry_run"]:
        say(f"[bold]{amount}[/] would go back. Nothing has been done.")
    else:
        say(f"[bold]{amount}[/] {made['id']}  {coloured(made['state'])}")
    for one in made["lines"]:
        say(f"  {one['quantity']:,} × {escape(one['sku'])} for {escape(money_text(one['amount']))}")
    for line in taken_lines(made["taken_back"]):
        say(f"  {line}")
    if made["state"] == "pending" and not made["dry_run"]:
        say(f"[dim]The gateway is at it; it goes on by itself: storefront purchases show {made['purchase']}[/]")
    elif made["dry_run"] and made["quantity"]:
        say(f"[dim]That is the price of {counted(made['quantity'], 'unit', 'units')} of the purchase.[/]")
