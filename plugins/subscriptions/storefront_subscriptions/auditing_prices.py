"""What ``audit verify --deep`` checks of prices (S2-prices): read again from catalogs, and when each was active."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from storefront.core.audit import Check, Violation
from storefront.core.catalog import Catalog, load_catalog
from storefront.core.commit.plan import SHOP_ANCHOR
from storefront.core.tables import catalog_versions, events
from storefront_subscriptions.auditing import each
from storefront_subscriptions.auditing_changes import whole_start
from storefront_subscriptions.tables import changes, invoices, pauses


class Catalogs:
    """The catalogs of a shop's books, each read once, and which of them was active when (business ms)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[str, Catalog] = {}
        told = and_(events.c.anchor == SHOP_ANCHOR, events.c.type == "catalog.activated")
        statement = select(events.c.occurred_at, events.c.subject).where(told).order_by(events.c.sequence.desc())
        self._activated = [(row.occurred_at, row.subject) for row in connection.execute(statement)]

    def version(self, name: str) -> Catalog:
        if name not in self._read:
            named = select(catalog_versions.c.document).where(catalog_versions.c.hash == name)
            self._read[name] = load_catalog(name, self._connection.execute(named).scalar_one())
        return self._read[name]

    def active_at(self, instant: int) -> Catalog | None:
        found = next((name for at, name in self._activated if at <= instant), None)
        return None if found is None else self.version(found)


def each_period_asks_its_price(connection: Connection) -> Iterator[Violation]:
    """S2-prices: a period asks the price that was agreed to, or one that a later edit says is for those who have it."""
    catalogs = Catalogs(connection)
    is_part = and_(pauses.c.invoice_id == invoices.c.id, pauses.c.keeps_anchor == 1)
    of_period = and_(changes.c.subscription_id == invoices.c.subscription_id, changes.c.period == invoices.c.period,
                     changes.c.state == "done", changes.c.timing == "now", changes.c.invoice_id.is_(None))  # fmt: skip
    begins = and_(changes.c.invoice_id == invoices.c.id, changes.c.timing == "now")
    statement = select(
        invoices,
        *(invoices.c[name].label(f"billed_{name}") for name in ("anchor", "anchor_period", "interval")),
        *(
            select(table.c.id).where(holds).correlate(invoices).exists().label(label)
            for table, holds, label in (
                (pauses, is_part, "is_part"),
                (changes, of_period, "is_changed"),
                (changes, begins, "is_begun_by_change"),
            )
        ),
    ).order_by(invoices.c.subscription_id, invoices.c.period, invoices.c.created_at, invoices.c.id)
    for _, rows in groupby(each(connection, statement), key=lambda row: row.subscription_id):
        before: Row[Any] | None = None
        for row in rows:
            yield from _of_invoice(catalogs, row, before)
            if row.state == "paid":
                before = row


def _of_invoice(catalogs: Catalogs, row: Row[Any], before: Row[Any] | None) -> Iterator[Violation]:
    version = row.priced_by or row.catalog_version
    listed = _listed(catalogs.version(version), row)
    if row.price != listed:
        yield _violation(row, f"asks {row.price} {row.currency} a seat, its catalog {version} says {listed}")
    is_whole = row.period >= 0 and not row.is_part and not row.is_begun_by_change
    if row.gift_id is not None and row.total != 0:
        yield _violation(row, f"asks {row.total} for a period that was given")
    elif row.gift_id is None and is_whole and row.total != row.price * row.seats + row.carried + row.usage:
        beside = f"{row.carried} from before and {row.usage} of usage"
        yield _violation(row, f"asks {row.total} for {row.seats} × {row.price}, {beside}")
    due = _due(catalogs, row, before)
    if (row.price, row.priced_by) != due:
        yield _violation(row, f"is priced {row.price} by {row.priced_by}, due was {due[0]} by {due[1]}")


def _due(catalogs: Catalogs, row: Row[Any], before: Row[Any] | None) -> tuple[int | None, str | None]:
    """Return the price of a seat that an invoice is to ask, and the catalog that moved it there, if one has."""
    agreed = _listed(catalogs.version(row.catalog_version), row), None
    if before is None or row.change_id is not None:
        return agreed
    held = agreed if before.is_changed else (before.price, before.priced_by)
    is_rest = row.is_part and row.anchor is not None and whole_start(row) < before.period_end
    if row.gift_id is not None or is_rest:
        return held
    active = catalogs.active_at(row.due_at)
    if active is None or held[0] == 0 or not _reaches(active, row):
        return held
    price = _listed(active, row)
    return held if price in (None, held[0]) else (price, active.version)


def _listed(catalog: Catalog, row: Row[Any]) -> int | None:
    offer = catalog.offers.get(row.sku)
    if offer is None or offer.kind != "subscription":
        return None
    part: Any = offer.part
    if part.get("free"):
        return 0
    every = {one["interval"]: one["prices"] for one in part.get("also", ())}
    every[part.get("interval", "month")] = offer.prices
    found: int | None = every.get(row.interval, {}).get(row.currency)
    return found


def _reaches(catalog: Catalog, row: Row[Any]) -> bool:
    """Tell whether a catalog says that its price is for those who have subscribed, at the time when a period is due."""
    offer = catalog.offers.get(row.sku)
    told = None if offer is None else offer.part.get("existing")
    if told is None or told == "next_renewal":
        return told is not None
    since = datetime.fromisoformat(str(told).replace(" ", "T", 1))
    return bool(row.due_at >= int((since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp() * 1000))


def _violation(row: Row[Any], what: str) -> Violation:
    return Violation("S2-prices", (row.subscription_id, row.id), f"invoice {row.id} {what}")


CHECKS: Sequence[Check] = (
    Check(
        "S2-prices", "Each period asks the price that was agreed to, or that an edit says", each_period_asks_its_price
    ),
)
