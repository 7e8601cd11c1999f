"""Prometheus metrics of the business: what waits, what is owed an answer, how well gateways' books are explained.

They are read from the database when somebody scrapes, at most every few seconds: ``/metrics`` is open to all.
Of several processes each says the same, so that an alert looks at ``max``, never at a sum.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from storefront.core.clock import SECOND_MS
from storefront.core.errors import Unavailable
from storefront.core.hooks import Gauge
from storefront.core.operating.gauges import MOST_UNSEALED, Gauges, read_gauges
from storefront.core.operating.payment_gauges import NEWEST, PaymentCost
from storefront.core.services import Services

FRESH_MS = 5 * SECOND_MS
GaugeReader = Callable[[], Awaitable[Sequence[Gauge]]]

log = structlog.get_logger("storefront.metrics")


async def _read_safely(read: GaugeReader) -> Sequence[Gauge]:
    """Read a plugin's figures; one that breaks takes its own figures away and nobody else's."""
    try:
        return await read()
    except Unavailable:
        raise
    except Exception as error:
        log.error("gauges_of_plugin_missing", exc_info=error)
        return ()


class BusinessMetrics(Collector):
    """The figures of ``core/operating/gauges.py``; without samples while the database does not answer."""

    def __init__(
        self,
        registry: CollectorRegistry,
        services: Services,
        *,
        worker: int | None = None,
        of_plugins: Sequence[GaugeReader] = (),
    ) -> None:
        self._services = services
        self._of_plugins = of_plugins
        self._more: list[Gauge] = []
        self._labels = {} if worker is None else {"worker": str(worker)}
        self._gauges: Gauges | None = None
        self._read_at = 0
        self._reading = asyncio.Lock()
        registry.register(self)

    async def refresh(self) -> None:
        """Read the figures if those at hand are old; scrapes at the same time read once."""
        async with self._reading:
            wall = self._services.clock.wall()
            if self._gauges is not None and 0 <= wall - self._read_at < FRESH_MS:
                return
            try:
                self._more = [gauge for read in self._of_plugins for gauge in await _read_safely(read)]
                self._gauges = await read_gauges(self._services)
            except Unavailable as away:
                log.warning("business_metrics_missing", reason=away.code)
                self._gauges = None
            self._read_at = wall

    def collect(self) -> Iterator[Metric]:
        """Write the samples that ``refresh`` has read."""
        found = self._gauges
        if found is None:
            return
        yield self._by_gateway(
            "storefront_reconciliation_explained_percent",
            "How many of a gateway's movements are known to be ours, at its last reconciliation.",
            found.explained_percent,
        )
        yield self._by_gateway(
            "storefront_reconciliation_oldest_unexplained_seconds",
            "Age of the oldest difference to a gateway's records, in business time; 0 if there is none.",
            found.unexplained_seconds,
        )
        yield self._inbox(found)
        yield self._one("storefront_purchases_pending", "Purchases that wait for a payment.", found.purchases_pending)
        yield self._one(
            "storefront_purchases_oldest_pending_seconds",
            "How long the oldest of them has waited, in business time; 0 if none waits.",
            found.purchases_pending_seconds,
        )
        yield self._one("storefront_refunds_pending", "Refunds that wait for a gateway.", found.refunds_pending)
        yield self._one("storefront_disputes_open", "Disputes that are not decided.", found.disputes_open)
        yield self._one("storefront_reviews_open", "Purchases that wait for a review.", found.reviews_open)
        yield self._one(
            "storefront_reviews_oldest_open_seconds",
            "How long the oldest of them has waited, in business time; 0 if none waits.",
            found.reviews_open_seconds,
        )
        yield from self._work(found)
        yield from self._alarms(found)
        yield from self._payments(found.payment_costs)
        yield from self._plugins()

    def _work(self, found: Gauges) -> Iterator[Metric]:
        yield self._one("storefront_jobs_dead", "Jobs that were given up and wait for a person.", found.jobs_dead)
        yield self._one(
            "storefront_jobs_oldest_due_seconds",
            "For how long the oldest job has been due, in business time; 0 if none is.",
            found.jobs_due_seconds,
        )
        yield self._one(
            "storefront_seals_unsealed_entries",
            f"Entries of the ledger that no seal holds yet, counted up to {MOST_UNSEALED:,}.",
            found.unsealed,
        )
        yield self._one(
            "storefront_seals_oldest_unsealed_seconds",
            "How long ago the oldest of them was recorded; 0 if all are sealed.",
            found.unsealed_seconds,
        )

    def _alarms(self, found: Gauges) -> Iterator[Metric]:
        """Write those that are not closed by kind, and how many were ever raised: that rises with each new one."""
        names, values = tuple(self._labels), tuple(self._labels.values())
        metric = GaugeMetricFamily(
            "storefront_alarms_open", "Alarms that did not end by themselves.", labels=(*names, "kind")
        )
        for kind, count in found.alarms_open.items():
            metric.add_metric((*values, kind), count)
        yield metric
        raised = CounterMetricFamily("storefront_alarms_raised", "Alarms that were ever raised.", labels=names)
        raised.add_metric(values, found.alarms_raised)
        yield raised

    def _payments(self, costs: Sequence[PaymentCost]) -> Iterator[Metric]:
        """Write averages over the newest payments, by gateway and the currency that it settles in."""
        of_the_newest = f"of the newest {NEWEST} payments"
        for name, says, values in (
            (
                "storefront_payment_cost_minor",
                f"The gateway's fees per payment, in the smallest unit, {of_the_newest}.",
                [one.fee_minor for one in costs],
            ),
            (
                "storefront_payment_cost_percent",
                f"The gateway's fees in percent of what was paid, {of_the_newest}.",
                [one.percent for one in costs],
            ),
            (
                "storefront_payment_clearing_seconds",
                f"From paid until it stands in the gateway's balance, on average, in business time, {of_the_newest}.",
                [one.clearing_seconds for one in costs],
            ),
        ):
            metric = GaugeMetricFamily(name, says, labels=(*self._labels, "gateway", "currency"))
            for one, value in zip(costs, values, strict=True):
                metric.add_metric((*self._labels.values(), one.gateway, one.currency), value)
            yield metric

    def _plugins(self) -> Iterator[Metric]:
        """Write what plugins have read: one metric a name, whose samples follow each other."""
        for name, group in groupby(sorted(self._more, key=attrgetter("name")), key=attrgetter("name")):
            gauges = list(group)
            metric = GaugeMetricFamily(name, gauges[0].says, labels=(*self._labels, *gauges[0].labels))
            for gauge in gauges:
                metric.add_metric((*self._labels.values(), *gauge.labels.values()), gauge.value)
            yield metric

    def _one(self, name: str, says: str, value: float) -> Metric:
        metric = GaugeMetricFamily(name, says, labels=tuple(self._labels))
        metric.add_metric(tuple(self._labels.values()), value)
        return metric

    def _by_gateway(self, name: str, says: str, values: Mapping[str, float]) -> Metric:
        metric = GaugeMetricFamily(name, says, labels=(*self._labels, "gateway"))
        for gateway, value in values.items():
            metric.add_metric((*self._labels.values(), gateway), value)
        return metric

    def _inbox(self, found: Gauges) -> Metric:
        metric = GaugeMetricFamily(
            "storefront_inbox_events",
            "Webhooks of gateways that wait (received) or were set aside (quarantined).",
            labels=(*self._labels, "gateway", "state"),
        )
        for (gateway, state), count in found.inbox.items():
            metric.add_metric((*self._labels.values(), gateway, state), count)
        return metric
