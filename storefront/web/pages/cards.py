"""The cards on the shelves: every offer worded for the customer at the counter."""

from collections.abc import Iterator, Sequence

from storefront.core.money import Money
from storefront.design.money import format_money, is_real, share_of
from storefront.web.pages.desk import Desk, chances_title, choose, lasting
from storefront.web.pages.limit_words import limits_of, reached_words
from storefront.web.pages.offers import Offer
from storefront.web.pages.tags import price_tag
from storefront.web.pages.views import (
    FeaturedPanel,
    ItemCard,
    ItemState,
    OtherPrice,
    PackCard,
    PackShelf,
    SaleNote,
)

_MAY_PAY_OTHERWISE = (ItemState.GET, ItemState.SHORT)
_LARGEST_UNIT = 100


def pack_shelves(desk: Desk, offers: Sequence[Offer]) -> tuple[PackShelf, ...]:
    """Put packs on a shelf for each currency, in the catalog's order; their unit prices have one basis each shelf."""
    found: dict[str, list[Offer]] = {}
    for offer in offers:
        assert offer.pack is not None
        assert offer.pack.asset is not None
        found.setdefault(offer.pack.asset, []).append(offer)
    return tuple(_shelf(desk, code, packs) for code, packs in found.items())


def _shelf(desk: Desk, code: str, offers: Sequence[Offer]) -> PackShelf:
    packs = sorted(offers, key=_size)
    whole = 10 ** desk.asset(code).exponent
    most = _size(packs[-1]) // whole
    unit = next((size for size in (_LARGEST_UNIT, 10) if most >= size), 1) * whole
    return PackShelf(desk.asset(code), tuple(_pack_card(desk, offer, code, unit) for offer in packs))


def _size(offer: Offer) -> int:
    return offer.pack.quantity if offer.pack else 0


def _pack_card(desk: Desk, offer: Offer, code: str, unit: int) -> PackCard:
    price = choose(offer.real_prices, desk.currency)
    assert price is not None
    size, state = _size(offer), _state(desk, offer, price)
    per_unit = format_money(share_of(price.amount_minor, unit, size), price.currency, desk.page.locale)
    bonus = desk.bonus(offer)
    figure = desk.figure(size - offer.bonus.get(code, 0), code)
    what = f"{figure}\N{NO-BREAK SPACE}{desk.asset(code).name}" + (f" + {bonus} bonus" if bonus else "")
    return PackCard(
        sku=offer.sku,
        figure=figure,
        asset=desk.asset(code),
        bonus=bonus or None,
        unit_price=f"{per_unit} per {desk.figure(unit, code)}",
        picture=desk.picture(offer.sku),
        badge=offer.badge,
        state=state,
        status=_status(desk, offer, price, state),
        price=desk.amount(price),
        tag=price_tag(desk, offer, price, what=what) if state is ItemState.GET else None,
        limits=limits_of(offer, desk.page.locale),
        sale=_sale(desk, offer, price),
        was=_was(desk, offer, price),
    )


def item_card(desk: Desk, offer: Offer) -> ItemCard:
    """Word anything that is no pack."""
    price = choose(offer.virtual_prices or offer.real_prices, desk.currency)
    assert price is not None
    state = _state(desk, offer, price)
    is_virtual = price in offer.virtual_prices
    return ItemCard(
        sku=offer.sku,
        title=offer.title,
        description=offer.description,
        picture=desk.picture(offer.sku),
        badge=offer.badge,
        state=state,
        status=_status(desk, offer, price, state),
        price=_asked(desk, offer, price),
        asset=desk.asset(price.currency) if is_virtual else None,
        real_price=desk.real_price(offer, price) if is_virtual else None,
        until=None if offer.available_until is None else desk.moment(offer.available_until),
        tag=price_tag(desk, offer, price, what=offer.title) if state is ItemState.GET else None,
        others=tuple(_other_price(desk, offer, other, state) for other in _other_prices(desk, offer, price)),
        tops_up=desk.sells(price.currency),
        facts=tuple(_facts(desk, offer)),
        limits=() if state is ItemState.OWNED else limits_of(offer, desk.page.locale),
        chances=desk.chances(offer),
        chances_title=chances_title(offer),
        sale=_sale(desk, offer, price),
        was=_was(desk, offer, price),
    )


