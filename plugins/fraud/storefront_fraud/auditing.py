"""What ``audit verify --deep`` checks: counters are the sum of decisions, and decisions agree with the purchases."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, func, select

from storefront.core.audit import Check, Violation
from storefront.core.clock import DAY_MS
from storefront.core.tables import purchases
from storefront_fraud.attributes import Stage
from storefront_fraud.cases import PASSED
from storefront_fraud.rings import LONGEST_MS, Buckets, add, buckets_of
from storefront_fraud.tables import counters, decisions

_KEPT_MS = LONGEST_MS + DAY_MS
"""A counter that was not moved for so long may be forgotten at any time."""


def counters_equal_decisions(connection: Connection) -> Iterator[Violation]:
    """F1-counters: each counter holds what the decisions that name it add up to, no more and no less."""
    newest = connection.execute(select(func.max(counters.c.updated_at))).scalar()
    latest = connection.execute(select(func.max(decisions.c.created_at))).scalar()
    if newest is None and latest is None:
        return
    fresh = max(newest or 0, latest or 0) - _KEPT_MS
    expected = _added_up(connection, since=fresh - _KEPT_MS)
    statement = select(counters).where(counters.c.updated_at >= fresh).order_by(counters.c.dimension, counters.c.value)
    for row in connection.execute(statement):
        found, wanted = buckets_of({"buckets": row.buckets}), expected.pop((row.dimension, row.value), None)
        if found != (wanted or buckets_of(None)):
            message = f"the counter of {row.dimension} {row.value} is not what its decisions add up to"
            yield Violation("F1-counters", (row.dimension, row.value), message)
    for (dimension, value), wanted in sorted(expected.items()):
        if wanted["d"] and wanted["d"][-1][0] * DAY_MS > fresh:
            message = f"decisions were counted by {dimension} {value}, which has no counter"
            yield Violation("F1-counters", (dimension, value), message)


def _added_up(connection: Connection, *, since: int) -> dict[tuple[str, str], Buckets]:
    found: dict[tuple[str, str], Buckets] = defaultdict(lambda: buckets_of(None))
    columns = (decisions.c.identity, decisions.c.counted, decisions.c.amount, decisions.c.created_at)
    statement = select(*columns).where(decisions.c.created_at >= since, decisions.c.counted != "[]")
    for row in connection.execute(statement):
        identity = msgspec.json.decode(row.identity)
        for dimension in msgspec.json.decode(row.counted):
            add(found[dimension, identity[dimension]], row.created_at, row.amount or 0)
    return found


def decisions_agree_with_purchases(connection: Connection) -> Iterator[Violation]:
    """F2-decisions: what passed is a purchase, what was blocked is none."""
    statement = (
        select(decisions.c.purchase_id, decisions.c.verdict, decisions.c.outcome, purchases.c.id.label("found"))
        .join(purchases, purchases.c.id == decisions.c.purchase_id, isouter=True)
        .where(decisions.c.stage == str(Stage.PURCHASE))
    )
    for row in connection.execute(statement):
        if row.verdict == "block" and (row.found is not None or row.outcome == PASSED):
            yield Violation("F2-decisions", (row.purchase_id,), f"purchase {row.purchase_id} was blocked, and is there")
        elif row.outcome == PASSED and row.found is None:
            yield Violation(
                "F2-decisions", (row.purchase_id,), f"purchase {row.purchase_id} has passed, and is not there"
            )


CHECKS = (
    Check("F1-counters", "Velocity counters are what decisions add up to", counters_equal_decisions),
    Check("F2-decisions", "What passed is a purchase, what was blocked is none", decisions_agree_with_purchases),
)
