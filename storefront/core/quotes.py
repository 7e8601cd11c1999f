"""What something would cost, exactly: the offer's price, adjusted by whoever may adjust it.

A client never sends a price. It may send the one it showed (``expected_price``), and is told when that
has changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from storefront.core.catalog import Catalog, is_on_sale, text_in
from storefront.core.config.model import Offer
from storefront.core.config.model_tax import TaxBy, TaxPrices
from storefront.core.errors import Conflict, FieldError, Invalid
from storefront.core.money import MAX_AMOUNT, Money
from storefront.core.taxes import TaxLine, tax_line

WALLET = "wallet"


class OfferClosed(Conflict):
    code = "offer_closed"
    title = "This is not on sale now"


class PriceChanged(Conflict):
    code = "price_changed"
    title = "The price has changed"


class Stage(StrEnum):
    """When an adjustment applies; within a stage they are summed."""

    LIST = "list"
    PERCENT = "percent"
    AMOUNT = "amount"
    TAX = "tax"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What a plugin adds to a price: minor units (may be negative), or basis points at stage ``percent``."""

    stage: Stage
    label: str
    amount_minor: int = 0
    basis_points: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """An exact price: the line, what was adjusted, its tax, and the total to pay from ``pay_with``, tax and all."""

    catalog_version: str
    offer: Offer
    quantity: int
    unit_price: Money
    total: Money
    adjustments: tuple[tuple[str, int], ...]
    pay_with: str
    title: str
    taxes: tuple[TaxLine, ...] = ()
    variant: tuple[str, str] | None = None
    """The experiment and its variant that set the price."""

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
        """Return the receipt's lines: the goods first, then every adjustment, then the tax."""
        list_price = self.unit_price.times(self.quantity)
        goods = {
            "type": "offer",
            "sku": self.offer.sku,
            "kind": self.offer.kind,
            "title": self.title,
            "quantity": self.quantity,
            "unit_price": self.unit_price.to_json(),
            "total": list_price.to_json(),
        }
        currency = self.total.currency
        return (
            [goods]
            + [
                {"type": "adjustment", "title": label, "total": {"amount": amount, "currency": currency}}
                for label, amount in self.adjustments
            ]
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
) -> Quote:
    """Quote the list price of an offer in the wanted currency, else in the one that ``pay_with`` implies.

    Raises:
        UnknownOffer, OfferClosed: not in the catalog, hidden or out of its window.
        Invalid: there is no price in that currency, or it cannot be paid that way.
    """
    offer = catalog.offer(sku)
    if not is_on_sale(offer, now):
        raise OfferClosed(f"{sku} is not on sale now.", sku=sku)
    code = currency or _first_currency(catalog, offer, pay_with)
    if code not in offer.prices:
        raise Invalid(
            f"{sku} has no price in {code}.",
            errors=[FieldError("/currency", f"must be one of {', '.join(offer.prices)}")],
        )
    unit = Money(offer.prices[code], code)
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
        _payer(catalog, code, pay_with, gateway),
        text_in(offer.title, None, catalog.default_language) or sku,
    )


def adjust(quote: Quote, adjustments: Iterable[Sequence[Adjustment]]) -> Quote:
    """Apply the plugins' adjustments stage by stage: list → percent → amount → tax.

    Before tax the result stays within [0, list price]; percentages round towards the buyer's favour.
    """
    flat = [one for several in adjustments for one in several]
    if not flat:
        return quote
    list_price = amount = quote.total.amount_minor
    applied: list[tuple[str, int]] = []
    for stage in Stage:
        base = amount
        for one in (one for one in flat if one.stage is stage):
            change = one.amount_minor
            if stage is Stage.PERCENT:
                change = base * one.basis_points // 10_000
            applied.append((one.label, change))
            amount += change
        if stage is not Stage.TAX:
            clamped = max(0, min(amount, list_price))
            if clamped != amount:
                applied.append(("limited to the list price", clamped - amount))
                amount = clamped
    return replace(quote, total=Money(amount, quote.total.currency), adjustments=tuple(applied))


def with_tax(quote: Quote, catalog: Catalog, country: str | None) -> Quote:
    """Add the tax of the buyer's country to a quote that is adjusted; ``country`` is None where nobody knows it.

    Virtual currency and what is free carry none; where the gateway works it out, it is not known yet.
    """
    tax, price = catalog.tax, quote.total
    if tax is None or tax.by is TaxBy.GATEWAY or catalog.is_virtual(price.currency) or price.amount_minor == 0:
        return quote
    rate = tax.rate(country, quote.offer.tax_class)
    if rate is None:
        return quote
    line = tax_line(price, rate, is_included=tax.prices is TaxPrices.INCLUSIVE)
    total = line.base.amount_minor + line.amount.amount_minor
    if total > MAX_AMOUNT:
        raise Invalid("That is more than can be sold at once.", errors=[FieldError("/quantity", "is too large")])
    return replace(quote, total=Money(total, price.currency), taxes=(line,))


def refuse_other_price(quote: Quote, expected: Money | None) -> None:
    """Refuse if the client showed another price than the one that would be taken."""
    if expected is not None and expected != quote.total:
        raise PriceChanged(
            "The price has changed since it was shown.", expected=expected.to_json(), price=quote.total.to_json()
        )


def _first_currency(catalog: Catalog, offer: Offer, pay_with: str | None) -> str:
    wants_wallet = pay_with == WALLET
    for code in offer.prices:
        if pay_with is None or catalog.is_virtual(code) == wants_wallet:
            return code
    raise Invalid(
        f"{offer.sku} cannot be paid with {pay_with}.",
        errors=[FieldError("/pay_with", f"{offer.sku} has prices in {', '.join(offer.prices)}")],
    )


def _payer(catalog: Catalog, code: str, pay_with: str | None, gateway: str | None) -> str:
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
