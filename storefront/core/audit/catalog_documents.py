"""The parts of stored catalog versions that the audit needs, read apart from the code that wrote them."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from storefront.core.tables import catalog_versions


class StoredLimit(msgspec.Struct):
    """At most ``count`` per ``customer`` or ``global``, in one calendar window."""

    per: str
    window: str
    count: int
    restore_limit_on_refund: bool = False


class StoredChoice(msgspec.Struct):
    """Pay what you want, from ``min`` to ``max``."""

    min: int
    max: int


class StoredPrice(msgspec.Struct):
    """One alternative, for everybody or some countries."""

    currency: str
    amount: int
    choice: StoredChoice | None = None


class StoredSale(msgspec.Struct):
    """A lower price from one instant until another."""

    percent: int | None = None
    prices: dict[str, int] = {}
    from_: datetime | None = None
    until: datetime | None = None


class StoredPart(msgspec.Struct):
    """What the audit reads of the keys that belong to an offer's kind."""

    contents: Any = None


class StoredOffer(msgspec.Struct):
    """``prices`` is asset -> minor units, ``grants`` right -> its value; ``exact`` is there if amounts are exact."""

    prices: dict[str, int] = {}
    limits: list[StoredLimit] = []
    grants: dict[str, bool | int | str] = {}
    listed: list[StoredPrice] = []
    sales: list[StoredSale] = []
    exact: dict[str, int] | None = None
    part: StoredPart = msgspec.field(default_factory=StoredPart)


class _Document(msgspec.Struct):
    offers: dict[str, StoredOffer] = {}


def read_document(document: str) -> dict[str, StoredOffer]:
    """Return ``sku -> offer`` of a stored catalog version; raises ``msgspec.DecodeError``."""
    return msgspec.json.decode(document, type=_Document).offers


class StoredCatalogs:
    """The stored catalog versions of one database, each read when it is first named."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[str, dict[str, StoredOffer]] = {}

    def offer(self, version: str, sku: str) -> StoredOffer | None:
        """Return an offer as that version says it; None if either is not stored, which E4 reports."""
        if version not in self._read:
            statement = select(catalog_versions.c.document).where(catalog_versions.c.hash == version)
            document = self._connection.execute(statement).scalar()
            self._read[version] = {} if document is None else read_document(document)
        return self._read[version].get(sku)

    def offers(self, sku: str) -> list[StoredOffer]:
        """Return the offer as every version that has it says it; grants do not name the version they are of."""
        versions = self._connection.execute(select(catalog_versions.c.hash).order_by(catalog_versions.c.hash)).scalars()
        found = [self.offer(version, sku) for version in versions.all()]
        return [offer for offer in found if offer is not None]
