"""For E3: which places in limits reversals have given back, worked out again from the reversals themselves."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select

from storefront.core.audit.catalog_documents import StoredLimit, StoredOffer, read_document
from storefront.core.audit.check import each_row
from storefront.core.clock import to_datetime
from storefront.core.tables import catalog_versions, purchases, reversals

_TAKING = ("completed", "lost")


@dataclass(frozen=True, slots=True)
class GivenBack:
    """``units``: counter's key -> units that count no more. ``again``: key -> units given back that count again.

    Those may stand above the limit: somebody else has bought the place meanwhile.
    """

    units: Mapping[str, int]
    again: Mapping[str, int]


class _Taken(msgspec.Struct):
    quantity: int


def read_given_back(connection: Connection) -> GivenBack:
    """Read the reversals of offers that give limits back; nothing is read where no offer ever did."""
    offers = _restoring_offers(connection)
    units, again = Counter[str](), Counter[str]()
    if not offers:
        return GivenBack(units, again)
    columns = (reversals.c.state, reversals.c.cause, reversals.c.taken_back, reversals.c.facts, purchases.c.sku,
               purchases.c.customer_id, purchases.c.created_at, purchases.c.catalog_version)  # fmt: skip
    statement = (
        select(*columns)
        .join(purchases, purchases.c.id == reversals.c.purchase_id)
        .where(purchases.c.sku.in_(sorted({sku for _, sku in offers})), purchases.c.status == "completed")
    )
    for row in each_row(connection, statement):
        offer = offers.get((row.catalog_version, row.sku))
        taken = msgspec.json.decode(row.taken_back, type=_Taken).quantity
        if offer is None or not taken:
            continue
        is_taken = row.state in _TAKING
        was_taken = bool(msgspec.json.decode(row.facts).get("limits_restored"))
        for limit in offer.limits:
            if limit.restore_limit_on_refund and (limit.per == "global" or row.cause == "refund"):
                if is_taken:
                    units[_key(row, limit)] += taken
                elif was_taken:
                    again[_key(row, limit)] += taken
    return GivenBack(units, again)


@cache
def _select_restoring_offers() -> Select[Any]:
    return select(catalog_versions.c.hash, catalog_versions.c.document)


def _restoring_offers(connection: Connection) -> dict[tuple[str, str], StoredOffer]:
    found = {}
    for row in each_row(connection, _select_restoring_offers()):
        for sku, offer in read_document(row.document).items():
            if any(limit.restore_limit_on_refund for limit in offer.limits):
                found[row.hash, sku] = offer
    return found


def _key(row: Row[Any], limit: StoredLimit) -> str:
    whose = "*" if limit.per == "global" else row.customer_id
    return f"limit:{row.sku}:{whose}:{limit.window}:{_window_start(limit.window, to_datetime(row.created_at))}"


def _window_start(window: str, moment: datetime) -> int:
    """Return the start of the calendar window (ms), worked out apart from the code that counts."""
    if window == "lifetime":
        return 0
    start = moment.replace(minute=0, second=0, microsecond=0)
    if window != "hour":
        start = start.replace(hour=0)
    if window == "week":
        start -= timedelta(days=start.isoweekday() - 1)
    if window == "month":
        start = start.replace(day=1)
    return int(start.timestamp()) * 1000
