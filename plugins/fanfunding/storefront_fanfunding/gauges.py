"""Payouts that are under way, in figures for ``/metrics``."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from storefront.core.clock import SECOND_MS
from storefront.core.hooks import Gauge
from storefront.core.services import Services
from storefront_fanfunding.payout_rows import CREATED, IN_PROGRESS
from storefront_fanfunding.tables import payouts

_UNDER_WAY = (CREATED, IN_PROGRESS)


async def read_gauges(services: Services) -> Sequence[Gauge]:
    """Count payouts that wait for a second person (created) or for the money to leave (in_progress), and their ages."""
    columns: list[Any] = [func.count().label("n"), func.min(payouts.c.updated_at).label("since")]
    counted = select(payouts.c.state, *columns).where(payouts.c.state.in_(_UNDER_WAY)).group_by(payouts.c.state)
    rows = {row["state"]: row for row in await services.reader.scan(counted)}
    now, gauges = services.clock.now(), []
    for state in _UNDER_WAY:
        row = rows.get(state)
        count, age = (0, 0.0) if row is None else (row["n"], max(0, now - row["since"]) / SECOND_MS)
        labels = {"state": state}
        gauges += [
            Gauge("storefront_fanfunding_payouts", "Payouts that are under way, by state.", count, labels),
            Gauge(
                "storefront_fanfunding_payouts_oldest_seconds",
                "For how long the oldest of them has been in its state, in business time; 0 if there is none.",
                age,
                labels,
            ),
        ]
    return gauges
