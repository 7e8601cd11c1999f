"""What a backup says of itself: what it was made of, where the books stood, and the hash of each part.

Nothing secret is in it: it may be shown and logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, inspect, select, text

from storefront.core.tables import metadata, seals

FORMAT = 1
_VERSION_TABLE = "storefront_version"
_NUMBERED = ("events", "entries", "item_movements")


@dataclass(frozen=True, slots=True)
class Seal:
    """The newest seal: its number and its hash in hexadecimal."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where the books of a database stand: two databases at one position hold the same history.

    ``revisions``: history -> revision. ``counts``: table -> rows. ``last_commit_no`` is 0 before the first commit.
    """

    mode: str
    revisions: Mapping[str, str]
    last_commit_no: int
    counts: Mapping[str, int]
    seal: Seal | None


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup: its size, and its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The head of a backup. ``made_at`` is the machine's time (RFC 3339), ``members``: name -> member."""

    format: int
    made_at: str
    made_by: str
    database: str
    position: Position
    members: Mapping[str, Member]


def read_position(connection: Connection) -> Position:
    """Read where a database stands, whatever its revision; all reads should see one moment of it."""
    tables = inspect(connection).get_table_names()
    known = [name for name in tables if not name.startswith(_VERSION_TABLE)]
    revisions = {}
    for name in tables:
        if name.startswith(_VERSION_TABLE):
            current = connection.execute(text(f"SELECT version_num FROM {name}")).scalar()  # noqa: S608 - our tables
            if current is not None:
                revisions[name.removeprefix(_VERSION_TABLE).removeprefix("_") or "core"] = str(current)
    mode = None
    if "settings" in known:
        mode = connection.execute(text("SELECT value FROM settings WHERE key = 'mode'")).scalar()
    counts = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in sorted(known)}  # noqa: S608 - our tables
    return Position(str(mode or ""), revisions, _last_commit_no(connection, known), counts, _seal(connection, known))


def _last_commit_no(connection: Connection, known: list[str]) -> int:
    numbers = [
        connection.execute(select(func.max(metadata.tables[name].c.commit_no))).scalar()
        for name in _NUMBERED
        if name in known
    ]
    return max((number for number in numbers if number is not None), default=0)


def _seal(connection: Connection, known: list[str]) -> Seal | None:
    if "seals" not in known:
        return None
    newest = select(seals.c.number, seals.c.hash).order_by(seals.c.number.desc()).limit(1)
    row = connection.execute(newest).first()
    return None if row is None else Seal(row.number, row.hash.hex())
