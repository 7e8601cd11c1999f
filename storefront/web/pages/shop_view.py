"""Turns the catalog and one customer's state into the shop page's view.

Nothing here knows HTTP, reads a clock or makes up a random value: the present, the maker of idempotency
keys and the page frame are handed in, so equal inputs make an equal page.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from babel.numbers import get_currency_name

from storefront.design.money import parse_locale
from storefront.pages.frame import Link, PageFrame
from storefront.web.pages.cards import featured_panel, item_card, pack_shelves
from storefront.web.pages.desk import Desk, Rate, choose
from storefront.web.pages.inventory import inventory_line, opened_panel
from storefront.web.pages.offers import Offer, read_holdings, read_offers, read_wallets
from storefront.web.pages.parts_view import AssetName
from storefront.web.pages.paying_view import PaymentChoice
from storefront.web.pages.views import (
    CurrencyLink,
    Customer,
    Notice,
    PromoChoice,
    PurchaseLine,
    ShopView,
)


def build_shop_view(
    catalog: Mapping[str, Any],
    customer_state: Mapping[str, Any] | None,
    *,
    page: PageFrame,
    assets: Mapping[str, AssetName],
    now: datetime,
    new_key: Callable[[], str],
    currency: str | None = None,
    notice: Notice | None = None,
    prices_note: str = "",
    payment: PaymentChoice | None = None,
    purchases: tuple[PurchaseLine, ...] = (),
    promo: PromoChoice | None = None,
    invitation: str | None = None,
    opening: Mapping[str, Any] | None = None,
    asked: str | None = None,
    menu: tuple[Link, ...] = (),
) -> ShopView:
    """Build the page from ``GET /v1/catalog`` and ``GET /v1/me`` (``None`` for a visitor).

    The catalog's ``others`` are offers that are not on the shelves, but may be owned or come out of something.
    ``assets`` names the virtual currencies (``code -> name``); ``currency`` is the real one to show where an offer
    has a choice; ``payment`` is how money is paid; ``new_key`` makes an idempotency key, one per button. ``opening``
    is what was just opened (of ``GET …/openings/{id}``), ``asked`` the SKU about whose use the reader is being asked.
    """
    version: str = catalog.get("version", "")
    offers = [offer for offer in read_offers(catalog) if not _is_over(offer, now)]
    signed_in = customer_state is not None
    state = customer_state or {}
    rate = _smallest_pack(offers, currency)
    desk = Desk(
        page=page, assets=assets, now=now, new_key=new_key, currency=currency, rate=rate, payment=payment,
        offers={offer.sku: offer for offer in offers},
        others={offer.sku: offer for offer in map(Offer.from_json, catalog.get("others", ()))},
        wallets=read_wallets(state) if signed_in else None, holdings=read_holdings(state),
    )  # fmt: skip
    featured = _featured(desk, offers)
    shelved = [offer for offer in offers if offer is not featured]
    main_asset = rate.asset if rate else next((price.currency for o in offers for price in o.virtual_prices), None)
    return ShopView(
        page=page,
        customer=_customer(state["customer"]) if signed_in else None,
        wallet=desk.chip(main_asset) if signed_in and main_asset else None,
        other_wallets=tuple(desk.chip(asset) for asset in desk.wallets or () if asset != main_asset),
        notice=_placed(notice, offers),
        featured=featured_panel(desk, featured) if featured else None,
        shelves=pack_shelves(desk, [offer for offer in shelved if offer.pack]),
        items=tuple(item_card(desk, offer) for offer in shelved if not offer.pack),
        inventory=tuple(inventory_line(desk, one, odds_version=version, asked=asked) for one in desk.holdings.values()),
        prices_note=prices_note,
        payment=payment if signed_in and any(offer.real_prices for offer in offers) else None,
        wallet_notes=tuple(_notes(desk, state.get("wallets", {}))),
        purchases=purchases,
        currencies=_currencies(offers, currency, page.locale),
        promo=promo if signed_in else None,
        invitation=invitation if signed_in else None,
        menu=menu,
        opened=opened_panel(desk, opening, odds_version=version) if signed_in and opening else None,
    )


def _featured(desk: Desk, offers: Sequence[Offer]) -> Offer | None:
    """Choose what stands on top: the first star that the customer does not own yet, else the first."""
    stars = [offer for offer in offers if offer.featured]
    return next((offer for offer in stars if not desk.owns(offer)), stars[0] if stars else None)


def _placed(notice: Notice | None, offers: Sequence[Offer]) -> Notice | None:
    """Return the notice without its offer, if this one's card is not on the page (any more)."""
    if notice is None or notice.sku in {offer.sku for offer in offers}:
        return notice
    return replace(notice, sku=None)


def _currencies(offers: Sequence[Offer], wanted: str | None, locale: str) -> tuple[CurrencyLink, ...]:
    codes = list(dict.fromkeys(price.currency for offer in offers for price in offer.real_prices))
    if len(codes) < 2:
        return ()
    chosen = wanted if wanted in codes else codes[0]
    return tuple(
        CurrencyLink(code, get_currency_name(code, locale=parse_locale(locale)), code == chosen) for code in codes
    )


def _notes(desk: Desk, wallets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say calmly what of the wallets cannot be used now, and what is owed."""
    for code, wallet in wallets.items():
        name = desk.asset(code).name
        frozen, owed = wallet.get("frozen", 0), wallet.get("owed", 0)
        if frozen:
            yield f"{desk.virtual(frozen, code)} on hold while a payment is looked into."
        if owed:
            blocked = f" Until then your {name} can't be spent." if wallet.get("block_spending") else ""
            yield f"{desk.figure(owed, code)} of your next {name} pay off what is owed.{blocked}"


def _smallest_pack(offers: Sequence[Offer], currency: str | None) -> Rate | None:
    rates = []
    for offer in offers:
        price = choose(offer.real_prices, currency)
        if price and price.currency in offer.discounts:
            price = offer.discounts[price.currency].list_price
        if offer.pack and offer.pack.asset and price:
            rates.append(Rate(offer.pack.asset, offer.pack.quantity, price))
    return min(rates, key=lambda rate: rate.quantity, default=None)


def _is_over(offer: Offer, now: datetime) -> bool:
    return offer.available_until is not None and offer.available_until <= now


def _customer(name: str) -> Customer:
    words = "".join(sign if sign.isalnum() else " " for sign in name).split()
    initials = "".join(word[0] for word in words[:2]) or "?"
    return Customer(name=name, initials=initials.upper())
