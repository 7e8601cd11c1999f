"""``storefront audit verify``: the books proved from the database itself, also while servers write it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from storefront.cli.choices import Choice
from storefront.cli.output import console
from storefront.cli.progress import progress_bar
from storefront.core.audit import Report, render, verify_database
from storefront.core.audit.verify import Progress
from storefront.core.config import Config
from storefront.core.database import Database
from storefront.core.errors import StorefrontError
from storefront.core.sealing.anchors import Kept, read_anchors
from storefront.joining import make_database


class NothingToAudit(StorefrontError):
    code = "nothing_to_audit"
    title = "There is no shop in the database"


def verify(choice: Choice, *, deep: bool, anchors: Sequence[Path], as_json: bool) -> None:
    """Check every invariant and print the report; ends with exit code 1 on violations.

    Raises:
        BadAnchor: a file of anchors holds something else.
    """
    host = choice.load()
    kept = _anchors(host.config, anchors)
    with progress_bar() as tell:
        report = asyncio.run(_verify(make_database(host), deep=deep, tell=tell, anchors=kept))
    if as_json:
        print(report.to_json())
    else:
        console().print(render(report))
    if not report.is_clean:
        raise typer.Exit(1)


async def _verify(database: Database, *, deep: bool, tell: Progress, anchors: list[Kept] | None) -> Report:
    if database.is_shared and any(found.current is None for found in await database.revisions()):
        raise NothingToAudit(f"There is no shop in {database.name} yet. `storefront migrate` or `serve` makes one.")
    return await verify_database(database, deep=deep, progress=tell, anchors=anchors)


def _anchors(config: Config, named: Sequence[Path]) -> list[Kept] | None:
    """Read the files that were named, and those of the configuration that are there already."""
    configured = [target.file for target in config.audit.anchors if target.file is not None]
    files = dict.fromkeys([*named, *(file for file in configured if file.exists())])
    return [kept for file in files for kept in read_anchors(file)] if files else None
