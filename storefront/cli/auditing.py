"""``storefront audit verify``: the books proved from the database itself, also while servers write it."""

import asyncio

import typer

from storefront.cli.choices import Choice
from storefront.cli.output import console
from storefront.cli.progress import progress_bar
from storefront.core.audit import Report, render, verify_database
from storefront.core.audit.verify import Progress
from storefront.core.database import Database
from storefront.core.errors import StorefrontError
from storefront.joining import make_database


class NothingToAudit(StorefrontError):
    code = "nothing_to_audit"
    title = "There is no shop in the database"


def verify(choice: Choice, *, deep: bool, as_json: bool) -> None:
    """Check every invariant and print the report; ends with exit code 1 on violations."""
    database = make_database(choice.load())
    with progress_bar() as tell:
        report = asyncio.run(_verify(database, deep=deep, tell=tell))
    if as_json:
        print(report.to_json())
    else:
        console().print(render(report))
    if not report.is_clean:
        raise typer.Exit(1)


async def _verify(database: Database, *, deep: bool, tell: Progress) -> Report:
    if database.is_shared and any(found.current is None for found in await database.revisions()):
        raise NothingToAudit(f"There is no shop in {database.name} yet. `storefront migrate` or `serve` makes one.")
    return await verify_database(database, deep=deep, progress=tell)
