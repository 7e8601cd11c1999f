"""What was used in a period whose money all went back: nobody is asked for it, but for what was used before that."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from storefront.core.purchasing import read_purchase
from storefront.core.reading import Query, Row
from storefront.core.refunds import is_effective, read_reversals
from storefront.core.services import Services
from storefront_subscriptions.debts import owed_of, read_debts
from storefront_subscriptions.rows import FINALS, INVOICES, WRITTEN_OFF
from storefront_subscriptions.spans import PRORATION, paid_by
from storefront_subscriptions.tables import usage
from storefront_subscriptions.usage_lines import OWED

MONEY_BACK = "money_back"
"""Why a final invoice is asked no more whose usage nobody is to pay for."""
_OWED = Query(
    select(usage.c.period, usage.c.amount)
    .where(
        usage.c.subscription_id == bindparam("subscription_id"),
        usage.c.currency == bindparam("asset"),
        usage.c.kind == OWED,
    )
    .order_by(usage.c.created_at, usage.c.period, usage.c.id)
)


async def is_waived(services: Services, row: Row) -> bool:
    """Tell whether nothing is asked for what was used since the last period began: all went back that paid for it.

    Where several purchases did, by changes of tier, or credit did, one that goes back leaves the period paid. What a
    change or a pause gives back is credit for time that was not had, and pays for no usage.
    """
    every = await services.reader.all(INVOICES, subscription_id=row["id"])
    if any(one["period"] == row["period"] and one["carried"] < 0 for one in every):
        return False
    found = [await read_purchase(services, one) for one in sorted(await paid_by(services, row))]
    paid = [one for one in found if one["total"] > 0]
    return bool(paid) and all([await _is_back(services, one) for one in paid])


async def _is_back(services: Services, purchase: Row) -> bool:
    if purchase["dispute"] == "lost":
        return True
    rows = await read_reversals(services.reader, purchase["id"])
    return purchase["refunded"] == "full" and any(is_effective(one) and one["cause"] != PRORATION for one in rows)


def waived_since(row: Row) -> int:
    """Return the number of the first period of which nothing is asked then: the last that was paid, and its grace."""
    return int(row["period"])


async def waivable(services: Services, row: Row, asset: str, *, beside: Row | None = None) -> int:
    """Return what of that a subscription still owes in an asset (smallest units).

    With ``beside`` a final invoice: what of it that one asks for.
    """
    debts, taken = await read_debts(services, row, asset)
    rows = await services.reader.all(_OWED, subscription_id=row["id"], asset=asset)
    finals = await services.reader.all(FINALS, subscription_id=row["id"])
    waived = sum(
        int(one["total"])
        for one in finals
        if (one["state"], one["reason"], one["currency"]) == (WRITTEN_OFF, MONEY_BACK, asset)
    )
    owed, since = [(int(one["period"]), int(one["amount"])) for one in rows], waived_since(row)
    own = owed_of(debts, row["id"])
    outside = left_since(owed, own, since, waived)
    if beside is None:
        return outside
    return left_since(owed, own + owed_of(taken.get(beside["id"], ()), row["id"]), since, waived) - outside


def left_since(owed: Sequence[tuple[int, int]], left: int, since: int, waived: int) -> int:
    """Return what is ``left`` of what was used in periods from one on. Pure.

    ``owed``: period and amount of all that came to be owed, in order. What was paid of it was paid in that order;
    what was ``waived`` was of those periods.
    """
    paid, found = sum(amount for _, amount in owed) - waived - left, -waived
    for period, amount in owed:
        part = min(max(amount, 0), max(paid, 0))
        paid -= part
        found += amount - part if period >= since else 0
    return min(max(0, found), left)
