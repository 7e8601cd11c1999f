"""How the account page words sums, days, intervals and tiers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from babel.dates import format_skeleton, format_timedelta

from storefront.core.catalog import text_in
from storefront.core.clock import to_datetime
from storefront.core.config.model_tax import TaxPrices, TaxRate
from storefront.core.money import Money
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.taxes import tax_line
from storefront.design.art import kind_of
from storefront.design.money import parse_locale
from storefront.pages import amount_words, asset_names, price_words
from storefront_subscriptions.config import DAY_MS
from storefront_subscriptions.intervals import Interval

_HOLDING_SPACE = "\u00a0"


@dataclass(frozen=True, slots=True)
class Wording:
    """Words for one reader: ``language`` is a tag, ``now`` business time (ms), ``country`` where they buy."""

    services: Services
    language: str
    now: int
    country: str | None = None

    def amount(self, amount_minor: int, currency: str) -> str:
        return amount_words(self.services, self.language, amount_minor, currency)

    def day(self, at: int, *, is_short: bool = False) -> str:
        """Word a day (UTC): ``8 December``, with its year where that is another."""
        instant, month = to_datetime(at), "MMM" if is_short else "MMMM"
        skeleton = f"{month}d" if instant.year == to_datetime(self.now).year and not is_short else f"y{month}d"
        locale = parse_locale("en-GB" if self.language == "en" else self.language)
        return str(format_skeleton(skeleton, instant, locale=locale)).replace(" ", _HOLDING_SPACE)

    def asset(self, currency: str) -> str:
        """Name a currency of the shop's own in running text: ``gems``."""
        return asset_names(self.services, self.language)[currency].name

    def unit_price(self, millionths: int, currency: str, sku: str) -> str:
        """Word what a unit of usage costs, tax on top of it included; in millionths of the smallest unit."""
        rate = self._rate_on_top(currency, sku)
        on_top = (
            0 if rate is None else tax_line(Money(millionths, currency), rate, is_included=False).amount.amount_minor
        )
        return price_words(self.services, self.language, millionths + on_top, currency)

    def due(self, amount_minor: int, currency: str, sku: str) -> str:
        """Word what is paid for a tier's listed price, with the tax that comes on top of it."""
        rate, listed = self._rate_on_top(currency, sku), Money(amount_minor, currency)
        on_top = 0 if rate is None else tax_line(listed, rate, is_included=False).amount.amount_minor
        return self.amount(amount_minor + on_top, currency)

    def _rate_on_top(self, currency: str, sku: str) -> TaxRate | None:
        catalog = self.services.catalogs.active
        tax, offer = catalog.tax, catalog.offers.get(sku)
        if tax is None or tax.prices is TaxPrices.INCLUSIVE or catalog.is_virtual(currency):
            return None
        return tax.rate(self.country, None if offer is None else offer.tax_class)

    def price(self, agreed: Mapping[str, Any]) -> str:
        """Word what a plan costs: ``€4.99 a month``, ``€9.98 every 3 months for 2 seats``, ``Free``.

        ``agreed`` names its ``price`` of one seat before tax, ``currency``, ``interval``, ``seats`` and ``sku``.
        """
        if agreed["price"] == 0:
            return "Free"
        for_seats = f" for {agreed['seats']} seats" if agreed["seats"] > 1 else ""
        amount = self.due(agreed["price"] * agreed["seats"], agreed["currency"], agreed["sku"])
        return f"{amount} {each(agreed['interval'])}{for_seats}"

    async def title(self, agreed: Mapping[str, Any]) -> str:
        """Return a tier's title as it was agreed to; the row names its ``sku`` and ``catalog_version``."""
        catalog = await self.services.catalogs.version(agreed["catalog_version"])
        offer = catalog.offer(agreed["sku"])
        return text_in(offer.title, self.language, catalog.default_language) or offer.sku


def each(interval: str) -> str:
    """Word how often something is paid: ``a month``, ``every 3 months``."""
    return Interval.parse(interval).often


def lasting(duration_ms: int) -> str:
    """Word how long something lasts: ``14 days``."""
    days, rest = divmod(duration_ms, DAY_MS)
    if days and not rest:
        return "1 day" if days == 1 else f"{days} days"
    return str(format_timedelta(timedelta(milliseconds=duration_ms), locale="en"))


def drawing_of(sku: str) -> str:
    """Return what is drawn for a tier: what its SKU names, else a flame."""
    kind = kind_of(sku)
    return "flame" if kind == "default" else kind


def method_name(method: Mapping[str, Any] | Row) -> str:
    """Return what a person calls a saved method: ``Visa •••• 4242``."""
    brand = str(method["brand"] or method["kind"]).replace("_", " ")
    brand = brand[:1].upper() + brand[1:]
    return f"{brand}{_HOLDING_SPACE}••••{_HOLDING_SPACE}{method['last4']}" if method["last4"] else brand
