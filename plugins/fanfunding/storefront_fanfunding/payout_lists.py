"""What operators look at: payouts page by page, and who can be paid how much now."""

from typing import Any

from sqlalchemy import and_, select

from storefront.core.operating.pages import read_page
from storefront.core.services import Services
from storefront.core.tables import accounts
from storefront.design.money import is_real
from storefront_fanfunding.accounts import MANUAL
from storefront_fanfunding.config import Settings
from storefront_fanfunding.payout_rows import WITH_NAME, show_payout
from storefront_fanfunding.tables import creators, payouts

_AFTER_ALL = "creator;"
"""Sorts behind every account of a creator's."""


async def list_payouts(
    services: Services,
    *,
    creator: str | None = None,
    state: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> dict[str, Any]:
    """Return a page of payouts, newest first; raises ``Invalid`` for an ``after`` that is none of its own."""
    statement = WITH_NAME
    if creator is not None:
        statement = statement.where(creators.c.name == creator)
    if state is not None:
        statement = statement.where(payouts.c.state == state)
    by = (payouts.c.created_at, payouts.c.id)
    return await read_page(services.reader, statement, by, limit=limit, after=after,
                           shown=lambda row: show_payout(row, row["creator"]))  # fmt: skip


async def list_payable(services: Services, settings: Settings) -> dict[str, Any]:
    """Return who can be paid how much now, or owes something, in each currency, by name."""
    is_creators = and_(accounts.c.id > "creator:", accounts.c.id < _AFTER_ALL)
    is_theirs = and_(is_creators, accounts.c.role.in_(("payable", "debt")), accounts.c.balance > 0)
    rows = await services.reader.scan(select(accounts).where(is_theirs))
    if not rows:
        return {"data": []}
    names = {row["id"]: row["name"] for row in await services.reader.scan(select(creators))}
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        name = names[row["owner"].removeprefix("creator:")]
        found.setdefault((name, row["asset"]), {"payable": 0, "debt": 0})[row["role"]] = row["balance"]
    told = []
    for (name, currency), stand in sorted(found.items()):
        terms = settings.terms(name)
        pay_with = terms.payout if is_real(currency) else MANUAL
        least = {"minimum": max(1, terms.payout_min.get(currency, 1)), "pay_with": pay_with}
        stand["payable"] = max(0, stand["payable"] - stand["debt"])
        told.append({"creator": name, "currency": currency, **stand, **least})
    return {"data": told}
