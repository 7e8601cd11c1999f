"""``storefront audit verify``: the books proved from the file itself, also while a server writes it."""

import asyncio

import typer

from storefront.cli.choices import Choice
from storefront.cli.output import console
from storefront.cli.progress import progress_bar
from storefront.core.audit import render, verify_file
from storefront.joining import database_path


def verify(choice: Choice, *, deep: bool, as_json: bool) -> None:
    """Check every invariant and print the report; ends with exit code 1 on violations."""
    path = database_path(choice.load().config)
    with progress_bar() as tell:
        report = asyncio.run(verify_file(path, deep=deep, progress=tell))
    if as_json:
        print(report.to_json())
    else:
        console().print(render(report))
    if not report.is_clean:
        raise typer.Exit(1)
