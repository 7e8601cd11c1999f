"""``storefront audit verify``: the books proved from the file itself, also while a server writes it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from storefront.cli.choices import Choice
from storefront.cli.output import console
from storefront.core.audit import render, verify_file
from storefront.core.audit.verify import Progress as Tell
from storefront.joining import database_path

QUIET_SECONDS = 2.0
"""An audit that is done sooner shows no progress bar."""


def verify(choice: Choice, *, deep: bool, as_json: bool) -> None:
    """Check every invariant and print the report; ends with exit code 1 on violations."""
    path = database_path(choice.load().config)
    with _progress_bar() as tell:
        report = asyncio.run(verify_file(path, deep=deep, progress=tell))
    if as_json:
        print(report.to_json())
    else:
        console().print(render(report))
    if not report.is_clean:
        raise typer.Exit(1)


@contextmanager
def _progress_bar() -> Iterator[Tell]:
    """Show a bar on a terminal once the audit takes longer than a moment."""
    out = console(stderr=True)
    columns = (TextColumn("[dim]{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
    task = bar.add_task("")
    patience = threading.Timer(QUIET_SECONDS, bar.start)
    patience.daemon = True
    patience.start()
    try:
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
    finally:
        patience.cancel()
        patience.join()
        bar.stop()
