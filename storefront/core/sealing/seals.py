"""The chain of seals: what a seal's header says, how it is hashed, and how seals are read.

Each header holds the root over its entries, the count of all entries so far and the hash of the header
before it, so the newest hash vouches for every entry ever sealed.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, or_, select

from storefront.core.reading import PointReader, Query
from storefront.core.sealing.canonical import Document, canonical_json, plain_row
from storefront.core.sealing.entries import BEGINNING, Position, is_after
from storefront.core.tables import entries, seal_leaves, seals

NOTHING_BEFORE = bytes(32)
"""What the first seal names as the hash before it."""
_SEALS_PER_PAGE = 50
_HEADER = ("number", "first_commit_no", "last_commit_no", "last_entry_id", "entries", "entries_so_far", "root",
           "previous", "sealed_at")  # fmt: skip
_Found = Mapping[str, Any] | RowMapping
_NEWEST = select(seals).order_by(seals.c.number.desc()).limit(1)
_NEWEST_QUERY = Query(_NEWEST)


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal; ``entries_so_far`` counts all entries from the first on, its own included. Times in wall ms."""

    number: int
    first_commit_no: int
    last_commit_no: int
    last_entry_id: str
    entries: int
    entries_so_far: int
    root: bytes
    previous: bytes
    sealed_at: int

    @classmethod
    def of_row(cls, row: _Found) -> "Seal":
        """Read a row; whatever stands in a damaged one, it is taken as it is and then hashes to something else."""
        found = {name: row[name] for name in _HEADER}
        return cls(**{**found, "root": as_bytes(found["root"]), "previous": as_bytes(found["previous"])})

    @property
    def end(self) -> Position:
        """The position of its last entry."""
        return Position(self.last_commit_no, self.last_entry_id)

    @property
    def header(self) -> Document:
        """Return what is hashed; hashes are written in hexadecimal."""
        shown = {"root": self.root.hex(), "previous": self.previous.hex()}
        return plain_row(_HEADER, [shown.get(name, getattr(self, name)) for name in _HEADER])

    @property
    def hash(self) -> bytes:
        """The hash that its header really has, whatever is stored."""
        return hashlib.sha256(canonical_json(self.header)).digest()

    def row(self) -> Document:
        """Return its row in the table."""
        return {**{name: getattr(self, name) for name in _HEADER}, "hash": self.hash}


@dataclass(frozen=True, slots=True)
class StoredSeal:
    """A seal as the books hold it: with the hash they claim, and its leaf hashes (None where they are gone)."""

    seal: Seal
    hash: bytes
    leaves: bytes | None = None

    @classmethod
    def of_row(cls, row: _Found) -> "StoredSeal":
        leaves = row.get("leaves")
        return cls(Seal.of_row(row), as_bytes(row["hash"]), None if leaves is None else as_bytes(leaves))


@dataclass(frozen=True, slots=True)
class SealingState:
    """How far sealing has come. Entries not yet sealed are a fact, not a fault; times in wall ms."""

    seals: int
    sealed: int
    unsealed: int
    oldest_unsealed_at: int | None


def as_bytes(value: object) -> bytes:
    """Take a stored hash as bytes; anything else that a damaged row may hold becomes bytes that are no hash."""
    return value if isinstance(value, bytes) else repr(value).encode()


def newest_seal(connection: Connection) -> StoredSeal | None:
    """Return the last seal, or None."""
    row = connection.execute(_NEWEST).mappings().first()
    return None if row is None else StoredSeal.of_row(row)


async def find_newest_seal(reader: PointReader) -> StoredSeal | None:
    """Return the same to those who ask every second: without a connection of their own, and compiled once."""
    row = await reader.first(_NEWEST_QUERY)
    return None if row is None else StoredSeal.of_row(row)


def end_of(newest: StoredSeal | None) -> Position:
    """Return the position behind which entries are not sealed."""
    return BEGINNING if newest is None else newest.seal.end


def each_seal(connection: Connection) -> Iterator[StoredSeal]:
    """Yield all seals with their leaf hashes, in order, a page at a time."""
    with_leaves = select(seals, seal_leaves.c.leaves).join(
        seal_leaves, seal_leaves.c.number == seals.c.number, isouter=True
    )
    yield from _each(connection, with_leaves, 0)


def each_seal_after(connection: Connection, number: int) -> Iterator[StoredSeal]:
    """Yield the seals behind one, in order, without their leaf hashes."""
    yield from _each(connection, select(seals), number)


def _each(connection: Connection, statement: Select[Any], after: int) -> Iterator[StoredSeal]:
    ordered = statement.order_by(seals.c.number).limit(_SEALS_PER_PAGE)
    while found := connection.execute(ordered.where(seals.c.number > after)).mappings().all():
        yield from map(StoredSeal.of_row, found)
        after = found[-1]["number"]


def seal_over(position: Position) -> Select[Any]:
    """Select the seal whose range holds a position, with its leaf hashes."""
    reaches = or_(
        seals.c.last_commit_no > position.commit_no,
        (seals.c.last_commit_no == position.commit_no) & (seals.c.last_entry_id >= position.entry_id),
    )
    with_leaves = select(seals, seal_leaves.c.leaves).join(seal_leaves, seal_leaves.c.number == seals.c.number)
    return with_leaves.where(reaches).order_by(seals.c.number).limit(1)


def sealing_state(connection: Connection) -> SealingState:
    """Count what is sealed and what still waits."""
    newest = newest_seal(connection)
    waiting = select(func.count(), func.min(entries.c.recorded_at)).where(is_after(end_of(newest)))
    unsealed, oldest = connection.execute(waiting).one()
    if newest is None:
        return SealingState(0, 0, unsealed, oldest)
    return SealingState(newest.seal.number, newest.seal.entries_so_far, unsealed, oldest)
