"""Pledges of a customer who is to be erased: they stand in the way until they are withdrawn."""

from collections.abc import Sequence

from sqlalchemy import bindparam, or_, select

from storefront.core.privacy.obstacles import Obstacle
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_fanfunding.campaigns import CHARGING, OPEN, PENDING
from storefront_fanfunding.pledge_tables import pledges
from storefront_fanfunding.pledging import withdraw_pledge

_UNDER_WAY = Query(
    select(pledges.c.id, pledges.c.state).where(
        pledges.c.customer_id == bindparam("customer_id"),
        or_(*(pledges.c.state == state for state in (PENDING, OPEN, CHARGING))),
    )
)


async def pledges_under_way(services: Services, customer_id: str) -> Sequence[Obstacle]:
    """Return the pledges that may still be charged; one that is being charged ends by itself."""
    return [
        Obstacle("pledge", row["id"], "wait until it is charged", ends=False)
        if row["state"] == CHARGING
        else Obstacle("pledge", row["id"], "withdraw it", ends=True)
        for row in await services.reader.all(_UNDER_WAY, customer_id=customer_id)
    ]


async def withdraw_pledges(services: Services, customer_id: str) -> None:
    """Withdraw a customer's pledges; raises ``PledgeOver`` after a goal's deadline."""
    for row in await services.reader.all(_UNDER_WAY, customer_id=customer_id):
        if row["state"] != CHARGING:
            await withdraw_pledge(services, row["id"], reason="erased")
