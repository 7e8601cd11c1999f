"""When the shop was last backed up and its books last proved, as files in the data folder, for ``/metrics``.

``last-backup`` is a file whose time of change counts, whatever is in it: whoever backs up PostgreSQL by its own means
says so with ``touch``. ``last-audit`` holds how many violations ``audit verify`` found. No row of the books tells
either: an audit writes nothing into what it proves, and a backup would otherwise never be the newest state.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

LAST_BACKUP = "last-backup"
LAST_AUDIT = "last-audit"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is known of a data folder: times in seconds since 1970, None where nothing was ever noted."""

    backed_up_at: float | None
    audited_at: float | None
    violations: int | None
    free_bytes: int
    size_bytes: int


def note_backup(data_dir: Path) -> None:
    """Note that the shop was backed up now, and that the backup is good; raises ``OSError``."""
    _write(data_dir / LAST_BACKUP, "")


def note_audit(data_dir: Path, violations: int) -> None:
    """Note that the books were audited now, and what was found; raises ``OSError``."""
    _write(data_dir / LAST_AUDIT, f"{violations}\n")


def read_upkeep(data_dir: Path) -> Upkeep:
    """Read what was noted, and how full the disk is; raises ``OSError`` where the folder is gone."""
    audited_at, violations = _changed_at(data_dir / LAST_AUDIT), None
    if audited_at is not None:
        said = (data_dir / LAST_AUDIT).read_text("utf-8", errors="replace").strip()
        # Whatever else stands there was not written by an audit: books that nobody can vouch for count as off.
        violations = int(said) if said.isascii() and said.isdigit() else 1
    disk = shutil.disk_usage(data_dir)
    return Upkeep(_changed_at(data_dir / LAST_BACKUP), audited_at, violations, disk.free, disk.total)


def _write(path: Path, text: str) -> None:
    """Put a file in place whole, so that nobody reads half of it."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.write_text(text)
    draft.chmod(0o600)
    os.replace(draft, path)


def _changed_at(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
