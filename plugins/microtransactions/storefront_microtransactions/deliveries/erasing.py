"""Commands for game servers that name a customer who is to be erased: they are handed out first, or canceled."""

from collections.abc import Sequence

from sqlalchemy import bindparam, or_, select

from storefront.core.privacy.obstacles import Obstacle
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_microtransactions.deliveries.operating import cancel
from storefront_microtransactions.deliveries.tables import commands

_UNDER_WAY = Query(
    select(commands.c.id, commands.c.state).where(
        commands.c.customer_id == bindparam("customer_id"),
        or_(commands.c.state == "queued", commands.c.state == "leased"),
    )
)


async def deliveries_under_way(services: Services, customer_id: str) -> Sequence[Obstacle]:
    """Return what a game server has not confirmed yet."""
    return [
        Obstacle("delivery", row["id"], "wait for the game server", ends=False)
        if row["state"] == "leased"
        else Obstacle("delivery", row["id"], "cancel it, or let the game server have it", ends=True)
        for row in await services.reader.all(_UNDER_WAY, customer_id=customer_id)
    ]


async def cancel_deliveries(services: Services, customer_id: str, actor: str) -> None:
    """Cancel what no game server has taken yet."""
    for row in await services.reader.all(_UNDER_WAY, customer_id=customer_id):
        if row["state"] == "queued":
            await cancel(services, row["id"], actor=actor)
