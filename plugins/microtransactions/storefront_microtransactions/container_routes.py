"""HTTP: the odds of containers, the commitment to the next draw, opening, and what was opened."""

from aiohttp import web

from storefront.core.containers import OpenRequest
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, ErrorDoc, Routes, respond, respond_once
from storefront.shapes import (
    ANY_OBJECT,
    CUSTOMER,
    CUSTOMER_CHANGE,
    INTEGER,
    TEXT,
    TIME,
    closed,
    listing,
    nullable,
    table,
)
from storefront_microtransactions.containers import Container
from storefront_microtransactions.opening import (
    list_openings,
    need_container,
    next_opening,
    open_one,
    show_opening,
)

PATH = "/v1/microtransactions/containers"
OPERATION = f"POST {PATH}/{{sku}}/open"
_DROP = {"gives": ANY_OBJECT, "instead": nullable(ANY_OBJECT)}
_ODDS = {
    "draws": INTEGER,
    "max_repeats": nullable(INTEGER),
    "drops": {
        "type": "array",
        "items": table(
            {
                **_DROP,
                "weight": INTEGER,
                "chance": {**TEXT, "description": "The exact chance, as a fraction.", "examples": ["3/50"]},
                "percent": {**TEXT, "description": "The same in percent, to six decimals.", "examples": ["6"]},
            }
        ),
    },
    "guaranteed": {"type": "array", "items": table(_DROP)},
}
ODDS = table({"sku": TEXT, "odds_version": TEXT, **_ODDS})
_COMMITMENT = {
    **TEXT,
    "description": "The SHA-256 of the secret seed that the opening draws by; it is revealed when it is opened.",
}
NEXT = table({"sku": TEXT, "number": INTEGER, "commitment": _COMMITMENT, "odds_version": TEXT})
OPEN = closed(
    {
        "customer": {**CUSTOMER, "description": "Whose, with a server key; absent with a session."},
        "client_seed": {
            "type": "string",
            "maxLength": 64,
            "pattern": "^[\\x21-\\x7e]*$",
            "default": "",
            "description": "What the customer adds to the draw: up to 64 visible ASCII characters of their own.",
            "examples": ["my-lucky-7"],
        },
        "odds_version": {
            "type": "string",
            "maxLength": 64,
            "description": "The odds that were shown; if others are in force now, it is refused.",
        },
    }
)
OPENING = table(
    {
        "id": TEXT,
        "customer": {"type": "object", "properties": {"id": TEXT}, "required": ["id"]},
        "sku": TEXT,
        "number": {**INTEGER, "description": "Which of this customer's openings of this container it is, from 1."},
        "drawn": {
            "type": "array",
            "items": table({"drop": INTEGER, "left_out": nullable(INTEGER), "gives": ANY_OBJECT}),
        },
        "gave": table(
            {
                "items": {"type": "array", "items": table({"sku": TEXT, "quantity": INTEGER})},
                "credits": {"type": "array", "items": table({"asset": TEXT, "amount": INTEGER})},
                "withheld": {"type": "array", "items": table({"sku": TEXT, "quantity": INTEGER})},
            }
        ),
        "seed": TEXT,
        "commitment": _COMMITMENT,
        "client_seed": TEXT,
        "run": table({"gives": nullable(ANY_OBJECT), "times": INTEGER}),
        "odds_version": TEXT,
        "odds": table(_ODDS),
        "opened_at": TIME,
    }
)
OPENED = table(
    {
        **OPENING["properties"],
        "remaining": INTEGER,
        "next": table({"number": INTEGER, "commitment": _COMMITMENT}),
        "customer": CUSTOMER_CHANGE,
    }
)
OF_CUSTOMER = closed({"customer": {**CUSTOMER, "description": "Whose, with a server key; absent with a session."}})
PAGE = closed(
    {
        **OF_CUSTOMER["properties"],
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        "after": {"type": "string", "maxLength": 500, "description": "The `next` of the page before."},
    }
)
ERRORS = [
    ErrorDoc(
        "odds_changed",
        409,
        "The odds have changed since they were shown",
        "Read the odds again, show them, and send their `odds_version`.",
    ),
]

_OWNERS = Role.CUSTOMER | Role.SERVER


def add_container_routes(routes: Routes, services: Services, *, customers_may_open: bool) -> None:
    """Declare the routes of containers over the shop's services."""
    _add_containers(routes, services, openers=_OWNERS if customers_may_open else Role.SERVER)
    _add_openings(routes, services)


def _add_containers(routes: Routes, services: Services, *, openers: Role) -> None:
    @routes.get(
        PATH + "/{sku}/odds",
        allow=Role.PUBLIC | Role.CUSTOMER | Role.SERVER,
        answers={200: ODDS},
        scope="catalog:read",
    )
    async def show_odds(call: Call) -> web.StreamResponse:
        """Tell what may come out of a container, and how likely each is: exactly what is drawn from."""
        catalog = services.catalogs.active
        container = Container.of(need_container(catalog, call.path("sku")))
        return respond({"sku": container.sku, "odds_version": catalog.version, **container.odds()})

    @routes.get(PATH + "/{sku}/next", allow=_OWNERS, query=OF_CUSTOMER, answers={200: NEXT}, scope="customers:read")
    async def show_next(call: Call) -> web.StreamResponse:
        """Tell which seed a customer's next opening will draw by: its hash, and no more."""
        customer_id = await services.customer_of(call.principal, call.query.get("customer"))
        catalog = services.catalogs.active
        sku = need_container(catalog, call.path("sku")).sku
        found = await next_opening(services, customer_id, sku)
        return respond({"sku": sku, **found, "odds_version": catalog.version})

    @routes.post(
        PATH + "/{sku}/open",
        allow=openers,
        body=OPEN,
        answers={201: OPENED},
        idempotent=True,
        scope="entitlements:consume",
        refusals=["not_enough_items", "odds_changed"],
    )
    async def open_container(call: Call) -> web.StreamResponse:
        """Open one container, once per idempotency key: it is drawn and given in one commit, and the seed revealed.

        Whether the draw was fair anybody can compute from the answer (docs/verify_draw.py).
        """
        customer_id = await services.customer_of(call.principal, call.body.get("customer"))
        sku = call.path("sku")
        wanted = OpenRequest(
            idempotency=idempotency_key(call.principal.caller, OPERATION, call.key, {**call.body, "sku": sku}),
            customer_id=customer_id,
            sku=sku,
            client_seed=call.body.get("client_seed", ""),
            odds_version=call.body.get("odds_version"),
        )
        answer, is_replay = await open_one(services, wanted)
        return respond_once(answer, is_replay=is_replay)


def _add_openings(routes: Routes, services: Services) -> None:
    @routes.get(
        "/v1/microtransactions/openings",
        allow=_OWNERS,
        query=PAGE,
        answers={200: listing(OPENING)},
        scope="customers:read",
    )
    async def list_all(call: Call) -> web.StreamResponse:
        """List what a customer opened, newest first, each with all that its draw can be computed from."""
        customer_id = await services.customer_of(call.principal, call.query.get("customer"))
        limit, after = call.query["limit"], call.query.get("after")
        return respond(await list_openings(services, customer_id, limit=limit, after=after))

    @routes.get("/v1/microtransactions/openings/{id}", allow=_OWNERS, answers={200: OPENING}, scope="customers:read")
    async def show_one(call: Call) -> web.StreamResponse:
        """Show one opening."""
        return respond(await show_opening(services, call.path("id"), owner=call.principal.owner))
