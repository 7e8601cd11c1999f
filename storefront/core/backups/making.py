"""Makes a backup: a copy of the books and of what belongs to them, in one file, verified once it is written.

The emulator's books are copied after the shop's own: a gateway may know more than the shop (a webhook or
the sweep tells it the rest), never less. Keys are files that never change once they are there.
"""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection

from storefront.core.audit import Report, verify_file
from storefront.core.backups.archive import BOOKS, KEYS, SANDBOX, BackupDamaged, Progress, check_archive, write_archive
from storefront.core.backups.manifest import FORMAT, Manifest, Member, Position, read_position
from storefront.core.clock import Clock, iso
from storefront.core.migrating import History
from storefront.core.sqlite_copying import copy_sqlite, sync
from storefront.core.sqlite_database import read_file, upgrade_copy


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup: its file, what it says of itself, and what the audit of the copy found."""

    path: Path
    manifest: Manifest
    report: Report


async def make_backup(
    database: Path,
    data_dir: Path,
    target: Path,
    *,
    histories: Sequence[History],
    deep: bool,
    progress: Progress,
) -> Backup:
    """Back up a SQLite shop into ``target``, served or not; the file appears whole or not at all.

    ``progress`` is called in threads.

    Raises:
        FileNotFoundError: there is no database.
        FileExistsError: the target is there already.
        BackupDamaged: the database's file is damaged, or the written backup is.
    """
    work = await asyncio.to_thread(_make_room, target)
    try:
        files = await asyncio.to_thread(_collect, database, data_dir, work, progress)
        position = await read_copy(files[BOOKS])
        draft = work / "backup"
        manifest = await asyncio.to_thread(_write, draft, files, position, progress)
        report = await verify_copy(files[BOOKS], histories, deep=deep, progress=progress)
        os.rename(draft, target)
        sync(target.parent)
        return Backup(target, manifest, report)
    finally:
        shutil.rmtree(work)


def _make_room(target: Path) -> Path:
    """Return a folder (0700) on the target's disk to work in."""
    if target.exists():
        raise FileExistsError(0, "There is a file of this name already; a backup never overwrites one", str(target))
    if not target.parent.parent.is_dir():
        # The folder for backups in the data folder is made; a whole path that is missing is a mistake or a disk
        # that is not there, and a backup must not go elsewhere in silence.
        raise FileNotFoundError(0, "There is no such folder to put a backup into", str(target.parent))
    target.parent.mkdir(exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))


async def read_copy(path: Path) -> Position:
    """Read where a copy stands; raises ``BackupDamaged`` if its file is no sound database."""
    try:
        await asyncio.to_thread(_check_pages, path)
        return await read_file(path, _position)
    except sqlite3.DatabaseError as error:
        raise BackupDamaged(f"The database's file is damaged: {error}.") from error


async def verify_copy(path: Path, histories: Sequence[History], *, deep: bool, progress: Progress) -> Report:
    """Audit a copy that nobody serves; one of an earlier revision is brought up to this program's first."""
    await asyncio.to_thread(upgrade_copy, path, histories)
    return await verify_file(path, deep=deep, progress=progress)


def _collect(database: Path, data_dir: Path, work: Path, progress: Progress) -> dict[str, Path]:
    """Copy everything that a backup holds into a folder; answers name -> copy."""
    files = {BOOKS: work / BOOKS}
    copy_sqlite(database, files[BOOKS], lambda done, pages: progress("copying the books", done, pages))
    if (data_dir / SANDBOX).is_file():
        files[SANDBOX] = work / SANDBOX
        copy_sqlite(
            data_dir / SANDBOX, files[SANDBOX], lambda done, pages: progress("copying the sandbox", done, pages)
        )
    keys = data_dir / KEYS
    if keys.is_dir():
        # Hidden ones are drafts of a key that is being made at this moment.
        names = sorted(path.name for path in keys.iterdir() if path.is_file() and not path.name.startswith("."))
        files |= {KEYS + name: keys / name for name in names}
    return files


def _write(draft: Path, files: Mapping[str, Path], position: Position, progress: Progress) -> Manifest:
    def describe(members: Mapping[str, Member]) -> Manifest:
        made_by = f"storefront {version('storefront')}"
        return Manifest(FORMAT, iso(Clock().wall()), made_by, "sqlite", position, members)

    manifest = write_archive(draft, files, describe, progress)
    check_archive(draft, manifest, progress)
    return manifest


def _check_pages(path: Path) -> None:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(10)")]
    if found != ["ok"]:
        raise BackupDamaged(f"The database's file is damaged: {'; '.join(found)}.")


def _position(connection: Connection) -> Position:
    return read_position(connection)
