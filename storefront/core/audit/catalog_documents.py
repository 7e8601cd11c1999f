"""The parts of stored catalog versions that the audit needs, read apart from the code that wrote them."""

import msgspec


class StoredLimit(msgspec.Struct):
    """At most ``count`` per ``customer`` or ``global``, in one calendar window."""

    per: str
    window: str
    count: int


class StoredOffer(msgspec.Struct):
    """``prices`` is asset -> minor units."""

    prices: dict[str, int] = {}
    limits: list[StoredLimit] = []


class _Document(msgspec.Struct):
    offers: dict[str, StoredOffer] = {}


def read_document(document: str) -> dict[str, StoredOffer]:
    """Return ``sku -> offer`` of a stored catalog version; raises ``msgspec.DecodeError``."""
    return msgspec.json.decode(document, type=_Document).offers
