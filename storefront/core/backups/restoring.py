"""Puts a backup in place: unpacked beside its target, compared, audited, and only then renamed into it.

What was there is moved aside, never deleted. A write-ahead log of the old books is moved with them: beside
other books it would be taken for theirs.
"""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import or_

from storefront.core.audit import Report
from storefront.core.backups.archive import BOOKS, KEYS, SANDBOX, BackupDamaged, Progress, read_manifest, unpack
from storefront.core.backups.making import read_copy, verify_copy
from storefront.core.backups.manifest import Position
from storefront.core.database import begin_epoch
from storefront.core.errors import Conflict
from storefront.core.migrating import History, writing_engine
from storefront.core.sealing.witnesses import DATABASE_ID
from storefront.core.sqlite_copying import copy_sqlite, free_name, sync, timestamp
from storefront.core.sqlite_database import FileLock
from storefront.core.tables import settings

_SQLITE_HEADER = b"SQLite format 3\0"
_BESIDE = ("", "-wal", "-shm", "-journal")


class RestoreRefused(Conflict):
    code = "restore_refused"
    title = "The backup was not restored"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a shop's files are to stand: the books may lie outside the data folder."""

    database: Path
    data_dir: Path

    @property
    def folders(self) -> list[Path]:
        """The folders that the books and everything else stand in; often they are one."""
        return list(dict.fromkeys([self.data_dir, self.database.parent]))

    def folder(self, name: str) -> Path:
        """Return the one of the folders that a member goes to."""
        return self.database.parent if name == BOOKS else self.data_dir

    def path(self, name: str) -> Path:
        """Return where a member of a backup belongs."""
        return self.database if name == BOOKS else self.data_dir / name


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: where its books stand (before any migration), what was moved aside, the audit."""

    position: Position
    members: Sequence[str]
    moved_aside: Sequence[Path]
    report: Report


async def restore_backup(
    backup: Path, target: Target, *, mode: str, histories: Sequence[History], force: bool, progress: Progress
) -> Restored:
    """Restore a backup, or a copy that was made before a migration (a plain SQLite file: books only).

    Books of an earlier revision are brought up to this program's. Nothing is put in place before all is verified.

    Raises:
        FileNotFoundError: there is no such backup.
        BackupDamaged: it is not whole, or not what it says.
        RestoreRefused: there is a shop already and ``force`` is not given; its books fail the audit; or it is of
            the other mode.
        DatabaseInUse: a process serves the target.
        MigrationFailed: it was made by a newer version of the program.
    """
    target.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(target):
        members = await asyncio.to_thread(_members, backup)
        taken = _taken(target, members)
        if taken and not force:
            raise RestoreRefused(
                f"There is a shop already: {', '.join(map(str, taken))}. Restore into an empty folder "
                "(--data ./restored), or move it aside with --force; nothing is deleted."
            )
        folders = {parent: Path(tempfile.mkdtemp(prefix=".restoring-", dir=parent)) for parent in target.folders}
        try:
            staged = {name: folders[target.folder(name)] / name.replace("/", "-") for name in members}
            await asyncio.to_thread(_unpack, backup, staged, progress)
            position = await _compare(backup, staged[BOOKS], mode)
            report = await verify_copy(staged[BOOKS], histories, deep=True, progress=progress)
            if not report.is_clean:
                raise RestoreRefused(f"The books in {backup} fail the audit; nothing was changed. {report.explain()}")
            await asyncio.to_thread(_begin_epoch, staged[BOOKS])
            aside = await asyncio.to_thread(_put_in_place, target, staged, taken)
        finally:
            for folder in folders.values():
                shutil.rmtree(folder)
    return Restored(position, tuple(members), tuple(aside), report)


@contextmanager
def _locked(target: Target) -> Iterator[None]:
    """Hold the locks of the books and of the emulator, so that nobody serves either meanwhile."""
    with ExitStack() as locks:
        for lock in (FileLock(target.database), FileLock(target.path(SANDBOX))):
            lock.acquire()
            locks.callback(lock.release)
        yield


def _is_plain(backup: Path) -> bool:
    """Tell a copy that was made before a migration from a backup."""
    with backup.open("rb") as file:
        return file.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER


def _members(backup: Path) -> list[str]:
    return [BOOKS] if _is_plain(backup) else sorted(read_manifest(backup).members)


def _taken(target: Target, members: Sequence[str]) -> list[Path]:
    """Return what stands where the members are to go; keys are one folder."""
    places = {target.data_dir / KEYS if name.startswith(KEYS) else target.path(name) for name in members}
    beside = {path.with_name(path.name + end) for path in places for end in _BESIDE}
    return sorted(path for path in beside if path.exists())


def _unpack(backup: Path, staged: Mapping[str, Path], progress: Progress) -> None:
    if not _is_plain(backup):
        unpack(backup, read_manifest(backup), staged, progress)
        return
    try:
        copy_sqlite(backup, staged[BOOKS], lambda done, pages: progress("copying the books", done, pages))
    except sqlite3.DatabaseError as error:
        raise BackupDamaged(f"{backup} is damaged: {error}.") from error


async def _compare(backup: Path, books: Path, mode: str) -> Position:
    """Compare unpacked books with the manifest and with the shop's mode."""
    position = await read_copy(books)
    if not _is_plain(backup) and position != read_manifest(backup).position:
        raise BackupDamaged(f"{backup} is damaged: its books do not stand where its manifest says.")
    if position.mode != mode:
        raise RestoreRefused(
            f"{backup} is of a shop in {position.mode or 'no'} mode and the configuration says mode: {mode}. "
            "Nothing was changed."
        )
    return position


def _begin_epoch(books: Path) -> None:
    """Let new commits lie above those that were lost with the newer books, for those who follow them.

    The books also get a new name: seals that were closed after the backup will be closed anew, with other
    entries, and anchors of the lost ones must not be held against them.
    """
    engine = writing_engine(books)
    try:
        with engine.begin() as connection:
            begin_epoch(connection)
            is_of_anchors = or_(settings.c.key == DATABASE_ID, settings.c.key.startswith("anchor:", autoescape=True))
            connection.execute(settings.delete().where(is_of_anchors))
    finally:
        engine.dispose()


def _put_in_place(target: Target, staged: Mapping[str, Path], taken: Sequence[Path]) -> list[Path]:
    """Move what was there aside, then everything new into place, the books last; answers where the old is.

    If the machine stops in between, the old files are whole where they were moved to, and the backup can be
    restored again with ``force``.
    """
    aside = [free_name(folder, f"replaced-{timestamp()}", "") for folder in target.folders] if taken else []
    moved = dict(zip(target.folders, aside, strict=False))
    for path in taken:
        folder = moved[path.parent]
        folder.mkdir(mode=0o700, exist_ok=True)
        os.rename(path, folder / path.name)
    for name in sorted(staged, key=lambda name: name == BOOKS):
        place = target.path(name)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        os.rename(staged[name], place)
        sync(place.parent)
    for folder in target.folders:
        sync(folder)
    return [folder for folder in aside if folder.is_dir()]
