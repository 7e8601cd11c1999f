"""The alarms: what went wrong in a way that a person should know of. Each is raised once.

Those that are over by themselves are closed, and stay in the list; of most, only a person knows.
"""

from typing import Any

import msgspec
from sqlalchemy import select

from storefront.core.alarms import ALARM_CLOSED
from storefront.core.clock import iso
from storefront.core.operating.pages import read_page
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import alarms, claims


async def list_alarms(
    services: Services, *, kind: str | None = None, limit: int = 50, after: str | None = None
) -> dict[str, Any]:
    """Return a page of alarms, newest first, of one kind or of all; ``closed_at`` says which are over by themselves."""
    closed = claims.c.key == ALARM_CLOSED + alarms.c.id
    statement = select(alarms, claims.c.about.label("closed_at")).join(claims, closed, isouter=True)
    if kind is not None:
        statement = statement.where(alarms.c.kind == kind)
    by = (alarms.c.raised_at, alarms.c.id)
    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=_shown)


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "about": row["about"],
        "facts": msgspec.json.decode(row["facts"]),
        "raised_at": iso(row["raised_at"]),
        "closed_at": None if row["closed_at"] is None else iso(int(row["closed_at"])),
    }
