"""Ids: a type prefix and a UUIDv7 in Crockford's base 32, so they sort by time and read well.

Shape: ``pur_01kabc…`` (prefix, underscore, 26 characters). Made before the commit and unique between
processes, so that an answer can be rendered from a plan. Source: TypeID 0.3, RFC 9562 §5.7.
"""

import re

import uuid_utils

PAYMENT_PREFIX = "pay"
"""Of payments through gateways: what such an id stands behind was paid for with money."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHAPE = re.compile(r"[a-z]{2,5}_[0-7][0-9a-hjkmnp-tv-z]{25}")


def new_id(prefix: str) -> str:
    """Make an id such as ``pur_01k9…``; ids of one process sort in the order they were made."""
    number, pair = uuid_utils.uuid7().int, _PAIRS
    return (  # one expression: every purchase makes half a dozen of them
        f"{prefix}_{pair[number >> 120]}{pair[number >> 110 & 1023]}{pair[number >> 100 & 1023]}"
        f"{pair[number >> 90 & 1023]}{pair[number >> 80 & 1023]}{pair[number >> 70 & 1023]}"
        f"{pair[number >> 60 & 1023]}{pair[number >> 50 & 1023]}{pair[number >> 40 & 1023]}"
        f"{pair[number >> 30 & 1023]}{pair[number >> 20 & 1023]}{pair[number >> 10 & 1023]}{pair[number & 1023]}"
    )


def is_id(text: str, prefix: str) -> bool:
    """Tell whether ``text`` has the shape of an id with this prefix (it may still name nothing)."""
    return text.startswith(prefix + "_") and _SHAPE.fullmatch(text) is not None
