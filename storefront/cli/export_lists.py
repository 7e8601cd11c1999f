"""``storefront export list`` and ``storefront export LIST``: any list of the shop as a file."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storefront.cli.progress import Tell
    from storefront.core.config import Config
    from storefront.core.exporting.formats import Encoder
    from storefront.core.exporting.lists import Export, Wanted
    from storefront.plugins import PluginHost

ROWS = "rows"


class Format(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"
    JSON_LINES = "jsonl"


class ListsByName(TyperGroup):
    """Takes a word that is no command for the name of a list: ``export purchases`` means ``export rows purchases``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        is_list = args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None
        return super().resolve_command(ctx, [ROWS, *args] if is_list else args)


def add_commands(app: typer.Typer) -> None:
    """Add the commands to ``storefront export``."""
    app.command("list")(list_lists)
    app.command(ROWS)(export_rows)


def list_lists(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Say which lists there are, by what each can be narrowed, and with --json what its columns are.

    \b
    Example:
      storefront export list
    """
    from storefront.cli.output import print_json
    from storefront.cli.showing import print_table

    found = Choice(file or config, data=data).load().exports()
    if as_json:
        print_json([one.to_json() for one in found.values()])
        return
    print_table(
        ("list", "holds", "filters"), [(one.name, one.title, ", ".join(one.narrows_by)) for one in found.values()]
    )


def export_rows(
    *,
    name: Annotated[str, typer.Argument(metavar="LIST", help="Which list: `storefront export list` names them.")],
    to: Annotated[Path | None, typer.Option("--to", "-o", help="The file to write; without it stdout.")] = None,
    format_name: Annotated[
        Format | None, typer.Option("--format", help="What to write; else what the file's name ends with, else CSV.")
    ] = None,
    begins: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Only what is of then or later: 2026-11-01T00:00:00Z.")
    ] = None,
    ends: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only what is of before then.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only what is of this customer.")] = None,
    filters: Annotated[
        list[str] | None, typer.Option("--filter", metavar="NAME=VALUE", help="Only these; can be given several times.")
    ] = None,
    bom: Annotated[bool, typer.Option("--bom", help="Begin CSV with a byte order mark, for Excel.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a list as CSV, Parquet or JSON lines: all of its rows as they are at one moment.

    `storefront export purchases` is short for `storefront export rows purchases`. Works while the shop is served, whose
    audit trail then tells of it, and reads without changing anything. The file appears whole or not at all.

    \b
    Examples:
      storefront export purchases --to purchases.csv --from 2026-11-01T00:00:00Z
      storefront export payments --format parquet --to payments.parquet --filter state=received
    """
    chosen = _format_of(format_name, to)
    if to is None and (as_json or (chosen is Format.PARQUET and sys.stdout.isatty())):
        raise typer.BadParameter("is needed, because stdout is for something else", param_hint="--to")
    if to is not None and to.exists() and not force:
        raise typer.BadParameter(f"{to} is there already; --force writes over it", param_hint="--to")
    given = {"from": begins, "until": ends, "customer": customer, **_pairs(filters or [])}
    choice = Choice(config, data=data)
    export = _need(choice, name)
    asked = {key: value for key, value in given.items() if value is not None}
    facts = asyncio.run(_export(choice, export[0], export[1], asked, _File(to, chosen, has_bom=bom)))
    _report(facts, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _File:
    """What is to be written."""

    to: Path | None
    format: Format
    has_bom: bool


@dataclass(frozen=True, slots=True)
class _Writing:
    """Writes a list over one read snapshot; answers the number of its rows."""

    config: "Config"
    export: "Export"
    given: Mapping[str, str]
    file: _File
    tell: "Tell"

    def __call__(self, connection: "Connection") -> int:
        from storefront.cli.exporting import opened_bytes
        from storefront.core.exporting.formats import encoder_for
        from storefront.core.journal import begin_snapshot

        begin_snapshot(connection)
        encoder = encoder_for(self.file.format, self.export.columns, has_bom=self.file.has_bom)
        wanted = wanted_over(connection, self.export, self.given)
        with opened_bytes(self.file.to) as out:
            return self._write(connection, wanted, encoder, out)

    def _write(self, connection: "Connection", wanted: "Wanted", encoder: "Encoder", out: IO[bytes]) -> int:
        from storefront.core.clock import Clock
        from storefront.core.exporting.columns import Context
        from storefront.core.exporting.reading import read_pages, values_of

        wall = Clock().wall()
        context = Context.of(self.config, now=wall + clock_offset(connection), wall=wall)
        # Counting reads everything once more: only for those who see the bar.
        count = int(connection.execute(wanted.count(context)).scalar_one()) if sys.stderr.isatty() else None
        out.write(encoder.begin())
        rows = read = 0
        for page in read_pages(connection, wanted, context):
            values = values_of(self.export, page, context)
            out.write(encoder.add(values))
            rows, read = rows + len(values), read + len(page)
            self.tell("exporting", read, count)
        out.write(encoder.end())
        return rows


def wanted_over(connection: "Connection", export: "Export", given: Mapping[str, str]) -> "Wanted":
    """Read filters as they were given, and find the customer in the database itself.

    Raises:
        Invalid: the list has no such filter, or a time is none.
        NotFound: there is no such customer.
    """
    from sqlalchemy import select

    from storefront.core.errors import NotFound
    from storefront.core.exporting.lists import CUSTOMER, Wanted
    from storefront.core.tables import customers

    Wanted.read(export, given, customer_id=None)
    if CUSTOMER not in given:
        return Wanted.read(export, given, customer_id=None)
    statement = select(customers.c.id).where(customers.c.external_id == given[CUSTOMER])
    customer_id = connection.execute(statement).scalar()
    if customer_id is None:
        raise NotFound(f"There is no customer {given[CUSTOMER]}.")
    return Wanted.read(export, given, customer_id=customer_id)


def clock_offset(connection: "Connection") -> int:
    """Return by how much a sandbox's business time is ahead (ms)."""
    from sqlalchemy import select

    from storefront.core.tables import settings
    from storefront.core.timetravel import SETTING

    return int(connection.execute(select(settings.c.value).where(settings.c.key == SETTING)).scalar() or 0)


async def _export(
    choice: Choice, host: "PluginHost", export: "Export", given: Mapping[str, str], file: _File
) -> dict[str, Any]:
    """Write the file, and have a running server write down that it begins, and how it ended."""
    from storefront.cli.asking import is_running
    from storefront.cli.progress import progress_bar
    from storefront.databases import make_database

    database, is_served = make_database(host), is_running(choice.data_dir())
    told: dict[str, Any] = {"format": str(file.format), "filters": {}}
    if is_served:
        wanted = await database.read(lambda connection: wanted_over(connection, export, given))
        told["filters"] = wanted.to_json()
        await _record(choice, export, told, ended=False)
    rows, is_whole = None, False
    try:
        with progress_bar() as tell:
            rows = await database.read(_Writing(host.config, export, given, file, tell))
        is_whole = True
    finally:
        if is_served:
            await _record(choice, export, {**told, "rows": rows, "whole": is_whole}, ended=True)
    size = None if file.to is None else file.to.stat().st_size
    shown = None if file.to is None else str(file.to)
    return {"list": export.name, "format": str(file.format), "rows": rows, "to": shown, "bytes": size,
            "audited": is_served}  # fmt: skip


async def _record(choice: Choice, export: "Export", facts: Mapping[str, Any], *, ended: bool) -> None:
    from storefront.cli.asking import ask_server

    asked = {"list": export.name, "facts": facts, "ended": ended}
    await ask_server(choice.data_dir(), "exports.record", asked, books=choice.books())


def _need(choice: Choice, name: str) -> "tuple[PluginHost, Export]":
    host = choice.load()
    found = host.exports().get(name)
    if found is None:
        raise typer.BadParameter(f"there is no list called {name}: see storefront export list", param_hint="LIST")
    return host, found


def _format_of(chosen: Format | None, to: Path | None) -> Format:
    if chosen is not None:
        return chosen
    ending = "" if to is None else to.suffix.removeprefix(".")
    return Format(ending) if ending in list(Format) else Format.CSV


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise typer.BadParameter("is written as NAME=VALUE", param_hint="--filter")
        pairs[name] = value
    return pairs


def _report(facts: dict[str, Any], *, as_json: bool) -> None:
    """Tell what was written: on stderr, for stdout may be the file."""
    from storefront.cli.output import console, counted, print_json

    if as_json:
        print_json(facts)
        return
    where = "" if facts["to"] is None else f" in {facts['to']} ({facts['bytes']:,} bytes)"
    console(stderr=True).print(f"{counted(facts['rows'], 'row', 'rows')} of {facts['list']}{where}.", markup=False)
