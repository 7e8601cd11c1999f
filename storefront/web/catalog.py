"""The catalog: what is on sale, for everybody to see."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from storefront.core.catalog import describe_offer
from storefront.core.errors import Unauthorized
from storefront.core.principals import Principal, Role
from storefront.core.services import Services
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
    catalog = services.catalogs.active
    etag = f'"{catalog.version}.{language or catalog.default_language}"'
    if call.matches(etag):
        return not_modified(etag)
    return respond(catalog_json(services, language), headers={"ETag": etag, "Cache-Control": "no-cache"})


def catalog_json(services: Services, language: str | None) -> dict[str, Any]:
    """Return the catalog as clients see it; hidden offers and those nobody can fulfil are left out."""
    catalog = services.catalogs.active
    offers: list[Mapping[str, Any]] = [
        describe_offer(offer, catalog, services.kinds[offer.kind], language)
        for offer in catalog.offers.values()
        if not offer.hidden and offer.kind in services.kinds
    ]
    return {"version": catalog.version, "offers": offers}


def _refuse_strangers(services: Services, principal: Principal) -> None:
    if principal.role is Role.PUBLIC and principal.key_id is None and not services.config.web.anonymous_catalog:
        raise Unauthorized("This shop shows its catalog to its own games: send a publishable key.")
