"""Grants over HTTP: what a server or an operator gives by hand."""

from aiohttp import web

from storefront.core.clock import parse_iso
from storefront.core.commit.outcome import Taken
from storefront.core.customers import is_introduced
from storefront.core.errors import FieldError, Invalid
from storefront.core.granting import OPERATION, GrantRequest, grant, list_grants, show_grant
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond, respond_once
from storefront.web.services import SERVICES
from storefront.web.shapes import CREATE_GRANT, GRANT, GRANTS, OF_CUSTOMER, PAGE

routes = Routes("core", tags=["grants"])
GIVERS = Role.SERVER | Role.OPERATOR


@routes.post(
    "/v1/grants",
    allow=GIVERS,
    body=CREATE_GRANT,
    answers={201: GRANT},
    idempotent=True,
    scope="grants:write",
    refusals=["unknown_offer", "offer_closed", "already_owned", "limit_reached"],
)
async def create_grant(call: Call) -> web.StreamResponse:
    """Give a customer something by hand: a virtual currency, or the goods of an offer.

    Nobody pays for it, so it says why. Real currencies are never given. The customer is made on first sight.
    """
    services = call.app[SERVICES]
    _check_choice(call.body)
    while True:
        try:
            answer, is_replay = await grant(services, await _wanted(services, call))
        except Taken as taken:
            if not is_introduced(taken):
                raise
            continue  # another request has just made them, whom this one finds now
        return respond_once(answer, is_replay=is_replay)


async def _wanted(services: Services, call: Call) -> GrantRequest:
    """Return what is to be given; a newcomer is made with the grant, or not at all."""
    body, expires_at = call.body, call.body.get("expires_at")
    met = await services.customers.meet(body["customer"])
    return GrantRequest(
        idempotency=idempotency_key(call.principal.caller, OPERATION, call.key, body),
        customer_id=met if isinstance(met, str) else met.id,
        newcomer=None if isinstance(met, str) else met,
        reason=body["reason"],
        asset=body.get("asset"),
        amount=body.get("amount"),
        expires_at=None if expires_at is None else _instant(expires_at),
        sku=body.get("sku"),
        quantity=body.get("quantity"),
    )


@routes.get(
    "/v1/grants",
    allow=GIVERS,
    query={**PAGE, "properties": {**PAGE["properties"], **OF_CUSTOMER["properties"]}},
    answers={200: GRANTS},
    scope="customers:read",
)
async def list_all(call: Call) -> web.StreamResponse:
    """List grants, newest first: of all customers, or of one."""
    services, named = call.app[SERVICES], call.query.get("customer")
    customer_id = None if named is None else await services.customers.need(named)
    shown, following = await list_grants(
        services, customer_id, limit=call.query["limit"], after=call.query.get("after")
    )
    return respond({"data": shown, "next": following})


@routes.get("/v1/grants/{id}", allow=GIVERS, answers={200: GRANT}, scope="customers:read")
async def get_grant(call: Call) -> web.StreamResponse:
    """Show a grant."""
    return respond(await show_grant(call.app[SERVICES], call.path("id")))


def _check_choice(body: dict[str, object]) -> None:
    """Refuse what is neither a currency with its amount nor an offer's goods, or is both."""
    is_currency, is_goods = "asset" in body, "sku" in body
    if is_currency == is_goods:
        raise Invalid("A grant is either an asset or a sku.", errors=[FieldError("/asset", "or /sku: give one")])
    wanted, foreign = ("amount", ("quantity",)) if is_currency else (None, ("amount", "expires_at"))
    errors = [FieldError(f"/{name}", "must be absent here") for name in foreign if name in body]
    if wanted is not None and wanted not in body:
        errors.append(FieldError(f"/{wanted}", "is missing"))
    if errors:
        raise Invalid("A currency has an amount, goods have a quantity.", errors=errors)


def _instant(text: str) -> int:
    try:
        return parse_iso(text)
    except (ValueError, OverflowError) as wrong:
        raise Invalid(
            "This is not an instant.", errors=[FieldError("/expires_at", "must be an RFC 3339 time with its zone")]
        ) from wrong
