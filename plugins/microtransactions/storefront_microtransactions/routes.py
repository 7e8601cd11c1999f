"""HTTP: see an inventory, use up an item."""

from aiohttp import web

from storefront.core.commit.outcome import NotConsumable
from storefront.core.consuming import ConsumeRequest, consume_item
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond, respond_once
from storefront.shapes import CUSTOMER, CUSTOMER_CHANGE, INTEGER, ITEM, QUANTITY, TEXT, closed, table
from storefront_microtransactions.container_routes import ERRORS, add_container_routes
from storefront_microtransactions.containers import KIND as CONTAINER

INVENTORY = table({"customer": TEXT, "version": INTEGER, "data": {"type": "array", "items": ITEM}})
CONSUME = closed(
    {
        "quantity": {**QUANTITY, "default": 1},
        "customer": {**CUSTOMER, "description": "Whose, with a server key; absent with a session."},
        "instance": {
            "type": "string",
            "pattern": "^itm_[0-9a-z]{26}$",
            "description": "Which one, of items whose units have serial numbers; the first that is free if absent.",
        },
    }
)
CONSUMED = table({"sku": TEXT, "consumed": INTEGER, "remaining": INTEGER, "customer": CUSTOMER_CHANGE})
OF_CUSTOMER = closed({"customer": {**CUSTOMER, "description": "Whose, with a server key; absent with a session."}})
PATH = "/v1/microtransactions/inventory"
OPERATION = f"POST {PATH}/{{sku}}/consume"


def make_routes(services: Services, *, customers_may_consume: bool, customers_may_open: bool) -> Routes:
    """Declare the plugin's routes over the shop's services."""
    routes = Routes("microtransactions", errors=ERRORS)
    consumers = Role.SERVER | Role.CUSTOMER if customers_may_consume else Role.SERVER

    @routes.get(
        PATH, allow=Role.CUSTOMER | Role.SERVER, query=OF_CUSTOMER, answers={200: INVENTORY}, scope="customers:read"
    )
    async def show_inventory(call: Call) -> web.StreamResponse:
        """List what a customer owns."""
        customer_id = await services.customer_of(call.principal, call.query.get("customer"))
        document = (await services.states.get(customer_id, at_least=call.version_seen)).document
        return respond({"customer": document["customer"], "version": document["version"], "data": document["items"]})

    @routes.post(
        PATH + "/{sku:[^/]+}/consume",
        allow=consumers,
        body=CONSUME,
        answers={200: CONSUMED},
        idempotent=True,
        scope="entitlements:consume",
        refusals=["not_enough_items", "not_consumable"],
    )
    async def consume(call: Call) -> web.StreamResponse:
        """Use up items, once per idempotency key. What lasts is not used up by using it; containers are opened."""
        _refuse_what_lasts(services, call.path("sku"))
        customer_id = await services.customer_of(call.principal, call.body.get("customer"))
        wanted = ConsumeRequest(
            idempotency=idempotency_key(
                call.principal.caller, OPERATION, call.key, {**call.body, "sku": call.path("sku")}
            ),
            customer_id=customer_id,
            sku=call.path("sku"),
            quantity=call.body.get("quantity", 1),
            instance=call.body.get("instance"),
        )
        answer, is_replay = await consume_item(services, wanted)
        return respond_once(answer, is_replay=is_replay)

    add_container_routes(routes, services, customers_may_open=customers_may_open)
    return routes


def _refuse_what_lasts(services: Services, sku: str) -> None:
    """Refuse what is not used up: containers, and what its owner has for good. What lasts a while says so by itself."""
    offer = services.catalogs.active.offers.get(sku)
    if offer is not None and offer.kind == CONTAINER:
        raise NotConsumable(f"{sku} is opened, not used up.", sku=sku)
    if offer is not None and offer.kind == "item" and offer.part["type"] == "durable":
        raise NotConsumable(f"{sku} is owned for good, not used up.", sku=sku)
