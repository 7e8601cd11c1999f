"""Whose address a request comes from, seen through the proxies that the operator trusts.

``X-Forwarded-For`` is believed only when the connection itself comes from a trusted proxy, and then only
its right-most entry that is not a trusted proxy: everything to the left was written by the client.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from aiohttp import web

UNKNOWN = "unknown"


class ClientAddress:
    """Finds the client's address; ``trusted`` are networks in CIDR form (``10.0.0.0/8``)."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(item) for item in trusted)
        self._is_trusted = lru_cache(maxsize=4096)(self._in_trusted)

    def of(self, request: web.Request) -> str:
        """Return the address as text; ``unknown`` on a Unix socket without a trusted header."""
        peer = request.remote or UNKNOWN
        if not self._trusted or not self._is_trusted(peer):
            return peer
        hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        for hop in reversed(hops):
            address = _plain(hop)
            if address is None:
                return peer  # a trusted proxy does not write nonsense: stop believing here
            if not self._is_trusted(address):
                return address
            peer = address
        return peer

    def _in_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _plain(hop: str) -> str | None:
    text = hop.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
