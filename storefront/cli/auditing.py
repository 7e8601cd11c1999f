"""``storefront audit verify``: the books proved from the file itself, also while a server writes it."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from storefront.cli.choices import Choice
from storefront.cli.output import console
from storefront.core.audit import render, verify_database
from storefront.core.audit.verify import Progress as Tell
from storefront.core.config import Config
from storefront.core.sealing.anchors import Kept, read_anchors
from storefront.joining import make_database

QUIET_SECONDS = 2.0
"""An audit that is done sooner shows no progress bar."""


def verify(choice: Choice, *, deep: bool, anchors: Sequence[Path], as_json: bool) -> None:
    """Check every invariant and print the report; ends with exit code 1 on violations.

    Raises:
        BadAnchor: a file of anchors holds something else.
    """
    host = choice.load()
    kept = _anchors(host.config, anchors)
    with _progress_bar() as tell:
        report = asyncio.run(verify_database(make_database(host), deep=deep, progress=tell, anchors=kept))
    if as_json:
        print(report.to_json())
    else:
        console().print(render(report))
    if not report.is_clean:
        raise typer.Exit(1)


def _anchors(config: Config, named: Sequence[Path]) -> list[Kept] | None:
    """Read the files that were named, and those of the configuration that are there already."""
    configured = [target.file for target in config.audit.anchors if target.file is not None]
    files = dict.fromkeys([*named, *(file for file in configured if file.exists())])
    return [kept for file in files for kept in read_anchors(file)] if files else None


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
