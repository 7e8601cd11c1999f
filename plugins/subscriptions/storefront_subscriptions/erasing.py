"""What of a customer's memberships stands in the way of an erasure, and how it is ended: at once, charged no more."""

from collections.abc import Sequence

from sqlalchemy import bindparam, or_, select

from storefront.core.privacy.obstacles import Obstacle
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_subscriptions.canceling import end_now
from storefront_subscriptions.config import Settings
from storefront_subscriptions.rows import CANCELED, FINALS_LEFT, OVER, SubscriptionOver
from storefront_subscriptions.tables import carried, gifts, subscriptions

_SUBSCRIPTIONS = Query(
    select(subscriptions.c.id).where(
        subscriptions.c.customer_id == bindparam("customer_id"),
        *(subscriptions.c.billing_state != state for state in sorted(OVER)),
    )
)
_GIFTS = Query(
    select(gifts.c.id).where(
        or_(gifts.c.customer_id == bindparam("customer_id"), gifts.c.giver_id == bindparam("customer_id")),
        gifts.c.state == "waiting",
    )
)
_CARRIED = Query(select(carried).where(carried.c.customer_id == bindparam("customer_id"), carried.c.amount > 0))


async def memberships_under_way(services: Services, customer_id: str) -> Sequence[Obstacle]:
    """Return memberships that are not over, gifts that wait for one, and what is still to be paid."""
    reader = services.reader
    found = [
        Obstacle("subscription", row["id"], "end it", ends=True)
        for row in await reader.all(_SUBSCRIPTIONS, customer_id=customer_id)
    ]
    for row in await reader.all(_GIFTS, customer_id=customer_id):
        found.append(Obstacle("gift of periods", row["id"], "refund its purchase"))
    for row in await reader.all(FINALS_LEFT, customer_id=customer_id):
        found.append(Obstacle("final invoice", row["id"], "collect it, or write it off"))
    for row in await reader.all(_CARRIED, customer_id=customer_id):
        left = f"{row['amount']} {row['currency']} of it are to be invoiced still"
        found.append(Obstacle("membership", row["family"], left))
    return found


async def end_memberships(services: Services, settings: Settings, customer_id: str, actor: str) -> None:
    """End all memberships of a customer now; raises ``RenewalUnderWay`` where a payment can be stopped no more."""
    for row in await services.reader.all(_SUBSCRIPTIONS, customer_id=customer_id):
        try:
            await end_now(services, settings, row["id"], reason=CANCELED, actor=actor)
        except SubscriptionOver:
            continue
