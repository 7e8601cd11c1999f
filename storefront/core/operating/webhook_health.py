"""How deliveries to endpoints went in the last 48 hours: by hour, how many arrived, how long it took."""

from dataclasses import dataclass
from statistics import median

from sqlalchemy import select

from storefront.core.clock import HOUR_MS
from storefront.core.services import Services
from storefront.core.tables_webhooks import webhook_attempts

HOURS = 48


@dataclass(frozen=True, slots=True)
class Health:
    """Attempts at one endpoint: (arrived, failed) of each hour, oldest first; the median answer in ms, if any came."""

    hours: tuple[tuple[int, int], ...]
    median_ms: int | None

    @property
    def arrived(self) -> int:
        return sum(arrived for arrived, _ in self.hours)

    @property
    def failed(self) -> int:
        return sum(failed for _, failed in self.hours)


async def read_health(services: Services) -> dict[str, Health]:
    """Return ``endpoint -> health`` of all that had attempts lately."""
    now = services.clock.now()
    since = (now // HOUR_MS - HOURS + 1) * HOUR_MS
    columns = (webhook_attempts.c[name] for name in ("endpoint_id", "attempted_at", "status", "latency_ms"))
    rows = await services.reader.scan(select(*columns).where(webhook_attempts.c.attempted_at >= since))
    hours: dict[str, list[list[int]]] = {}
    waits: dict[str, list[int]] = {}
    for row in rows:
        counts = hours.setdefault(row["endpoint_id"], [[0, 0] for _ in range(HOURS)])
        place = min(HOURS - 1, (row["attempted_at"] - since) // HOUR_MS)
        has_arrived = row["status"] is not None and 200 <= row["status"] < 300
        counts[place][0 if has_arrived else 1] += 1
        if has_arrived and row["latency_ms"] is not None:
            waits.setdefault(row["endpoint_id"], []).append(row["latency_ms"])
    return {
        name: Health(
            tuple((arrived, failed) for arrived, failed in counts),
            int(median(waits[name])) if name in waits else None,
        )
        for name, counts in hours.items()
    }
