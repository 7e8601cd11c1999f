"""HTTP: look at a change of tier, make it, take it back; ``/v1/subscriptions/{id}/…``."""

from typing import Any

from aiohttp import web

from storefront.core.errors import FieldError, Invalid
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Role
from storefront.core.returning import check_return
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond, respond_once
from storefront.shapes import ANY_OBJECT
from storefront_subscriptions.changing import ChangeRequest, change, revoke
from storefront_subscriptions.config import Settings
from storefront_subscriptions.previewing import preview
from storefront_subscriptions.rows import need
from storefront_subscriptions.shapes import CHANGE, PREVIEW, PREVIEWED, SUBSCRIPTION
from storefront_subscriptions.showing import show
from storefront_subscriptions.targets import Wanted

PATH = "/v1/subscriptions/{id}"
_NOT_NOW = ["subscription_over", "payment_due", "renewal_under_way", "nothing_to_change", "ends_with_period",
            "subscription_paused", "gift_ahead"]  # fmt: skip


def add_change_routes(routes: Routes, services: Services, settings: Settings) -> None:
    """Declare the routes of changes."""
    owners = Role.CUSTOMER | Role.SERVER

    @routes.post(PATH + "/preview", allow=owners, body=PREVIEW, answers={200: PREVIEWED}, scope="customers:read",
                 refusals=_NOT_NOW)  # fmt: skip
    async def look(call: Call) -> web.StreamResponse:
        """Show what a change would cost, line by line, and when it would be; its token pins that for ten minutes."""
        row = await need(services, call.path("id"), owner=call.principal.owner)
        wanted = _wanted(call)
        return respond(await preview(services, settings, row, wanted, country=call.principal.country))

    @routes.post(
        PATH + "/change", allow=owners, body=CHANGE, answers={200: SUBSCRIPTION, 201: ANY_OBJECT, 202: ANY_OBJECT},
        idempotent=True, scope="purchases:write",
        refusals=[*_NOT_NOW, "change_outdated", "bad_token", "price_changed", "insufficient_funds",
                  "gateway_unavailable", "gateway_refused", "payment_declined"],
    )  # fmt: skip
    async def make(call: Call) -> web.StreamResponse:
        """Change the tier, the interval or the seats, once per idempotency key.

        What happens now answers with the purchase that pays for it: 201 once it is done, 202 while its payer is to
        pay or confirm; until then all stays as it is. What waits for the period's end answers 200, with the
        subscription.
        """
        body: dict[str, Any] = call.body
        row = await need(services, call.path("id"), owner=call.principal.owner)
        named = {name for name in body if name not in ("payment_method", "return_url")}
        if ("token" in named) is (len(named - {"token"}) > 0) or ("token" not in named and "tier" not in named):
            raise Invalid("Name a tier, or the token of a preview.", errors=[FieldError("/tier", "is missing")])
        check_return(services, body.get("return_url"))
        operation = f"POST {PATH}/change"
        asked = ChangeRequest(
            idempotency=idempotency_key(call.principal.caller, operation, call.key, {**body, "id": row["id"]}),
            subscription_id=row["id"],
            wanted=None if "token" in body else _wanted(call),
            token=body.get("token"),
            payment_method=body.get("payment_method"),
            return_url=body.get("return_url"),
            address=call.address,
            network=call.customers_network,
            country=call.principal.country,
        )
        bought = await change(services, settings, asked)
        return respond_once(bought.answer, is_replay=bought.is_replay)

    @routes.delete(PATH + "/change", allow=owners, answers={200: SUBSCRIPTION}, scope="purchases:write",
                   refusals=["renewal_under_way", "payment_processing"])  # fmt: skip
    async def take_back(call: Call) -> web.StreamResponse:
        """Take back a change that is not done yet; without one nothing happens."""
        row = await need(services, call.path("id"), owner=call.principal.owner)
        row = await revoke(services, settings, row["id"], actor=call.principal.caller)
        return respond(await show(services, row))


def _wanted(call: Call) -> Wanted:
    names = ("interval", "seats", "currency", "timing", "money")
    told = {name: call.body[name] for name in names if name in call.body}
    return Wanted(tier=call.body["tier"], is_trusted=call.principal.role is Role.SERVER, **told)
