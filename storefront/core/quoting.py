"""What a caller wants to buy, and what it would cost now: its price, what plugins and promo codes make of it, tax."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from storefront.core.assessing import PurchaseAttempt
from storefront.core.billing import Bill, details_of_bill, quote_of_bill
from storefront.core.catalog import Catalog
from storefront.core.commit.plan import IdempotencyKey
from storefront.core.customers import Newcomer
from storefront.core.exact_top_ups import of_exact_amount
from storefront.core.exposing import catalog_for
from storefront.core.fitting import what_fits, with_components
from storefront.core.money import Money
from storefront.core.promos.quoting import adjusted
from storefront.core.quotes import WALLET, OfferClosed, Quote, price_of, with_tax
from storefront.core.services import Services
from storefront.core.top_ups import country_of


@dataclass(frozen=True, slots=True)
class PurchaseRequest:
    """What a caller wants to buy, checked for shape: the edge built it from a request."""

    idempotency: IdempotencyKey
    customer_id: str
    sku: str
    quantity: int = 1
    currency: str | None = None
    pay_with: str | None = None
    expected_price: Money | None = None
    return_url: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None
    network: str | None = None
    country: str | None = None
    payment_method: str | None = None
    saves_method: bool = False
    top_up_run: str | None = None
    amount: int | None = None
    promo_codes: tuple[str, ...] = ()
    recipient_id: str | None = None
    by_customer: bool = False
    bill: Bill | None = None
    newcomers: tuple[Newcomer, ...] = ()

    @property
    def receiver_id(self) -> str:
        """Who gets what is bought."""
        return self.recipient_id or self.customer_id


async def quote_for(services: Services, wanted: PurchaseRequest, purchase_id: str = "") -> Quote:
    """Quote what ``wanted`` would cost now, with every plugin's adjustments; nothing is written."""
    country = await country_of(services, wanted.customer_id, wanted.country)
    quote, catalog = await _listed(services, wanted, country)
    if quote.offer.kind not in services.kinds:
        raise OfferClosed(f"{wanted.sku} is not on sale now.", sku=wanted.sku)
    if quote.pay_with != WALLET:
        services.gateway(quote.pay_with)
    attempt = attempt_at(wanted, quote, purchase_id)
    priced = await services.hooks.call_each("price_purchase", services=services, attempt=attempt, quote=quote)
    quote = await adjusted(services, quote, priced, wanted.promo_codes, customer_id=wanted.customer_id, country=country)
    taxed = with_tax(quote, catalog, country)
    if wanted.bill is None and quote.quantity != wanted.quantity:
        taxed = replace(taxed, asked=wanted.quantity)
    return with_components(services, taxed, country)


async def _listed(services: Services, wanted: PurchaseRequest, country: str | None) -> tuple[Quote, Catalog]:
    """Return what is asked before anything adjusts it, by a bill or by the catalog; and that catalog."""
    gateway = wanted.pay_with if wanted.pay_with not in (None, WALLET) else services.default_gateway
    if wanted.bill is not None:
        catalog = await services.catalogs.version(wanted.bill.catalog_version)
        return quote_of_bill(catalog, wanted.sku, wanted.bill, pay_with=wanted.pay_with, gateway=gateway), catalog
    catalog = await catalog_for(services, wanted.customer_id, sku=wanted.sku)
    quantity = await what_fits(services, wanted.receiver_id, wanted.sku, wanted.quantity)
    quote = price_of(
        catalog,
        wanted.sku,
        quantity,
        currency=wanted.currency,
        pay_with=wanted.pay_with,
        gateway=gateway,
        now=services.clock.now(),
        country=country,
        amount=wanted.amount,
    )
    if catalog.variants:
        quote = replace(quote, variant=catalog.variants.get(wanted.sku))
    if quote.offer.exact is not None and wanted.amount is not None and quote.offer.kind in services.kinds:
        quote = of_exact_amount(services, quote, wanted.amount)
    return quote, catalog


def attempt_at(wanted: PurchaseRequest, quote: Quote, purchase_id: str) -> PurchaseAttempt:
    """Return what plugins are told of a purchase when they price or judge it."""
    return PurchaseAttempt(
        purchase_id=purchase_id,
        customer_id=wanted.customer_id,
        caller=wanted.idempotency.caller,
        quote=quote,
        address=wanted.address,
        country=wanted.country,
        details=details_of_bill(wanted.bill, wanted.details),
        recipient_id=wanted.recipient_id,
        metadata=wanted.metadata,
    )
