"""The catalog: what is on sale, for everybody to see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from storefront.core.catalog import Catalog, describe_offer
from storefront.core.clock import iso
from storefront.core.config.model import Offer
from storefront.core.config.model_tax import TaxBy, TaxPrices, TaxRate
from storefront.core.countries import is_country
from storefront.core.errors import FieldError, Invalid, Unauthorized
from storefront.core.exposing import catalog_for
from storefront.core.money import Money
from storefront.core.prices import Asked, PackRate, asked_prices, last_edge, next_edge, pack_rates, price_json
from storefront.core.principals import Principal, Role
from storefront.core.services import Services
from storefront.core.stock import Left, left_by_limit, read_left
from storefront.core.taxes import tax_line
from storefront.routing import Call, Routes, not_modified, respond
from storefront.web.catalog_shapes import CATALOG, CATALOG_QUERY
from storefront.web.services import SERVICES

routes = Routes("core", tags=["catalog"])


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks at the catalog: where they are, in which language, and what they are shown of limits.

    ``customer_id``: whose own limits are told; None for those of all together alone. ``currency``: the real one in
    which virtual prices are told too.
    """

    country: str | None = None
    language: str | None = None
    customer_id: str | None = None
    currency: str | None = None


@routes.get("/v1/catalog", allow=Role.PUBLIC, query=CATALOG_QUERY, answers={200: CATALOG})
async def show_catalog(call: Call) -> web.StreamResponse:
    """List every offer that is shown, with its prices, limits and contents.

    Prices are those of the session's country; without a session, of `country`, else the general ones. Offers outside
    their window are listed with it. Texts are in `language`, else in the shop's own. The `ETag` changes with all of
    that: ask again with `If-None-Match`, and keep nothing beyond `fresh_until`.
    """
    services = call.app[SERVICES]
    _refuse_strangers(services, call.principal)
    looker = Looker(await _country(services, call), call.query.get("language"))
    catalog = await catalog_for(services, call.principal.customer_id)
    left = await read_left(services.reader, _shown(services, catalog), None, services.clock.now())
    etag = _etag(services, looker, left, catalog)
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Authorization, Cookie"}
    if call.matches(etag):
        return not_modified(etag)
    return respond(catalog_json(services, looker, left, catalog), headers=headers)


async def _country(services: Services, call: Call) -> str | None:
    """Return whose prices are shown: a customer cannot look at (and so not wish for) another country's as their own."""
    principal, asked = call.principal, call.query.get("country")
    if principal.customer_id is None:
        if asked is not None and not is_country(asked):
            raise Invalid("There is no such country.", errors=[FieldError("/country", "must be a country, like DE")])
        return asked
    if asked is not None:
        wrong = FieldError("/country", "must be absent: a session's own country counts")
        raise Invalid("A session shows the prices of its own country.", errors=[wrong])
    if principal.country is not None or not services.catalogs.active.has_country_prices:
        return principal.country
    return await services.customers.country(principal.customer_id)


def _etag(services: Services, looker: Looker, left: Left, catalog: Catalog) -> str:
    parts = [catalog.version, looker.language or catalog.default_language]
    if looker.country is not None:
        parts.append(looker.country)
    if catalog.edges:
        parts.append(str(last_edge(catalog, services.clock.now())))
    if left:
        parts.append("-".join(str(more) for more in left.values()))
    parts += [f"{experiment}={variant}" for experiment, variant in sorted(catalog.variants.values())]
    return f'"{".".join(parts)}"'


def _shown(services: Services, catalog: Catalog) -> list[Offer]:
    return [offer for offer in catalog.offers.values() if not offer.hidden and offer.kind in services.kinds]


async def read_catalog(services: Services, looker: Looker) -> dict[str, Any]:
    """Return the catalog as somebody sees it now."""
    catalog = await catalog_for(services, looker.customer_id)
    left = await read_left(services.reader, _shown(services, catalog), looker.customer_id, services.clock.now())
    return catalog_json(services, looker, left, catalog)


def catalog_json(services: Services, looker: Looker, left: Left, catalog: Catalog | None = None) -> dict[str, Any]:
    """Return a catalog, the active one if not given, as clients see it.

    Hidden offers and those nobody can fulfil are left out.
    """
    catalog, now = catalog or services.catalogs.active, services.clock.now()
    rates = pack_rates(catalog, services.kinds, looker.country, now, currency=looker.currency)
    offers: list[Mapping[str, Any]] = []
    for offer in _shown(services, catalog):
        prices = asked_prices(catalog, offer, looker.country, now).values()
        shown = describe_offer(
            offer,
            catalog,
            services.kinds[offer.kind],
            prices=[price_json(catalog, one, looker.language) for one in prices],
            left=left_by_limit(offer, left, looker.customer_id, now),
            language=looker.language,
        )
        offers.append({**shown, "real_price": _real_price(catalog, prices, rates)})
    fresh_until = next_edge(catalog, now)
    return {
        "version": catalog.version,
        "country": looker.country,
        "fresh_until": None if fresh_until is None else iso(fresh_until),
        "offers": offers,
    }


def _real_price(catalog: Catalog, prices: Iterable[Asked], rates: Mapping[str, PackRate]) -> dict[str, Any] | None:
    """Return about what an offer's first virtual price is in money; None if it has none, or no pack says."""
    virtual = (one for one in prices if catalog.is_virtual(one.currency))
    return next((rates[one.currency].price_of(one.amount).to_json() for one in virtual if one.currency in rates), None)


def prices_to_pay(services: Services, document: Mapping[str, Any], country: str | None) -> dict[str, Any]:
    """Return the catalog with the prices that a buyer in ``country`` pays, where tax comes on top of listed ones."""
    catalog = services.catalogs.active
    tax = catalog.tax
    if tax is None or tax.prices is TaxPrices.INCLUSIVE:
        return dict(document)
    offers = []
    for offer in document["offers"]:
        rate = tax.rate(country, offer["tax_class"])
        prices = [
            price if catalog.is_virtual(price["currency"]) else _with_tax(price, rate) for price in offer["prices"]
        ]
        worth = offer["real_price"]
        offers.append({**offer, "prices": prices, "real_price": worth and _with_tax(worth, rate)})
    return {**document, "offers": offers}


def prices_note(services: Services, country: str | None) -> str:
    """Say which tax the prices on a page hold, for buyers in ``country``; nothing where they hold none."""
    tax = services.catalogs.active.tax
    if tax is None:
        return ""
    if tax.by is TaxBy.GATEWAY:
        return "Prices include tax."
    rate = tax.rate(country, None)
    return "" if rate is None else f"Prices include {rate.percent}% {rate.name}."


def _with_tax(price: Mapping[str, Any], rate: TaxRate | None) -> dict[str, Any]:
    """Return a real price with the tax on top, and so its list price."""
    if rate is None:
        return dict(price)
    listed = {"list_price": _with_tax(price["list_price"], rate)} if "list_price" in price else {}
    line = tax_line(Money(price["amount"], price["currency"]), rate, is_included=False)
    return {**price, **listed, "amount": line.base.amount_minor + line.amount.amount_minor}


def _refuse_strangers(services: Services, principal: Principal) -> None:
    if principal.role is Role.PUBLIC and principal.key_id is None and not services.config.web.anonymous_catalog:
        raise Unauthorized("This shop shows its catalog to its own games: send a publishable key.")
