"""Using things on the shop page: using them up, opening them, and what the page must know of them to offer that.

Works by plain forms. Whoever would use up their last one, or one with a number of its own, has been asked first: a form
that does not say so, because the page was older, leads to the question.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from storefront.core.catalog import describe_offer
from storefront.core.commit.outcome import NotConsumable
from storefront.core.config.model import Offer
from storefront.core.consuming import ConsumeRequest, consume_item
from storefront.core.containers import OpenRequest, Opens
from storefront.core.errors import NotFound, StorefrontError
from storefront.core.idempotency import RECORD, idempotency_key
from storefront.core.kinds import Use, UsedByCustomers, kind_as
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.pages.browser import check_csrf
from storefront.routing import Call, Routes, respond
from storefront.shapes import QUANTITY, SKU, closed
from storefront.web.browsing import shop_json, wants_json
from storefront.web.notices import MUST_BE_ASKED, USED
from storefront.web.page_answers import CSRF, KEY, notices_of, refuse, see_other, session_ended
from storefront.web.pages import CONFIRMED, Holding, must_ask, read_holdings, refusal_words
from storefront.web.services import SERVICES

routes = Routes("core", tags=["pages"])

OPERATION = "POST /shop/consume"
CONSUME = closed(
    {
        "sku": SKU,
        "quantity": QUANTITY,
        "instance": {"type": "string", "pattern": "^(itm_[0-9a-z]{26})?$"},
        CONFIRMED: {"enum": ["yes"]},
        "idempotency_key": KEY,
        "csrf": CSRF,
    },
    required=["sku", "idempotency_key", "csrf"],
)
OPEN = closed(
    {"sku": SKU, "odds_version": {"type": "string", "maxLength": 64}, "idempotency_key": KEY, "csrf": CSRF},
    required=["sku", "odds_version", "idempotency_key", "csrf"],
)


@routes.post("/shop/consume", allow=Role.PUBLIC, form=CONSUME, page=True)
async def consume_from_page(call: Call) -> web.StreamResponse:
    """Use up an item, if its owner has been asked where it is their last or has a number."""
    services, customer_id = call.app[SERVICES], call.principal.customer_id
    if customer_id is None:
        return session_ended(call)
    check_csrf(call)
    wanted = _wanted(call, customer_id)
    held = read_holdings(await services.states.document(customer_id)).get(wanted.sku)
    if must_ask(held) and CONFIRMED not in call.body and not await _was_answered(services, wanted):
        return _ask(call, wanted.sku)
    try:
        if use_of(services, wanted.sku) is not Use.CONSUME:
            raise NotConsumable(f"{wanted.sku} is used up by the game alone.", sku=wanted.sku)
        answer, _ = await consume_item(services, wanted)
    except StorefrontError as refusal:
        return await refuse(call, services, refusal)
    number = _number(held, wanted.instance)
    if wants_json(call.request):
        left, notices = shop_json(answer.body)["remaining"], await notices_of(call, services)
        return respond({"status": "completed", "notice": notices.used(wanted.sku, left, number), "see": False})
    return see_other("/shop", note=USED, sku=wanted.sku, **({} if number is None else {"number": str(number)}))


@routes.post("/shop/open", allow=Role.PUBLIC, form=OPEN, page=True)
async def open_from_page(call: Call) -> web.StreamResponse:
    """Open one container by the odds that the page showed, and go to what came out."""
    services, customer_id = call.app[SERVICES], call.principal.customer_id
    if customer_id is None:
        return session_ended(call)
    check_csrf(call)
    body = call.body
    terms = {"sku": body["sku"], "odds_version": body["odds_version"]}
    key = idempotency_key(call.principal.caller, "POST /shop/open", body["idempotency_key"], terms)
    offer = services.catalogs.active.offers.get(body["sku"])
    kind = None if offer is None else kind_as(services.kinds.get(offer.kind), Opens)
    try:
        if kind is None or use_of(services, body["sku"]) is not Use.OPEN:
            raise NotConsumable(f"{body['sku']} is opened by the game alone.", sku=body["sku"])
        answer, _ = await kind.open(services, OpenRequest(key, customer_id, **terms))
    except StorefrontError as refusal:
        return await refuse(call, services, refusal)
    return see_other("/shop", "opened", opened=shop_json(answer.body)["id"])


def use_of(services: Services, sku: str) -> Use | None:
    """Return what a customer can do with a thing on their own; None of what only the game uses, or nobody knows."""
    offer = services.catalogs.active.offers.get(sku)
    kind = None if offer is None else kind_as(services.kinds.get(offer.kind), UsedByCustomers)
    return None if offer is None or kind is None else kind.use_of(offer)


async def read_opening(services: Services, opening_id: str | None, owner: str | None) -> dict[str, Any] | None:
    """Return what a customer opened; nothing of what is not theirs."""
    if opening_id is None or owner is None:
        return None
    for kind in services.kinds.values():
        opens = kind_as(kind, Opens)
        if opens is None:
            continue
        try:
            return await opens.opening(services, opening_id, owner=owner)
        except NotFound:
            continue
    return None


def with_things(services: Services, shelves: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return a catalog with what its offers' things are used for, and the offers that are not shown as ``others``."""
    offers = [{**offer, "use": use_of(services, offer["sku"])} for offer in shelves["offers"]]
    shown = {offer["sku"] for offer in offers}
    active = services.catalogs.active.offers.values()
    hidden = [offer for offer in active if offer.sku not in shown and offer.kind in services.kinds]
    return {**shelves, "offers": offers, "others": [_describe(services, offer, language) for offer in hidden]}


def _describe(services: Services, offer: Offer, language: str) -> dict[str, Any]:
    catalog, kind, left = services.catalogs.active, services.kinds[offer.kind], [None] * len(offer.limits)
    shown = describe_offer(offer, catalog, kind, prices=(), left=left, language=language)
    return {**shown, "use": use_of(services, offer.sku)}


def _wanted(call: Call, customer_id: str) -> ConsumeRequest:
    body = call.body
    terms = {"sku": body["sku"], "quantity": body.get("quantity", 1), "instance": body.get("instance") or None}
    key = idempotency_key(call.principal.caller, OPERATION, body["idempotency_key"], terms)
    return ConsumeRequest(key, customer_id, **terms)


async def _was_answered(services: Services, wanted: ConsumeRequest) -> bool:
    """Tell whether this very form was answered before: then it is answered the same, and uses up nothing more."""
    key = wanted.idempotency
    return await services.reader.first(RECORD, caller=key.caller, operation=key.operation, key=key.key) is not None


def _ask(call: Call, sku: str) -> web.StreamResponse:
    """Lead to the question, with nothing used up."""
    if wants_json(call.request):
        return respond({"status": "refused", "notice": refusal_words(MUST_BE_ASKED)})
    return see_other("/shop", f"thing-{sku}", note=MUST_BE_ASKED, sku=sku)


def _number(held: Holding | None, instance: str | None) -> int | None:
    return next((unit.number for unit in held.units if unit.instance == instance), None) if held else None
