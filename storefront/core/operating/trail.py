"""The audit trail: who did what, about which object."""

from typing import Any

import msgspec
from sqlalchemy import select

from storefront.core.clock import iso
from storefront.core.operating.pages import read_page
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import audit_actions


async def list_actions(
    services: Services, *, about: str | None = None, actor: str | None = None, limit: int = 50, after: str | None = None
) -> dict[str, Any]:
    """Return a page of what operators and keys did, newest first: about one object, by one actor, or all."""
    statement = select(audit_actions)
    if about is not None:
        statement = statement.where(audit_actions.c.about == about)
    if actor is not None:
        statement = statement.where(audit_actions.c.actor == actor)
    by = (audit_actions.c.recorded_at, audit_actions.c.id)
    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=_shown)


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "actor": row["actor"],
        "action": row["action"],
        "about": row["about"],
        "facts": msgspec.json.decode(row["facts"]),
        "recorded_at": iso(row["recorded_at"]),
    }
