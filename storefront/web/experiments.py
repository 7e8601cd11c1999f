"""What came of price experiments, for operators."""

from aiohttp import web

from storefront.core.operating.experiments import list_experiments, show_experiment
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.shapes import BOOLEAN, INTEGER, TEXT, TIME, nullable, table
from storefront.web.services import SERVICES

routes = Routes("core", tags=["operating"])

_NUMBER = {"type": "number"}
_INTERVAL = nullable(table({"estimate": _NUMBER, "low": _NUMBER, "high": _NUMBER}))
_VARIANT = table(
    {
        "name": TEXT,
        "weight": nullable(INTEGER),
        "prices": {"type": "object", "additionalProperties": INTEGER},
        "exposed": {**INTEGER, "description": "How many customers were shown its price."},
        "converted": {**INTEGER, "description": "How many of them completed a purchase of the offer."},
        "purchases": INTEGER,
        "refunded": {**INTEGER, "description": "How many of the purchases were refunded in full since."},
        "rate": _INTERVAL,
        "uplift": _INTERVAL,
        "relative_uplift": nullable(_NUMBER),
        "revenue": {
            "type": "array",
            "items": table({"currency": TEXT, "total": INTEGER, "per_exposed": nullable(_NUMBER), "uplift": _INTERVAL}),
        },
    }
)
EXPERIMENT = table(
    {
        "name": TEXT,
        "offer": TEXT,
        "running": BOOLEAN,
        "since": TIME,
        "confidence": _NUMBER,
        "variants": {"type": "array", "items": _VARIANT},
        "mismatch": nullable(_NUMBER),
        "warnings": {"type": "array", "items": TEXT},
    }
)


@routes.get(
    "/v1/experiments",
    allow=Role.OPERATOR,
    answers={200: table({"data": {"type": "array", "items": EXPERIMENT}})},
    scope="operations:read",
)
async def list_all(call: Call) -> web.StreamResponse:
    """List price experiments with what came of each variant."""
    return respond(await list_experiments(call.app[SERVICES]))


@routes.get("/v1/experiments/{name}", allow=Role.OPERATOR, answers={200: EXPERIMENT}, scope="operations:read")
async def show_one(call: Call) -> web.StreamResponse:
    """Show what came of a price experiment.

    Intervals have a confidence of 95 %: Wilson's of a rate, Newcombe's of a difference of rates, Welch's of what a
    customer who was shown the price paid, less what was given back. Amounts are in the smallest unit.
    """
    return respond(await show_experiment(call.app[SERVICES], call.path("name")))
