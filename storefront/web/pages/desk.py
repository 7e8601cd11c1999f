"""One customer at the counter: all that a card's words depend on, and how it names things, sums and days."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from babel.dates import format_skeleton
from babel.units import format_unit

from storefront.core.money import Money
from storefront.design.art import art, kind_of, tint_class
from storefront.design.money import format_count, format_money, format_virtual, is_real, parse_locale, share_of
from storefront.pages.frame import PageFrame
from storefront.web.pages.offers import Chance, Content, Holding, Offer
from storefront.web.pages.parts_view import AssetName, ChanceLine, ContentChip, Moment, Picture
from storefront.web.pages.paying_view import PaymentChoice
from storefront.web.pages.views import WalletChip


@dataclass(frozen=True, slots=True)
class Rate:
    """What virtual currency costs in the smallest pack: no discount hides the price of things bought with it."""

    asset: str
    quantity: int
    price: Money


@dataclass(frozen=True, slots=True)
class Desk:
    """One customer at the counter: everything that a card's words depend on. ``wallets`` is ``None`` for a visitor.

    ``offers`` are on the shelves, ``others`` only known by name: what a bundle or a container may hold.
    """

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
    others: Mapping[str, Offer] = field(default_factory=dict)

    def asset(self, code: str) -> AssetName:
        return self.assets.get(code) or AssetName(code, code)

    def offer(self, sku: str) -> Offer | None:
        """Return an offer that the shop knows, on the shelves or not."""
        return self.offers.get(sku) or self.others.get(sku)

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

    def has(self, code: str) -> int:
        """Return how much of a virtual currency can be spent now, in minor units."""
        return (self.wallets or {}).get(code, 0)

    def owns(self, offer: Offer) -> bool:
        """True when the customer has it for good, so that buying it again makes no sense."""
        holding = self.holdings.get(offer.sku)
        return holding is not None and not offer.consumable and not offer.chances and holding.expires_at is None

    def sells(self, code: str) -> bool:
        """Tell whether a pack of this virtual currency is on the shelves."""
        return any(offer.pack and offer.pack.asset == code for offer in self.offers.values())

    def chip(self, code: str) -> WalletChip:
        return WalletChip(self.asset(code), self.figure(self.has(code), code), self.sells(code))

    def title(self, sku: str) -> str:
        offer = self.offer(sku)
        return offer.title if offer else _spoken(sku)

    def picture(self, sku: str) -> Picture:
        """Show a thing: the shop's own picture of it, else drawn art."""
        offer = self.offer(sku)
        if offer is not None and offer.picture is not None:
            return Picture.of(offer.picture, sku)
        if offer is not None and offer.pack and offer.pack.asset:
            return self.asset(offer.pack.asset).heap(offer.pack.quantity)
        kind = offer.art if offer else kind_of(sku)
        return Picture(art(kind, sku), tint_class(kind, sku))

    def named(self, name: str, quantity: int) -> ContentChip:
        """Show so much of a SKU or asset: ``2 × Health potion``, ``30 gems``."""
        part = Content(quantity, asset=name) if name in self.assets else Content(quantity, sku=name)
        return self.content(part)

    def content(self, part: Content) -> ContentChip:
        """Show one part of an offer; what a pack brings on top is said with it."""
        if part.asset:
            return ContentChip(self.virtual(part.quantity, part.asset), self.asset(part.asset).heap(part.quantity))
        sku = part.sku or ""
        offer, title = self.offer(sku), self.title(sku)
        label = f"{format_count(part.quantity, self.page.locale)} × {title}" if part.quantity > 1 else title
        bonus = "" if offer is None else self.bonus(offer)
        return ContentChip(f"{label} + {bonus} bonus" if bonus else label, self.picture(sku))

    def bonus(self, offer: Offer) -> str:
        """Say what comes on top of a pack, if anything does: ``25``, or ``5 embers`` of another currency."""
        own = offer.pack.asset if offer.pack else None
        parts = [
            self.figure(amount, code) if code == own else self.virtual(amount, code)
            for code, amount in offer.bonus.items()
        ]
        return ", ".join(parts)

    def chances(self, offer: Offer) -> tuple[ChanceLine, ...]:
        """Say what may come out of a container, and how likely each is."""
        return tuple(map(self._chance, offer.chances))

    def _chance(self, chance: Chance) -> ChanceLine:
        gives, instead = (
            ", ".join(self.named(name, quantity).label for name, quantity in found.items())
            for found in (chance.gives, chance.instead)
        )
        label = f"{gives}, or {instead} if you can own no more" if instead else gives
        return ChanceLine("Always" if chance.percent is None else f"{chance.percent}%", label)

    def real_price(self, offer: Offer, price: Money) -> str | None:
        """Say about what a virtual price is in money, where a pack tells."""
        if offer.real_price and price == offer.virtual_prices[0]:
            return self.amount(offer.real_price)
        if self.rate is None or self.rate.asset != price.currency:
            return None
        minor = share_of(self.rate.price.amount_minor, price.amount_minor, self.rate.quantity)
        return format_money(minor, self.rate.price.currency, self.page.locale)

    def moment(self, instant: datetime) -> Moment:
        until = instant.astimezone(UTC)
        return Moment.at(until, f"{self.day(until, 'MMMd')}, {until:%H:%M} UTC")

    def day(self, instant: datetime, skeleton: str) -> str:
        """Say a day in the reader's language; the world's English writes the day first."""
        world_english = "en-GB" if self.page.locale == "en" else self.page.locale
        return str(format_skeleton(skeleton, instant, locale=parse_locale(world_english)))


def chances_title(offer: Offer) -> str:
    """The heading of a container's odds."""
    return "What may come out" if offer.draws == 1 else f"What may come out, drawn {offer.draws} times"


def choose(prices: Sequence[Money], currency: str | None) -> Money | None:
    """The price in the wanted currency, else the first; ``None`` of none."""
    return next((price for price in prices if price.currency == currency), prices[0] if prices else None)


def lasting(duration: str, locale: str) -> str:
    """Say a duration of the catalog (``30d``) in words: ``30 days``."""
    unit = {"s": "second", "m": "minute", "h": "hour", "d": "day"}[duration[-1]]
    return str(format_unit(int(duration[:-1]), f"duration-{unit}", locale=parse_locale(locale)))


def _spoken(sku: str) -> str:
    """A name for something that is no longer in the catalog: ``rime-boots`` -> ``Rime boots``."""
    return sku.replace("-", " ").replace("_", " ").capitalize()
