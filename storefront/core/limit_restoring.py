"""Giving limits back when goods go back, where an offer says so (``restore_limit_on_refund``), in the same commit.

A place goes back into the window in which it was taken; in a window that is over it changes nothing any more. Only
units whose goods are taken back count, not an amount that is refunded alone. What a payer's bank takes back, or what
is undone because of it, frees the shop's stock, but never the customer's own limit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.commit.plan import Plan
from storefront.core.config.model import Offer
from storefront.core.limits import LimitCounter, limit_counters
from storefront.core.purchasing import Status
from storefront.core.reading import Row
from storefront.core.refunds import REFUND, TAKING, taken_back
from storefront.core.services import Services

RESTORED = "limits_restored"
"""Which fact of a reversal says that it has given limits back, though it may have taken them again since."""


def restorable(offer: Offer, purchase: Row, cause: str) -> list[LimitCounter]:
    """Return the counters that go down when units of a purchase are taken back for ``cause``."""
    if purchase["status"] != Status.COMPLETED or not any(limit.restore_limit_on_refund for limit in offer.limits):
        return []
    counted = limit_counters(offer, purchase["customer_id"], purchase["created_at"])
    pairs = zip(offer.limits, counted, strict=True)
    return [one for limit, one in pairs if limit.restore_limit_on_refund and (one.is_global or cause == REFUND)]


def restore_limits(plan: Plan, counted: Sequence[LimitCounter], units: int) -> bool:
    """Count so many units less, or more again where ``units`` is negative; tell whether there was anything to count.

    More again may pass the limit: a refund that failed took its goods back from nobody else.
    """
    if not units:
        return False
    for one in counted:
        plan.anchors.add(one.anchor)
        plan.count(one.key, anchor=one.anchor, by=-units)
    return bool(counted)


async def follow_reversal(
    services: Services,
    plan: Plan,
    purchase: Row,
    *,
    before: Row | None,
    after: Mapping[str, Any],
    facts: dict[str, Any],
) -> None:
    """Give limits back as far as a move of a reversal takes units for good, and take them where it gives them again.

    ``after`` is the reversal's row with the units that it asks back; ``facts`` are kept with it.
    """
    taken_before = 0 if before is None or before["state"] not in TAKING else taken_back(before).quantity
    taken_after = taken_back(after).quantity if after["state"] in TAKING else 0
    if taken_before == taken_after:
        return
    offer = (await services.catalogs.version(purchase["catalog_version"])).offer(purchase["sku"])
    counted = restorable(offer, purchase, after["cause"])
    if restore_limits(plan, counted, taken_after - taken_before):
        facts[RESTORED] = True
