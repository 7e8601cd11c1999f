"""What net revenue is made of: the entries that moved it, each with what it brought, by the same rules as roll-ups."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, exists, or_, select

from storefront.core.analytics.batches import Bought, Entry, Found, newest_commit, read_entries
from storefront.core.analytics.earning import EARNED, Earned, source_of
from storefront.core.analytics.folding import fold_entry
from storefront.core.analytics.periods import Period
from storefront.core.analytics.sums import Rollups
from storefront.core.clock import DAY_MS, HOUR_MS
from storefront.core.errors import FieldError, Invalid
from storefront.core.services import Services
from storefront.core.tables import entries, transfers

SKEW_MS = HOUR_MS
"""By how much times of entries may run against the order of their commits: clocks of several machines differ."""
_AT_ONCE = 200
_CURSOR = re.compile(r"([0-9]{1,18})\.(ent_[0-9a-z]{26})")
_HEADS = select(
    entries.c.id, entries.c.commit_no, entries.c.kind, entries.c.about, entries.c.anchor, entries.c.occurred_at
)


@dataclass(frozen=True, slots=True)
class Moved:
    """By how much an entry moved the net revenue of a source, and the purchase that it is about, if there is one."""

    entry_id: str
    kind: str
    occurred_at: int
    source: str
    amount: int
    bought: Bought | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Entries of a period that move a currency, up to the commit that roll-ups have come to, before a cursor."""

    currency: str
    period: Period
    source: str | None
    before: tuple[int, str]
    limit: int


async def read_moved(
    services: Services,
    rollups: Rollups,
    currency: str,
    period: Period,
    *,
    source: str | None = None,
    limit: int,
    after: str | None,
) -> tuple[list[Moved], str | None]:
    """Return a page of what moved net revenue in a period, the latest commit first, and where it goes on.

    All of it sums up to what ``earned_by`` says of the same roll-ups.

    Raises:
        Invalid: ``after`` is no cursor of this list.
    """
    if rollups.generation is None:
        return [], None
    end = (rollups.generation.commit_no + 1, "")
    wanted = _Wanted(currency, period, source, end if after is None else min(end, _cursor(after)), limit)
    async with services.reader.connect() as connection:
        found = await connection.run_sync(lambda one: list(_read(one, services, wanted)))
    cursors = list(dict.fromkeys(cursor for cursor, _ in found))
    shown = set(cursors[:limit])
    return [one for cursor, one in found if cursor in shown], cursors[limit - 1] if len(cursors) > limit else None


def _cursor(text: str) -> tuple[int, str]:
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise Invalid(
            "This is not a cursor of this list.", errors=[FieldError("/after", "is not a cursor of this list")]
        )
    return int(match[1]), match[2]


def _read(connection: Connection, services: Services, wanted: _Wanted) -> Iterator[tuple[str, Moved]]:
    """Yield a page and one more, whole entries each, with the cursor behind each."""
    begins, ends = wanted.period.first * DAY_MS, (wanted.period.last + 1) * DAY_MS
    first, last = _first_commit(connection, begins - SKEW_MS), _first_commit(connection, ends + SKEW_MS)
    in_currency = exists().where(transfers.c.entry_id == entries.c.id, transfers.c.asset == wanted.currency)
    between = entries.c.commit_no.between(first, last), entries.c.occurred_at >= begins, entries.c.occurred_at < ends
    statement = _HEADS.where(*between, in_currency).order_by(entries.c.commit_no.desc(), entries.c.id.desc())
    (commit_no, entry_id), many = wanted.before, 0
    while True:
        is_before = or_(
            entries.c.commit_no < commit_no, and_(entries.c.commit_no == commit_no, entries.c.id < entry_id)
        )
        heads = connection.execute(statement.where(is_before).limit(_AT_ONCE)).all()
        for head, entry in zip(heads, read_entries(connection, heads), strict=True):
            found = _moved(services, head, entry, wanted.currency)
            moved = [one for one in found if wanted.source in (None, one.source)]
            yield from ((f"{head.commit_no}.{head.id}", one) for one in moved)
            many += bool(moved)
            if many > wanted.limit:
                return
        if len(heads) < _AT_ONCE:
            return
        commit_no, entry_id = heads[-1].commit_no, heads[-1].id


def _moved(services: Services, head: Found, entry: Entry, currency: str) -> list[Moved]:
    """Return what an entry brought, source by source: the sums that roll-ups add for it."""
    found: dict[str, Earned] = {}
    for key, (amount, count) in fold_entry(entry).added.items():
        if key.asset == currency and key.metric in EARNED:
            found.setdefault(source_of(services, key.kind), Earned()).add(key.metric, amount, count)
    one = Moved(head.id, entry.kind, entry.occurred_at, "", 0, entry.bought)
    return [replace(one, source=source, amount=earned.net) for source, earned in sorted(found.items())]


def _first_commit(connection: Connection, time: int) -> int:
    """Return the first commit with entries at or after a time (ms), by halving; one behind all where none is."""
    low, high = 0, newest_commit(connection) + 1
    ordered = select(entries.c.commit_no, entries.c.occurred_at).order_by(entries.c.commit_no, entries.c.id).limit(1)
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(ordered.where(entries.c.commit_no >= middle)).first()
        if row is None or row.occurred_at >= time:
            high = middle
        else:
            low = row.commit_no + 1
    return low
