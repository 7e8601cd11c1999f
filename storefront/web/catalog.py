"""The catalog: what is on sale, for everybody to see."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from storefront.core.catalog import Catalog, describe_offer
from storefront.core.config.model_tax import TaxBy, TaxPrices, TaxRate
from storefront.core.errors import Unauthorized
from storefront.core.exposing import catalog_for
from storefront.core.money import Money
from storefront.core.principals import Principal, Role
from storefront.core.services import Services
from storefront.core.taxes import tax_line
from storefront.routing import Call, Routes, not_modified, respond
from storefront.web.services import SERVICES
from storefront.web.shapes import CATALOG, CATALOG_QUERY

routes = Routes("core", tags=["catalog"])


@routes.get("/v1/catalog", allow=Role.PUBLIC, query=CATALOG_QUERY, answers={200: CATALOG})
async def show_catalog(call: Call) -> web.StreamResponse:
    """List every offer that is shown, with its prices, limits and contents.

    Offers outside their window are listed with it. Texts are in `language`, else in the shop's own. The
    `ETag` names the version and the language: ask again with `If-None-Match`.
    """
    services = call.app[SERVICES]
    _refuse_strangers(services, call.principal)
    language = call.query.get("language")
    catalog = await catalog_for(services, call.principal.customer_id)
    shown = "".join(f".{experiment}={variant}" for experiment, variant in sorted(catalog.variants.values()))
    etag = f'"{catalog.version}.{language or catalog.default_language}{shown}"'
    if call.matches(etag):
        return not_modified(etag)
    return respond(catalog_json(services, language, catalog), headers={"ETag": etag, "Cache-Control": "no-cache"})


def catalog_json(services: Services, language: str | None, catalog: Catalog | None = None) -> dict[str, Any]:
    """Return a catalog, the active one if not given, as clients see it.

    Hidden offers and those nobody can fulfil are left out.
    """
    catalog = catalog or services.catalogs.active
    offers: list[Mapping[str, Any]] = [
        describe_offer(offer, catalog, services.kinds[offer.kind], language)
        for offer in catalog.offers.values()
        if not offer.hidden and offer.kind in services.kinds
    ]
    return {"version": catalog.version, "offers": offers}


def prices_to_pay(services: Services, document: Mapping[str, Any], country: str | None) -> dict[str, Any]:
    """Return the catalog with the prices that a buyer in ``country`` pays, where tax comes on top of listed ones."""
    catalog = services.catalogs.active
    tax = catalog.tax
    if tax is None or tax.prices is TaxPrices.INCLUSIVE:
        return dict(document)
    offers = []
    for offer in document["offers"]:
        rate = tax.rate(country, offer["tax_class"])
        prices = [_with_tax(price, rate, is_virtual=catalog.is_virtual(price["currency"])) for price in offer["prices"]]
        offers.append({**offer, "prices": prices})
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


def _with_tax(price: Mapping[str, Any], rate: TaxRate | None, *, is_virtual: bool) -> dict[str, Any]:
    if rate is None or is_virtual:
        return dict(price)
    line = tax_line(Money(price["amount"], price["currency"]), rate, is_included=False)
    return {**price, "amount": line.base.amount_minor + line.amount.amount_minor}


def _refuse_strangers(services: Services, principal: Principal) -> None:
    if principal.role is Role.PUBLIC and principal.key_id is None and not services.config.web.anonymous_catalog:
        raise Unauthorized("This shop shows its catalog to its own games: send a publishable key.")
