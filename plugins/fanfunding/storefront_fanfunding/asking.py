"""What a request to give asks for, of a tip and of a pledge alike: who gives, how much, and with which words."""

from typing import Any

from storefront.core.customers import Newcomer
from storefront.core.errors import FieldError, Invalid
from storefront.core.idempotency import idempotency_key
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.core.principals import Role
from storefront.core.returning import check_return
from storefront.core.services import Services
from storefront.networks import network_of
from storefront.routing import Call
from storefront_fanfunding.guests import meet_guest
from storefront_fanfunding.tipping import TipRequest


async def asked_for(services: Services, call: Call, operation: str, *, goal: str | None = None) -> TipRequest:
    """Return what a request asks to give; ``goal`` is what it is pledged to.

    Raises:
        Invalid: it names somebody whom its caller does not speak for, or a page that nobody may be sent to.
    """
    body: dict[str, Any] = call.body
    creator, amount = call.path("creator"), body["amount"]
    check_return(services, body.get("return_url"))
    fan, is_guest = await _fan(services, call)
    named = {**body, "creator": creator, **({} if goal is None else {"goal": goal})}
    return TipRequest(
        idempotency=idempotency_key(call.principal.caller, operation, call.key, named),
        creator=creator,
        fan=fan,
        is_guest=is_guest,
        amount=Money(amount["amount"], amount["currency"]),
        name=body["name"],
        message=body.get("message", ""),
        is_anonymous=body.get("anonymous", False),
        pay_with=body.get("pay_with"),
        payment_method=body.get("payment_method"),
        return_url=body.get("return_url"),
        address=call.address,
        network=network_of(call.address) if is_guest else call.customers_network,
        country=call.principal.country,
    )


async def _fan(services: Services, call: Call) -> tuple[str | Newcomer, bool]:
    """Return who gives, and whether they are a guest."""
    role, named, token = call.principal.role, call.body.get("customer"), call.body.get("fan")
    if role is not Role.PUBLIC:
        if token is not None:
            raise Invalid("A guest's token is no credential.", errors=[FieldError("/fan", "must be absent")])
        if role is Role.SERVER and named is not None:
            return await services.customers.meet(named), False
        return await services.customer_of(call.principal, named), False
    for name in ("customer", "payment_method"):
        if name in call.body:
            says = "must be absent: nobody is signed in"
            raise Invalid("Nobody is signed in.", errors=[FieldError(f"/{name}", says)])
    met = await services.customers.meet(new_id("guest")) if token is None else await meet_guest(services, token)
    return met, True
