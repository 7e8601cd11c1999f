"""Which IP addresses are somebody else's server on the open internet, and which are not.

Written as lists instead of asking ``ipaddress.is_global``, whose answers differ between versions of Python.
Source: the IANA special-purpose address registries for IPv4 and IPv6, read 2026-11-26.
"""

import errno
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches this machine
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by the customers of a provider (carrier-grade NAT)
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, where clouds keep their metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
"""All else in IPv6 is loopback, mapped, NAT64, unique local, link-local, multicast or not given out."""
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo (2001::/32) among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation
    )
)
_NEVER_4 = tuple(IPv4Network(text) for text in ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"))
_SOMETIMES_6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))


def read_address(text: str) -> Address | None:
    """Return an address as the network knows it, or None; one with a zone (``fe80::1%eth0``) is no such address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id is not None else address


def is_public(address: Address) -> bool:
    """Tell whether an address is global unicast and carries no other address inside."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _GLOBAL_UNICAST_6 and not any(address in network for network in _NOT_PUBLIC_6)


def may_be_allowed(address: Address) -> bool:
    """Tell whether an operator may open the way to an address: to their LAN and their machine, but never to
    link-local addresses (metadata of clouds), to all at once, or to an IPv4 address in disguise."""
    if is_public(address):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NEVER_4)
    return any(address in network for network in _SOMETIMES_6)


def is_own(address: Address) -> bool:
    """Tell whether an address belongs to this machine: only to such a one can a socket be bound."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.bind((str(address), 0))
    except OSError as error:
        # A machine without IPv6 has no such address; whatever else went wrong, it may well be ours.
        return error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True
