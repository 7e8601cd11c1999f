"""HTTP: how a raffle stands, and a customer's own tickets."""

from aiohttp import web
from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.errors import NotFound
from storefront.core.principals import Role
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.routing import Call, ErrorDoc, Routes, respond
from storefront.shapes import CUSTOMER, INTEGER, MONEY, TEXT, TIME, closed, nullable, table
from storefront_raffle.drawing import SOLD
from storefront_raffle.raffles import KIND, Raffle
from storefront_raffle.tables import draws, tickets

MOST_SHOWN = 1_000

RAFFLE = table(
    {
        "sku": TEXT,
        "draws_at": TIME,
        "prize": MONEY,
        "tickets_sold": INTEGER,
        "drawn": nullable(table({"number": INTEGER, "at": TIME})),
    }
)
TICKET = table({"raffle": TEXT, "number": INTEGER, "purchase": TEXT, "bought_at": TIME})
TICKETS = table({"customer": TEXT, "data": {"type": "array", "items": TICKET}})
OF_CUSTOMER = closed({"customer": {**CUSTOMER, "description": "Whose, with a server key; absent with a session."}})
ERRORS = [
    ErrorDoc("raffle_closed", 409, "This raffle sells no more tickets", "Its draw is due or over; read the raffle."),
]

_DRAW = Query(select(draws).where(draws.c.raffle == bindparam("raffle")))
_OF_CUSTOMER = Query(
    select(tickets)
    .where(tickets.c.customer_id == bindparam("customer_id"))
    .order_by(tickets.c.bought_at.desc(), tickets.c.number.desc())
    .limit(MOST_SHOWN)
)


def make_routes(services: Services) -> Routes:
    """Declare the plugin's routes over the shop's services."""
    routes = Routes("raffle", errors=ERRORS)

    @routes.get("/v1/raffle/raffles/{sku}", allow=Role.PUBLIC, answers={200: RAFFLE})
    async def show_raffle(call: Call) -> web.StreamResponse:
        """Tell how a raffle stands."""
        offer = services.catalogs.active.offers.get(call.path("sku"))
        if offer is None or offer.kind != KIND:
            raise NotFound("There is no such raffle.")
        raffle = Raffle.of(offer)
        sold, drawn = (
            await services.reader.first(SOLD, raffle=raffle.sku),
            await services.reader.first(_DRAW, raffle=raffle.sku),
        )
        return respond(
            {
                "sku": raffle.sku,
                "draws_at": iso(raffle.draws_at),
                "prize": {"amount": raffle.prize_amount, "currency": raffle.prize_asset},
                "tickets_sold": 0 if sold is None else sold["tickets"],
                "drawn": None if drawn is None else {"number": drawn["number"], "at": iso(drawn["drawn_at"])},
            }
        )

    @routes.get(
        "/v1/raffle/tickets",
        allow=Role.CUSTOMER | Role.SERVER,
        query=OF_CUSTOMER,
        answers={200: TICKETS},
        scope="customers:read",
    )
    async def list_tickets(call: Call) -> web.StreamResponse:
        """List a customer's tickets, newest first."""
        customer_id = await services.customer_of(call.principal, call.query.get("customer"))
        rows = await services.reader.all(_OF_CUSTOMER, customer_id=customer_id)
        data = [
            {
                "raffle": row["raffle"],
                "number": row["number"],
                "purchase": row["purchase_id"],
                "bought_at": iso(row["bought_at"]),
            }
            for row in rows
        ]
        return respond({"customer": await services.customers.external_id(customer_id), "data": data})

    return routes
