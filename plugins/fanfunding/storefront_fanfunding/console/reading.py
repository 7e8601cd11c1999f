"""What the console's pages of creators read: what each has, what came in lately, who waits to be read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, func, select

from storefront.core.clock import DAY_MS
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import accounts
from storefront_fanfunding.tables import alerts, creators, overlays, tips

LATELY_DAYS = 30
Amounts = dict[str, int]


@dataclass(slots=True)
class Stand:
    """What a creator has, currency -> minor units: ``ready`` less what they owe, ``waiting`` in reserve, ``owed``.

    ``lately``: what ``tips`` of the last 30 days gave, whatever went back of it.
    """

    ready: Amounts = field(default_factory=lambda: defaultdict(int))
    waiting: Amounts = field(default_factory=lambda: defaultdict(int))
    owed: Amounts = field(default_factory=lambda: defaultdict(int))
    lately: Amounts = field(default_factory=lambda: defaultdict(int))
    tips: int = 0

    @property
    def currencies(self) -> list[str]:
        return sorted({*self.ready, *self.waiting, *self.owed, *self.lately})


async def identities(services: Services) -> dict[str, str]:
    """Return name -> our id of every creator who was ever tipped or invited, also of those whose file is gone."""
    return {row["name"]: row["id"] for row in await services.reader.scan(select(creators))}


async def stands(services: Services, creator_id: str | None = None) -> Mapping[str, Stand]:
    """Return how creators stand, by our id: of one, or of all."""
    found: dict[str, Stand] = defaultdict(Stand)
    owner = f"creator:{creator_id}" if creator_id else "creator"
    # By the ids of accounts, which begin with their owner: of all accounts, nearly all are customers'.
    whose = and_(accounts.c.id > f"{owner}:", accounts.c.id < f"{owner};")
    is_kept = accounts.c.role.in_(("payable", "debt"))
    for row in await services.reader.scan(select(accounts).where(whose, is_kept, accounts.c.balance > 0)):
        stand = found[row["owner"].removeprefix("creator:")]
        (stand.ready if row["role"] == "payable" else stand.owed)[row["asset"]] = int(row["balance"])
    for stand in found.values():
        for code, owed in stand.owed.items():
            stand.ready[code] = max(0, stand.ready.get(code, 0) - owed)
    for row in await _by_creator(services, func.sum(tips.c.reserved), tips.c.reserved > 0, creator_id):
        found[row["creator_id"]].waiting[row["currency"]] = int(row["amount"])
    since = services.clock.now() - LATELY_DAYS * DAY_MS
    for row in await _by_creator(services, func.sum(tips.c.amount), tips.c.paid_at >= since, creator_id):
        stand = found[row["creator_id"]]
        stand.lately[row["currency"]] = int(row["amount"])
        stand.tips += int(row["tips"])
    return found


async def _by_creator(
    services: Services, amount: ColumnElement[int], condition: ColumnElement[bool], creator_id: str | None
) -> Sequence[Row]:
    columns = (tips.c.creator_id, tips.c.currency)
    statement = select(*columns, amount.label("amount"), func.count().label("tips")).where(condition)
    if creator_id is not None:
        statement = statement.where(tips.c.creator_id == creator_id)
    return await services.reader.scan(statement.group_by(*columns))


async def overlays_of_all(services: Services) -> dict[str, Row]:
    """Return our id of a creator -> the row of their overlays."""
    return {row["creator_id"]: row for row in await services.reader.scan(select(overlays))}


async def last_tips(services: Services, creator_id: str, *, most: int, before: int | None = None) -> Sequence[Row]:
    """Return a creator's paid tips, newest first, with how the alert of each stands (``alert``)."""
    statement = _WITH_ALERT.where(tips.c.creator_id == creator_id, tips.c.sequence.is_not(None))
    if before is not None:
        statement = statement.where(tips.c.sequence < before)
    return await services.reader.scan(statement.order_by(tips.c.sequence.desc()).limit(most))


async def tips_of_fan(services: Services, customer_id: str, *, most: int) -> Sequence[Row]:
    """Return a fan's tips, newest first, with the name of the creator (``creator``)."""
    statement = _WITH_ALERT.add_columns(creators.c.name.label("creator")).join(
        creators, creators.c.id == tips.c.creator_id
    )
    statement = statement.where(tips.c.customer_id == customer_id)
    return await services.reader.scan(statement.order_by(tips.c.created_at.desc(), tips.c.id.desc()).limit(most))


async def purchases_of_tips(services: Services, ids: Sequence[str]) -> dict[str, str]:
    """Return tip -> purchase, of those that were paid here."""
    if not ids:
        return {}
    rows = await services.reader.scan(select(tips.c.id, tips.c.purchase_id).where(tips.c.id.in_(ids)))
    return {row["id"]: row["purchase_id"] for row in rows if row["purchase_id"].startswith("pur_")}


_WITH_ALERT = select(tips, alerts.c.state.label("alert")).join(alerts, alerts.c.tip_id == tips.c.id, isouter=True)
