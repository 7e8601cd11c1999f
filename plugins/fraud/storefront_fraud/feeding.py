"""What gateways report feeds the lists: whom a bank warns of, and whose payment it disputes."""

from contextlib import suppress

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.commit.plan import Plan
from storefront.core.errors import NotFound
from storefront.core.events import Event
from storefront.core.purchasing import read_payment
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_fraud.attributes import Stage
from storefront_fraud.config import REPORTED, Settings
from storefront_fraud.judging import DECISION
from storefront_fraud.lists import anchor_of, put_on
from storefront_fraud.tables import list_entries

WARNED = "payment.fraud_warning"
DISPUTED = "purchase.dispute_"
_CLOSED_WELL = ("won", "prevented", "closed", "canceled", "failed")
_ENTRY = Query(
    select(list_entries.c.expires_at).where(
        list_entries.c.list == bindparam("list"), list_entries.c.value == bindparam("value")
    )
)


async def report_on_lists(services: Services, settings: Settings, event: Event) -> None:
    """Put customer, card and address of a reported payment on the lists ``reported_…``; safe to be told twice."""
    if event.type == WARNED:
        why = "fraud warning"
    elif event.type.startswith(DISPUTED) and not event.type.endswith(_CLOSED_WELL):
        why = "dispute"
    else:
        return
    purchase_id = str(event.data.get("purchase_id") or event.subject)
    found = await _reported(services, purchase_id, event.anchor)
    expires_at = event.occurred_at + settings.reported_ms
    plan = Plan(actor="plugin:fraud", anchors={anchor_of(name) for name in found})
    for name, value in found.items():
        row = await services.reader.first(_ENTRY, list=name, value=value)
        if row is None or (row["expires_at"] is not None and row["expires_at"] < expires_at):
            put_on(plan, name, value, reason=f"{why}: {purchase_id}", actor=plan.actor, now=event.occurred_at,
                   expires_at=expires_at)  # fmt: skip
    if plan.list:
        await services.engine.commit(plan)


async def _reported(services: Services, purchase_id: str, customer_id: str) -> dict[str, str]:
    """Return list -> value of what is known of a purchase."""
    customers, cards, addresses = REPORTED
    found: dict[str, str] = {}
    with suppress(NotFound):  # a warning may hang under something else than a customer
        found[customers] = await services.customers.external_id(customer_id)
    payment = await read_payment(services, purchase_id)
    if payment is not None:
        fingerprint = msgspec.json.decode(payment["card"]).get("fingerprint")
        if isinstance(fingerprint, str) and fingerprint:
            found[cards] = fingerprint
    decision = await services.reader.first(DECISION, purchase_id=purchase_id, stage=Stage.PURCHASE)
    if decision is not None:
        address = msgspec.json.decode(decision["attributes"]).get("ip.address")
        if isinstance(address, str):
            found[addresses] = address
    return found
