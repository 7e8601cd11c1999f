"""The kind of offer: a tip. It gives a creator their share, and its giver what its tier promises, if anything."""

from collections.abc import Mapping
from typing import Any

from storefront.core.billing import BILL
from storefront.core.commit.plan import Plan
from storefront.core.config.model import Offer
from storefront.core.errors import Invalid
from storefront.core.kinds import Fulfilment, JsonSchema, Line, MoneyBack, Reversal, TransferMoved
from storefront_fanfunding.config import KIND
from storefront_fanfunding.granting import add_grants
from storefront_fanfunding.money_back import add_money_back
from storefront_fanfunding.pledge_moves import add_collected
from storefront_fanfunding.sending import add_telling
from storefront_fanfunding.settling import Paid, add_settlement

NOTHING: JsonSchema = {"type": "object", "properties": {}, "additionalProperties": False}


class TipKind:
    """Tips of any amount, each by a bill of its own."""

    name = KIND
    source = "fan_funding"

    @property
    def schema(self) -> JsonSchema:
        return NOTHING

    @property
    def details_schema(self) -> JsonSchema:
        """Say that it asks for something, which is why nobody can be granted it."""
        return NOTHING

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        return {}

    def check(self, line: Line) -> None:
        """Refuse a purchase that is no tip's own: it would be paid, and give nobody anything."""
        raise Invalid("A tip is given: POST /v1/fanfunding/creators/{creator}/tips.")

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        """Pass on what was paid to the creator whom the bill is for."""
        if BILL not in line.details:
            return
        paid = Paid(
            tip_id=line.details["tip"],
            creator_id=line.details["creator_id"],
            customer_id=goods.customer_id,
            currency=line.total.currency,
            net=line.total.amount_minor - goods.tax,
        )
        add_settlement(goods.plan, paid)
        if "pledge" in line.details:
            whose = {"customer_id": goods.customer_id, "purchase_id": goods.purchase_id}
            add_collected(goods.plan, line.details["pledge"], paid.tip_id, **whose)
        if "grants" in line.details:
            whose = {"tip_id": paid.tip_id, "creator_id": paid.creator_id, "customer_id": goods.customer_id}
            add_grants(goods.plan, line.details["grants"], **whose, now=goods.now)

    def reverse(self, line: Line, goods: Reversal) -> None:
        """Ask its giver for nothing back here: what they got goes by the tip's own rows (``grants_back``)."""

    def money_back(self, plan: Plan, move: MoneyBack) -> None:
        """Ask the creator's share back, in the commit that moves the rest."""
        add_money_back(plan, move)

    def transfer_moved(self, plan: Plan, moved: TransferMoved) -> None:
        """Look the transfer up: it may be a payout's."""
        add_telling(plan, moved)
