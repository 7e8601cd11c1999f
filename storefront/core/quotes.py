"""What something would cost, exactly: the offer's price, adjusted by whoever may adjust it.

A client never sends a price. It may send the one it showed (``expected_price``), and is told when that
has changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from storefront.core.catalog import Catalog, is_on_sale, text_in
from storefront.core.config.model import Offer
from storefront.core.config.model_promos import PromoCode
from storefront.core.config.model_tax import TaxBy, TaxPrices
from storefront.core.errors import Conflict, FieldError, Invalid
from storefront.core.money import MAX_AMOUNT, Money
from storefront.core.prices import Asked, asked_prices
from storefront.core.promos.codes import PromoCodeInvalid, UsedCode
from storefront.core.taxes import TaxLine, tax_line

WALLET = "wallet"


class OfferClosed(Conflict):
    code = "offer_closed"
    title = "This is not on sale now"


class PriceChanged(Conflict):
    code = "price_changed"
    title = "The price has changed"


class AmountOutOfRange(Invalid):
    code = "amount_out_of_range"
    title = "The amount is not between the least and the most that this offer takes"


class Stage(StrEnum):
    """When an adjustment applies; within a stage they are summed."""

    LIST = "list"
    PERCENT = "percent"
    AMOUNT = "amount"
    TAX = "tax"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What a plugin adds to a price: minor units (may be negative), or basis points at stage ``percent``.

    One of a ``promo_code`` takes off no more than there is.
    """

    stage: Stage
    label: str
    amount_minor: int = 0
    basis_points: int = 0
    promo_code: str | None = None


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What an adjustment came to, in minor units."""

    label: str
    amount: int
    promo_code: str | None = None

    def to_json(self, currency: str) -> dict[str, Any]:
        """Return the receipt's line."""
        named = {} if self.promo_code is None else {"promo_code": self.promo_code}
        total = {"amount": self.amount, "currency": currency}
        return {"type": "adjustment", "title": self.label, **named, "total": total}


@dataclass(frozen=True, slots=True)
class Quote:
    """An exact price: the line, what was adjusted, its tax, and the total to pay from ``pay_with``, tax and all.

    ``components`` are the lines of a bundle's contents. ``asked`` is how many were wanted, if only ``quantity`` fit.
    ``list_price`` is what one unit costs without the sale that is on, called ``sale_label``; None without a sale.
    ``exact`` is how much an exact top-up gives; ``title`` says it.
    """

    catalog_version: str
    offer: Offer
    quantity: int
    unit_price: Money
    total: Money
    adjustments: tuple[Adjusted, ...]
    pay_with: str
    title: str
    taxes: tuple[TaxLine, ...] = ()
    components: tuple[Mapping[str, Any], ...] = ()
    asked: int | None = None
    list_price: Money | None = None
    sale_label: str | None = None
    exact: int | None = None
    codes: tuple[UsedCode, ...] = ()
    variant: tuple[str, str] | None = None
    """The experiment and its variant that set the price."""

    def taken_off_by(self, code: str) -> int:
        """Return what a promo code takes off, in minor units."""
        return -sum(one.amount for one in self.adjustments if one.promo_code == code)

    def to_json(self) -> dict[str, Any]:
        """Return the wire shape of ``POST /v1/quotes``."""
        return {
            "catalog_version": self.catalog_version,
            "sku": self.offer.sku,
            "quantity": self.quantity,
            "lines": self.lines(),
            "total": self.total.to_json(),
            "pay_with": self.pay_with,
        }

    def lines(self) -> list[dict[str, Any]]:
        """Return the receipt's lines: the goods first and what is in them, then every adjustment, then the tax."""
        list_price = self.unit_price.times(self.quantity)
        goods: dict[str, Any] = {
            "type": "offer",
            "sku": self.offer.sku,
            "kind": self.offer.kind,
            "title": self.title,
            "quantity": self.quantity,
            "unit_price": self.unit_price.to_json(),
            "total": list_price.to_json(),
        }
        if self.asked is not None:
            goods["asked"] = self.asked
        if self.list_price is not None:
            goods["list_price"] = self.list_price.to_json()
            goods["sale"] = self.sale_label
        currency = self.total.currency
        return (
            [goods, *map(dict, self.components)]
            + [one.to_json(currency) for one in self.adjustments]
            + [line.to_json() for line in self.taxes]
        )


