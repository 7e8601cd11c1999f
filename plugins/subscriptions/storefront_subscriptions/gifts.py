"""Gifts of periods as rows: how they are found, and how they move with the subscription that has them.

A gift is ``waiting`` once it is paid, until its recipient's subscription takes it; then it is ``given``, and each of
its periods is an invoice of that subscription which asks for nothing. It ends early as ``taken_back`` with its money,
or as ``given_up`` with a subscription that its recipient ended at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.catalog import text_in
from storefront.core.clock import iso
from storefront.core.commit.plan import Change, Emit, Step
from storefront.core.errors import Conflict
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_subscriptions.intervals import BeyondCalendar, Interval, period
from storefront_subscriptions.rows import ACTIVE, OPEN, PAUSED, TRIALING, event_of, goes_on_with_a_gift
from storefront_subscriptions.tables import current, gifts

WAITING, GIVEN, TAKEN_BACK, GIVEN_UP = "waiting", "given", "taken_back", "given_up"
GIFT = Query(select(gifts).where(gifts.c.id == bindparam("id")))
OF_PURCHASE = Query(select(gifts).where(gifts.c.purchase_id == bindparam("purchase_id")))
_WAITING = Query(
    select(gifts).where(gifts.c.customer_id == bindparam("customer_id"), gifts.c.state == WAITING).order_by(gifts.c.id)
)
_OF_SUBSCRIPTION = Query(
    select(gifts).where(gifts.c.subscription_id == bindparam("subscription_id")).order_by(gifts.c.id)
)
CURRENT = Query(
    select(current.c.subscription_id).where(
        current.c.customer_id == bindparam("customer_id"), current.c.family == bindparam("family")
    )
)


class GiftAhead(Conflict):
    code = "gift_ahead"
    title = "What was given to this subscription is not used up yet"


async def gift_of(services: Services, purchase_id: str) -> Row | None:
    """Return the gift that a purchase paid for, or None if it paid for something else."""
    return await services.reader.first(OF_PURCHASE, purchase_id=purchase_id)


async def need_gift(services: Services, gift_id: str) -> Row:
    row = await services.reader.first(GIFT, id=gift_id)
    assert row is not None, "whoever names a gift has seen it"
    return row


async def waiting_gifts(services: Services, customer_id: str) -> Sequence[Row]:
    """Return what was given to a customer and no subscription of theirs has taken yet, the oldest first."""
    return await services.reader.all(_WAITING, customer_id=customer_id)


async def gifts_of(services: Services, subscription_id: str) -> Sequence[Row]:
    """Return what a subscription has taken, used up or not, the oldest first."""
    return await services.reader.all(_OF_SUBSCRIPTION, subscription_id=subscription_id)


async def next_gift(services: Services, row: Mapping[str, Any]) -> Row | None:
    """Return the gift that pays a subscription's next period, if one does."""
    if not row["gifted"]:
        return None
    found = await gifts_of(services, row["id"])
    return next((one for one in found if one["state"] == GIVEN and one["remaining"]), None)


def takes(
    row: Mapping[str, Any], invoice: Mapping[str, Any], pause: Mapping[str, Any] | None, gift: Mapping[str, Any]
) -> bool:
    """Tell whether a subscription can take a gift now: it is of the same terms, and its newest period is paid.

    While its next is being charged nobody knows whether it goes on. One that is paused goes on with a gift only if
    another's money paused it.
    """
    is_paid = row["billing_state"] in (ACTIVE, TRIALING) and invoice["state"] != OPEN
    is_free = is_paid or (row["billing_state"] == PAUSED and goes_on_with_a_gift(pause))
    return is_free and row["change_id"] is None and same_terms(row, gift) and fits(row, gift["remaining"])


def fits(row: Mapping[str, Any], periods: int) -> bool:
    """Tell whether so many more given periods, and one that is paid after them, end before the calendar does."""
    try:
        gifted_until({**row, "gifted": row["gifted"] + periods + 1})
    except BeyondCalendar:
        return False
    return True


def same_terms(row: Mapping[str, Any], gift: Mapping[str, Any]) -> bool:
    return all(row[name] == gift[name] for name in ("sku", "interval", "seats"))


def gifted_until(row: Mapping[str, Any]) -> int:
    """Return when the periods end that are given to a subscription (business ms), if nothing is paused meanwhile."""
    if not row["gifted"]:
        return int(row["period_end"])
    number = row["period"] + row["gifted"] - row["anchor_period"]
    return period(row["anchor"], Interval.parse(row["interval"]), number).end


def refuse_while_given(row: Mapping[str, Any], invoice: Mapping[str, Any]) -> None:
    """Raise ``GiftAhead`` where a present or coming period was given: another tier would leave it without worth."""
    if row["gifted"] or invoice["gift_id"] is not None:
        until = iso(gifted_until(row))
        raise GiftAhead(f"What was given lasts until {until}.", subscription=row["id"], until=until)


async def lines_of_gift(services: Services, agreed: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return the lines of a period that was given: its price, and that somebody else has paid it."""
    catalog = await services.catalogs.version(agreed["catalog_version"])
    title = text_in(catalog.offer(agreed["sku"]).title, None, catalog.default_language) or agreed["sku"]
    price = agreed["price"] * agreed["seats"]
    return [(f"{title}, {agreed['interval']}", price), ("Gift", -price)]


def used(gift: Mapping[str, Any]) -> Change:
    """Return the step by which a gift has one period less; that one's invoice names it."""
    expect = {"state": gift["state"], "remaining": gift["remaining"]}
    after = {"remaining": gift["remaining"] - 1}
    return Change("subscriptions_gifts", (gift["id"],), gift["customer_id"], expect, after)


def closed(gift: Mapping[str, Any], state: str, now: int) -> Change:
    """Return the step that ends a gift early; what is left of it is had by nobody."""
    expect = {"state": gift["state"], "remaining": gift["remaining"]}
    after = {"state": state, "remaining": 0, "closed_at": now}
    return Change("subscriptions_gifts", (gift["id"],), gift["customer_id"], expect, after)


def told_gift(row: Mapping[str, Any], gift: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event tells of a gift that a subscription has taken."""
    return event_of(row, gift=gift["id"], given_by=gift["giver_id"], periods=gift["periods"],
                    at=iso(gifted_until(row)))  # fmt: skip


async def letting_go(
    services: Services, row: Row, invoice: Row, now: int, *, is_given_up: bool, but: str | None = None
) -> Sequence[Step]:
    """Return the steps by which an ending subscription lets go of gifts: they wait for another, or are given up.

    A period that was being begun was not had. The gift ``but`` is closed by itself.
    """
    is_begun = invoice["state"] == OPEN and invoice["gift_id"] is not None
    if not row["gifted"] and not is_begun:
        return ()
    steps: list[Step] = []
    for gift in await gifts_of(services, row["id"]):
        left = gift["remaining"] + (is_begun and invoice["gift_id"] == gift["id"])
        if gift["state"] != GIVEN or not left or gift["id"] == but:
            continue
        if is_given_up:
            steps.append(closed(gift, GIVEN_UP, now))
            told = event_of(row, gift=gift["id"], given_by=gift["giver_id"], periods=left)
            steps.append(Emit(row["customer_id"], "subscription.gift_given_up", row["id"], told))
            continue
        expect = {"state": GIVEN, "remaining": gift["remaining"]}
        after = {"state": WAITING, "remaining": left, "subscription_id": None}
        steps.append(Change("subscriptions_gifts", (gift["id"],), gift["customer_id"], expect, after))
    return steps
