"""What an event means for game servers: of which offers which stage, for whom, how many.

An event is told at least once and in commit order, and so is what follows from it here: nothing is remembered
between events but what stands in the database, so that the same event always means the same.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.catalog import Catalog
from storefront.core.events import Event
from storefront.core.purchasing import PURCHASE, receiver_of
from storefront.core.reading import Query, Row
from storefront.core.refunds import HOLDING, TAKING, TakenBack, TakenLine, read_reversals, taken_back
from storefront.core.services import Services
from storefront.core.tables import events, grants
from storefront_microtransactions.deliveries.config import (
    ON_CHARGEBACK,
    ON_CONSUME,
    ON_DISPUTE_WON,
    ON_EXPIRE,
    ON_PURCHASE,
    ON_REFUND,
    has_deliveries,
)
from storefront_microtransactions.deliveries.givers import catalog_then, find_giver
from storefront_microtransactions.deliveries.ordering import place_of, place_of_end
from storefront_microtransactions.deliveries.pieces import (
    Piece,
    drawn_pieces,
    given_with,
    granted_pieces,
    sold_pieces,
    taken_pieces,
)

RIGHTS_EXPIRED, ITEM_EXPIRED = "goods.expired", "item.expired"
_GRANT = Query(select(grants).where(grants.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class Happening:
    """A stage of some offers (``pieces``). ``customer_id`` gets what it is about; ``position`` is their first place.

    ``takes``: it takes back what was given; ``gives_back``: it undoes what ``reversal_id`` took.
    """

    event: Event
    stage: str
    customer_id: str
    player: str
    pieces: Sequence[Piece]
    position: int
    reversal_id: str | None = None
    takes: bool = False
    gives_back: bool = False


async def happening_of(services: Services, event: Event) -> Happening | None:
    """Return what an event means for game servers; None if nothing."""
    if event.type.startswith("purchase.") and ("refund" in event.data or "dispute_case" in event.data):
        return await _of_reversal(services, event)
    reads = _READS.get(event.type)
    return None if reads is None else await reads(services, event)


async def _happening(
    services: Services,
    event: Event,
    stage: str,
    customer_id: str,
    pieces: Sequence[Piece],
    *,
    reversal_id: str | None = None,
    takes: bool = False,
    gives_back: bool = False,
) -> Happening | None:
    """Return what happened to those of some offers that game servers do anything about; None if there are none."""
    pieces = [piece for piece in pieces if has_deliveries(piece.offer)]
    if not pieces:
        return None
    player = await services.customers.external_id(customer_id)
    is_end = event.type == ITEM_EXPIRED
    position = await (place_of_end(services, event) if is_end else place_of(services, event, customer_id))
    return Happening(
        event, stage, customer_id, player, pieces, position,
        reversal_id=reversal_id, takes=takes, gives_back=gives_back,
    )  # fmt: skip


async def _of_purchase(services: Services, event: Event) -> Happening | None:
    purchase, catalog = await _sold(services, event.subject)
    pieces = sold_pieces(services.kinds, catalog, purchase)
    return await _happening(services, event, ON_PURCHASE, receiver_of(purchase), pieces)


async def _sold(services: Services, purchase_id: str) -> tuple[Row, Catalog]:
    """Return a purchase and the catalog that priced it: what was sold is delivered, and taken back, by its words."""
    purchase = await services.reader.first(PURCHASE, id=purchase_id)
    assert purchase is not None, "its event says that it is there"
    return purchase, await services.catalogs.version(purchase["catalog_version"])


async def _of_reversal(services: Services, event: Event) -> Happening | None:
    """Compare what the event says of its reversal with what was said before: has it begun to take, or ended?

    Of units that it claims while it takes, the event says which.
    """
    is_dispute = "dispute_case" in event.data
    told = event.data["dispute_case" if is_dispute else "refund"]
    taking = TAKING | HOLDING if is_dispute else TAKING
    now, claimed = told["state"] in taking, event.data.get("claimed")
    was = await _told_before(services, event, told["id"]) in taking if claimed is None else not now
    if was == now or (claimed is not None and not now):
        return None
    taken = await _taken(services, event.subject, told) if claimed is None else _units_of(claimed)
    purchase, catalog = await _sold(services, event.subject)
    # Of money alone, a goodwill, there are none: the goods stay.
    pieces = [
        *taken_pieces(services.kinds, catalog, purchase, taken),
        *await drawn_pieces(services, taken.openings),
    ]
    taking_stage, giving_stage = (ON_CHARGEBACK, ON_DISPUTE_WON) if is_dispute else (ON_REFUND, ON_PURCHASE)
    stage = taking_stage if now else giving_stage
    return await _happening(
        services, event, stage, receiver_of(purchase), pieces, reversal_id=told["id"], takes=now, gives_back=not now
    )


async def _taken(services: Services, purchase_id: str, told: Mapping[str, Any]) -> TakenBack:
    """Return what a reversal stood for when its event was written, not what it has claimed since."""
    if "openings" in told:
        return _units_of(told)
    # One that is at once what it stays, or an event from before events said it.
    rows = await read_reversals(services.reader, purchase_id)
    return taken_back(next(row for row in rows if row["id"] == told["id"]))


def _units_of(told: Mapping[str, Any]) -> TakenBack:
    lines = tuple(TakenLine(line["sku"], line["quantity"], 0) for line in told["lines"])
    return TakenBack("", told["quantity"], lines=lines, openings=tuple(told["openings"]))


async def _told_before(services: Services, event: Event, reversal_id: str) -> str | None:
    """Return the state in which an earlier event saw the same reversal; None if this is the first about it."""
    statement = (
        select(events.c.payload)
        .where(events.c.anchor == event.anchor, events.c.sequence < event.sequence, events.c.subject == event.subject)
        .order_by(events.c.sequence.desc())
    )
    for row in await services.reader.scan(statement):
        data = msgspec.json.decode(row["payload"])
        told = data.get("dispute_case") or data.get("refund")
        if told is not None and told["id"] == reversal_id:
            state: str = told["state"]
            return state
    return None


async def _of_grant(services: Services, event: Event) -> Happening | None:
    if "sku" not in event.data:
        return None
    grant = await services.reader.first(_GRANT, id=event.subject)
    assert grant is not None, "its event says that it is there"
    catalog = await catalog_then(services, event.cursor[0])
    if catalog is None or grant["sku"] not in catalog.offers:
        return None
    pieces = granted_pieces(services.kinds, catalog, grant)
    return await _happening(services, event, ON_PURCHASE, grant["customer_id"], pieces)


async def _of_opening(services: Services, event: Event) -> Happening | None:
    drawn = await drawn_pieces(services, [event.subject])
    return await _happening(services, event, ON_PURCHASE, event.data["customer_id"], drawn)


async def _of_rights(services: Services, event: Event) -> Happening | None:
    """Return the end of rights that an offer gave for a time; an event of ours tells of it."""
    data, source = event.data, event.subject
    catalog = await services.catalogs.version(data["catalog_version"])
    purchase = await services.reader.first(PURCHASE, id=source)
    given = {} if purchase is None else given_with(purchase)
    piece = Piece.of(catalog, data["sku"], data["quantity"], source, given=given)
    return await _happening(services, event, ON_EXPIRE, data["customer_id"], [piece])


async def _of_item(services: Services, event: Event) -> Happening | None:
    """Return the end of an item that lasts: however often it was bought, it is one thing and ends once."""
    customer_id, sku = event.data["customer_id"], event.data["sku"]
    piece = await find_giver(services, customer_id, sku, before=event.data["expired_at"])
    pieces = await _pieces_then(services, event, 1) if piece is None else [piece]
    return await _happening(services, event, ON_EXPIRE, customer_id, pieces)


async def _of_consumption(services: Services, event: Event) -> Happening | None:
    pieces = await _pieces_then(services, event, event.data["quantity"])
    return await _happening(services, event, ON_CONSUME, event.data["customer_id"], pieces)


async def _pieces_then(services: Services, event: Event, quantity: int) -> Sequence[Piece]:
    """Return the event's offer as the catalog had it when it happened; none if it was not in it."""
    catalog = await catalog_then(services, event.cursor[0])
    if catalog is None or event.data["sku"] not in catalog.offers:
        return ()
    return [Piece.of(catalog, event.data["sku"], quantity)]


_READS: Mapping[str, Callable[[Services, Event], Awaitable[Happening | None]]] = {
    "purchase.completed": _of_purchase,
    "grant.made": _of_grant,
    "container.opened": _of_opening,
    RIGHTS_EXPIRED: _of_rights,
    ITEM_EXPIRED: _of_item,
    "item.consumed": _of_consumption,
}
