"""What a reversal at a gateway means for promo codes and referrals, in the commit that moves it."""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.plan import Plan
from storefront.core.promos.redeeming import give_back_codes
from storefront.core.promos.restoring import see_to_codes
from storefront.core.purchasing import Status
from storefront.core.reading import Row
from storefront.core.referring.rewarding import see_to_referral
from storefront.core.services import Services


async def see_to_promotions(services: Services, plan: Plan, purchase: Row, changes: Mapping[str, Any]) -> None:
    """Do what the changes of a purchase's ``refunded`` and ``dispute`` mean for its codes and for its referral."""
    if purchase["status"] == Status.PAID and changes["refunded"] == "full":
        await give_back_codes(services, plan, purchase)  # nothing was ever given for it
    else:
        see_to_codes(plan, purchase, changes["refunded"], services.clock.now())
    if changes["refunded"] == "full" or changes["dispute"] == "lost":
        await see_to_referral(services, plan, purchase)
