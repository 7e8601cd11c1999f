"""The floor for HTTP: an aiohttp application with one handler that answers ``{}``."""

import asyncio
import sys

import uvloop
from aiohttp import web


async def empty(request: web.Request) -> web.Response:
    return web.Response(body=b"{}", content_type="application/json")


async def serve() -> None:
    app = web.Application()
    app.router.add_get("/empty/{key}", empty)
    app.router.add_post("/empty", empty)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
