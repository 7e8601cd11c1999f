"""Entries with all that belongs to them, a page at a time, in commit order: how seals, audits and proofs read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from storefront.core.sealing.canonical import ENTRY_COLUMNS, PART_COLUMNS, Document, canonical_json, plain_row
from storefront.core.sealing.merkle import leaf_hash
from storefront.core.tables import credits, draws, entries, transfers

_PARTS: tuple[Table, ...] = (transfers, draws, credits)
_HEADS = select(*(entries.c[name] for name in ENTRY_COLUMNS)).order_by(entries.c.commit_no, entries.c.id)


class Position(NamedTuple):
    """Where an entry stands: in which commit, and in it by id. A seal may end inside a commit."""

    commit_no: int
    entry_id: str


BEGINNING = Position(-(2**63), "")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is sealed: its position and its document, transfers, draws and credits included."""

    position: Position
    document: Document

    @property
    def id(self) -> str:
        return self.position.entry_id

    @property
    def leaf(self) -> bytes:
        """Its leaf hash; computed at each call."""
        return leaf_hash(canonical_json(self.document))


def is_after(position: Position) -> ColumnElement[bool]:
    """Entries behind a position. Written out, so that both databases walk the index of commit numbers."""
    commit_no, entry_id = position
    later = or_(entries.c.commit_no > commit_no, entries.c.id > entry_id)
    return and_(entries.c.commit_no >= commit_no, later)


def is_up_to(position: Position) -> ColumnElement[bool]:
    """Entries at a position or before it."""
    commit_no, entry_id = position
    earlier = or_(entries.c.commit_no < commit_no, entries.c.id <= entry_id)
    return and_(entries.c.commit_no <= commit_no, earlier)


def read_entries(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> list[Entry]:
    """Read the first entries that meet the conditions, in commit order, in four statements."""
    heads = connection.execute(_HEADS.where(*conditions).limit(limit)).all()
    ids = [head[0] for head in heads]
    documents: dict[str, Document] = {}
    for head in heads:
        documents[head[0]] = {**plain_row(ENTRY_COLUMNS, head), "transfers": [], "draws": [], "credits": []}
    for table in _PARTS if ids else ():
        columns = PART_COLUMNS[table.name]
        statement = select(table.c.entry_id, *(table.c[name] for name in columns)).where(table.c.entry_id.in_(ids))
        for row in connection.execute(statement.order_by(table.c.entry_id, table.c.position)):
            documents[row[0]][table.name].append(plain_row(columns, row[1:]))
    return [Entry(Position(head[1], head[0]), documents[head[0]]) for head in heads]


def each_entry(connection: Connection, after: Position, *conditions: ColumnElement[bool], page: int) -> Iterator[Entry]:
    """Yield entries behind a position, holding one page of them in memory."""
    while found := read_entries(connection, is_after(after), *conditions, limit=page):
        yield from found
        after = found[-1].position


def net_by_account(document: Document) -> dict[str, int]:
    """Return ``account -> what came in less what went out`` of one entry."""
    moved: dict[str, Any] = {}
    for transfer in document["transfers"]:
        moved[transfer["source"]] = moved.get(transfer["source"], 0) - transfer["amount"]
        moved[transfer["destination"]] = moved.get(transfer["destination"], 0) + transfer["amount"]
    return moved
