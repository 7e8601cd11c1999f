"""``storefront refund`` and ``storefront reconcile``: their flags and help."""

from enum import StrEnum
from typing import Annotated

import typer

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.purchases import PurchaseArgument


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

    Without --amount and --quantity all that is left goes back. An --amount alone takes no goods, unless it is all
    that is left; a currency of the shop's own is counted in its smallest unit. What a gateway was paid goes back
    through it, which can take days: the shop goes on by itself.

    \b
    Examples:
      storefront refund pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason "a mistake" --dry-run
      storefront refund pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason goodwill --amount 2.50 USD
      storefront refund pur_01k9x3v2m7q8r5t4w6y1z0abcd --reason "a mistake" --strategy debt
    """
    from storefront.cli import refunding

    wanted = refunding.Wanted(purchase, reason, amount, quantity, str(strategy), dry_run, key)
    refunding.refund(Choice(config, data=data), wanted, as_json=as_json)


def reconcile(
    *,
    gateway: Annotated[
        str | None, typer.Option("--gateway", "-g", help="Only this one; else all that show their books.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="From when on: 30d, 12h, 2w, or 2026-11-21T09:30:00Z; a week if absent."),
    ] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare the gateways' own records with the shop's payments and its ledger, to the cent.

    What is safe is mended: webhooks that never came, fees, movements that were passed over. Every other difference
    is listed with what to do about it; then the exit code is 1. A job does the same once a day.

    \b
    Examples:
      storefront reconcile
      storefront reconcile --gateway stripe --since 30d
      storefront reconcile --json | jq '.[].differences'
    """
    from storefront.cli import reconciling

    reconciling.reconcile(Choice(config, data=data), gateway=gateway, since=since, as_json=as_json)
