"""The jobs of unfinished purchases: ask about every ``pending`` one, give again what is owed; follow the gateways."""

from collections.abc import Mapping
from typing import Any

from storefront.core.clock import DAY_MS, MINUTE_MS
from storefront.core.commit.job_rows import job_row
from storefront.core.commit.plan import Insert, Plan
from storefront.core.gateway_books import follow_books, read_book
from storefront.core.gateway_payments import anchor_of
from storefront.core.gateways import BalanceBook, GatewayRefused
from storefront.core.inbox import take_in_missed
from storefront.core.jobs import Again, pause_after
from storefront.core.opening import CheckoutTooLate
from storefront.core.purchasing import Status, read_purchase
from storefront.core.receiving import give_again
from storefront.core.reconciling import reconcile
from storefront.core.services import Services
from storefront.core.settlement import settle

LONGEST_PAUSE_MS = 15 * MINUTE_MS
OWED_PAUSE_MS = 5 * MINUTE_MS
FOLLOW_PAUSE_MS = 10 * MINUTE_MS
LONGEST_FOLLOW_PAUSE_MS = DAY_MS // 4


async def sweep_purchase(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Ask the gateway about a pending purchase, later and later, and surely when its time is over."""
    purchase_id = payload["purchase_id"]
    purchase = await read_purchase(services, purchase_id)
    if purchase["status"] != Status.PENDING:
        return None
    try:
        await settle(services, purchase_id)
    except (GatewayRefused, CheckoutTooLate):
        return None
    purchase = await read_purchase(services, purchase_id)
    if purchase["status"] != Status.PENDING:
        return None
    now, expires_at = services.clock.now(), purchase["expires_at"]
    pause = pause_after(now - purchase["created_at"])
    if expires_at is not None and now < expires_at:
        return Again(min(now + min(pause, LONGEST_PAUSE_MS), expires_at))
    # Its payer has done all there is to do, and a delayed method takes its days.
    return Again(now + pause)


async def give_purchase(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Try again to give what was paid for."""
    if await give_again(services, payload["purchase_id"]):
        return None
    return Again(services.clock.now() + OWED_PAUSE_MS)


async def schedule_following(services: Services) -> None:
    """Make sure that the books of every gateway that shows them are followed; called at every start."""
    now = services.clock.now()
    for name, gateway in services.gateways.items():
        if not isinstance(gateway, BalanceBook):
            continue
        plan = Plan(actor="start", anchors={anchor_of(name)})
        for kind, pause in (("gateway.follow", MINUTE_MS), ("gateway.reconcile", DAY_MS)):
            row = job_row(kind, anchor=anchor_of(name), unique_key=f"{kind}:{name}", due_at=now + pause, now=now,
                          payload={"gateway": name})  # fmt: skip
            plan.add(Insert("jobs", (row["id"],), anchor_of(name), row, once=True))
        await services.engine.commit(plan)


async def follow_gateway(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Take in what a gateway told and moved since the last time, less and less often while nothing moves.

    A gateway that was taken out of the YAML is let go.
    """
    if payload["gateway"] not in services.gateways:
        return None
    await take_in_missed(services, payload["gateway"])
    await follow_books(services, payload["gateway"])
    book, now = await read_book(services, payload["gateway"]), services.clock.now()
    quiet = now - (book["moved_at"] or book["since"])
    return Again(now + min(max(quiet // 2, FOLLOW_PAUSE_MS), LONGEST_FOLLOW_PAUSE_MS))


async def reconcile_gateway(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Compare a gateway's records with ours once a day."""
    if payload["gateway"] not in services.gateways:
        return None
    await reconcile(services, payload["gateway"])
    return Again(services.clock.now() + DAY_MS)
