"""What an operator may ask of a shop from the shell: the same use cases in a running server and without one.

A running server answers on ``<data>/control.sock``, a socket that only its owner can open (0600): whoever
reaches it has an operator's rights. Without a server a command opens the database itself, under its lock
(``opened_desk``). A question is the name of an operation with a JSON object; so is the answer.
"""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from storefront.core.api_keys import SCOPE_SHAPE, KeyKind
from storefront.core.clock import DAY_MS, iso
from storefront.core.config import Config, ConfigError
from storefront.core.database import describe_revisions
from storefront.core.errors import FieldError, Invalid, StorefrontError
from storefront.joining import Parts, join
from storefront.plugins import PluginHost

SOCKET_NAME = "control.sock"
ACTOR = "operator:shell"
KINDS = {"server": KeyKind.SERVER, "publishable": KeyKind.PUBLISHABLE, "operator": KeyKind.OPERATOR}
LONGEST_SOCKET_ADDRESS = 100

_LIVE = frozenset({"files", "assets", "entitlements", "offers", "skipped", "skipped_offers"})
"""Parts of a configuration that the catalog takes over, or that are no section."""

Answer = dict[str, Any]
Operation = Callable[[Mapping[str, Any]], Awaitable[Answer]]

log = structlog.get_logger("storefront.control")


class NeedsRestart(StorefrontError):
    """The new configuration is right, but a running server cannot take it over."""

    code = "needs_restart"
    title = "The server must be started again for this"


class Desk:
    """Answers an operator's questions about one shop. ``read`` reads the configuration anew, as the start did."""

    def __init__(self, parts: Parts, *, url: str | None, read: Callable[[], PluginHost]) -> None:
        self._parts = parts
        self._url = url
        self._read = read
        self._reloading = asyncio.Lock()
        self.operations: Mapping[str, Operation] = {
            "status": self._status,
            "plugins": self._plugins,
            "reload": self._reload,
            "keys.list": self._list_keys,
            "keys.create": self._create_key,
            "keys.revoke": self._revoke_key,
        }

    async def ask(self, operation: str, arguments: Mapping[str, Any]) -> Answer:
        """Carry out an operation by its name; raises what the use case raises."""
        return await self.operations[operation](arguments)

    def facts(self) -> Answer:
        """Tell where the shop is and what it is made of; ``url`` is where this machine reaches it."""
        parts, config = self._parts, self._parts.host.config
        return {
            "shop": config.shop.name,
            "mode": str(config.mode),
            "pid": os.getpid(),
            "url": self._url,
            "public_url": parts.services.public_url,
            "data": str(config.data_dir),
            "config": str(config.files[0]),
            "catalog": parts.services.catalogs.active.version,
            "offers": len(parts.services.catalogs.active.offers),
            "gateways": list(parts.services.gateways),
            "plugins": parts.host.describe(),
            "revisions": describe_revisions(parts.database.revisions()),
        }

    async def _status(self, _: Mapping[str, Any]) -> Answer:
        return self.facts()

    async def _plugins(self, _: Mapping[str, Any]) -> Answer:
        return {"data": self._parts.host.describe()}

    async def _reload(self, _: Mapping[str, Any]) -> Answer:
        async with self._reloading:
            services = self._parts.services
            # Reading may take a while with many files; the shop goes on selling meanwhile.
            wanted = (await asyncio.to_thread(self._read)).config
            unknown = {offer.kind for offer in wanted.offers.values()} - set(services.kinds)
            unknown -= {wanted.offers[sku].kind for sku in wanted.skipped_offers if sku in wanted.offers}
            if unknown:
                raise NeedsRestart(
                    f"No running plugin brings the kind {', '.join(sorted(unknown))}: start the server again to "
                    "load it. Nothing was changed."
                )
            changed = await services.catalogs.activate(wanted, services.engine, services.clock, actor=ACTOR)
            catalog = services.catalogs.active
            answer = {
                "changed": changed,
                "catalog": catalog.version,
                "offers": len(catalog.offers),
                "needs_restart": changed_sections(self._parts.host.config, wanted),
            }
            log.info("reloaded", **answer)
            return answer

    async def _list_keys(self, _: Mapping[str, Any]) -> Answer:
        return {"data": self._parts.keys.all()}

    async def _create_key(self, arguments: Mapping[str, Any]) -> Answer:
        kind, name, scopes = KINDS[arguments["kind"]], arguments["name"], list(arguments["scopes"]) or ["*"]
        for scope in scopes:
            if not SCOPE_SHAPE.fullmatch(scope):
                wrong = f"{scope!r} is no scope: write it like purchases:read, or * for all."
                raise Invalid(wrong, errors=[FieldError("/scopes", wrong)])
        now, days = self._parts.services.clock.wall(), arguments["expires_in_days"]
        expires_at = None if days is None else now + days * DAY_MS
        made = await self._parts.keys.create(kind, name=name, scopes=scopes, expires_at=expires_at, actor=ACTOR)
        return {
            "id": made.record.key_id,
            "kind": str(kind),
            "name": name,
            "scopes": sorted(scopes),
            "created_at": iso(now),
            "expires_at": None if expires_at is None else iso(expires_at),
            "key": made.plaintext,
        }

    async def _revoke_key(self, arguments: Mapping[str, Any]) -> Answer:
        await self._parts.keys.revoke(arguments["id"], actor=ACTOR)
        return {"id": arguments["id"], "revoked": True}


def changed_sections(running: Config, wanted: Config) -> list[str]:
    """Name the sections of the YAML that differ and that only a restart puts into effect."""
    names = [field.name for field in fields(Config) if field.name not in _LIVE | {"claimed"}]
    differing = {name for name in names if getattr(running, name) != getattr(wanted, name)}
    claimed = set(running.claimed) | set(wanted.claimed)
    differing |= {name for name in claimed if running.claimed.get(name) != wanted.claimed.get(name)}
    return sorted("data" if name == "data_dir" else name for name in differing)


@asynccontextmanager
async def opened_desk(host: PluginHost, *, read: Callable[[], PluginHost]) -> AsyncIterator[Desk]:
    """Open the shop's database in this process, for as long as the block runs; nothing is served.

    Raises:
        DatabaseInUse, MigrationFailed, WrongMode: it cannot be opened.
    """
    parts = join(host, public_url=host.config.web.public_url or "", own_url="")
    services = parts.services
    await parts.database.open(mode=services.config.mode)
    try:
        services.engine.start()
        yield Desk(parts, url=None, read=read)
    finally:
        await services.engine.stop()
        for gateway in services.gateways.values():
            await gateway.close()
        await parts.database.close()


@asynccontextmanager
async def control_socket(desk: Desk) -> AsyncIterator[Path]:
    """Answer on the data folder's control socket while the block runs.

    Whoever serves the database holds its lock, so a socket that is already there belongs to a dead process.
    """
    path = Path(desk.facts()["data"]) / SOCKET_NAME
    runner = web.AppRunner(_application(desk), access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        await web.SockSite(runner, _bind(path)).start()
        yield path
    finally:
        await runner.cleanup()
        path.unlink(missing_ok=True)


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Give an address for a socket's path that fits into the kernel's 108 bytes, however deep the folder is."""
    if len(os.fsencode(path)) <= LONGEST_SOCKET_ADDRESS or not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


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


def _trouble(code: str, detail: str) -> Answer:
    return {"code": code, "detail": detail}
