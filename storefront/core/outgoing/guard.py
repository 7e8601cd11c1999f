"""Keeps requests to addresses that others gave us away from this machine, its network and its cloud.

A URL is read strictly, so that no two readers can disagree about it. Its name is resolved once; if any answer is not
public, nothing is connected to; what is connected to are those answers, and the peer is looked at before a byte is
sent. An origin on the operator's allow-list may also be http, have another port, and lie in their network.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from storefront.core.outgoing.addresses import is_own, is_public, may_be_allowed, read_address
from storefront.core.outgoing.posting import NotSent, Refusal

PORTS = frozenset({443, 8443})
LONGEST_URL = 2_000

_URL = re.compile(
    r"(?P<scheme>[a-zA-Z]+)://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!-~]*)?(?P<query>\?[!-~]*)?"
)
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Answers a name's addresses, as text."""
NewSocket = Callable[[tuple[Any, ...]], socket.socket]
"""Makes the socket for one connection to ``(family, type, protocol, name, (address, port, …))``."""


class ForbiddenAddress(Refusal):
    """This server sends nothing there."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads; ``is_allowed`` says that its origin stands on the operator's allow-list."""

    scheme: str
    host: str
    port: int
    is_allowed: bool

    def check(self, text: str) -> None:
        """Raise ``ForbiddenAddress`` if this address, of the name or of the peer, is not where we may go."""
        address = read_address(text)
        if address is not None and is_public(address) and not is_own(address):
            return
        if address is not None and self.is_allowed and may_be_allowed(address):
            return
        raise ForbiddenAddress(f"{self.host} is not an address on the public internet")


class Guard:
    """Reads URLs and makes connectors that go nowhere else.

    ``allow`` are origins (``http://receiver.lan:9000``). ``resolve``, ``new_socket`` and ``tls`` are how tests put
    a name server, a network and a certificate authority of their own in the place of the machine's.
    """

    def __init__(
        self,
        allow: Collection[str] = (),
        *,
        resolve: Resolve | None = None,
        new_socket: NewSocket | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self._allow = frozenset(_origin(one) for one in allow)
        self._resolve = resolve or _ask_the_machine
        self._new_socket = new_socket or _open_socket
        self._tls = tls

    def read(self, url: str) -> Target:
        """Return where a URL leads, without asking a name server.

        Raises:
            ForbiddenAddress: it cannot be meant, or we never go there.
        """
        target = _read(url)
        target = Target(target.scheme, target.host, target.port, _key(target) in self._allow)
        if not target.is_allowed and target.scheme != "https":
            raise ForbiddenAddress("must be an https:// address")
        if not target.is_allowed and target.port not in PORTS:
            raise ForbiddenAddress(f"must use port {' or '.join(map(str, sorted(PORTS)))}")
        if read_address(target.host) is not None:
            target.check(target.host)
        return target

    def connect(self, url: str) -> aiohttp.BaseConnector:
        """Return a connector for one request to this URL.

        Raises:
            NotSent: we do not go there.
        """
        try:
            return GuardedConnector(self.read(url), self._resolve, self._new_socket, self._tls)
        except ForbiddenAddress as refusal:
            raise NotSent(str(refusal)) from refusal


class GuardedConnector(aiohttp.TCPConnector):
    """Connects to checked addresses of one target; name and certificate stay those of the URL."""

    def __init__(self, target: Target, resolve: Resolve, new_socket: NewSocket, tls: SSLContext | None) -> None:
        self._target = target

        def checked_socket(info: tuple[Any, ...]) -> socket.socket:
            target.check(str(info[4][0]))
            return new_socket(info)

        super().__init__(
            resolver=_CheckedResolver(target, resolve),
            use_dns_cache=False,
            force_close=True,
            socket_factory=checked_socket,
            ssl=True if tls is None else tls,
        )

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, and look who it is before anything is sent."""
        connection = await super().connect(*args, **kwargs)
        transport = connection.transport
        peer = None if transport is None else transport.get_extra_info("peername")
        try:
            self._target.check("" if peer is None else str(peer[0]))
        except ForbiddenAddress:
            connection.close()
            raise
        return connection


class _CheckedResolver(AbstractResolver):
    """Resolves the target's name, once; a single answer that is not public spoils them all."""

    def __init__(self, target: Target, resolve: Resolve) -> None:
        self._target = target
        self._ask = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._ask(host, port)
        for address in addresses:
            self._target.check(address)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in dict.fromkeys(addresses)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def never_allowed(origin: str) -> str | None:
    """Say why an origin cannot stand on an allow-list, or None if it can."""
    try:
        target = _read(origin)
        if read_address(target.host) is not None:
            Target(target.scheme, target.host, target.port, is_allowed=True).check(target.host)
    except ForbiddenAddress as refusal:
        is_named = str(refusal).startswith("must")
        return str(refusal) if is_named else "is an address that no webhook may ever go to"
    return None


def _read(url: str) -> Target:
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None:
        raise ForbiddenAddress(
            "must be an https:// address in ASCII, without a user name, a fragment or blanks; "
            "names in other letters are written as xn--…"
        )
    scheme, host = found["scheme"].lower(), found["host"].strip("[]").lower()
    if scheme not in ("http", "https"):
        raise ForbiddenAddress("must be an https:// address")
    is_bracketed, address = found["host"].startswith("["), read_address(host)
    is_right = address is not None and str(address) == host if not is_bracketed else ":" in host and address is not None
    if not is_right and (is_bracketed or _ENDS_IN_A_NUMBER.fullmatch(host) or ".." in host):
        raise ForbiddenAddress("must name its host, or write its IP address in the usual way")
    port = int(found["port"] or (443 if scheme == "https" else 80))
    if not 0 < port < 65_536 or "#" in url:
        raise ForbiddenAddress("must have a port from 1 to 65535 and no fragment")
    return Target(scheme, str(address) if address is not None else host, port, is_allowed=False)


def _origin(text: str) -> tuple[str, str, int]:
    return _key(_read(text))


def _key(target: Target) -> tuple[str, str, int]:
    return target.scheme, target.host, target.port


async def _ask_the_machine(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


def _open_socket(info: tuple[Any, ...]) -> socket.socket:
    return socket.socket(info[0], info[1], info[2])
