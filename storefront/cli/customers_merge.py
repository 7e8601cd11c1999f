"""``storefront customers merge``: make one customer another."""

import secrets
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import ask_shop, print_as_json, say


def merge(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Who is to become another: the game's id, or ours.")],
    *,
    into: Annotated[str, typer.Option("--into", metavar="TARGET", help="Who they are from then on.")],
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Why, for the books: kept for ever, so nothing personal.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would move.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", help="The key of an earlier try, so that it happens once.")
    ] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Make one customer another: wallets, items, rights, subscriptions, saved cards and history move to TARGET.

    It cannot be undone. SOURCE stays a name of TARGET. What is under way at one of the two has to end first.

    \b
    Examples:
      storefront customers merge guest-17 --into ada --reason "one player" --dry-run
      storefront customers merge guest-17 --into ada --reason "one player"
    """
    found = ask_shop(
        Choice(config, data=data),
        "customers.merge",
        source=source,
        into=into,
        reason=reason,
        dry_run=dry_run,
        key=key or secrets.token_hex(16),
    )
    if as_json:
        print_as_json(found)
        return
    verb = "would become" if dry_run else "is now"
    say(f"[bold]{escape(found['source']['id'])}[/] {verb} [bold]{escape(found['target']['id'])}[/]")
    for name, amounts in (("wallets", found["wallets"]), ("debts", found["debts"]), ("items", found["items"])):
        say(f"[dim]{name:<10}[/] {_listed(amounts)}")
    say(f"[dim]{'records':<10}[/] {sum(found['rows'].values()):,}")


def _listed(amounts: Mapping[str, Any]) -> str:
    return ", ".join(f"{amount:,} {escape(name)}" for name, amount in sorted(amounts.items())) or "nothing"
