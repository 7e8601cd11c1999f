"""``storefront migrate``: brings the database to this program's revision, or tells where it stands."""

import asyncio
from typing import Any

from storefront.cli.asking import ask_server, is_running
from storefront.cli.choices import Choice
from storefront.cli.output import console, print_json
from storefront.core.database import Database, DatabaseInUse, describe_revisions
from storefront.databases import make_database
from storefront.plugins import PluginHost

Revisions = list[dict[str, Any]]
"""``{history, current, wanted}`` of the core and of each plugin, core first."""


def migrate(choice: Choice, *, only_status: bool, to: str | None, history: str, as_json: bool) -> None:
    """Migrate core and plugins, core first; with ``to`` one history alone; with ``only_status`` nothing is changed.

    Raises:
        DatabaseInUse: a server runs; it migrated when it started.
        ServerRefused: the server on this data folder keeps other books.
        MigrationFailed: the database is newer than this program, or cannot be brought where ``to`` says.
    """
    host = choice.load()
    running = is_running(host.config.data_dir)
    told = asyncio.run(_of_the_server(host, choice.books())) if running else None
    if running and not only_status:
        raise DatabaseInUse(
            f"A server runs on {host.config.data_dir}; it brought the database up when it started. "
            "Stop it first, or only look: storefront migrate --status."
        )
    database = make_database(host)
    before = asyncio.run(_stand(database)) if told is None else told
    if not only_status and to is not None:
        asyncio.run(database.migrate_to(history, to))
    elif not only_status:
        asyncio.run(_open_and_close(database, str(host.config.mode)))
    after = before if only_status else asyncio.run(_stand(database))
    if as_json:
        print_json(after)
    else:
        _print(before, after)


async def _of_the_server(host: PluginHost, books: str | None) -> Revisions:
    found: Revisions = (await ask_server(host.config.data_dir, "status", {}, books=books))["revisions"]
    return found


async def _stand(database: Database) -> Revisions:
    return describe_revisions(await database.revisions())


async def _open_and_close(database: Database, mode: str) -> None:
    await database.open(mode=mode)
    await database.close()


def _print(before: Revisions, after: Revisions) -> None:
    out = console()
    was = {found["history"]: found["current"] for found in before}
    for now in after:
        old, new = was[now["history"]] or "new", now["current"] or "not there yet"
        step = new if was[now["history"]] == now["current"] else f"{old} → {new}"
        state = "[green]up to date[/]" if now["current"] == now["wanted"] else f"[yellow]wants {now['wanted']}[/]"
        out.print(f"  {now['history']:<20} {step:<16} {state}")
