"""One customer at the counter: words every card for them, from an offer, their wallet and their inventory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from babel.dates import format_skeleton
from babel.units import format_unit

from storefront.core.money import Money
from storefront.design.art import art, gem_pile, kind_of, tint_class
from storefront.design.money import (
    exponent_of,
    format_count,
    format_money,
    format_virtual,
    is_real,
    parse_locale,
    share_of,
)
from storefront.pages.amounts import AssetName
from storefront.pages.frame import Moment, PageFrame
from storefront.web.pages.offers import Chance, Choice, Content, Holding, Offer
from storefront.web.pages.paying_view import PaymentChoice
from storefront.web.pages.views import (
    AmountField,
    ChanceLine,
    ContentChip,
    FeaturedPanel,
    InventoryLine,
    ItemCard,
    ItemState,
    PackCard,
    Picture,
    PriceTag,
    SaleNote,
    WalletChip,
)


@dataclass(frozen=True, slots=True)
class Rate:
    """What virtual currency costs in the smallest pack: no discount hides the price of things bought with it."""

    asset: str
    quantity: int
    price: Money


@dataclass(frozen=True, slots=True)
class Desk:
    """One customer at the counter: everything that a card's words depend on. ``wallets`` is ``None`` for a visitor."""

    page: PageFrame
    assets: Mapping[str, AssetName]
    now: datetime
    new_key: Callable[[], str]
    currency: str | None
    offers: Mapping[str, Offer]
    wallets: Mapping[str, int] | None
    holdings: Mapping[str, Holding]
    rate: Rate | None
    payment: PaymentChoice | None = None

    def asset(self, code: str) -> AssetName:
        return self.assets.get(code) or AssetName(code, code)

    def amount(self, price: Money) -> str:
        """``€4.99`` or ``480 gems``."""
        if is_real(price.currency):
            return format_money(price.amount_minor, price.currency, self.page.locale)
        return self.virtual(price.amount_minor, price.currency)

    def virtual(self, amount_minor: int, code: str) -> str:
        asset = self.asset(code)
        return format_virtual(amount_minor, asset.name, self.page.locale, exponent=asset.exponent)

    def figure(self, amount_minor: int, code: str) -> str:
        """The amount without its name."""
        return format_virtual(amount_minor, "", self.page.locale, exponent=self.asset(code).exponent).rstrip()

    def owns(self, offer: Offer) -> bool:
        """True when the customer has it for good, so that buying it again makes no sense."""
        holding = self.holdings.get(offer.sku)
        return holding is not None and not offer.consumable and not offer.chances and holding.expires_at is None

    def chip(self, code: str) -> WalletChip:
        top_up = any(offer.pack and offer.pack.asset == code for offer in self.offers.values())
        return WalletChip(self.asset(code), self.figure((self.wallets or {}).get(code, 0), code), top_up)

    def pack(self, offer: Offer) -> PackCard:
        pack, price = offer.pack, choose(offer.real_prices, self.currency)
        assert pack is not None
        assert pack.asset is not None
        assert price is not None
        unit = 10 ** min(2, len(str(pack.quantity)) - 1) * 10 ** self.asset(pack.asset).exponent
        per_unit = format_money(share_of(price.amount_minor, unit, pack.quantity), price.currency, self.page.locale)
        state = self._state(offer, price)
        bonus = offer.bonus.get(pack.asset)
        badges = [offer.badge, f"{self.figure(bonus, pack.asset)} bonus" if bonus else None]
        return PackCard(
            sku=offer.sku,
            figure=self.figure(pack.quantity, pack.asset),
            asset=self.asset(pack.asset),
            unit_price=f"{per_unit} per {self.figure(unit, pack.asset)}",
            picture=_picture(gem_pile(pack.quantity), offer.sku),
            badge=" · ".join(badge for badge in badges if badge) or None,
            state=state,
            price=self.amount(price),
            tag=self._tag(offer, price, what=self.virtual(pack.quantity, pack.asset)) if _may_buy(state) else None,
            sale=self._sale(offer, price),
            was=self._was(offer, price),
        )

    def item(self, offer: Offer) -> ItemCard:
        price = self._first_price(offer)
        state = self._state(offer, price)
        is_virtual = price in offer.virtual_prices
        others = [other for other in (choose(offer.real_prices, self.currency),) if other and other != price]
        may_pay_otherwise = state in (ItemState.GET, ItemState.SHORT)
        return ItemCard(
            sku=offer.sku,
            title=offer.title,
            description=offer.description,
            picture=_picture(offer.art, offer.sku),
            badge=offer.badge,
            state=state,
            status=self._status(offer, price, state),
            price=self.figure(price.amount_minor, price.currency) if is_virtual else self.amount(price),
            is_virtual_price=is_virtual,
            real_price=self._real_price(offer, price) if is_virtual else None,
            until=self._until(offer),
            tag=self._tag(offer, price, what=offer.title) if _may_buy(state) else None,
            other_tags=tuple(self._tag(offer, p, what=offer.title) for p in others) if may_pay_otherwise else (),
            facts=tuple(self._facts(offer)),
            chances=tuple(self._chance(one) for one in offer.chances),
            chances_title="What may come out" if offer.draws == 1 else f"What may come out, drawn {offer.draws} times",
            sale=self._sale(offer, price),
            was=self._was(offer, price),
        )

    def _facts(self, offer: Offer) -> Iterator[str]:
        """Say what is in an offer and how long it lasts."""
        if offer.contents and not offer.featured:
            yield "In it: " + ", ".join(self._content(part).label for part in offer.contents)
        if offer.lasts:
            yield f"Lasts {lasting(offer.lasts, self.page.locale)}; buying it again adds to its end"
        if offer.has_numbers:
            yield "Each has a number of its own"

    def _chance(self, chance: Chance) -> ChanceLine:
        parts = [self._named(name, quantity) for name, quantity in chance.gives.items()]
        return ChanceLine("Always" if chance.percent is None else f"{chance.percent}%", ", ".join(parts))

    def _named(self, name: str, quantity: int) -> str:
        part = Content(quantity, asset=name) if name in self.assets else Content(quantity, sku=name)
        return self._content(part).label

    def panel(self, offer: Offer) -> FeaturedPanel:
        return FeaturedPanel(self.item(offer), tuple(self._content(part) for part in offer.contents))

    def line(self, holding: Holding) -> InventoryLine:
        offer = self.offers.get(holding.sku)
        consumable = bool(offer and offer.consumable) and not holding.frozen
        use = {"sku": holding.sku, "quantity": "1", "idempotency_key": self.new_key()} if consumable else None
        return InventoryLine(
            sku=holding.sku,
            title=offer.title if offer else _spoken(holding.sku),
            picture=_picture(offer.art if offer else kind_of(holding.sku), holding.sku),
            status=self._holding_status(holding, consumable=consumable),
            use_fields=use,
        )

    def _holding_status(self, holding: Holding, *, consumable: bool) -> str:
        if holding.frozen:
            return "On hold"
        if holding.expires_at:
            return f"Until {self._day(holding.expires_at, 'MMMd')}"
        if consumable:
            return format_virtual(holding.quantity, "left", self.page.locale)
        return "Yours" if holding.quantity == 1 else f"{format_count(holding.quantity, self.page.locale)} of them"

    def _content(self, part: Content) -> ContentChip:
        if part.asset:
            return ContentChip(self.virtual(part.quantity, part.asset), _picture(gem_pile(part.quantity), part.asset))
        sku = part.sku or ""
        offer = self.offers.get(sku)
        title = offer.title if offer else _spoken(sku)
        label = f"{part.quantity} × {title}" if part.quantity > 1 else title
        return ContentChip(label, _picture(offer.art if offer else kind_of(sku), sku))

    def _first_price(self, offer: Offer) -> Money:
        prices = offer.virtual_prices or offer.real_prices
        chosen = choose(prices, self.currency)
        assert chosen is not None
        return chosen

    def _state(self, offer: Offer, price: Money) -> ItemState:
        """What stands in the way first; nothing, and it can be bought."""
        available = (self.wallets or {}).get(price.currency, 0)
        obstacles = (
            (ItemState.BACK_ON, offer.available_from is not None and self.now < offer.available_from),
            (ItemState.OWNED, self.owns(offer)),
            (ItemState.SOLD_OUT, offer.left.get("global") == 0),
            (ItemState.LOOK_ONLY, self.wallets is None),
            (ItemState.LIMIT_REACHED, offer.left.get("customer") == 0),
            (ItemState.SHORT, price in offer.virtual_prices and available < self._least(offer, price)),
        )
        return next((state for state, is_so in obstacles if is_so), ItemState.GET)

    def _status(self, offer: Offer, price: Money, state: ItemState) -> str:
        if state is ItemState.SHORT:
            missing = self._least(offer, price) - (self.wallets or {}).get(price.currency, 0)
            return f"{self.virtual(missing, price.currency)} short"
        if state is ItemState.BACK_ON and offer.available_from:
            return f"Back on {self._day(offer.available_from, 'MMMMd')}"
        return {
            ItemState.OWNED: "In your inventory",
            ItemState.SOLD_OUT: "Sold out",
            ItemState.LIMIT_REACHED: "You have bought all you can",
        }.get(state, "")

    def _least(self, offer: Offer, price: Money) -> int:
        choice = offer.choices.get(price.currency)
        return price.amount_minor if choice is None else choice.least

    def _sale(self, offer: Offer, price: Money) -> SaleNote | None:
        listed = offer.list_prices.get(price.currency)
        if listed is None:
            return None
        until = offer.sale_until
        shown = self.amount(listed) if is_real(listed.currency) else self.figure(listed.amount_minor, listed.currency)
        return SaleNote(shown, offer.sale_label, None if until is None else self._moment(until))

    def _real_price(self, offer: Offer, price: Money) -> str | None:
        if offer.real_price:
            return self.amount(offer.real_price)
        if self.rate is None or self.rate.asset != price.currency:
            return None
        minor = share_of(self.rate.price.amount_minor, price.amount_minor, self.rate.quantity)
        return format_money(minor, self.rate.price.currency, self.page.locale)

    def _was(self, offer: Offer, price: Money) -> str | None:
        discount = offer.discounts.get(price.currency)
        if discount is None:
            return None
        is_virtual = price in offer.virtual_prices
        was = discount.list_price
        return self.figure(was.amount_minor, was.currency) if is_virtual else self.amount(was)

    def _until(self, offer: Offer) -> Moment | None:
        if offer.available_until is None:
            return None
        return self._moment(offer.available_until)

    def _moment(self, instant: datetime) -> Moment:
        until = instant.astimezone(UTC)
        return Moment.at(until, f"{self._day(until, 'MMMd')}, {until:%H:%M} UTC")

    def _day(self, instant: datetime, skeleton: str) -> str:
        world_english = "en-GB" if self.page.locale == "en" else self.page.locale
        return str(format_skeleton(skeleton, instant, locale=parse_locale(world_english)))

    def _tag(self, offer: Offer, price: Money, *, what: str) -> PriceTag:
        is_virtual = price in offer.virtual_prices
        fields = {"sku": offer.sku, "currency": price.currency}
        choice = offer.choices.get(price.currency)
        if choice is None:
            fields["expected_price"] = str(price.amount_minor)
        fields["idempotency_key"] = self.new_key()
        if price.currency in offer.discounts:
            fields["promo_code"] = offer.discounts[price.currency].code
        charged = ""
        if is_virtual:
            fields["pay_with"] = "wallet"
        elif self.payment is not None:
            fields |= self.payment.fields
            charged = f", charged to {self.payment.pays_at_once}" if self.payment.pays_at_once else ""
        amount = self.virtual(price.amount_minor, price.currency) if is_virtual else self.amount(price)
        if choice is not None:
            asked = self._ask(offer, choice, price.currency)
            return PriceTag("Pay", f"Pay what you want for {what}{charged}", fields, asked)
        return PriceTag("Get" if is_virtual else amount, f"Buy {what} for {amount}{charged}", fields)

    def _ask(self, offer: Offer, choice: Choice, code: str) -> AmountField:
        exponent = exponent_of(code) if is_real(code) else self.asset(code).exponent
        value, least, most = (
            f"{Decimal(part).scaleb(-exponent):f}" for part in (choice.suggested, choice.least, choice.most)
        )
        between = f"{self.amount(Money(choice.least, code))} to {self.amount(Money(choice.most, code))}"
        step = f"{Decimal(1).scaleb(-exponent):f}"
        unit = code if is_real(code) else self.asset(code).name
        return AmountField(f"amount-{offer.sku}-{code}", between, unit, value, least, most, step)


def choose(prices: Sequence[Money], currency: str | None) -> Money | None:
    """The price in the wanted currency, else the first; ``None`` of none."""
    return next((price for price in prices if price.currency == currency), prices[0] if prices else None)


def lasting(duration: str, locale: str) -> str:
    """Say a duration of the catalog (``30d``) in words: ``30 days``."""
    unit = {"s": "second", "m": "minute", "h": "hour", "d": "day"}[duration[-1]]
    return str(format_unit(int(duration[:-1]), f"duration-{unit}", locale=parse_locale(locale)))


def _may_buy(state: ItemState) -> bool:
    return state is ItemState.GET


def _picture(kind: str, key: str) -> Picture:
    return Picture(art(kind, key), tint_class(kind, key))


def _spoken(sku: str) -> str:
    """A name for something that is no longer in the catalog: ``rime-boots`` -> ``Rime boots``."""
    return sku.replace("-", " ").replace("_", " ").capitalize()