def price_of(
    catalog: Catalog,
    sku: str,
    quantity: int,
    *,
    currency: str | None,
    pay_with: str | None,
    gateway: str | None,
    now: int,
    country: str | None = None,
    amount: int | None = None,
) -> Quote:
    """Quote the price of an offer in the wanted currency, else in the one that ``pay_with`` implies.

    ``country`` is where the buyer is; ``amount`` what they choose to pay, where that is theirs to choose.

    Raises:
        UnknownOffer, OfferClosed: not in the catalog, hidden or out of its window.
        AmountOutOfRange: the buyer may not choose that amount.
        Invalid: there is no price in that currency, or it cannot be paid that way.
    """
    offer = catalog.offer(sku)
    if not is_on_sale(offer, now):
        raise OfferClosed(f"{sku} is not on sale now.", sku=sku)
    prices = asked_prices(catalog, offer, country, now)
    code = currency or _first_currency(catalog, offer, prices, pay_with)
    asked = prices.get(code)
    if asked is None:
        raise Invalid(
            f"{sku} has no price in {code}.",
            errors=[FieldError("/currency", f"must be one of {', '.join(prices)}")],
        )
    unit = Money(_chosen(offer, asked, amount), code)
    if unit.amount_minor * quantity > MAX_AMOUNT:
        raise Invalid("That is more than can be sold at once.", errors=[FieldError("/quantity", "is too large")])
    total = unit.times(quantity)
    return Quote(
        catalog.version,
        offer,
        quantity,
        unit,
        total,
        (),
        payer(catalog, code, pay_with, gateway),
        text_in(offer.title, None, catalog.default_language) or sku,
        list_price=None if asked.sale is None else Money(asked.list_amount, code),
        sale_label=None if asked.sale is None else text_in(asked.sale.label, None, catalog.default_language),
    )


def _chosen(offer: Offer, asked: Asked, amount: int | None) -> int:
    """Return a unit's price: what the buyer chose where they may, what is suggested if they did not."""
    choice = asked.choice
    if amount is None or (choice is None and offer.exact is not None):
        return asked.amount
    if choice is None:
        errors = [FieldError("/amount", "must be absent: this offer has its price")]
        raise Invalid(f"The price of {offer.sku} is not the buyer's to choose.", errors=errors)
    refuse_out_of_range(amount, choice.min, choice.max, asked.currency)
    return amount


def refuse_out_of_range(amount: int, least: int, most: int, currency: str) -> None:
    """Refuse an amount that the buyer may not choose, naming what they may."""
    if not least <= amount <= most:
        raise AmountOutOfRange(
            f"Choose an amount from {least} to {most} {currency}, in its smallest unit.",
            min={"amount": least, "currency": currency},
            max={"amount": most, "currency": currency},
            errors=[FieldError("/amount", f"must be from {least} to {most}")],
        )


def adjust(quote: Quote, adjustments: Iterable[Sequence[Adjustment]]) -> Quote:
    """Apply the plugins' adjustments stage by stage: list → percent → amount → tax.

    Before tax the result stays within [0, list price]; percentages round towards the buyer's favour.
    """
    flat = [one for several in adjustments for one in several]
    if not flat:
        return quote
    list_price = amount = quote.total.amount_minor
    applied: list[Adjusted] = []
    for stage in Stage:
        base = amount
        for one in (one for one in flat if one.stage is stage):
            change = one.amount_minor
            if stage is Stage.PERCENT:
                change = base * one.basis_points // 10_000
            if one.promo_code is not None:
                change = max(change, -amount)
            applied.append(Adjusted(one.label, change, one.promo_code))
            amount += change
        if stage is not Stage.TAX:
            clamped = max(0, min(amount, list_price))
            if clamped != amount:
                applied.append(Adjusted("limited to the list price", clamped - amount))
                amount = clamped
    return replace(quote, total=Money(amount, quote.total.currency), adjustments=(*quote.adjustments, *applied))


