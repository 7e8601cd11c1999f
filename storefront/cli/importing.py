"""``storefront import balances``: what customers had elsewhere, granted once each."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigFlag, DataFlag, JsonFlag

if TYPE_CHECKING:
    from storefront.cli.progress import Tell
    from storefront.core.balance_file import BalanceFile
    from storefront.core.config import Mistake
    from storefront.plugins import PluginHost

ROWS_AT_ONCE = 500


class DoesNotFit(Exception):
    """Rows that would fill wallets past what they take, each as a mistake of the file."""

    def __init__(self, mistakes: "Sequence[Mistake]") -> None:
        super().__init__()
        self.mistakes = mistakes


app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def imports() -> None:
    """Bring in what was kept elsewhere.

    \b
    Example:
      storefront import balances wallets.csv --reason "moved from the old shop"
    """


@app.command()
def balances(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="customer,asset,amount[,expires_at][,reference]")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with each grant for ever.")],
    import_id: Annotated[
        str, typer.Option("--import-id", help="A name for another import to customers who had one already.")
    ] = "opening",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file.")] = False,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Grant opening balances from a CSV file, into a running server or without one; verified at the end.

    Amounts are whole numbers of the smallest unit. With one mistake in the file nothing is granted, and all of them
    are listed. Each customer gets each asset once per import (or each `reference` once): run it again after it was
    interrupted, and it continues.

    \b
    Examples:
      storefront import balances wallets.csv --reason "moved from the old shop" --dry-run
      storefront import balances wallets.csv --reason "moved from the old shop"
    """
    from storefront.core.balance_file import read_balances
    from storefront.core.clock import Clock

    if not 1 <= len(reason.strip()) <= 500 or not reason.isprintable():
        raise typer.BadParameter("a reason has 1 to 500 printable characters", param_hint="--reason")
    if not 1 <= len(import_id) <= 100 or not import_id.isprintable():
        raise typer.BadParameter("an import's name has 1 to 100 printable characters", param_hint="--import-id")
    choice = Choice(config, data=data)
    host = choice.load()
    found = read_balances(file, assets=host.config.assets, now=Clock().now())
    if found.mistakes:
        raise _refused(found.mistakes, as_json=as_json)
    facts: dict[str, Any] = {"rows": len(found.rows), "totals": found.totals, "dry_run": dry_run}
    if not dry_run:
        from storefront.cli.progress import progress_bar

        try:
            with progress_bar() as tell:
                facts |= asyncio.run(_import(choice, host, found, import_id=import_id, reason=reason, tell=tell))
        except DoesNotFit as refused:
            raise _refused(refused.mistakes, as_json=as_json) from None
    _report(facts, as_json=as_json)


def _refused(mistakes: "Sequence[Mistake]", *, as_json: bool) -> typer.Exit:
    """Print what is wrong in a file and return how the command ends: nothing was granted."""
    from storefront.cli.output import describe_mistakes, print_json, print_mistakes

    if as_json:
        print_json({"mistakes": describe_mistakes(mistakes)})
    else:
        print_mistakes(mistakes)
    return typer.Exit(2)


async def _import(
    choice: Choice, host: "PluginHost", found: "BalanceFile", *, import_id: str, reason: str, tell: "Tell"
) -> dict[str, Any]:
    """Send all rows, then compare what the ledger moved for them with the file, and audit the books.

    Raises:
        DoesNotFit: wallets do not take so much; nothing was sent.
    """
    from storefront.cli.asking import asking
    from storefront.core.audit import verify_database
    from storefront.core.importing import imported_amounts, overfull
    from storefront.databases import make_database

    database, rows = make_database(host), iter(found.rows)
    new, moved, done = 0, dict[str, int](), 0
    async with asking(choice, host) as ask:
        too_much = await database.read(partial(overfull, rows=found.rows, import_id=import_id))
        if too_much:
            raise DoesNotFit([found.mistake_in_amount(line, message) for line, message in too_much])
        while chunk := list(islice(rows, ROWS_AT_ONCE)):
            sent = {"rows": [asdict(row) for row in chunk], "import_id": import_id, "reason": reason}
            answer = (await ask("import.balances", sent))["data"]
            new += sum(one["is_new"] for one in answer)
            ids = [one["grant_id"] for one in answer]
            amounts = await database.read(partial(imported_amounts, grant_ids=ids))
            for asset, amount in amounts.items():
                moved[asset] = moved.get(asset, 0) + amount
            done += len(chunk)
            tell("granting", done, len(found.rows))
    report = await verify_database(database, deep=False, progress=tell)
    return {
        "granted": new,
        "granted_before": len(found.rows) - new,
        "moved": moved,
        "verified": moved == found.totals and report.is_clean,
        "violations": report.explain().splitlines(),
    }


def _report(facts: dict[str, Any], *, as_json: bool) -> None:
    from storefront.cli.output import console, counted, print_error, print_json

    totals = ", ".join(f"{amount:,} {asset}" for asset, amount in facts["totals"].items()) or "nothing"
    rows = counted(facts["rows"], "row", "rows")
    if as_json:
        print_json(facts)
    elif facts["dry_run"]:
        console().print(f"{rows} without a mistake, {escape(totals)} in all. Nothing was granted.")
    else:
        before = f" ({facts['granted_before']:,} had been already)" if facts["granted_before"] else ""
        console().print(f"{facts['granted']:,} of {rows} granted{before}, {escape(totals)} in all.")
    if facts.get("verified", True):
        return
    print_error(f"The books do not say the same: they moved {facts['moved']}. {' '.join(facts['violations'])}")
    raise typer.Exit(1)
