"""What a gateway told of one purchase: its events in the inbox, found by their references near what was booked."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

from storefront.core.clock import MINUTE_MS
from storefront.core.purchasing import read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.refunds import read_reversals
from storefront.core.services import Services
from storefront.core.tables import entries, inbox

NEAR_MS = 15 * MINUTE_MS
"""How far an event may be from the entry or the beginning that it belongs to: the inbox is indexed by time alone."""
MOST = 50


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a gateway about a purchase, and what became of it; ``at`` in business ms."""

    gateway: str
    type: str
    state: str
    note: str | None
    at: int


async def told_of_purchase(services: Services, purchase_id: str) -> list[Told]:
    """Return what the gateway told of a purchase and its refunds, oldest first; raises ``NotFound``."""
    payment = await read_payment(services, purchase_id)
    if payment is None:
        return []
    purchase, taken = await read_purchase(services, purchase_id), await read_reversals(services.reader, purchase_id)
    names = {payment["gateway_ref"], payment["gateway_payment"], *(one["gateway_ref"] for one in taken)} - {None}
    about = [purchase_id, *(one["id"] for one in taken)]
    booked = await services.reader.scan(
        select(entries.c.occurred_at, entries.c.recorded_at).where(
            entries.c.anchor == purchase["customer_id"], entries.c.about.in_(about)
        )
    )
    moments = [(row["recorded_at"], row["occurred_at"] - row["recorded_at"]) for row in booked]
    moments = moments or [(purchase["created_at"], 0)]
    near = or_(*(inbox.c.received_at.between(wall - NEAR_MS, wall + NEAR_MS) for wall, _ in moments))
    # Not by the key, which begins with the gateway: that would read all that it ever told.
    of_gateway = inbox.c.gateway.concat("") == payment["gateway"]
    columns = (inbox.c.gateway, inbox.c.type, inbox.c.state, inbox.c.note, inbox.c.received_at)
    statement = (
        select(*columns)
        .where(near, of_gateway, inbox.c.reference.in_(sorted(names)))
        .order_by(inbox.c.received_at, inbox.c.event_id)
        .limit(MOST)
    )
    return [_told(row, moments) for row in await services.reader.scan(statement)]


def _told(row: Row, moments: Sequence[tuple[int, int]]) -> Told:
    """Return an event at its business time: ahead of the machine's as far as what was booked next to it."""
    received = int(row["received_at"])
    _, ahead = min(moments, key=lambda one: abs(one[0] - received))
    return Told(row["gateway"], row["type"], row["state"], row["note"], received + ahead)