def featured_panel(desk: Desk, offer: Offer) -> FeaturedPanel:
    """Word the offer that stands first."""
    return FeaturedPanel(item_card(desk, offer), tuple(desk.content(part) for part in offer.contents))


def _other_prices(desk: Desk, offer: Offer, first: Money) -> list[Money]:
    """Return the further ways to pay: every virtual currency, and money once."""
    money = choose(offer.real_prices, desk.currency)
    return [price for price in (*offer.virtual_prices, *([money] if money else [])) if price != first]


def _other_price(desk: Desk, offer: Offer, price: Money, state: ItemState) -> OtherPrice:
    is_virtual = price in offer.virtual_prices
    missing = _least(offer, price) - desk.has(price.currency) if is_virtual and desk.wallets is not None else 0
    may_pay = state in _MAY_PAY_OTHERWISE
    sale = _sale(desk, offer, price)
    return OtherPrice(
        price=desk.amount(price),
        asset=desk.asset(price.currency) if is_virtual else None,
        was=_was(desk, offer, price) or (sale.list_price if sale else None),
        tag=price_tag(desk, offer, price, what=offer.title) if may_pay and missing <= 0 else None,
        status=f"{desk.virtual(missing, price.currency)} short" if may_pay and missing > 0 else "",
    )


def _facts(desk: Desk, offer: Offer) -> Iterator[str]:
    """Say what is in an offer and how long it lasts."""
    if offer.contents and not offer.featured:
        yield "In it: " + ", ".join(desk.content(part).label for part in offer.contents)
    if offer.lasts:
        yield f"Lasts {lasting(offer.lasts, desk.page.locale)}; buying it again adds to its end"
    if offer.has_numbers:
        yield "Each has a number of its own"


def _state(desk: Desk, offer: Offer, price: Money) -> ItemState:
    """What stands in the way first; nothing, and it can be bought."""
    is_virtual = price in offer.virtual_prices
    obstacles = (
        (ItemState.BACK_ON, offer.available_from is not None and desk.now < offer.available_from),
        (ItemState.OWNED, desk.owns(offer)),
        (ItemState.SOLD_OUT, offer.exhausted("global") is not None),
        (ItemState.LOOK_ONLY, desk.wallets is None),
        (ItemState.LIMIT_REACHED, offer.exhausted("customer") is not None),
        (ItemState.SHORT, is_virtual and desk.has(price.currency) < _least(offer, price)),
    )
    return next((state for state, is_so in obstacles if is_so), ItemState.GET)


def _status(desk: Desk, offer: Offer, price: Money, state: ItemState) -> str:
    if state is ItemState.SHORT:
        return f"{desk.virtual(_least(offer, price) - desk.has(price.currency), price.currency)} short"
    if state is ItemState.BACK_ON and offer.available_from:
        return f"Back on {desk.day(offer.available_from, 'MMMMd')}"
    return {
        ItemState.OWNED: "In your inventory",
        ItemState.SOLD_OUT: reached_words(offer, "global"),
        ItemState.LIMIT_REACHED: reached_words(offer, "customer"),
    }.get(state, "")


def _least(offer: Offer, price: Money) -> int:
    choice = offer.choices.get(price.currency)
    return price.amount_minor if choice is None else choice.least


def _sale(desk: Desk, offer: Offer, price: Money) -> SaleNote | None:
    listed = offer.list_prices.get(price.currency)
    if listed is None:
        return None
    until = offer.sale_until
    return SaleNote(_short(desk, listed), offer.sale_label, None if until is None else desk.moment(until))


def _was(desk: Desk, offer: Offer, price: Money) -> str | None:
    discount = offer.discounts.get(price.currency)
    return None if discount is None else _short(desk, discount.list_price)


def _asked(desk: Desk, offer: Offer, price: Money) -> str:
    """Say what an offer costs; where the buyer chooses, the least of it."""
    if price.currency not in offer.choices:
        return _short(desk, price)
    return f"from {_short(desk, Money(_least(offer, price), price.currency))}"


def _short(desk: Desk, price: Money) -> str:
    """Say a price without the name of its virtual currency, which stands beside it."""
    return desk.amount(price) if is_real(price.currency) else desk.figure(price.amount_minor, price.currency)
