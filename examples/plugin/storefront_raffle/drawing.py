"""What happens by itself: the draw when it is due, and the free ticket after a purchase."""

import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, func, select

from storefront.core.accounts import issuance
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Change, Claim, Deposit, Insert, LotTerms, Plan
from storefront.core.events import Event
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_raffle.config import FreeTicket
from storefront_raffle.raffles import KIND, Raffle, RaffleClosed, give_tickets
from storefront_raffle.tables import tickets

ACTOR = "plugin:raffle"
SOLD = Query(select(func.count().label("tickets")).where(tickets.c.raffle == bindparam("raffle")))
TICKET = Query(select(tickets).where(tickets.c.raffle == bindparam("raffle"), tickets.c.number == bindparam("number")))


async def draw(services: Services, payload: Mapping[str, Any]) -> None:
    """Draw a winner once, and put the prize into their wallet. Safe to run again.

    Raises:
        Stale: a ticket was sold at this very moment; the job runs again.
    """
    sku, asset = payload["raffle"], payload["asset"]
    raffle = Raffle(sku, services.clock.now(), asset, payload["amount"])
    sold = await services.reader.first(SOLD, raffle=sku)
    assert sold is not None, "the first ticket ordered the draw"
    number = secrets.randbelow(sold["tickets"]) + 1
    ticket = await services.reader.first(TICKET, raffle=sku, number=number)
    assert ticket is not None, "tickets are numbered without gaps"
    winner = ticket["customer_id"]
    plan = Plan(actor=ACTOR, anchors={raffle.anchor, winner})
    plan.add(Claim(f"raffle:drawn:{sku}", winner))
    # Compare and set: if another ticket was sold since we counted, the draw starts over with it.
    plan.add(Change("counters", raffle.sold.id, raffle.anchor, expect={"value": sold["tickets"]}, set={}))
    row = {"raffle": sku, "number": number, "customer_id": winner, "drawn_at": raffle.draws_at}
    plan.add(Insert("raffle_draws", (sku,), raffle.anchor, row))
    plan.entry("raffle.prize", about=ticket["purchase_id"], anchor=winner)
    plan.add(Deposit("entry", winner, asset, raffle.prize_amount, issuance(asset), LotTerms(source="granted")))
    plan.emit("raffle.drawn", anchor=winner, subject=sku, payload={"raffle": sku, "number": number})
    try:
        await services.engine.commit(plan)
    except Taken:
        return  # an earlier run drew, and died before its job was struck off


async def give_free_ticket(services: Services, free: FreeTicket, event: Event) -> None:
    """Give the ticket that comes with a purchase, once, however often its event is told."""
    if event.type != "purchase.completed" or event.data["sku"] != free.with_sku:
        return
    offer = services.catalogs.active.offers.get(free.of)
    if offer is None or offer.kind != KIND:
        return
    customer_id, purchase_id = event.data["customer_id"], event.subject
    plan = Plan(actor=ACTOR, anchors={customer_id})
    plan.add(Claim(f"raffle:free:{purchase_id}", customer_id))
    try:
        give_tickets(
            plan,
            Raffle.of(offer),
            customer_id=customer_id,
            quantity=1,
            because_of=purchase_id,
            now=services.clock.now(),
        )
        await services.engine.commit(plan)
    except (Taken, RaffleClosed):
        return  # given before, or the draw is over
