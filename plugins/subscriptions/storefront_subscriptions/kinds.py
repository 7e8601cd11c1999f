"""The kind of offer: a tier. What it gives is given because of a subscription, never because of one purchase."""

from collections.abc import Mapping
from typing import Any

from storefront.core.billing import BILL
from storefront.core.config.model import Offer
from storefront.core.errors import Invalid
from storefront.core.kinds import Fulfilment, JsonSchema, Line, Reversal
from storefront_subscriptions.change_moves import note_change_paid
from storefront_subscriptions.config import KIND, Settings, Tier
from storefront_subscriptions.config_schema import SUBSCRIPTION
from storefront_subscriptions.credits import included_in
from storefront_subscriptions.final_moves import FINAL, note_final_paid
from storefront_subscriptions.giving import GIFT, note_gift_paid
from storefront_subscriptions.intervals import Interval
from storefront_subscriptions.moves import note_paid


class SubscriptionKind:
    """Tiers of a family, for an interval each."""

    name = KIND
    source = "memberships"
    grants_rights = True
    page = "/account"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def schema(self) -> JsonSchema:
        return SUBSCRIPTION

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        tier = Tier.of(offer)
        return {
            "family": tier.family,
            "intervals": [
                {
                    "interval": interval,
                    "prices": [{"amount": amount, "currency": code} for code, amount in prices.items()],
                }
                for interval, prices in tier.intervals().items()
            ],
            "trial": offer.part.get("trial"),
            "credits": [
                {"asset": clock.asset, "amount": one.amount, "every": clock.every}
                for clock, one in included_in(offer).items()
            ],
            "most_seats": tier.most_seats,
        }

    def prices_each(self, offer: Offer) -> Mapping[str, Mapping[str, int]]:
        return {Interval.parse(interval).often: prices for interval, prices in Tier.of(offer).intervals().items()}

    def check(self, line: Line) -> None:
        """Refuse a purchase that is not a subscription's own: it would be paid once, and give nothing."""
        raise Invalid(f"{line.offer.sku} is subscribed to: POST /v1/subscriptions.")

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        """Let the subscription that the bill is of go on by what was paid."""
        if BILL not in line.details:
            return
        if GIFT in line.details:
            note_gift_paid(line, goods)
            return
        if FINAL in line.details:
            note_final_paid(goods.plan, line, customer_id=goods.customer_id, purchase_id=goods.purchase_id)
            return
        note = note_change_paid if "change" in line.details else note_paid
        note(goods.plan, line, self._settings, customer_id=goods.customer_id, purchase_id=goods.purchase_id)

    def reverse(self, line: Line, goods: Reversal) -> None:
        """Ask for nothing back: what the whole of a period's money gave, the subscription gave, and it ends that."""
