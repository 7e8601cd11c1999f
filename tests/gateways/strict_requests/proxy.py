"""A proxy in front of the emulator that lets through what Stripe would take, and refuses and remembers the rest."""

import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from storefront.core.gateways.stripe import StripeGateway
from storefront.gateways import SandboxSecrets
from storefront.testing import Shop
from tests.gateways.strict_requests.checker import Checker, Sent

_OF_ONE_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding", "date", "server"})


@dataclass(slots=True)
class StrictProxy:
    """What went through: ``seen`` counts ``POST /v1/refunds``, ``refused`` is what Stripe would not have taken."""

    url: str = ""
    seen: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    requests: list[Sent] = field(default_factory=list)


@asynccontextmanager
async def strict_proxy(upstream: str) -> AsyncIterator[StrictProxy]:
    """Run the proxy on a free loopback port. ``upstream`` is the emulator's address, with its prefix.

    When the block ends without an error, nothing may have been refused.
    """
    proxy = StrictProxy()
    checker = Checker()
    # A connection for each request: one that the emulator cuts off is then no other's, and not tried again here.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            sent = await _read(request)
            if sent.path.startswith(("/v1/", "/v2/")):
                proxy.requests.append(sent)
                problems = checker.problems(sent)
                proxy.seen[f"{sent.method} {sent.path}"] += 1
                if problems:
                    proxy.refused += [f"{sent.method} {sent.path}: {problem}" for problem in problems]
                    return _refusal(problems)
            return await _forward(session, upstream, request, sent)

        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{tail:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield proxy
            assert proxy.refused == [], "\n".join(proxy.refused)
        finally:
            await runner.cleanup()


@asynccontextmanager
async def strict_shop(shop: Shop) -> AsyncIterator[StrictProxy]:
    """Let a running shop speak to its own emulator through the proxy, until the block ends."""
    config, gateways = shop.parts.services.config, shop.parts.services.gateways
    assert isinstance(gateways, dict)
    secrets = SandboxSecrets.load_or_create(config.data_dir, config.gateways["sandbox"])
    direct = gateways["sandbox"]
    async with strict_proxy(f"{shop.url}/sandbox") as proxy:
        strict = StripeGateway(
            "sandbox",
            secret_key=secrets.secret_key,
            webhook_secrets=[secrets.webhook_secret],
            api_base=proxy.url,
            requests_per_second=math.inf,
        )
        gateways["sandbox"] = strict
        try:
            yield proxy
        finally:
            gateways["sandbox"] = direct
            await strict.close()


async def _read(request: web.Request) -> Sent:
    return Sent(
        method=request.method,
        path=request.rel_url.raw_path,
        query=request.rel_url.raw_query_string,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.read(),
    )


def _refusal(problems: list[str]) -> web.Response:
    error = {"type": "invalid_request_error", "code": "parameter_invalid", "message": "; ".join(problems)}
    return web.json_response({"error": error}, status=400)


async def _forward(
    session: aiohttp.ClientSession, upstream: str, request: web.Request, sent: Sent
) -> web.StreamResponse:
    url = f"{upstream}{sent.path}" + (f"?{sent.query}" if sent.query else "")
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _OF_ONE_HOP]
    try:
        async with session.request(
            sent.method, aiohttp.client.URL(url, encoded=True), headers=headers, data=sent.body, allow_redirects=False
        ) as answer:
            body = await answer.read()
    except aiohttp.ClientError:  # cut off by the emulator, so cut off here
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _OF_ONE_HOP]
    return web.Response(status=answer.status, body=body, headers=dict(kept))
