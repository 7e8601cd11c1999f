"""The control socket of a running server."""

import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import structlog
from aiohttp import web

from storefront.control.address import BOOKS_HEADER, SOCKET_NAME, is_answered, socket_address
from storefront.control.desk import Desk
from storefront.control.operations import Answer
from storefront.core.config import ConfigError
from storefront.core.errors import StorefrontError

log = structlog.get_logger("storefront.control")


@asynccontextmanager
async def control_socket(desk: Desk) -> AsyncIterator[Path]:
    """Answer on the data folder's control socket while the block runs.

    A socket that nobody answers on belongs to a dead process. Where another server of the shop answers
    already on the same folder, it goes on doing so: on a database that both serve, one is as good as the other.
    """
    path = desk.data_dir / SOCKET_NAME
    if is_answered(path):
        log.info("control_socket_taken", path=str(path))
        yield path
        return
    runner = web.AppRunner(_application(desk), access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        await web.SockSite(runner, _bind(path)).start()
        yield path
    finally:
        await runner.cleanup()
        path.unlink(missing_ok=True)


def _bind(path: Path) -> socket.socket:
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # the socket is never open to others, not even for a moment
    try:
        with socket_address(path) as address:
            bound.bind(address)
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(before)
    return bound


def _application(desk: Desk) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        operation = request.match_info["operation"]
        if operation not in desk.operations:
            return web.json_response(_trouble("unknown_operation", f"This server knows no {operation}."), status=404)
        meant = request.headers.get(BOOKS_HEADER, desk.books)
        if meant != desk.books:
            return web.json_response(_trouble("other_books", _of_others(desk, meant)), status=409)
        try:
            return web.json_response(await desk.ask(operation, await request.json()))
        except ConfigError as error:
            mistakes = [asdict(mistake) for mistake in error.mistakes]
            return web.json_response({**_trouble(error.code, str(error)), "mistakes": mistakes}, status=422)
        except StorefrontError as error:
            return web.json_response(_trouble(error.code, error.detail), status=422)

    app = web.Application()
    app.router.add_post("/{operation}", answer)
    return app


def _of_others(desk: Desk, meant: str) -> str:
    return (
        f"The server on {desk.data_dir} keeps its books in {desk.books}, and this configuration names {meant}. Nothing "
        "was done. Name the server's own configuration, or the data folder of the other shop (--data, or DATA)."
    )


def _trouble(code: str, detail: str) -> Answer:
    return {"code": code, "detail": detail}
