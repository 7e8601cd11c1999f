"""``storefront audit verify``: the books proved from the database itself, also while servers write it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from storefront.cli.choices import Choice
from storefront.cli.output import console, print_note
from storefront.cli.progress import progress_bar
from storefront.core.audit import Outside, Report, WitnessFile, render, verify_database
from storefront.core.audit.verify import Progress
from storefront.core.database import Database
from storefront.core.errors import StorefrontError
from storefront.core.sealing.anchors import read_anchors
from storefront.core.sealing.witnesses import FileWitness
from storefront.core.upkeep import note_audit
from storefront.databases import make_database
from storefront.joining import figures_of, offer_kinds
from storefront.plugins import PluginHost


class NothingToAudit(StorefrontError):
    code = "nothing_to_audit"
    title = "There is no shop in the database"


def verify(choice: Choice, *, deep: bool, anchors: Sequence[Path], as_json: bool) -> None:
    """Check every invariant and print the report; ends with exit code 1 on violations.

    Raises:
        BadAnchor: a file of anchors holds something else.
    """
    host = choice.load()
    outside = _outside(host, anchors)
    with progress_bar() as tell:
        report = asyncio.run(_verify(make_database(host), deep=deep, tell=tell, outside=outside))
    _note(host.config.data_dir, report)
    if as_json:
        print(report.to_json())
    else:
        console().print(render(report))
    if not report.is_clean:
        raise typer.Exit(1)


def _note(data_dir: Path, report: Report) -> None:
    """Let ``/metrics`` tell what was found, where this shop's data folder is on this machine."""
    if not data_dir.is_dir():
        return
    try:
        note_audit(data_dir, sum(check.violations for check in report.checks))
    except OSError as error:
        print_note(f"The metrics will not tell of this audit: {error}")


async def _verify(database: Database, *, deep: bool, tell: Progress, outside: Outside) -> Report:
    if database.is_shared and any(found.current is None for found in await database.revisions()):
        raise NothingToAudit(f"There is no shop in {database.name} yet. `storefront migrate` or `serve` makes one.")
    return await verify_database(database, deep=deep, progress=tell, outside=outside)


def _outside(host: PluginHost, named: Sequence[Path]) -> Outside:
    """Read the files of anchors that were named, and those of the configuration as far as they are there."""
    configured = [_witness(target.file) for target in host.config.audit.anchors if target.file is not None]
    kept = [one for file in named for one in read_anchors(file)]
    kept += [one for witness in configured for one in witness.kept or ()]
    return Outside(kept or None, configured, offer_kinds(host), host.audit_checks(), figures_of(host))


def _witness(file: Path) -> WitnessFile:
    """Read a file to which anchors go; one that was emptied holds none."""
    kept = (read_anchors(file) if file.stat().st_size else []) if file.exists() else None
    return WitnessFile(str(file), FileWitness(file).key, kept)
