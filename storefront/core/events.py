"""Events: what happened, written in the commit in which it happened, followed in commit order."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import BigInteger, bindparam, select, tuple_

from storefront.core.clock import iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.reading import Query, Reader, Row
from storefront.core.tables import events

Cursor = tuple[int, str, int]
START: Cursor = (0, "", 0)
_ORDER = (events.c.commit_no, events.c.anchor, events.c.sequence)
_AFTER = Query(
    select(events)
    .where(
        tuple_(*_ORDER) > tuple_(bindparam("commit_no"), bindparam("anchor"), bindparam("sequence")),
        events.c.commit_no < bindparam("settled", type_=BigInteger),
    )
    .order_by(*_ORDER)
    .limit(bindparam("most"))
)
_AT = Query(select(events).where(events.c.anchor == bindparam("anchor"), events.c.sequence == bindparam("sequence")))


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: to ``subject``, in the sequence of ``anchor``. Times are in ms."""

    id: str
    type: str
    anchor: str
    sequence: int
    subject: str
    occurred_at: int
    data: Mapping[str, Any]
    cursor: Cursor

    def to_json(self, source: str) -> dict[str, Any]:
        """Return the event as CloudEvents 1.0 JSON."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": source,
            "type": self.type,
            "subject": self.subject,
            "time": iso(self.occurred_at),
            "datacontenttype": "application/json",
            "sequence": str(self.sequence),
            "data": dict(self.data),
        }


async def read_events(reader: Reader, after: Cursor, limit: int) -> Sequence[Event]:
    """Return the events behind a cursor, in commit order (exact per customer); nothing appears behind it later."""
    commit_no, anchor, sequence = after
    settled = await reader.settled_before()
    rows = await reader.all(_AFTER, commit_no=commit_no, anchor=anchor, sequence=sequence, settled=settled, most=limit)
    return [_event(row) for row in rows]


async def has_events_after(reader: Reader, after: Cursor) -> bool:
    """Tell whether anything was committed behind a cursor, also what is not settled yet and so is not read yet."""
    commit_no, anchor, sequence = after
    beyond = 2**63 - 1
    return bool(await reader.all(_AFTER, commit_no=commit_no, anchor=anchor, sequence=sequence, settled=beyond, most=1))


async def event_at(reader: Reader, anchor: str, sequence: int) -> Event:
    """Return the event with this number in the sequence of an anchor; it must be there, as events stay for ever."""
    row = await reader.first(_AT, anchor=anchor, sequence=sequence)
    assert row is not None, "events are never deleted"
    return _event(row)


def _event(row: Row) -> Event:
    return Event(
        id=row["id"],
        type=row["type"],
        anchor=row["anchor"],
        sequence=row["sequence"],
        subject=row["subject"],
        occurred_at=row["occurred_at"],
        data=msgspec.json.decode(row["payload"]),
        cursor=(row["commit_no"], row["anchor"], row["sequence"]),
    )


def write_cursor(cursor: Cursor) -> str:
    """Return a cursor as clients see it: opaque."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """Read a cursor that ``write_cursor`` made; raises ``Invalid``."""
    try:
        padded = text + "=" * (-len(text) % 4)
        decoded: Cursor = msgspec.json.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=tuple[int, str, int]
        )
        commit_no, anchor, sequence = decoded
        if not (0 <= commit_no < 2**63 and 0 <= sequence < 2**63) or "\0" in anchor:
            raise ValueError("no commit has such a number")
        return decoded
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise Invalid(
            "This is not a cursor of this shop.", errors=[FieldError("/after", "is not a cursor of this shop")]
        ) from error
