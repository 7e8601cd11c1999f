"""How commands that ask the shop show its answers: facts, tables, amounts. What is heavy is imported when used."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from rich.markup import escape

from storefront.cli.choices import Choice

COLUMN_GAP = 2
MOST_NARROW = 20
"""How narrow a column of prose may become before its table is wider than the terminal."""


def ask_shop(choice: Choice, operation: str, **arguments: Any) -> dict[str, Any]:
    """Carry out an operation in the running server, else in this process; a bar moves while it takes long.

    Raises:
        StorefrontError: as ``asking.ask`` says.
    """
    from storefront.cli.asking import ask
    from storefront.cli.progress import waiting_bar

    with waiting_bar(operation):
        return asyncio.run(ask(choice, operation, **arguments))


def print_facts(facts: Mapping[str, Any], names: Sequence[str]) -> None:
    """Print what is known under these names, a line each."""
    for name in names:
        if facts[name] not in (None, ""):
            say(f"[dim]{name:<16}[/] {escape(str(facts[name]))}")


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = (), prose: Sequence[str] = ()
) -> None:
    """Print rows under their columns; those named ``right`` hold figures. Cells are markup: escape texts.

    Nothing is ever cut. In a terminal columns named ``prose`` are broken into lines where there is no room for them;
    elsewhere (a pipe, a file) a row is one line, however long.
    """
    from rich.table import Table
    from rich.text import Text

    from storefront.cli.output import console

    out = console()
    table = Table(box=None, pad_edge=False)
    least = whole = 0
    for place, column in enumerate(columns):
        width = max(Text.from_markup(cell).cell_len for cell in (column, *(row[place] for row in rows)))
        narrow = min(width, MOST_NARROW) if column in prose else width
        whole += width + COLUMN_GAP
        least += narrow + COLUMN_GAP
        justify: Literal["left", "right"] = "right" if column in right else "left"
        table.add_column(column, no_wrap=column not in prose, overflow="fold", min_width=narrow, justify=justify)
    for row in rows:
        table.add_row(*row)
    out.width = max(out.width, least) if out.is_terminal else whole
    out.print(table)


def print_page(
    page: Mapping[str, Any],
    columns: Sequence[str],
    cells: Callable[[dict[str, Any]], Sequence[str]],
    *,
    empty: str,
    as_json: bool,
    right: Sequence[str] = (),
    prose: Sequence[str] = (),
) -> None:
    """Print a page of a list: for programs, or a row of ``cells`` each and how to get the next; ``empty`` if none."""
    if as_json:
        print_as_json(page)
    elif page["data"]:
        print_table(columns, [cells(one) for one in page["data"]], right=right, prose=prose)
        print_more(page)
    else:
        say(empty)


def print_answer(answer: Mapping[str, Any], line: str, *, as_json: bool) -> None:
    """Print what was answered: for programs, or a line of markup about it."""
    if as_json:
        print_as_json(answer)
    else:
        say(line)


def print_heading(text: str) -> None:
    """Print the heading of a part of what follows."""
    say(f"\n[bold]{text}[/]")


def print_as_json(facts: Any) -> None:
    """Print facts for programs."""
    from storefront.cli.output import print_json

    print_json(facts)


def print_more(page: Mapping[str, Any]) -> None:
    """Say how to get the next page of a list, if there is one."""
    if page["next"] is not None:
        say(f"[dim]More: --after {escape(page['next'])}[/]")


def say(line: str) -> None:
    """Print a line of markup."""
    from storefront.cli.output import console

    console().print(line)


def amount_text(amount: int, asset: str) -> str:
    """Write an amount with its asset: ``4.99 USD``, ``-120 gems``; assets of the shop's own are whole numbers."""
    from storefront.design.money import exponent_of, is_real

    exponent = exponent_of(asset) if is_real(asset) else 0
    whole, part = divmod(abs(amount), 10**exponent)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}.{part:0{exponent}d} {asset}" if exponent else f"{sign}{whole:,} {asset}"


def money_text(money: Mapping[str, Any]) -> str:
    """Write an amount of the wire: ``{"amount": 499, "currency": "USD"}``."""
    return amount_text(money["amount"], money["currency"])


def words(value: Any) -> str:
    """Write facts of the wire for people: names and values in words, amounts with their currency."""
    match value:
        case {"amount": int(amount), "currency": str(currency)} if len(value) == 2:
            return amount_text(amount, currency)
        case dict():
            return ", ".join(f"{name.replace('_', ' ')}: {words(one)}" for name, one in value.items())
        case list() | tuple():
            return ", ".join(words(one) for one in value)
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def short_time(text: str | None) -> str:
    """Write a time of the wire to the minute, UTC; ``-`` for none."""
    return "-" if text is None else text[:16].replace("T", " ")


def coloured(state: str) -> str:
    """Return a state in the colour of how good it is."""
    colours = {
        "green": {"active", "completed", "approved", "sent", "processed", "won", "received", "enabled", "trialing"},
        "yellow": {"pending", "waiting", "open", "warning", "in_review", "paid", "awaiting", "processing", "past_due",
                   "paused", "deciding"},
        "red": {"dead", "quarantined", "lost", "failed", "rejected", "expired", "unpaid"},
    }  # fmt: skip
    found = next((colour for colour, states in colours.items() if state in states), None)
    return escape(state) if found is None else f"[{found}]{escape(state)}[/]"
