"""After a purchase was taken back: codes whose terms say so are given back, by a job that its refund scheduled."""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Plan
from storefront.core.errors import Unavailable
from storefront.core.promos.redeeming import REDEEMED, give_back, has_codes, read_redemptions
from storefront.core.purchasing import read_purchase
from storefront.core.reading import Row
from storefront.core.services import Services

RESTORE = "promo_code.restore"
_TIMES_DECIDED = 5


def see_to_codes(plan: Plan, purchase: Row, refunded: str, now: int) -> None:
    """Schedule what a full refund means for a purchase's codes, in the commit that makes it full."""
    if refunded == "full" and has_codes(purchase):
        plan.schedule(
            RESTORE,
            anchor=purchase["customer_id"],
            unique_key=f"promo:{purchase['id']}",
            due_at=now,
            now=now,
            payload={"purchase_id": purchase["id"]},
        )


async def restore_codes(services: Services, payload: Mapping[str, Any]) -> None:
    """Give back the uses of a purchase that is refunded in full, where the codes' terms say so. Safe to repeat."""
    for _ in range(_TIMES_DECIDED):
        purchase = await read_purchase(services, payload["purchase_id"])
        if purchase["refunded"] != "full":
            return  # a refund that failed after all
        terms = (await services.catalogs.version(purchase["catalog_version"])).promo_codes
        plan, now = Plan(actor="jobs", anchors={purchase["customer_id"]}), services.clock.now()
        for row in await read_redemptions(services.reader, purchase["id"]):
            if row["state"] == REDEEMED and terms[row["name"]].restore_on_refund:
                give_back(plan, row, now)
        if not plan:
            return
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")
