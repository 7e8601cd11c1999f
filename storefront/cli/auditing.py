"""``storefront audit verify``: the books proved from the database itself, also while servers write it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from storefront.cli.choices import Choice
from storefront.cli.output import console
from storefront.cli.progress import progress_bar
from storefront.core.audit import render, verify_database
from storefront.core.config import Config
from storefront.core.sealing.anchors import Kept, read_anchors
from storefront.joining import make_database


def verify(choice: Choice, *, deep: bool, anchors: Sequence[Path], as_json: bool) -> None:
    """Check every invariant and print the report; ends with exit code 1 on violations.

    Raises:
        BadAnchor: a file of anchors holds something else.
    """
    host = choice.load()
    kept = _anchors(host.config, anchors)
    with progress_bar() as tell:
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
