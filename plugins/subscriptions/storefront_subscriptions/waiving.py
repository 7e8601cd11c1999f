"""What was used in a period whose money all went back: nobody is asked for it, but for what was used before that."""

from sqlalchemy import bindparam, func, select

from storefront.core.purchasing import read_purchase
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_subscriptions.rows import WRITTEN_OFF
from storefront_subscriptions.spans import paid_by
from storefront_subscriptions.tables import finals, usage
from storefront_subscriptions.usage_lines import OWED

_OWED_SINCE = Query(
    select(func.sum(usage.c.amount).label("amount")).where(
        usage.c.subscription_id == bindparam("subscription_id"),
        usage.c.currency == bindparam("asset"),
        usage.c.kind == OWED,
        usage.c.period >= bindparam("period"),
    )
)
_WRITTEN_OFF = Query(
    select(func.sum(finals.c.total).label("amount")).where(
        finals.c.subscription_id == bindparam("subscription_id"),
        finals.c.currency == bindparam("asset"),
        finals.c.state == WRITTEN_OFF,
    )
)


async def is_waived(services: Services, row: Row) -> bool:
    """Tell whether nothing is asked for what was used since the last period began: all went back that paid for it.

    Where several purchases did, by changes of tier, one of them leaves the period paid.
    """
    found = [await read_purchase(services, one) for one in sorted(await paid_by(services, row))]
    paid = [one for one in found if one["total"] > 0]
    return bool(paid) and all(one["refunded"] == "full" or one["dispute"] == "lost" for one in paid)


def waived_since(row: Row) -> int:
    """Return the number of the first period of which nothing is asked then: the last that was paid, and its grace."""
    return int(row["period"])


async def waivable(services: Services, row: Row, asset: str) -> int:
    """Return what of that is owed in an asset (smallest units) and was not written off before, by whatever reason."""
    names = {"subscription_id": row["id"], "asset": asset}
    owed = await services.reader.first(_OWED_SINCE, **names, period=waived_since(row))
    written_off = await services.reader.first(_WRITTEN_OFF, **names)
    return max(0, _amount(owed) - _amount(written_off))


def _amount(row: Row | None) -> int:
    return 0 if row is None or row["amount"] is None else int(row["amount"])
