"""``storefront backup`` and ``storefront restore``: their flags, and what they print."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag

if TYPE_CHECKING:
    from storefront.core.audit import Report


def backup(
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The new file; without it one in <data>/backups/.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Audit all of the copy, not its ledger only.")] = False,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Back up the whole shop into one file, also while it is served; then read it again and audit it.

    In it are the books, the keys (what signs sessions and hashes API keys) and the sandbox's books: it is as
    secret as the data folder. The YAML and its environment are not in it.

    \b
    Examples:
      storefront backup
      storefront backup --output /mnt/nightly/shop-$(date +%F).zip --deep --json
    """
    from storefront.cli.output import console, print_json
    from storefront.cli.progress import progress_bar
    from storefront.core.backups import make_backup
    from storefront.core.backups.naming import default_path
    from storefront.core.sqlite_database import refuse_moved
    from storefront.databases import file_of

    host = Choice(file or config, data=data).load()
    refuse_moved(file_of(host.config))
    target = output or default_path(host.config.data_dir)
    with progress_bar() as tell:
        made = asyncio.run(
            make_backup(
                file_of(host.config),
                host.config.data_dir,
                target.absolute(),
                histories=host.histories(),
                deep=deep,
                progress=tell,
            )
        )
    _note(host.config.data_dir, made.report)
    if as_json:
        import msgspec

        facts = {
            "file": str(made.path),
            "bytes": made.path.stat().st_size,
            "manifest": msgspec.to_builtins(made.manifest),
        }
        print_json({**facts, "audit": _audit_facts(made.report)})
    else:
        out, position = console(), made.manifest.position
        out.print(f"Backed up to [bold]{escape(str(made.path))}[/] ({made.path.stat().st_size:,} bytes).")
        out.print(f"  {_described(position.counts, position.last_commit_no)}; the file was read again and is whole.")
        out.print("  [yellow]It holds the shop's keys: keep it as safe as the data folder.[/]")
    _end_by(made.report)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup, or a copy from before a migration.")],
    force: Annotated[
        bool, typer.Option("--force", help="Move a shop that is there aside (into replaced-…/) instead of refusing.")
    ] = False,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a backup in place, once it is unpacked, compared with what was backed up, and its books are audited.

    A served shop, a shop that is there already and a damaged file are refused, and nothing is ever deleted.

    \b
    Examples:
      storefront restore shop.zip --data ./restored
      storefront restore data/backups/before-0002-20261126T093000.000Z.sqlite --force
    """
    from storefront.cli.output import console, print_json
    from storefront.cli.progress import progress_bar
    from storefront.core.backups import Target, restore_backup
    from storefront.databases import file_of

    host = Choice(config, data=data).load()
    target = Target(file_of(host.config), host.config.data_dir)
    with progress_bar() as tell:
        restored = asyncio.run(
            restore_backup(file, target, mode=host.config.mode, histories=host.histories(), force=force, progress=tell)
        )
    aside = [str(path) for path in restored.moved_aside]
    if as_json:
        import msgspec

        facts = {"data": str(host.config.data_dir), "position": msgspec.to_builtins(restored.position)}
        facts |= {"members": list(restored.members), "moved_aside": aside}
        print_json({**facts, "audit": _audit_facts(restored.report)})
        return
    out, position = console(), restored.position
    out.print(f"Restored to [bold]{escape(str(host.config.data_dir))}[/]; the deep audit is clean.")
    out.print(f"  {_described(position.counts, position.last_commit_no)}.")
    for path in aside:
        out.print(f"  What was there is in {escape(path)}.")
    out.print("  Seals go on under a new name of the database; anchors of the books that were lost vouch for none.")


def _described(counts: Any, last_commit_no: int) -> str:
    from storefront.cli.output import counted

    entries = counted(counts.get("entries", 0), "entry", "entries")
    customers = counted(counts.get("customers", 0), "customer", "customers")
    return f"{entries}, {customers}, commit {last_commit_no:,}"


def _audit_facts(report: "Report") -> dict[str, Any]:
    return {"clean": report.is_clean, "checks": len(report.checks), "violations": report.explain().splitlines()}


def _note(data_dir: Path, report: "Report") -> None:
    """Let ``/metrics`` tell of a good backup; one of wrong books is no reason to sleep well."""
    from storefront.cli.output import print_note
    from storefront.core.upkeep import note_backup

    if not report.is_clean:
        return
    try:
        note_backup(data_dir)
    except OSError as error:
        print_note(f"The metrics will not tell of this backup: {error}")


def _end_by(report: "Report") -> None:
    """A backup of wrong books is a faithful one, and is kept; but nobody shall take it for a good one."""
    if report.is_clean:
        return
    from storefront.cli.output import print_error

    print_error(f"The backup was written, but the books in it fail the audit: {report.explain()}")
    raise typer.Exit(1)
