"""Giving a tip: what a fan wants, checked against their creator's file, as a purchase by a bill."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.billing import Bill, BillLine
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.plan import IdempotencyKey, Insert, Plan
from storefront.core.customers import Newcomer
from storefront.core.errors import FieldError, Invalid, StorefrontError
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.core.purchases import Bought, buy, replay
from storefront.core.quoting import PurchaseRequest
from storefront.core.services import Services
from storefront_fanfunding.admitting import network_sender
from storefront_fanfunding.config import SKU, Settings
from storefront_fanfunding.creators import Creator, Tiered, creator_id, need_creator
from storefront_fanfunding.granting import promises
from storefront_fanfunding.rows import TIPS, unpaid
from storefront_fanfunding.wording import message_of, name_of


@dataclass(frozen=True, slots=True)
class TipRequest:
    """What a fan wants to give: checked for shape. ``is_guest``: nobody knows them, so they have no wallet."""

    idempotency: IdempotencyKey
    creator: str
    fan: str | Newcomer
    is_guest: bool
    amount: Money
    name: str
    message: str
    is_anonymous: bool
    pay_with: str | None = None
    payment_method: str | None = None
    return_url: str | None = None
    address: str | None = None
    network: str | None = None
    country: str | None = None

    @property
    def customer_id(self) -> str:
        return self.fan if isinstance(self.fan, str) else self.fan.id


async def give_tip(services: Services, settings: Settings, wanted: TipRequest) -> Bought:
    """Begin a tip and the purchase that pays for it; the answer is that purchase, once per key.

    Raises:
        NotFound: there is no such creator.
        Invalid, AmountOutOfRange: it cannot be given like that.
        What ``buy`` raises.
    """
    try:
        purchase = await _purchase_of(services, settings, wanted)
    except StorefrontError:
        replayed = await replay(services, wanted.idempotency)
        if replayed is None:
            raise
        return replayed
    return await buy(services, purchase)


async def _purchase_of(services: Services, settings: Settings, wanted: TipRequest) -> PurchaseRequest:
    """Return the purchase that pays for a tip; its row is written with it."""
    creator = need_creator(services, settings, wanted.creator)
    creator.check(wanted.amount)
    if wanted.is_guest and services.catalogs.active.is_virtual(wanted.amount.currency):
        errors = [FieldError("/amount/currency", "is kept in a wallet: sign in to give it")]
        raise Invalid("Nobody is signed in.", errors=errors)
    tiered = creator.tier_of(wanted.amount)
    name, message = name_of(wanted.name), message_of(wanted.message, tiered.max_chars)
    identity = await creator_id(services, wanted.creator)
    row = _tip_row(services, creator, wanted, identity, tiered=tiered, name=name, message=message)

    details: dict[str, Any] = {"tip": row["id"], "creator": wanted.creator, "creator_id": identity}
    if tiered.grants and not wanted.is_guest:  # a guest has nothing to put it into
        allowed = creator.settings.terms(creator.name).may_grant
        whose = {"about": row["id"], "customer_id": wanted.customer_id}
        promised = promises(services, allowed, tiered.grants, **whose)
        details |= {"grants": msgspec.to_builtins(promised)} if promised else {}

    def begin(plan: Plan, purchase: Mapping[str, Any]) -> None:
        told = {**row, "purchase_id": purchase["id"], "total": purchase["total"]}
        plan.add(Insert(TIPS, (row["id"],), wanted.customer_id, told))

    bill = Bill(
        id=row["id"],
        currency=wanted.amount.currency,
        lines=(BillLine(f"Tip for {creator.shown_name}", wanted.amount.amount_minor),),
        catalog_version=services.catalogs.active.version,
        confirm_within_ms=services.config.purchases.expires_after_minutes * MINUTE_MS,
        begin=begin,
        details=details,
    )
    return PurchaseRequest(
        idempotency=wanted.idempotency,
        customer_id=wanted.customer_id,
        sku=SKU,
        pay_with=wanted.pay_with,
        payment_method=wanted.payment_method,
        return_url=wanted.return_url,
        address=wanted.address,
        network=wanted.network,
        country=wanted.country,
        bill=bill,
        newcomers=(wanted.fan,) if isinstance(wanted.fan, Newcomer) else (),
    )


def _tip_row(
    services: Services, creator: Creator, wanted: TipRequest, identity: str, *, tiered: Tiered, name: str, message: str
) -> dict[str, Any]:
    """Return a tip's row, without what only its purchase knows: all that is decided once is decided here."""
    terms = creator.settings.terms(creator.name)
    held_for = creator.holds_for(name, message)
    network = wanted.network if wanted.is_guest else None
    return {
        "id": new_id("tip"),
        "creator_id": identity,
        "customer_id": wanted.customer_id,
        "source": None,
        "name": name,
        "message": message,
        "is_anonymous": int(wanted.is_anonymous),
        "is_held": int(held_for is not None),
        "held_for": held_for,
        "is_name_only": 0,
        "is_settled": int(not creator.shows_settled or services.catalogs.active.is_virtual(wanted.amount.currency)),
        "max_per_minute": creator.max_per_minute,
        "sender": None if network is None else network_sender(identity, network),
        "currency": wanted.amount.currency,
        "amount": wanted.amount.amount_minor,
        "tier": tiered.tier,
        "rates": msgspec.json.encode(creator.settings.rates.get(wanted.amount.currency, {})).decode(),
        "share": terms.share,
        "hold_ms": terms.hold_ms,
        **unpaid(services.clock.now()),
    }
