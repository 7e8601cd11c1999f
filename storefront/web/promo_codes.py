"""Promo codes as operators work with them, and referrals, over HTTP."""

from aiohttp import web

from storefront.core.principals import Role
from storefront.core.promos.generating import (
    AT_ONCE,
    generate_codes,
    list_codes,
    list_generated,
    show_code,
    switch_code,
)
from storefront.core.referring.entering import enter_referral, referral_state
from storefront.routing import Call, Routes, respond
from storefront.web.entering_codes import entering_codes
from storefront.web.promo_shapes import (
    ENTER_REFERRAL,
    GENERATE,
    GENERATED,
    GENERATED_CODES,
    GENERATED_QUERY,
    LISTED_CODES,
    REFERRAL_STATE,
    SHOWN_CODE,
)
from storefront.web.services import SERVICES

routes = Routes("core", tags=["promo codes"])
_READS, _WRITES = "promo_codes:read", "promo_codes:write"
_MOST_CHUNKS = 20


@routes.get("/v1/promo-codes", allow=Role.OPERATOR, answers={200: LISTED_CODES}, scope=_READS)
async def list_all_codes(call: Call) -> web.StreamResponse:
    """List the promo codes of the configuration, with how often they were used and how many were generated."""
    return respond(await list_codes(call.app[SERVICES]))


@routes.get("/v1/promo-codes/{code}", allow=Role.OPERATOR, answers={200: SHOWN_CODE}, scope=_READS)
async def get_code(call: Call) -> web.StreamResponse:
    """Show a code, generated or not: its terms, and what it was used for."""
    return respond(await show_code(call.app[SERVICES], call.path("code")))


@routes.get(
    "/v1/promo-codes/{code}/codes",
    allow=Role.OPERATOR,
    query=GENERATED_QUERY,
    answers={200: GENERATED_CODES},
    scope=_READS,
)
async def list_generated_codes(call: Call) -> web.StreamResponse:
    """List the codes that were generated for a bulk code, by batch and number."""
    query = call.query
    page = await list_generated(
        call.app[SERVICES], call.path("code"), batch=query.get("batch"), limit=query["limit"], after=query.get("after")
    )
    return respond(page)


@routes.post(
    "/v1/promo-codes/{code}/codes", allow=Role.OPERATOR, body=GENERATE, answers={200: GENERATED}, scope=_WRITES
)
async def generate_more_codes(call: Call) -> web.StreamResponse:
    """Generate codes for a bulk code: what the batch still lacks, at most 10,000 per request. Safe to repeat.

    Repeat it until `made` is `count`; list them to read them.
    """
    services, body = call.app[SERVICES], call.body
    for _ in range(_MOST_CHUNKS):
        made = await generate_codes(
            services,
            call.path("code"),
            batch=body["batch"],
            count=body["count"],
            actor=call.principal.caller,
            at_once=AT_ONCE,
        )
        if made["made"] >= made["count"]:
            break
    return respond(made)


@routes.post("/v1/promo-codes/{code}/disable", allow=Role.OPERATOR, answers={200: SHOWN_CODE}, scope=_WRITES)
async def disable_code(call: Call) -> web.StreamResponse:
    """Switch a code off; of a bulk code all that were generated. What was begun with it keeps its price."""
    return respond(await switch_code(call.app[SERVICES], call.path("code"), is_on=False, actor=call.principal.caller))


@routes.post("/v1/promo-codes/{code}/enable", allow=Role.OPERATOR, answers={200: SHOWN_CODE}, scope=_WRITES)
async def enable_code(call: Call) -> web.StreamResponse:
    """Switch a code on again."""
    return respond(await switch_code(call.app[SERVICES], call.path("code"), is_on=True, actor=call.principal.caller))


@routes.get("/v1/me/referral", allow=Role.CUSTOMER, answers={200: REFERRAL_STATE})
async def show_referral(call: Call) -> web.StreamResponse:
    """Show the customer's own referral code and link, whom they brought, and what that brought them."""
    services = call.app[SERVICES]
    return respond(await referral_state(services, await services.customer_of(call.principal, None)))


@routes.post(
    "/v1/me/referral",
    allow=Role.CUSTOMER,
    body=ENTER_REFERRAL,
    answers={200: REFERRAL_STATE},
    refusals=["referral_refused"],
)
async def use_referral(call: Call) -> web.StreamResponse:
    """Say who brought this customer, by their code: once for ever, before the first purchase. Safe to repeat."""
    services, code = call.app[SERVICES], call.body["code"]
    customer_id = await services.customer_of(call.principal, None)
    with entering_codes(call, [code], customer_id):
        return respond(await enter_referral(services, customer_id, code))


@routes.get(
    "/v1/customers/{customer:[^/]+}/referral", allow=Role.SERVER, answers={200: REFERRAL_STATE}, scope="customers:read"
)
async def show_referral_of(call: Call) -> web.StreamResponse:
    """Show a customer's referral code and what it brought, to the game's server."""
    services = call.app[SERVICES]
    return respond(await referral_state(services, await services.customers.need(call.path("customer"))))


@routes.post(
    "/v1/customers/{customer:[^/]+}/referral",
    allow=Role.SERVER,
    body=ENTER_REFERRAL,
    answers={200: REFERRAL_STATE},
    scope="customers:write",
    refusals=["referral_refused"],
)
async def use_referral_of(call: Call) -> web.StreamResponse:
    """Say who brought a customer, by their code; the customer is made on first sight. Safe to repeat."""
    services, code = call.app[SERVICES], call.body["code"]
    customer_id = await services.customers.ensure(call.path("customer"), actor=call.principal.caller)
    with entering_codes(call, [code], customer_id):
        return respond(await enter_referral(services, customer_id, code))
