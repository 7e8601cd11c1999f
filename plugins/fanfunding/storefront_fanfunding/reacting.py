"""What a tip hears of its purchase: that nothing comes of it. All else is written in the purchase's own commits."""

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.events import Event
from storefront.core.purchasing import Status
from storefront.core.services import Services
from storefront_fanfunding.rows import OF_PURCHASE, PENDING, TIPS, VOID

GONE = frozenset(f"purchase.{one}" for one in (Status.EXPIRED, Status.FAILED, Status.CANCELED, Status.REJECTED))


async def note_gone(services: Services, event: Event) -> None:
    """Write down that a tip was never paid; should its money still arrive, it is paid all the same."""
    if event.type not in GONE:
        return
    row = await services.reader.first(OF_PURCHASE, purchase_id=event.subject)
    if row is None or row["state"] != PENDING:
        return
    plan = Plan(actor="plugin:fanfunding", anchors={row["customer_id"]})
    changes = {"state": VOID, "sender": None, "updated_at": services.clock.now()}
    plan.add(Change(TIPS, (row["id"],), row["customer_id"], {"state": PENDING}, changes))
    try:
        await services.engine.commit(plan)
    except Stale:
        return  # its money has arrived in this very moment
