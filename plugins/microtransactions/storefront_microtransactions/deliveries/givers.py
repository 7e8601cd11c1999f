"""What gave a customer the last of an item whose time is over: by its words the end is delivered.

Time that was bought again is added to the same item, so its end is not of one purchase. The offer may be gone from the
YAML by then; whoever sold it said how it ends.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select

from storefront.core.catalog import Catalog
from storefront.core.commit.plan import SHOP_ANCHOR
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import events, grants, purchases
from storefront_microtransactions.deliveries.pieces import Piece, given_with, within
from storefront_microtransactions.tables import openings

_ACTIVATED = Query(
    select(events.c.subject, events.c.commit_no)
    .where(
        events.c.anchor == SHOP_ANCHOR,
        events.c.type == "catalog.activated",
        events.c.commit_no <= bindparam("commit_no"),
    )
    .order_by(events.c.sequence.desc())
    .limit(1)
)


async def catalog_then(services: Services, commit_no: int) -> Catalog | None:
    """Return the catalog that was active at a commit; None if there was none yet."""
    row = await services.reader.first(_ACTIVATED, commit_no=commit_no)
    return None if row is None else await services.catalogs.version(row["subject"])


async def find_giver(services: Services, customer_id: str, sku: str, *, before: int) -> Piece | None:
    """Return one of an item as what gave it last before an instant (business ms) had it.

    None: neither a purchase nor a grant nor an opening did.
    """
    found = [
        one
        for one in (
            await _purchase(services, customer_id, sku, before),
            await _grant(services, customer_id, sku, before),
            await _opening(services, customer_id, sku, before),
        )
        if one is not None
    ]
    if not found:
        return None
    _, catalog, source, given = max(found, key=lambda one: one[0])
    return Piece.of(catalog, sku, 1, source, given=given) if sku in catalog.offers else None


_Giver = tuple[int, Catalog, str, Mapping[str, str]]


async def _purchase(services: Services, customer_id: str, sku: str, before: int) -> _Giver | None:
    is_theirs = or_(purchases.c.customer_id == customer_id, purchases.c.recipient_id == customer_id)
    receiver = func.coalesce(purchases.c.recipient_id, purchases.c.customer_id)
    statement = (
        select(purchases)
        .where(is_theirs, receiver == customer_id, purchases.c.completed_at < before)
        .where(purchases.c.lines.contains(f'"sku":"{sku}"', autoescape=True))
        .order_by(purchases.c.completed_at.desc(), purchases.c.id.desc())
        .limit(1)
    )
    row = await _first(services, statement)
    if row is None:
        return None
    catalog = await services.catalogs.version(row["catalog_version"])
    return row["completed_at"], catalog, row["id"], given_with(row)


async def _grant(services: Services, customer_id: str, sku: str, before: int) -> _Giver | None:
    statement = (
        select(grants, events.c.commit_no)
        .join(events, and_(events.c.anchor == customer_id, events.c.subject == grants.c.id))
        .where(grants.c.customer_id == customer_id, grants.c.sku.is_not(None), grants.c.created_at < before)
        .where(events.c.type == "grant.made")
        .order_by(grants.c.created_at.desc(), grants.c.id.desc())
    )
    for row in await services.reader.scan(statement):
        catalog = await catalog_then(services, row["commit_no"])
        if catalog is None or row["sku"] not in catalog.offers:
            continue
        if row["sku"] == sku or sku in within(services.kinds, catalog, row["sku"], 1):
            return row["created_at"], catalog, row["id"], {}
    return None


async def _opening(services: Services, customer_id: str, sku: str, before: int) -> _Giver | None:
    statement = (
        select(openings)
        .where(openings.c.customer_id == customer_id, openings.c.opened_at < before)
        .where(openings.c.gave.contains(f'"{sku}":', autoescape=True))
        .order_by(openings.c.opened_at.desc(), openings.c.id.desc())
        .limit(1)
    )
    row = await _first(services, statement)
    if row is None:
        return None
    return row["opened_at"], await services.catalogs.version(row["odds_version"]), row["id"], {}


async def _first(services: Services, statement: Any) -> Row | None:
    return next(iter(await services.reader.scan(statement)), None)
