"""Paying periods of a tier for somebody else, and the recipient's subscription taking them.

The purchase is the giver's, like that of any gift; once it is paid, the gift waits for its recipient's subscription.
That takes it at once if it can, or begins with it where there is none; each period is then an invoice that asks for
nothing, at its turn. So a gift, a renewal and a cancellation need no agreement: each moves the subscription's version.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from storefront.core.billing import BILL, Bill, BillLine
from storefront.core.catalog import text_in
from storefront.core.charging import CONFIRM_WITHIN_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, IdempotencyKey, Insert, Plan
from storefront.core.customers import Newcomer
from storefront.core.errors import Conflict, FieldError, Invalid, Unavailable
from storefront.core.gifts import GiftNotPossible, refuse_not_giftable
from storefront.core.ids import new_id
from storefront.core.kinds import Fulfilment, Line
from storefront.core.purchases import Bought, buy
from storefront.core.quoting import PurchaseRequest
from storefront.core.services import Services
from storefront_subscriptions.config import Settings, Tier
from storefront_subscriptions.gifts import (
    CURRENT,
    GIVEN,
    WAITING,
    fits,
    lines_of_gift,
    need_gift,
    same_terms,
    takes,
    told_gift,
    waiting_gifts,
)
from storefront_subscriptions.looking_after import rights_of
from storefront_subscriptions.moves import note_begun, rights_until, until
from storefront_subscriptions.rows import INCOMPLETE, AlreadySubscribed, need, need_invoice, pause_of
from storefront_subscriptions.subscribing import (
    SubscribeRequest,
    agree_to,
    buy_once,
    invoice_row,
    purchase_of,
    subscription_row,
)

GIFT = "gift"
"""The key of a purchase's details that says which gift it pays for."""
CALLER = "plugin:subscriptions"
OPERATION = "subscription gift"
TIMES_DECIDED = 50


class NeedsSamePlan(Conflict):
    code = "gift_needs_same_plan"
    title = "The recipient has another plan of this family"


@dataclass(frozen=True, slots=True)
class GiveRequest:
    """Who gives how many periods of what to whom; ``wanted.customer_id`` pays. ``by_customer``: not by a server.

    A recipient who was never here is made with the purchase.
    """

    wanted: SubscribeRequest
    recipient: str | Newcomer
    periods: int
    by_customer: bool

    @property
    def recipient_id(self) -> str:
        return self.recipient if isinstance(self.recipient, str) else self.recipient.id


async def give(services: Services, asked: GiveRequest) -> Bought:
    """Begin the purchase of a gift; the answer is that purchase, once per key.

    Raises:
        UnknownOffer, OfferClosed, Invalid, NotGiftable: it cannot be given like that.
        NeedsSamePlan, GiftNotPossible: the recipient has another plan of that family; a customer is not told which.
        Taken: another request has just made the recipient; ask again.
        What ``buy`` raises.
    """
    return await buy_once(services, asked.wanted.idempotency, _purchase(services, asked))


async def _purchase(services: Services, asked: GiveRequest) -> PurchaseRequest:
    """Return the purchase that pays for a gift; raises what refuses it."""
    wanted = asked.wanted
    offer, tier, terms = agree_to(services, wanted)
    refuse_not_giftable(services, offer, by_customer=asked.by_customer)
    if tier.is_free:
        raise Invalid(f"{tier.sku} costs nothing.", errors=[FieldError("/sku", "must cost something")])
    terms |= {"family": tier.family, "sku": tier.sku, "seats": wanted.seats}
    await _refuse_other_plan(services, asked, terms)
    catalog = services.catalogs.active
    title = text_in(offer.title, None, catalog.default_language) or offer.sku
    told = {**terms, "periods": asked.periods, "catalog_version": catalog.version}
    total = terms["price"] * wanted.seats * asked.periods
    bill = Bill(
        id=new_id("sgf"),
        currency=terms["currency"],
        lines=(BillLine(f"{title}, {terms['interval']} × {asked.periods}", total),),
        catalog_version=catalog.version,
        confirm_within_ms=CONFIRM_WITHIN_MS,
        begin=lambda plan, purchase: None,
        details={GIFT: told},
    )
    bought = purchase_of(wanted, bill, terms["pay_with"], saves_method=False)
    newcomers = (asked.recipient,) if isinstance(asked.recipient, Newcomer) else ()
    return replace(bought, recipient_id=asked.recipient_id, by_customer=asked.by_customer, newcomers=newcomers)


async def _refuse_other_plan(services: Services, asked: GiveRequest, terms: Mapping[str, Any]) -> None:
    """Refuse what the recipient's subscription could not take; what was never paid for is none."""
    found = await services.reader.first(CURRENT, customer_id=asked.recipient_id, family=terms["family"])
    row = None if found is None else await need(services, found["subscription_id"])
    if row is None or row["billing_state"] == INCOMPLETE:
        begun = {"anchor": services.clock.now(), "anchor_period": 0, "period": -1, "gifted": 0}
        return _refuse_eons({**begun, "interval": terms["interval"]}, asked.periods)
    if same_terms(row, terms) and row["change_id"] is None:
        return _refuse_eons(row, asked.periods)
    if asked.by_customer:
        raise GiftNotPossible
    present = {name: row[name] for name in ("sku", "interval", "seats")}
    words = "They are about to change it." if row["change_id"] is not None else "Give periods of just that."
    raise NeedsSamePlan(words, subscription=row["id"], possible=present)


