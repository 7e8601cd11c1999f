"""What an event means for game servers: of which offer which stage, for whom, how many.

An event is told at least once and in commit order, and so is what follows from it here: nothing is remembered
between events but what stands in the database, so that the same event always means the same.
"""

from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.commit.plan import SHOP_ANCHOR
from storefront.core.config import Offer
from storefront.core.events import Event
from storefront.core.purchasing import PURCHASE, receiver_of
from storefront.core.reading import Query
from storefront.core.refunds import HOLDING, TAKING, read_reversals, taken_back
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

EXPIRED = "goods.expired"
_ACTIVATED = Query(
    select(events.c.subject, events.c.commit_no)
    .where(
        events.c.anchor == SHOP_ANCHOR,
        events.c.type == "catalog.activated",
        events.c.commit_no <= bindparam("commit_no"),
    )
    .order_by(events.c.sequence.desc())
    .limit(1)
)
_GRANT = Query(select(grants).where(grants.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class Happening:
    """A stage of an offer. ``customer_id`` gets what it is about; ``texts`` are what its templates may name.

    ``takes``: it takes back what was given, ``is_whole`` all of it; ``gives_back``: it undoes what ``reversal_id``
    took.
    """

    event: Event
    offer: Offer
    stage: str
    customer_id: str
    quantity: int
    texts: dict[str, str]
    purchase_id: str | None = None
    reversal_id: str | None = None
    takes: bool = False
    is_whole: bool = False
    gives_back: bool = False


async def happening_of(services: Services, event: Event) -> Happening | None:
    """Return what an event means for game servers; None if nothing."""
    if event.type == "purchase.completed":
        return await _of_purchase(services, event, ON_PURCHASE)
    if event.type.startswith("purchase.") and ("refund" in event.data or "dispute_case" in event.data):
        return await _of_reversal(services, event)
    if event.type == "grant.made" and "sku" in event.data:
        return await _of_grant(services, event)
    if event.type == EXPIRED:
        return await _of_expiry(services, event)
    if event.type == "item.consumed":
        return await _of_consumption(services, event)
    return None


async def _of_purchase(services: Services, event: Event, stage: str, **more: Any) -> Happening | None:
    purchase = await services.reader.first(PURCHASE, id=event.subject)
    assert purchase is not None, "its event says that it is there"
    # Edits of the catalog in between change nothing: what was sold is delivered, and taken back as it was given.
    offer = (await services.catalogs.version(purchase["catalog_version"])).offers[purchase["sku"]]
    if not has_deliveries(offer):
        return None
    quantity = more.pop("quantity", purchase["quantity"])
    texts = await _texts(services, offer, receiver_of(purchase), quantity, event)
    texts["purchase"] = purchase["id"]
    for prefix in ("metadata", "details"):
        given = msgspec.json.decode(purchase[prefix])
        texts |= {f"{prefix}.{key}": _as_text(value) for key, value in given.items()}
    return Happening(event, offer, stage, receiver_of(purchase), quantity, texts, purchase["id"], **more)


async def _of_reversal(services: Services, event: Event) -> Happening | None:
    """Compare what the event says of its reversal with what was said before: has it begun to take, or ended?"""
    is_dispute = "dispute_case" in event.data
    told = event.data["dispute_case" if is_dispute else "refund"]
    taking = TAKING | HOLDING if is_dispute else TAKING
    before = await _told_before(services, event, told["id"])
    was, now = before in taking, told["state"] in taking
    if was == now:
        return None
    rows = await read_reversals(services.reader, event.subject)
    row = next(row for row in rows if row["id"] == told["id"])
    quantity = taken_back(row).quantity
    if quantity == 0:
        return None  # money alone, a goodwill: the goods stay
    reversal_id = told["id"]
    if now:
        stage = ON_CHARGEBACK if is_dispute else ON_REFUND
        is_whole = quantity == event.data["quantity"]
        return await _of_purchase(
            services, event, stage, quantity=quantity, reversal_id=reversal_id, takes=True, is_whole=is_whole
        )
    stage = ON_DISPUTE_WON if is_dispute else ON_PURCHASE
    return await _of_purchase(services, event, stage, quantity=quantity, reversal_id=reversal_id, gives_back=True)


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
    offer = await _offer_then(services, event)
    grant = await services.reader.first(_GRANT, id=event.subject)
    assert grant is not None, "its event says that it is there"
    if offer is None:
        return None
    texts = await _texts(services, offer, grant["customer_id"], grant["quantity"], event)
    texts["purchase"] = grant["id"]
    return Happening(event, offer, ON_PURCHASE, grant["customer_id"], grant["quantity"], texts)


async def _of_expiry(services: Services, event: Event) -> Happening | None:
    if await services.reader.first(PURCHASE, id=event.subject) is not None:
        return await _of_purchase(services, event, ON_EXPIRE)
    found = await _of_grant(services, event)
    return None if found is None else replace(found, stage=ON_EXPIRE)


async def _of_consumption(services: Services, event: Event) -> Happening | None:
    offer = await _offer_then(services, event)
    if offer is None:
        return None
    customer_id, quantity = event.data["customer_id"], event.data["quantity"]
    texts = await _texts(services, offer, customer_id, quantity, event)
    return Happening(event, offer, ON_CONSUME, customer_id, quantity, texts)


async def _offer_then(services: Services, event: Event) -> Offer | None:
    """Return the offer as the catalog had it when something happened that names no version; None without deliveries."""
    row = await services.reader.first(_ACTIVATED, commit_no=event.cursor[0])
    if row is None:
        return None
    offer = (await services.catalogs.version(row["subject"])).offers.get(event.data["sku"])
    return offer if offer is not None and has_deliveries(offer) else None


async def _texts(services: Services, offer: Offer, customer_id: str, quantity: int, event: Event) -> dict[str, str]:
    return {
        "player": await services.customers.external_id(customer_id),
        "customer_id": customer_id,
        "sku": offer.sku,
        "quantity": str(quantity),
        "event": event.id,
    }


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
