"""How many subscriptions there are in which state, and how late their work is, in figures for ``/metrics``."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from storefront.core.clock import SECOND_MS
from storefront.core.hooks import Gauge
from storefront.core.services import Services
from storefront_subscriptions.rows import ACTIVE, INCOMPLETE, OVER, PAST_DUE, PAUSED, TRIALING, UNPAID
from storefront_subscriptions.tables import subscriptions

_SHOWN = (INCOMPLETE, TRIALING, ACTIVE, PAST_DUE, UNPAID, PAUSED)
"""States that have a sample also where there is none in it, so that a rate can be asked for from the first one on."""


async def read_gauges(services: Services) -> Sequence[Gauge]:
    """Count the subscriptions that are not over by state; how long the one that is latest with a step has been due."""
    table = subscriptions.c
    columns: list[Any] = [func.count().label("n"), func.min(table.next_attempt_at).label("due_at")]
    counted = select(table.billing_state, *columns).where(table.billing_state.not_in(OVER))
    rows = await services.reader.scan(counted.group_by(table.billing_state))
    counts = dict.fromkeys(_SHOWN, 0) | {row["billing_state"]: row["n"] for row in rows}
    due = [row["due_at"] for row in rows if row["due_at"] is not None]
    late = max(0, services.clock.now() - min(due)) / SECOND_MS if due else 0.0
    says = "Subscriptions that are not over, by state of their billing."
    return [
        *(Gauge("storefront_subscriptions_count", says, count, {"state": one}) for one, count in counts.items()),
        Gauge(
            "storefront_subscriptions_latest_attempt_seconds",
            "For how long the next attempt to charge a failing one has been due, in business time; 0 if none is.",
            late,
        ),
    ]
