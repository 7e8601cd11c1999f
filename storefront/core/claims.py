"""Claims: names that can be taken once, for ever; they outlive what took them."""

from sqlalchemy import bindparam, select

from storefront.core.reading import PointReader, Query
from storefront.core.tables import claims

_CLAIM = Query(select(claims.c.about).where(claims.c.key == bindparam("key")))


async def holder_of(reader: PointReader, key: str) -> str | None:
    """Return what a name was taken for, None while it is free."""
    row = await reader.first(_CLAIM, key=key)
    return None if row is None else str(row["about"])
