"""The tiers that can be begun: each with a button that says what is charged at once, and is pinned to that sum."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront.core.config.model import Offer
from storefront.core.errors import StorefrontError
from storefront.core.money import Money
from storefront.core.quotes import WALLET
from storefront_subscriptions.account.choices import ways_of
from storefront_subscriptions.account.usage import with_usage
from storefront_subscriptions.account.views import Act, Choice, Option
from storefront_subscriptions.account.wording import Wording, lasting
from storefront_subscriptions.config import Tier
from storefront_subscriptions.period_lines import lines_of_period
from storefront_subscriptions.previewing import quote_lines


@dataclass(frozen=True, slots=True)
class First:
    """A first payment: ``total`` with tax, None where it cannot be told; ``more`` are its lines beside the price."""

    total: Money | None
    more: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class Beginner:
    """Who chooses: ``may_try`` has the SKUs that they would begin with a trial, ``pays`` names the card that pays."""

    customer_id: str
    country: str | None
    may_try: frozenset[str]
    pays: str | None
    new_key: Callable[[], str]


async def begin_choice(wording: Wording, who: Beginner, family: str, offers: list[Offer], heading: str) -> Choice:
    """Return what a customer who has none of a family can begin with."""
    options, assets = [], []
    for offer in offers:
        for way in ways_of(wording, offer, None):
            first = await _first(wording, who, offer, way)
            options.append(_option(wording, who, offer, way, first))
            assets += [way["currency"]] if way["amount"] else []
    return Choice(family, heading, None, tuple(options), None, None, None, _hint(wording, assets, who.pays))


async def _first(wording: Wording, who: Beginner, offer: Offer, way: Mapping[str, Any]) -> First:
    """Work out the first period's payment as ``subscribe`` does, with what is owed or kept of before."""
    services, catalog = wording.services, wording.services.catalogs.active
    tier, currency = Tier.of(offer), way["currency"]
    pay_with = WALLET if catalog.is_virtual(currency) else services.default_gateway
    agreed = {"customer_id": who.customer_id, "family": tier.family, "sku": offer.sku, "seats": 1,
              "catalog_version": catalog.version, "interval": way["interval"], "price": way["amount"],
              "currency": currency, "pay_with": pay_with}  # fmt: skip
    if pay_with is None:
        return First(None)
    lines, _, _ = await lines_of_period(services, agreed)
    if offer.sku in who.may_try:
        return First(Money(0, currency), lines[1:])
    try:
        quote = await quote_lines(services, agreed, lines, country=who.country)
    except StorefrontError:  # what the gateway does not take is said when the button is pressed
        return First(None, lines[1:])
    return First(quote.total, lines[1:])


def _option(wording: Wording, who: Beginner, offer: Offer, way: dict[str, Any], first: First) -> Option:
    is_tried, title = offer.sku in who.may_try, way["title"]
    each = f"{way['each']}{with_usage(offer)}"
    price = "free" if way["amount"] == 0 else f"{way['price']} {each}"
    label, name, shown = way["price"], f"Begin {title} for {price}", {"each": way["each"]}
    more = [f"{line}: {wording.due(amount, way['currency'], offer.sku)}" for line, amount in first.more]
    if is_tried:
        label, name = "Try it", f"Try {title} free for {lasting(Tier.of(offer).trial_ms)}, then {price}"
        shown = {"each": "", "detail": f"{lasting(Tier.of(offer).trial_ms)} free, then {price}"}
        more = [f"With the first payment: {line}" for line in more]
    elif more and first.total is not None:
        label = wording.amount(first.total.amount_minor, first.total.currency)
        name, shown = f"Begin {title}: {label} now, then {price}", {"each": "now"}
        more = [f"{price[:1].upper()}{price[1:]}", *more]
    elif way["amount"] == 0:
        name = f"Begin {title}, free"
    fields = {"plan": way["value"], "idempotency_key": who.new_key()}
    if first.total is not None:
        fields["total"] = str(first.total.amount_minor)
    if is_tried:
        fields["trial"] = "yes"
    shown = {**{key: way[key] for key in ("value", "title", "detail", "price", "art")}, **shown}
    return Option(**shown, is_present=False, is_chosen=False, act=Act(label, "/account/subscribe", fields), name=name,
                  more=(*way["more"], *more))  # fmt: skip


def _hint(wording: Wording, assets: Sequence[str], pays: str | None) -> str | None:
    """Say who pays: the saved card what costs money, the wallet what is priced in a currency of the shop's own."""
    is_virtual = wording.services.catalogs.active.is_virtual
    own = [asset for asset in dict.fromkeys(assets) if is_virtual(asset)]
    money = [asset for asset in assets if not is_virtual(asset)]
    if not own:
        return None if pays is None or not money else f"Paid with {pays}."
    if not money:
        return "Paid from your wallet."
    names = " and ".join(wording.asset(asset) for asset in own)
    by_card = "" if pays is None else f"Prices in money are paid with {pays}. "
    return f"{by_card}Prices in {names} are paid from your wallet."
