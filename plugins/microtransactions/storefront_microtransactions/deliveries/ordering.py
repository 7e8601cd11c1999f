"""In which order a player's commands come: that of what happened to them, whoever's events tell of it.

Events are numbered per customer. Of what somebody else bought for a player, the place is behind the player's own last
event of that commit. What is over stands before what the same commit gave (bought again, it begins anew), and behind
what it let go (a dispute that was won too late gives back what is over).
"""

from sqlalchemy import bindparam, select

from storefront.core.events import Event
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import events

_BITS, _RANK_BITS = 24, 22
MOST_IN_ORDER = (1 << _RANK_BITS) - 1
"""So many commands of one event are told apart; those behind them come at once, after these."""
_BEFORE, _AS_TOLD, _BEHIND = 0, 1, 2
_LAST = Query(
    select(events.c.sequence)
    .where(events.c.anchor == bindparam("anchor"), events.c.commit_no <= bindparam("commit_no"))
    .order_by(events.c.sequence.desc())
    .limit(1)
)
_OF_COMMIT = Query(
    select(events.c.sequence, events.c.type)
    .where(events.c.commit_no == bindparam("commit_no"), events.c.anchor == bindparam("anchor"))
    .order_by(events.c.sequence)
)


async def place_of(services: Services, event: Event, customer_id: str) -> int:
    """Return the position of the first command that an event makes for a customer; the next ones count up."""
    if event.anchor == customer_id:
        return _place(event.sequence, _AS_TOLD)
    row = await services.reader.first(_LAST, anchor=customer_id, commit_no=event.cursor[0])
    return _place(0 if row is None else row["sequence"], _AS_TOLD)


async def place_of_end(services: Services, event: Event) -> int:
    """Return the position of the first command that follows from the end of an item."""
    rows = await services.reader.all(_OF_COMMIT, commit_no=event.cursor[0], anchor=event.anchor)
    if any(row["type"] == "freeze.released" for row in rows):
        return _place(rows[-1]["sequence"], _BEHIND)
    return _place(rows[0]["sequence"], _BEFORE)


def _place(sequence: int, rank: int) -> int:
    return sequence << _BITS | rank << _RANK_BITS