def with_codes(adjusted: Quote, codes: Sequence[UsedCode]) -> Quote:
    """Note the codes that an adjusted quote was made cheaper by; one that takes nothing off is refused."""
    noted = replace(adjusted, codes=tuple(codes))
    if any(noted.taken_off_by(used.code) == 0 for used in codes):
        raise PromoCodeInvalid("nothing_to_discount")
    return noted


def code_adjustments(quote: Quote, codes: Iterable[UsedCode], language: str) -> list[Adjustment]:
    """Return what promo codes take off: a percentage of the list price, then amounts."""
    found = []
    for used in codes:
        terms, label = used.terms, used.label(language)
        if terms.percent is not None:
            points = -100 * terms.percent
            found.append(Adjustment(Stage.PERCENT, label, basis_points=points, promo_code=used.code))
        else:
            off = terms.amount[quote.total.currency]
            found.append(Adjustment(Stage.AMOUNT, label, amount_minor=-off, promo_code=used.code))
    return found


def discounted(terms: PromoCode, price: Money) -> Money:
    """Return what is left of a list price with one promo code and nothing else."""
    if terms.percent is None:
        return Money(max(0, price.amount_minor - terms.amount[price.currency]), price.currency)
    return Money(price.amount_minor * (100 - terms.percent) // 100, price.currency)


def with_tax(quote: Quote, catalog: Catalog, country: str | None) -> Quote:
    """Add the tax of the buyer's country to a quote that is adjusted; ``country`` is None where nobody knows it.

    Virtual currency and what is free carry none; where the gateway works it out, it is not known yet.
    """
    line = tax_of(catalog, quote.total, quote.offer.tax_class, country)
    if line is None:
        return quote
    total = line.base.amount_minor + line.amount.amount_minor
    if total > MAX_AMOUNT:
        raise Invalid("That is more than can be sold at once.", errors=[FieldError("/quantity", "is too large")])
    return replace(quote, total=Money(total, quote.total.currency), taxes=(line,))


def tax_of(catalog: Catalog, price: Money, tax_class: str | None, country: str | None) -> TaxLine | None:
    """Return the tax on a price, in it or to be added to it; None where there is none, or the gateway works it out."""
    tax = catalog.tax
    if tax is None or tax.by is TaxBy.GATEWAY or catalog.is_virtual(price.currency) or price.amount_minor == 0:
        return None
    rate = tax.rate(country, tax_class)
    return None if rate is None else tax_line(price, rate, is_included=tax.prices is TaxPrices.INCLUSIVE)


def refuse_other_price(quote: Quote, expected: Money | None) -> None:
    """Refuse if the client showed another price than the one that would be taken."""
    if expected is not None and expected != quote.total:
        raise PriceChanged(
            "The price has changed since it was shown.", expected=expected.to_json(), price=quote.total.to_json()
        )


def _first_currency(catalog: Catalog, offer: Offer, prices: Iterable[str], pay_with: str | None) -> str:
    wants_wallet = pay_with == WALLET
    for code in prices:
        if pay_with is None or catalog.is_virtual(code) == wants_wallet:
            return code
    raise Invalid(
        f"{offer.sku} cannot be paid with {pay_with}.",
        errors=[FieldError("/pay_with", f"{offer.sku} has prices in {', '.join(prices)}")],
    )


def payer(catalog: Catalog, code: str, pay_with: str | None, gateway: str | None) -> str:
    """Return who pays: the wallet for a virtual asset, a gateway for real money."""
    if catalog.is_virtual(code):
        if pay_with not in (None, WALLET):
            raise Invalid(f"{code} is paid from the wallet.", errors=[FieldError("/pay_with", "must be wallet")])
        return WALLET
    if pay_with == WALLET:
        raise Invalid(f"{code} is not kept in a wallet.", errors=[FieldError("/pay_with", "must be a gateway")])
    if gateway is None:
        raise Invalid("No such payment gateway is configured.", errors=[FieldError("/pay_with", "is not known here")])
    return gateway
