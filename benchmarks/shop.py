"""A real server for the benchmarks: a fresh shop whose customers have full wallets.

The wallets are filled by the commit engine itself, so the books balance; everything else goes through the
front door of ``storefront serve``'s application in a process of its own.
"""

import asyncio
import os
import socket
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from storefront.app import PARTS, create_app, settle_memory
from storefront.core.accounts import issuance
from storefront.core.commit.plan import Deposit, LotTerms, Plan
from storefront.plugins import load
from storefront.web.edge import SERVER_OPTIONS
from storefront.web.logs import configure_logging

CUSTOMERS = 128
FULL = 10**9


async def serve(config: Path) -> None:
    configure_logging("info", "json")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = create_app(load(config, os.environ), own_url=f"http://127.0.0.1:{port}")
    runner = web.AppRunner(app, **SERVER_OPTIONS)
    await runner.setup()
    await _fill_wallets(app)
    await web.SockSite(runner, listener).start()
    settle_memory()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def _fill_wallets(app: web.Application) -> None:
    services = app[PARTS].services
    for number in range(CUSTOMERS):
        customer_id = await services.customers.ensure(f"bench-{number}", actor="benchmark")
        plan = Plan(actor="benchmark", anchors={customer_id})
        plan.entry("grant", about=customer_id, anchor=customer_id)
        plan.add(Deposit("entry", customer_id, "gems", FULL, issuance("gems"), LotTerms(source="granted")))
        await services.engine.commit(plan)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
