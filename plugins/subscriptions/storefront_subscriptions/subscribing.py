"""Beginning a subscription: its first invoice, and the purchase that pays it."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.billing import Bill, BillLine
from storefront.core.catalog import is_on_sale, text_in
from storefront.core.charging import CONFIRM_WITHIN_MS
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, IdempotencyKey, Plan
from storefront.core.config.model import Offer
from storefront.core.errors import FieldError, Invalid, StorefrontError
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.core.purchases import Bought, buy, replay
from storefront.core.quotes import WALLET, OfferClosed
from storefront.core.quoting import PurchaseRequest
from storefront.core.services import Services
from storefront_subscriptions.carrying import TAKEN, carry
from storefront_subscriptions.config import KIND, Tier
from storefront_subscriptions.moves import already_subscribed, note_begun
from storefront_subscriptions.period_lines import lines_of_period
from storefront_subscriptions.rows import CURRENT, INCOMPLETE, OPEN, AlreadySubscribed
from storefront_subscriptions.trials import TrialUsed, claims_of_trial, is_new_account


@dataclass(frozen=True, slots=True)
class SubscribeRequest:
    """Who subscribes to what: checked for shape."""

    idempotency: IdempotencyKey
    customer_id: str
    sku: str
    interval: str | None = None
    seats: int = 1
    currency: str | None = None
    pay_with: str | None = None
    payment_method: str | None = None
    return_url: str | None = None
    promo_codes: tuple[str, ...] = ()
    address: str | None = None
    network: str | None = None
    country: str | None = None
    metadata: Mapping[str, str] | None = None
    trial: bool = True
    expected_price: Money | None = None


async def buy_once(services: Services, key: IdempotencyKey, decided: Awaitable[PurchaseRequest]) -> Bought:
    """Buy what is decided; where that is refused now, a retry of what was answered before gets that answer.

    Raises:
        What the decision and ``buy`` raise.
    """
    try:
        wanted = await decided
    except StorefrontError:
        replayed = await replay(services, key)
        if replayed is None:
            raise
        return replayed
    return await buy(services, wanted)


async def subscribe(services: Services, wanted: SubscribeRequest) -> Bought:
    """Begin a subscription and the purchase that pays for it; the answer is that purchase, once per key.

    Raises:
        UnknownOffer, OfferClosed, Invalid: it cannot be subscribed to like that.
        AlreadySubscribed: there is one of this family.
        TrialUsed: another account with the same card or mailbox has had the trial that was asked for.
        What ``buy`` raises.
    """
    try:
        return await buy_once(services, wanted.idempotency, _first_purchase(services, wanted))
    except Taken:  # two trials at once: the other has begun
        family = need_tier(services, wanted.sku)[1].family
        if not await is_new_account(services, wanted.customer_id, family):
            raise AlreadySubscribed(f"A trial of {family} has begun.") from None
        raise TrialUsed("Send `trial: false` to begin to pay at once.") from None


async def _first_purchase(services: Services, wanted: SubscribeRequest) -> PurchaseRequest:
    """Return the purchase that begins a subscription and pays its first invoice; raises what refuses it."""
    offer, tier, terms = agree_to(services, wanted)
    currency, pay_with = terms["currency"], terms["pay_with"]
    is_virtual = services.catalogs.active.is_virtual(currency)
    is_new = wanted.trial and await is_new_account(services, wanted.customer_id, tier.family)
    trial_ms = tier.trial_ms if is_new else 0
    now = services.clock.now()
    held = await services.reader.first(CURRENT, customer_id=wanted.customer_id, family=tier.family)
    if held is not None:  # before the trial is asked about; the commit decides it for good
        raise already_subscribed(held)
    row = subscription_row(wanted, tier, services.catalogs.active.version, now) | terms
    lines, taken, carried = await lines_of_period(services, row)
    claimed: list[Claim] = []
    if trial_ms:
        claimed = await claims_of_trial(services, wanted.customer_id, tier.family, row["id"])
        title = text_in(offer.title, None, services.catalogs.active.default_language) or offer.sku
        lines, taken = [(f"{title}, trial", 0)], 0
    invoice = invoice_row(row, -1 if trial_ms else 0, lines, now) | {"carried": taken}
    row["invoice_id"] = invoice["id"]

    def begin(plan: Plan, purchase: Mapping[str, Any]) -> None:
        told = {**invoice, "attempts": 1, "purchase_id": purchase["id"]}
        note_begun(plan, row, told)
        if trial_ms:
            plan.add(*claimed)
        else:
            plan.add(carry(row, currency, -taken, about=invoice["id"], cause=TAKEN, seen=carried))

    bill = Bill(
        id=invoice["id"],
        currency=currency,
        lines=tuple(BillLine(*line) for line in lines),
        catalog_version=row["catalog_version"],
        confirm_within_ms=CONFIRM_WITHIN_MS,
        begin=begin,
        details={"subscription": row["id"], **({"trial_ms": trial_ms} if trial_ms else {})},
    )
    saves_method = not is_virtual and wanted.payment_method is None and bill.total > 0
    return purchase_of(wanted, bill, pay_with, saves_method=saves_method)


def agree_to(services: Services, wanted: SubscribeRequest) -> tuple[Offer, Tier, dict[str, Any]]:
    """Return the tier that is wanted, and its terms: ``interval``, ``currency``, ``price`` of a seat, ``pay_with``.

    Raises:
        UnknownOffer, OfferClosed, Invalid: it cannot be had like that.
    """
    offer, tier = need_tier(services, wanted.sku)
    if wanted.seats > tier.most_seats:
        errors = [FieldError("/seats", f"must be at most {tier.most_seats}")]
        raise Invalid(f"{wanted.sku} has at most {tier.most_seats} seats.", errors=errors)
    interval = wanted.interval or tier.interval
    currency, price = tier.price(interval, wanted.currency)
    is_virtual = services.catalogs.active.is_virtual(currency)
    pay_with = wanted.pay_with or (WALLET if is_virtual else services.default_gateway)
    if pay_with is None:
        raise Invalid("No payment gateway is configured.")
    return offer, tier, {"interval": interval, "currency": currency, "price": price, "pay_with": pay_with}


def need_tier(services: Services, sku: str) -> tuple[Offer, Tier]:
    """Return a tier that is on sale; raises ``UnknownOffer``, ``OfferClosed``, ``Invalid``."""
    offer = services.catalogs.active.offer(sku)
    if offer.kind != KIND:
        raise Invalid(f"{sku} is bought, not subscribed to.", errors=[FieldError("/sku", "must be a subscription")])
    if not is_on_sale(offer, services.clock.now()):
        raise OfferClosed(f"{sku} is not on sale now.", sku=sku)
    return offer, Tier.of(offer)


def invoice_row(row: Mapping[str, Any], period: int, lines: list[tuple[str, int]], now: int) -> dict[str, Any]:
    """Return an open invoice of a subscription for one period; ``lines`` are titles and amounts."""
    return {
        "id": new_id("sbi"),
        "subscription_id": row["id"],
        "customer_id": row["customer_id"],
        "period": period,
        "sku": row["sku"],
        "catalog_version": row["catalog_version"],
        "lines": msgspec.json.encode(lines).decode(),
        "currency": row["currency"],
        "total": sum(amount for _, amount in lines),
        "state": OPEN,
        "purchase_id": None,
        "failed_purchase_id": None,
        "attempts": 0,
        "due_at": now,
        "period_start": None,
        "period_end": None,
        "created_at": now,
        "closed_at": None,
        **{name: row[name] for name in ("interval", "price", "seats", "pay_with")},
        "anchor": None,
        "anchor_period": 0,
        "uncut_end": None,
        "had_until": None,
        "carried": 0,
        "spans": None,
        "change_id": None,
        "gift_id": None,
        "priced_by": row["priced_by"],
        "usage": 0,
    }


def subscription_row(wanted: SubscribeRequest, tier: Tier, version: str, now: int) -> dict[str, Any]:
    return {
        "id": new_id("sub"),
        "customer_id": wanted.customer_id,
        "family": tier.family,
        "sku": tier.sku,
        "catalog_version": version,
        "seats": wanted.seats,
        "method": wanted.payment_method,
        "billing_state": INCOMPLETE,
        "reason": None,
        "anchor": now,
        "period": -1,
        "period_start": now,
        "period_end": now,
        "access_until": None,
        "ends_with_period": 0,
        "failures": 0,
        "next_attempt_at": None,
        "created_at": now,
        "updated_at": now,
        "ended_at": None,
        "version": 1,
        "anchor_period": 0,
        "change_id": None,
        "pause_id": None,
        "gifted": 0,
        "priced_by": None,
    }


def purchase_of(wanted: SubscribeRequest, bill: Bill, pay_with: str, *, saves_method: bool) -> PurchaseRequest:
    return PurchaseRequest(
        idempotency=wanted.idempotency,
        customer_id=wanted.customer_id,
        sku=wanted.sku,
        pay_with=pay_with,
        return_url=wanted.return_url,
        metadata=wanted.metadata or {},
        address=wanted.address,
        network=wanted.network,
        country=wanted.country,
        payment_method=wanted.payment_method,
        saves_method=saves_method,
        promo_codes=wanted.promo_codes,
        expected_price=wanted.expected_price,
        by_customer=False,
        bill=bill,
    )