def _refuse_eons(row: Mapping[str, Any], periods: int) -> None:
    if not fits(row, periods):
        raise Invalid("So many periods end after the year 9999.", errors=[FieldError("/periods", "must be fewer")])


def note_gift_paid(line: Line, goods: Fulfilment) -> None:
    """Add to the plan that completes a gift's purchase the gift: it waits for its recipient's subscription."""
    told = line.details[GIFT]
    row = {
        **told,
        "id": line.details[BILL],
        "giver_id": goods.given_by,
        "customer_id": goods.customer_id,
        "remaining": told["periods"],
        "state": WAITING,
        "subscription_id": None,
        "purchase_id": goods.purchase_id,
        "created_at": goods.now,
        "closed_at": None,
    }
    goods.plan.add(Insert("subscriptions_gifts", (row["id"],), goods.customer_id, row))


async def take_waiting(services: Services, settings: Settings, customer_id: str) -> None:
    """Let a customer's subscriptions take what waits for them, the oldest first. Safe at any time."""
    for gift in await waiting_gifts(services, customer_id):
        await take_gift(services, settings, gift["id"])


async def take_gift(services: Services, settings: Settings, gift_id: str) -> None:
    """Let the recipient's subscription take a gift, or begin one with it; what it cannot take yet goes on waiting."""
    for _ in range(TIMES_DECIDED):
        gift = await need_gift(services, gift_id)
        if gift["state"] != WAITING:
            return
        found = await services.reader.first(CURRENT, customer_id=gift["customer_id"], family=gift["family"])
        try:
            if found is None:
                await _begin_with(services, gift)
            elif not await _add_to(services, settings, found["subscription_id"], gift):
                return
        except (Stale, AlreadySubscribed, Unavailable):
            continue
    raise Unavailable("Too much is changing at once; try again.")


async def _add_to(services: Services, settings: Settings, subscription_id: str, gift: Mapping[str, Any]) -> bool:
    """Append a gift's periods to what a subscription has; tell whether it can take them."""
    row = await need(services, subscription_id)
    invoice, pause = await need_invoice(services, row["invoice_id"]), await pause_of(services, row)
    if not takes(row, invoice, pause, gift):
        return False
    now, customer_id = services.clock.now(), row["customer_id"]
    changes = {"gifted": row["gifted"] + gift["remaining"], "updated_at": now, "version": row["version"] + 1}
    after = {**row, **changes}
    changes["access_until"] = until(after, settings.dunning.grace_ms)
    plan = Plan(actor=CALLER, anchors={customer_id})
    given = {"state": GIVEN, "subscription_id": row["id"]}
    plan.add(Change("subscriptions_gifts", (gift["id"],), customer_id, {"state": WAITING}, given))
    plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes))
    plan.add(*rights_until(after, await rights_of(services, row), changes["access_until"]))
    plan.emit("subscription.gifted", anchor=customer_id, subject=row["id"], payload=told_gift(after, gift))
    await services.engine.commit(plan)
    return True


async def _begin_with(services: Services, gift: Mapping[str, Any]) -> None:
    """Begin a subscription with the first period of a gift; it renews only if its subscriber asks for that."""
    now, customer_id = services.clock.now(), gift["customer_id"]
    name = f"{gift['id']}:{gift['remaining']}"
    key = IdempotencyKey(CALLER, OPERATION, name, hashlib.sha256(name.encode()).digest())
    wanted = SubscribeRequest(key, customer_id, gift["sku"], seats=gift["seats"])
    tier = Tier.of((await services.catalogs.version(gift["catalog_version"])).offer(gift["sku"]))
    terms = {one: gift[one] for one in ("interval", "currency", "price", "pay_with")}
    row = subscription_row(wanted, tier, gift["catalog_version"], now) | terms
    row |= {"ends_with_period": 1, "gifted": gift["remaining"] - 1}
    lines = await lines_of_gift(services, row)
    invoice = invoice_row(row, 0, lines, now) | {"gift_id": gift["id"]}
    row["invoice_id"] = invoice["id"]

    def begin(plan: Plan, purchase: Mapping[str, Any]) -> None:
        note_begun(plan, row, {**invoice, "attempts": 1, "purchase_id": purchase["id"]})
        given = {"state": GIVEN, "subscription_id": row["id"], "remaining": gift["remaining"] - 1}
        expect = {"state": WAITING, "remaining": gift["remaining"]}
        plan.add(Change("subscriptions_gifts", (gift["id"],), customer_id, expect, given))
        told = told_gift({**row, "period": 0, "anchor": now}, gift)
        plan.emit("subscription.gifted", anchor=customer_id, subject=row["id"], payload=told)

    bill = Bill(
        id=invoice["id"],
        currency=row["currency"],
        lines=tuple(BillLine(*line) for line in lines),
        catalog_version=row["catalog_version"],
        confirm_within_ms=CONFIRM_WITHIN_MS,
        begin=begin,
        details={"subscription": row["id"]},
    )
    await buy(services, purchase_of(wanted, bill, gift["pay_with"], saves_method=False))
