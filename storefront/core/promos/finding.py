"""Finds the codes that a buyer typed in, and judges whether they may be used for what is bought.

What a commit would refuse (a limit that is reached) is refused here already, with a nicer message; the commit alone
decides. Every code that is typed in costs one and the same query, whether there is such a code or not: a code that
never was, one that is switched off and somebody else's answer alike and take alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, or_, select

from storefront.core.catalog import Catalog
from storefront.core.clock import iso, to_datetime
from storefront.core.config.model import Offer
from storefront.core.config.model_promos import PromoCode, normal_code
from storefront.core.money import Money
from storefront.core.promos.codes import (
    UNKNOWN,
    PromoCodeInvalid,
    UsedCode,
    customer_key,
    first_key,
    uses_key,
)
from storefront.core.quotes import WALLET, Quote
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import counters, promo_codes, purchases

_campaigns = promo_codes.alias("campaigns")
CODE = Query(
    select(promo_codes, _campaigns.c.disabled_at.label("campaign_disabled_at"))
    .join(_campaigns, _campaigns.c.code == promo_codes.c.campaign, isouter=True)
    .where(promo_codes.c.code == bindparam("code"))
)
_COUNTER = Query(select(counters.c.value).where(counters.c.key == bindparam("key")))
_PAID = Query(
    select(purchases.c.id)
    .where(
        purchases.c.customer_id == bindparam("customer_id"),
        or_(purchases.c.status == "completed", purchases.c.status == "paid"),
        purchases.c.pay_with != WALLET,
        purchases.c.pay_with != "free",
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Use:
    """By whom a code is to be used, when, and where they are, as far as anybody knows."""

    customer_id: str
    catalog: Catalog
    now: int
    country: str | None


async def usable_codes(services: Services, typed: Sequence[str], use: Use, quote: Quote) -> tuple[UsedCode, ...]:
    """Return the codes that were typed in, if all of them may be used for this, together.

    Raises:
        PromoCodeInvalid: one of them may not.
    """
    found = [await _find(services, one, use) for one in typed]
    if len(found) > 1:
        _refuse_together(found)
    for one in found:
        _refuse_time(one.terms, use.now)
        refuse_offer(one.terms, quote.offer, quote.total)
        await _refuse_buyer(services, one, use)
    return tuple(found)


async def usable_code(services: Services, typed: str, use: Use) -> UsedCode:
    """Return a code that this customer may use now, for whatever it is meant for.

    Raises:
        PromoCodeInvalid: they may not.
    """
    found = await _find(services, typed, use)
    _refuse_time(found.terms, use.now)
    await _refuse_buyer(services, found, use)
    return found


async def has_paid(services: Services, customer_id: str) -> bool:
    """Tell whether a customer has ever paid real money."""
    return await services.reader.first(_PAID, customer_id=customer_id) is not None


def is_over(terms: PromoCode, now: int) -> bool:
    """Tell whether a code's time is over at ``now`` (business ms)."""
    return terms.until is not None and to_datetime(now) >= terms.until


def is_switched_off(row: Row | None) -> bool:
    """Tell whether the row of a code (``CODE``) says that it, or the bulk code it comes from, is switched off."""
    return row is not None and (row["disabled_at"] is not None or row["campaign_disabled_at"] is not None)


async def _find(services: Services, typed: str, use: Use) -> UsedCode:
    code = normal_code(typed)
    row = await services.reader.first(CODE, code=code or "")
    name = code if row is None or row["campaign"] is None else row["campaign"]
    terms = use.catalog.promo_codes.get(name or "")
    is_generated = row is not None and row["campaign"] is not None
    is_foreign = row is not None and row["customer_id"] not in (None, use.customer_id)
    if code is None or terms is None or terms.is_bulk != is_generated or is_foreign or is_switched_off(row):
        raise PromoCodeInvalid(UNKNOWN)
    return UsedCode(code, terms)


def _refuse_together(found: Sequence[UsedCode]) -> None:
    """Only stackable codes go together, and none twice."""
    names = {one.terms.name for one in found}
    if len(names) < len(found) or not all(one.terms.stackable for one in found):
        raise PromoCodeInvalid("not_combinable")


def _refuse_time(terms: PromoCode, now: int) -> None:
    if terms.from_ is not None and to_datetime(now) < terms.from_:
        raise PromoCodeInvalid("not_yet", **{"from": iso(int(terms.from_.timestamp() * 1000))})
    if is_over(terms, now):
        raise PromoCodeInvalid("expired")


def refuse_offer(terms: PromoCode, offer: Offer, price: Money) -> None:
    """Refuse a code (``PromoCodeInvalid``) that is not meant for an offer, or not at this list price of it."""
    if (terms.offers and offer.sku not in terms.offers) or (terms.kinds and offer.kind not in terms.kinds):
        raise PromoCodeInvalid("not_for_this_offer")
    if (terms.amount and price.currency not in terms.amount) or (terms.minimum and price.currency not in terms.minimum):
        raise PromoCodeInvalid("not_for_this_currency", currencies=list(terms.amount or terms.minimum))
    least = terms.minimum.get(price.currency, 0)
    if price.amount_minor < least:
        raise PromoCodeInvalid("below_minimum", minimum=Money(least, price.currency).to_json())


async def _refuse_buyer(services: Services, used: UsedCode, use: Use) -> None:
    terms, customer_id = used.terms, use.customer_id
    if terms.countries and use.country not in terms.countries:
        raise PromoCodeInvalid("country")
    if terms.first_purchase and (
        await has_paid(services, customer_id) or await _value(services, first_key(customer_id))
    ):
        raise PromoCodeInvalid("not_first_purchase")
    own = 0 if terms.per_customer is None else await _value(services, customer_key(terms.name, customer_id))
    if terms.per_customer is not None and own >= terms.per_customer:
        raise PromoCodeInvalid("used_by_you")
    if terms.uses is not None and await _value(services, uses_key(used.code)) >= terms.uses:
        raise PromoCodeInvalid("used_up")


async def _value(services: Services, key: str) -> int:
    row = await services.reader.first(_COUNTER, key=key)
    return 0 if row is None else int(row["value"])
