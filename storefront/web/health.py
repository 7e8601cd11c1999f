"""Is it alive, is it ready, how is it doing: for load balancers, operators and Prometheus."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0

from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond, respond_bytes
from storefront.shapes import TEXT, table

Check = Callable[[], Awaitable[str | None]]
"""Answers None when all is well, else what is wrong, in words for an operator."""

ALIVE = table({"status": TEXT})
READY = table({"status": TEXT, "checks": {"type": "object", "additionalProperties": TEXT}})


def health_routes(
    checks: Mapping[str, Check], registry: CollectorRegistry, *, prepare: Callable[[], Awaitable[None]] | None = None
) -> Routes:
    """Declare ``/healthz``, ``/readyz`` and ``/metrics`` over named checks and a registry.

    ``prepare`` is awaited before metrics are written: collectors cannot wait for a database.
    """
    routes = Routes("core", tags=["running"])

    @routes.get("/healthz", allow=Role.PUBLIC, answers={200: ALIVE})
    async def show_health(call: Call) -> web.StreamResponse:
        """Say that the process is alive."""
        return respond({"status": "alive"})

    @routes.get("/readyz", allow=Role.PUBLIC, answers={200: READY, 503: READY})
    async def show_readiness(call: Call) -> web.StreamResponse:
        """Say whether the shop can sell: 200 if every check is ok, else 503 and what is wrong."""
        found = {name: await check() for name, check in checks.items()}
        is_ready = all(wrong is None for wrong in found.values())
        body = {
            "status": "ready" if is_ready else "not ready",
            "checks": {name: wrong or "ok" for name, wrong in found.items()},
        }
        return respond(body, status=200 if is_ready else 503)

    @routes.get("/metrics", allow=Role.PUBLIC, answers={200: None})
    async def show_metrics(call: Call) -> web.StreamResponse:
        """Print the metrics in Prometheus' text format."""
        if prepare is not None:
            await prepare()
        return respond_bytes(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_1_0_0)

    return routes
