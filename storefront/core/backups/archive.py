"""The file of a backup: a zip with a manifest, the books, the emulator's books (sandbox) and the keys.

A zip keeps its list of members at its end, so a half-copied one is told at once; what is unpacked is compared
with the manifest's sizes and hashes, and names that are not a backup's own are refused.
"""

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import msgspec

from storefront.core.backups.manifest import FORMAT, Manifest, Member
from storefront.core.errors import StorefrontError
from storefront.core.sqlite_copying import sync

MANIFEST = "manifest.json"
BOOKS = "storefront.sqlite"
SANDBOX = "sandbox.sqlite"
KEYS = "keys/"
_CHUNK_BYTES = 1 << 20
_LARGEST_MANIFEST = 1 << 20
_NAMES = re.compile(rf"{re.escape(BOOKS)}|{re.escape(SANDBOX)}|{KEYS}[A-Za-z0-9_][A-Za-z0-9_.-]*")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError, ValueError)

Progress = Callable[[str, float, int], None]
"""Called with (what is being done, bytes or pages done, in all)."""


class BackupDamaged(StorefrontError):
    code = "backup_damaged"
    title = "This backup cannot be used"


def write_archive(
    path: Path, files: Mapping[str, Path], describe: Callable[[Mapping[str, Member]], Manifest], progress: Progress
) -> Manifest:
    """Write files under their names, then the manifest that ``describe`` makes of their hashes; 0600, on disk after."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w+b") as raw:
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            members = {name: _add(archive, name, file, progress) for name, file in files.items()}
            manifest = describe(members)
            archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


def read_manifest(path: Path) -> Manifest:
    """Read what a backup says of itself.

    Raises:
        FileNotFoundError: there is no such file.
        BackupDamaged: it is no backup, half of one, or one of a later version of the program.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(MANIFEST)
            raw = b"" if info.file_size > _LARGEST_MANIFEST else archive.read(info)
            names = [info.filename for info in archive.infolist()]
        found = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        if msgspec.json.decode(found["format"]) != FORMAT:
            raise BackupDamaged(f"{path} is a backup of another form than this program writes (format {FORMAT}).")
        manifest = msgspec.json.decode(raw, type=Manifest)
    except KeyError as error:
        raise BackupDamaged(f"{path} is not a backup: it has no {error.args[0]!r}.") from error
    except msgspec.MsgspecError as error:
        raise BackupDamaged(f"{path} is not a backup: its manifest cannot be read ({error}).") from error
    except _BROKEN as error:
        raise BackupDamaged(f"{path} is not a whole backup: {error}. Was it copied to its end?") from error
    if sorted(names) != sorted([MANIFEST, *manifest.members]) or BOOKS not in manifest.members:
        raise BackupDamaged(f"{path} does not hold the files that its manifest names.")
    strange = [name for name in manifest.members if not _NAMES.fullmatch(name)]
    if strange:
        raise BackupDamaged(f"{path} holds files that no backup has: {', '.join(strange)}.")
    return manifest


def unpack(path: Path, manifest: Manifest, targets: Mapping[str, Path], progress: Progress) -> None:
    """Write the members to their targets (0600, on disk after), which must not be there yet, and check each.

    Raises:
        BackupDamaged: a member is not what the manifest says.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name, target in targets.items():
                with archive.open(name) as source:
                    found = _copy(source, target, name, manifest.members[name], progress)
                if found != manifest.members[name]:
                    raise BackupDamaged(f"{path} is damaged: {name} is not what was backed up.")
    except _BROKEN as error:
        raise BackupDamaged(f"{path} is damaged: {error}.") from error


def check_archive(path: Path, manifest: Manifest, progress: Progress) -> None:
    """Read a backup again from its file and compare every member with the manifest; raises ``BackupDamaged``."""
    unpack(path, manifest, {name: Path(os.devnull) for name in manifest.members}, progress)


def _add(archive: zipfile.ZipFile, name: str, file: Path, progress: Progress) -> Member:
    whole = file.stat().st_size
    with file.open("rb") as source, archive.open(name, "w", force_zip64=True) as target:
        return _pump(source, target, f"packing {name}", whole, progress)


def _copy(source: IO[bytes], target: Path, name: str, expected: Member, progress: Progress) -> Member:
    if target == Path(os.devnull):
        with target.open("wb") as nowhere:
            return _pump(source, nowhere, f"checking {name}", expected.bytes, progress)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        found = _pump(source, file, f"unpacking {name}", expected.bytes, progress)
    sync(target)
    return found


def _pump(source: IO[bytes], target: IO[bytes], doing: str, whole: int, progress: Progress) -> Member:
    digest, done = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        target.write(chunk)
        done += len(chunk)
        progress(doing, done, whole)
    return Member(done, digest.hexdigest())
