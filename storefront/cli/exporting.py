"""``storefront export journal``: a month of the ledger for accountants, as CSV."""

import asyncio
import csv
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.export_lists import ListsByName, add_commands

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storefront.cli.progress import Tell
    from storefront.core.config import Config
    from storefront.core.journal import Mapped, Month, Total

TOLD_EVERY = 1_000

app = typer.Typer(cls=ListsByName, no_args_is_help=True, rich_markup_mode="rich")
add_commands(app)


@app.callback()
def exports() -> None:
    """Take out what others need.

    \b
    Examples:
      storefront export journal --month 2026-11 --output november.csv
      storefront export purchases --to purchases.csv
    """


@app.command()
def journal(
    *,
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="The calendar month, in UTC.")],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML of patterns: platform:revenue:*: 4000 Revenue")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The CSV file; without it stdout.")] = None,
    customer_names: Annotated[
        bool, typer.Option("--customer-names", help="Show customers by the game's ids, which may be personal.")
    ] = False,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Write each transfer of a month as one posting (debit, credit, decimal amount), and totals that balance.

    Works while the shop is served. With a mapping, the first pattern that fits names an account; accounts that none
    fits are listed, nothing is written, and the exit code is 1.

    \b
    Examples:
      storefront export journal --month 2026-11 > november.csv
      storefront export journal --month 2026-11 --mapping accounts.yaml --output november.csv --json
    """
    from storefront.core.account_mapping import read_mapping
    from storefront.core.journal import Month
    from storefront.databases import make_database

    try:
        period = Month.parse(month)
    except ValueError as error:
        raise typer.BadParameter("is written as in 2026-11", param_hint="--month") from error
    if as_json and output is None:
        raise typer.BadParameter("needs --output, because both would go to stdout", param_hint="--json")
    host = Choice(file or config, data=data).load()
    mapped = read_mapping(mapping) if mapping is not None else None
    from storefront.cli.progress import progress_bar

    with progress_bar() as tell:
        work = _Export(period, mapped, host.config, customer_names, output, tell)
        count, totals = asyncio.run(make_database(host).read(work))
    _report(period, count, totals, host.config, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Export:
    """Writes one month over one read snapshot; answers the number of postings and the totals."""

    month: "Month"
    mapped: "Mapped | None"
    config: "Config"
    with_customer_names: bool
    output: Path | None
    tell: "Tell"

    def __call__(self, connection: "Connection") -> "tuple[int, list[Total]]":
        from storefront.core import journal
        from storefront.core.errors import StorefrontError
        from storefront.core.exporting.columns import exponents_of

        journal.begin_snapshot(connection)
        names = journal.Names(connection, self.mapped or (), with_customer_names=self.with_customer_names)
        if self.mapped is not None:
            missing = [name for name in journal.accounts_of(connection, self.month) if names.mapped(name) is None]
            if missing:
                raise StorefrontError(
                    f"No pattern of the mapping fits {len(missing)} accounts, so nothing was written: "
                    f"{', '.join(missing)}"
                )
        count = journal.count_postings(connection, self.month)
        with opened(self.output) as file:
            writer = csv.writer(file)
            writer.writerow(journal.COLUMNS)
            rows = journal.postings(connection, self.month, names, exponents_of(self.config))
            for number, row in enumerate(rows, start=1):
                writer.writerow(row)
                if number % TOLD_EVERY == 0:
                    self.tell("exporting", number, count)
        return count, journal.totals_of(connection, self.month, names)


@contextmanager
def opened(output: Path | None) -> Iterator[IO[str]]:
    """Give the file to write text to, which appears whole or not at all (0600), or stdout."""
    if output is None:
        yield sys.stdout
        return
    with opened_bytes(output) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.detach()  # flushed; whoever opened the file closes it


@contextmanager
def opened_bytes(output: Path | None) -> Iterator[IO[bytes]]:
    """Give the file to write bytes to, which appears whole or not at all (0600), or stdout."""
    if output is None:
        yield sys.stdout.buffer
        return
    draft = output.with_name(f".{output.name}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def _report(month: "Month", count: int, totals: "list[Total]", config: "Config", *, as_json: bool) -> None:
    """Tell the totals of each asset, as JSON of each account; a month whose debits and credits differ ends with 1."""
    from storefront.cli.output import console, print_error, print_json
    from storefront.core.exporting.columns import exponents_of
    from storefront.core.journal import show_amount

    exponents = exponents_of(config)
    facts: list[dict[str, Any]] = [
        {
            "account": total.account,
            "asset": total.asset,
            "debit": show_amount(total.debit, exponents.get(total.asset, 0)),
            "credit": show_amount(total.credit, exponents.get(total.asset, 0)),
        }
        for total in totals
    ]
    sides = {
        asset: [sum(t.debit for t in totals if t.asset == asset), sum(t.credit for t in totals if t.asset == asset)]
        for asset in sorted({total.asset for total in totals})
    }
    is_balanced = all(debit == credit for debit, credit in sides.values())
    if as_json:
        print_json({"month": month.name, "postings": count, "balanced": is_balanced, "totals": facts})
    else:
        out = console(stderr=True)
        out.print(f"{month.name}: {count:,} postings{'; per asset, debits and credits are' if sides else '.'}")
        for asset, (debit, credit) in sides.items():
            shown = [show_amount(side, exponents.get(asset, 0)) for side in (debit, credit)]
            out.print(f"  {asset:<8} {shown[0]:>16} {shown[1]:>16}")
    if not is_balanced:
        print_error("Debits and credits differ: run storefront audit verify.")
        raise typer.Exit(1)
