"""Gifts: one customer buys, another one receives. What a buyer may learn of a recipient, and how often they may give.

Docs: docs/gifts.md for people, docs/decisions/0016-gifts-and-transfers.md for who owes what when a gift's money goes
back.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from storefront.core.clock import DAY_MS, iso
from storefront.core.commit.outcome import AlreadyOwned, LimitReached, WalletFull
from storefront.core.commit.plan import Plan
from storefront.core.config.model import Offer
from storefront.core.customers import Newcomer
from storefront.core.errors import Conflict, FieldError, Invalid, Refused
from storefront.core.ids import is_id
from storefront.core.principals import Principal, Role
from storefront.core.purchasing import Status
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import purchases

COUNTED = "gifts:"


class GiftNotPossible(Conflict):
    """Why is not said to a customer: it would tell what a stranger owns, or whether there is one."""

    code = "gift_not_possible"
    title = "This cannot be given to that recipient"


class NotGiftable(Conflict):
    code = "not_giftable"
    title = "This cannot be given to somebody else"


class TooManyGifts(Refused):
    code = "too_many_gifts"
    title = "This customer has given as much today as they may"


async def find_receiver(services: Services, principal: Principal, buyer_id: str, named: str) -> str | Newcomer:
    """Return whom a caller means to give to; a server may name somebody who was never here.

    Raises:
        Invalid: it is the giver.
        GiftNotPossible: a customer names somebody who is not here.
    """
    found: str | Newcomer | None
    if principal.role is Role.CUSTOMER:
        found = await services.customers.find(named)
        if found is None:
            raise GiftNotPossible
    else:
        found = await services.customers.meet(named, pointer="/recipient")
    if buyer_id == (found if isinstance(found, str) else found.id):
        raise Invalid("Nobody gives to themselves.", errors=[FieldError("/recipient", "must be somebody else")])
    return found


def refuse_not_giftable(services: Services, offer: Offer, *, by_customer: bool) -> None:
    """Raise ``NotGiftable`` if the shop's ``gifts:``, or the offer, does not allow it."""
    gifts = services.config.gifts
    if not gifts.allowed or (by_customer and not gifts.by_customers):
        raise NotGiftable("This shop sells nothing for somebody else.", sku=offer.sku)
    if not offer.giftable or (gifts.kinds and offer.kind not in gifts.kinds):
        raise NotGiftable(f"{offer.sku} is for its buyer alone.", sku=offer.sku)


def count_gift(plan: Plan, services: Services, buyer_id: str, now: int) -> None:
    """Count a gift that is bought or begun against its buyer's day (UTC); over the cap the plan is refused."""
    at_most = services.config.gifts.per_day
    refusal = TooManyGifts(f"{at_most} gifts a day.", at_most=at_most)
    plan.count(day_key(COUNTED, buyer_id, now), anchor=buyer_id, at_most=at_most, refusal=refusal)


def day_key(prefix: str, customer_id: str, now: int) -> str:
    """Return the counter of what a customer gives in the UTC day around ``now`` (business ms)."""
    return f"{prefix}{customer_id}:{now // DAY_MS * DAY_MS}"


def tells_of_recipient(refusal: Exception) -> bool:
    """Tell whether a refusal is about what a recipient owns: another customer does not learn that."""
    if isinstance(refusal, LimitReached):
        return "owned" in refusal.facts
    return isinstance(refusal, AlreadyOwned | WalletFull)


async def list_gifts(
    services: Services, customer_id: str, *, limit: int, after: str | None, names_givers: bool
) -> dict[str, Any]:
    """Return one page of what a customer was given by purchases, newest first; never how it was paid.

    ``from`` is who bought it, told to servers only (``names_givers``): the game knows whom it may show to whom.
    """
    statement = (
        select(purchases)
        .where(purchases.c.recipient_id == customer_id, purchases.c.status == Status.COMPLETED)
        .order_by(purchases.c.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        if not is_id(after, "pur"):
            words = "is not a cursor of this list"
            raise Invalid("This is not a cursor of this list.", errors=[FieldError("/after", words)])
        statement = statement.where(purchases.c.id < after)
    rows = await services.reader.scan(statement)
    shown = [await _gift_json(services, row, names_giver=names_givers) for row in rows[:limit]]
    return {"data": shown, "next": rows[limit - 1]["id"] if len(rows) > limit else None}


async def _gift_json(services: Services, row: Row, *, names_giver: bool) -> Mapping[str, Any]:
    giver = {"id": await services.customers.external_id(row["customer_id"])} if names_giver else None
    return {
        "id": row["id"],
        "from": giver,
        "sku": row["sku"],
        "quantity": row["quantity"],
        "refunded": row["refunded"],
        "dispute": row["dispute"],
        "received_at": iso(row["completed_at"]),
    }
