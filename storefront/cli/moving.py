"""``storefront move``: takes a shop's books from its SQLite file to PostgreSQL, and proves that all have arrived."""

import asyncio
import os
from dataclasses import asdict

import typer
from rich.markup import escape

from storefront.cli.asking import ask_server, is_running
from storefront.cli.choices import Choice
from storefront.cli.output import console, print_json
from storefront.cli.progress import Tell, progress_bar
from storefront.core.audit import Report, render, verify_database
from storefront.core.database import DatabaseInUse
from storefront.core.errors import Invalid
from storefront.core.migrating import CORE
from storefront.core.moving import Move, Moved
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sqlite_database import SqliteDatabase
from storefront.databases import make_database
from storefront.plugins import PluginHost


def move(choice: Choice, *, to: str, as_json: bool) -> None:
    """Move the books, audit them where they are now, and tell what to put into the YAML.

    Raises:
        DatabaseInUse: a server runs on the file.
        ServerRefused: a server of other books runs on the data folder.
        Invalid: it is not a move from a file to PostgreSQL.
        TargetNotEmpty, UnknownTables, MoveFailed: nothing has moved.
    """
    host = choice.load()
    if is_running(host.config.data_dir):
        asyncio.run(ask_server(host.config.data_dir, "status", {}, books=choice.books()))
        raise DatabaseInUse(f"A server runs on {host.config.data_dir}. Stop it first: the books must not change.")
    with progress_bar() as tell:
        moved, report = asyncio.run(_move(host, os.path.expandvars(to), tell))
    if as_json:
        print_json({**asdict(moved), "clean": report.is_clean})
    else:
        _print(moved, report)
    if not report.is_clean:
        raise typer.Exit(1)


async def _move(host: PluginHost, url: str, tell: Tell) -> tuple[Moved, Report]:
    source = make_database(host)
    if not isinstance(source, SqliteDatabase) or not source.path.is_file():
        raise Invalid(f"There is no SQLite file to move: the shop's database is {source.name}.")
    if not url.startswith("postgresql://"):
        raise Invalid("Say where to: --to postgresql://shop@db.example/shop")
    histories, tables = host.histories(), host.tables()
    target = PostgresDatabase(url, histories=histories, tables=tables)
    move = Move(source, target, histories=[CORE, *histories], tables=tables, progress=tell)
    moved = await move.run(mode=str(host.config.mode))
    return moved, await verify_database(target, deep=True, progress=tell)


def _print(moved: Moved, report: Report) -> None:
    out = console()
    out.print(f"Moved {sum(moved.rows.values())} rows to {escape(moved.target)}; both sides read the same, row by row.")
    out.print(f"[dim]digest {moved.digest}[/]\n")
    out.print(render(report))
    out.print("\nNow put its address into the YAML and start the server:\n")
    out.print("  database:\n    url: postgresql://…\n")
    out.print("The file is kept as it was; it is not served any more.")
