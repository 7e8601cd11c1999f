"""A server for the benchmarks: the shop of ``shop.yaml`` on SQLite, whose customers have full wallets.

The wallets are filled by the commit engine itself, so the books balance; everything else goes through the
front door of ``storefront serve``'s application in a process of its own.
"""

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from benchmarks.plans import CONFIG, fill_wallets
from storefront.app import PARTS, create_app, settle_memory
from storefront.core.commit.engine import LARGEST_BATCH, LONGEST_QUEUE
from storefront.plugins import load
from storefront.web.edge import SERVER_OPTIONS
from storefront.web.logs import configure_logging


async def serve(config: Path, customers: int, *, largest_batch: int, longest_queue: int) -> None:
    configure_logging("info", "json")
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    port = listener.getsockname()[1]
    app = create_app(load(config, os.environ), own_url=f"http://127.0.0.1:{port}")
    runner = web.AppRunner(app, **SERVER_OPTIONS)
    await runner.setup()
    services = app[PARTS].services
    await fill_wallets(services, customers)
    services.engine.largest_batch, services.engine.longest_queue = largest_batch, longest_queue
    await web.SockSite(runner, listener, backlog=4096).start()
    settle_memory()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--customers", type=int, default=128)
    parser.add_argument("--largest-batch", type=int, default=LARGEST_BATCH)
    parser.add_argument("--longest-queue", type=int, default=LONGEST_QUEUE)
    wanted = parser.parse_args()
    limits = {"largest_batch": wanted.largest_batch, "longest_queue": wanted.longest_queue}
    uvloop.run(serve(wanted.config, wanted.customers, **limits))
