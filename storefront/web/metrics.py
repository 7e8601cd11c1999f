"""Prometheus metrics of the HTTP edge, in a registry of their own (never the process-wide one).

Plain integers, because the library's own counters take a lock for each of three increments; they are
turned into its samples when somebody scrapes. Labels are route templates, so their number is bounded.

Each process counts for itself. Of several on one address (``serve --workers``) a scrape meets any, so every sample
says whose it is (``worker="2"``): no counter ever seems to jump back, and sums over ``worker`` are the whole.
"""

import os
import time
from bisect import bisect_left
from collections.abc import Iterator
from importlib.metadata import version as version_of
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from storefront.core.clock import SECOND_MS, Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.enduring import Endurance
from storefront.core.outgoing_webhooks.dispatching import WebhookDispatcher

UNMATCHED = "(none)"
VERSION = version_of("storefront")
_PROC = Path("/proc/self")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RouteMetrics:
    """The counts of one route; used from the event loop only."""

    __slots__ = ("buckets", "method", "route", "seconds", "statuses")

    def __init__(self, method: str, route: str) -> None:
        self.method = method
        self.route = route
        self.statuses: dict[int, int] = {}
        self.buckets = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0

    def answered(self, status: int, seconds: float) -> None:
        """Count one answer."""
        statuses = self.statuses
        statuses[status] = statuses.get(status, 0) + 1
        self.buckets[bisect_left(_BOUNDS, seconds)] += 1
        self.seconds += seconds

    def cumulated(self) -> list[tuple[str, float]]:
        """Return the buckets as Prometheus wants them: each holds all that are below its bound."""
        total = 0
        pairs = []
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self.buckets, strict=True):
            total += count
            pairs.append((bound, float(total)))
        return pairs


class HttpMetrics(Collector):
    """Requests by route and status, and how long they took; by ``worker`` where there are several."""

    def __init__(self, registry: CollectorRegistry, *, worker: int | None = None) -> None:
        self.registry = registry
        self._names = () if worker is None else ("worker",)
        self._worker = () if worker is None else (str(worker),)
        self._routes: list[RouteMetrics] = []
        registry.register(self)

    def route(self, method: str, template: str) -> RouteMetrics:
        """Return the counts of a route, from now on part of the exposition."""
        counts = RouteMetrics(method, template)
        self._routes.append(counts)
        return counts

    def collect(self) -> Iterator[Metric]:
        """Write all samples."""
        requests = CounterMetricFamily(
            "storefront_http_requests", "Requests answered.", labels=(*self._names, "method", "route", "status")
        )
        seconds = HistogramMetricFamily(
            "storefront_http_request_seconds",
            "Time until the answer was ready.",
            labels=(*self._names, "method", "route"),
        )
        for counts in self._routes:
            labels = (*self._worker, counts.method, counts.route)
            for status, count in counts.statuses.items():
                requests.add_metric((*labels, str(status)), count)
            if counts.statuses:
                seconds.add_metric(labels, buckets=counts.cumulated(), sum_value=counts.seconds)
        yield requests
        yield seconds


class ProcessMetrics(Collector):
    """Which process answered, and how far its business time is ahead: what tells the processes of one shop apart."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, *, worker: int | None = None) -> None:
        self._clock = clock
        self._labels = {} if worker is None else {"worker": str(worker)}
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Write the samples."""
        process = GaugeMetricFamily(
            "storefront_process", "The process that answered; always 1.", labels=(*self._labels, "pid")
        )
        process.add_metric((*self._labels.values(), str(os.getpid())), 1)
        yield process
        offset = GaugeMetricFamily(
            "storefront_clock_offset_seconds", "How far a sandbox's clock was moved.", labels=tuple(self._labels)
        )
        offset.add_metric(tuple(self._labels.values()), self._clock.offset_ms / 1000)
        yield offset
        yield from self._used()

    def _used(self) -> Iterator[Metric]:
        """Write what the process has used; its memory and files where the system tells them (Linux)."""
        names, values = tuple(self._labels), tuple(self._labels.values())
        version = GaugeMetricFamily(
            "storefront_build_info", "The version that runs; always 1.", labels=(*names, "version")
        )
        version.add_metric((*values, VERSION), 1)
        yield version
        spent = CounterMetricFamily("storefront_process_cpu_seconds", "Processor time that was used.", labels=names)
        spent.add_metric(values, time.process_time())
        yield spent
        if not _PROC.is_dir():
            return
        memory = GaugeMetricFamily("storefront_process_resident_bytes", "Memory that is in use.", labels=names)
        memory.add_metric(values, int((_PROC / "statm").read_text().split()[1]) * _PAGE_BYTES)
        yield memory
        files = GaugeMetricFamily("storefront_process_open_files", "Open files and connections.", labels=names)
        files.add_metric(values, len(os.listdir(_PROC / "fd")))
        yield files


class WebhookMetrics(Collector):
    """Outgoing webhooks: attempts by result, and what waits; of several processes only the one that leads has any."""

    def __init__(
        self, registry: CollectorRegistry, dispatcher: WebhookDispatcher, clock: Clock, *, worker: int | None = None
    ) -> None:
        self._dispatcher = dispatcher
        self._clock = clock
        self._labels = {} if worker is None else {"worker": str(worker)}
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Write the samples."""
        names, values = tuple(self._labels), tuple(self._labels.values())
        attempts = CounterMetricFamily(
            "storefront_webhook_attempts",
            "Attempts to deliver events: delivered, failed (to be tried again) or dead (given up).",
            labels=(*names, "result"),
        )
        for result in ("delivered", "failed", "dead"):
            attempts.add_metric((*values, result), self._dispatcher.results[result])
        yield attempts
        waiting = GaugeMetricFamily("storefront_webhook_waiting", "Deliveries that wait.", labels=names)
        waiting.add_metric(values, self._dispatcher.waiting)
        yield waiting
        oldest = self._dispatcher.oldest_waiting_at
        age = GaugeMetricFamily(
            "storefront_webhook_oldest_waiting_seconds",
            "How long the oldest delivery has waited, in business time; 0 if none waits.",
            labels=names,
        )
        age.add_metric(values, 0 if oldest is None else max(0, self._clock.now() - oldest) / SECOND_MS)
        yield age


class CommitMetrics(Collector):
    """The commit engine of a process: batches, the plans in them, how long they took, and what waits for the next."""

    def __init__(self, registry: CollectorRegistry, engine: CommitEngine, *, worker: int | None = None) -> None:
        self._engine = engine
        self._labels = {} if worker is None else {"worker": str(worker)}
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Write the samples."""
        names, values, counts = tuple(self._labels), tuple(self._labels.values()), self._engine.counts
        for name, says, value in (
            (
                "storefront_commit_batches",
                "Batches of plans that were written, a transaction each.",
                counts.batches,
            ),
            ("storefront_commit_plans", "Plans in these batches, those that were refused included.", counts.plans),
            ("storefront_commit_seconds", "Time that writing these batches took.", counts.seconds),
            (
                "storefront_commit_overloaded",
                "Plans that were turned away: too many waited.",
                counts.overloaded,
            ),
        ):
            metric = CounterMetricFamily(name, says, labels=names)
            metric.add_metric(values, value)
            yield metric
        waiting = GaugeMetricFamily("storefront_commit_waiting", "Plans that wait for the next batch.", labels=names)
        waiting.add_metric(values, self._engine.waiting)
        yield waiting


class WorkMetrics(Collector):
    """The lasting work of a process (followers, jobs): how often something unforeseen befell it, and what fails now."""

    def __init__(self, registry: CollectorRegistry, endurance: Endurance, *, worker: int | None = None) -> None:
        self._endurance = endurance
        self._labels = {} if worker is None else {"worker": str(worker)}
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Write the samples."""
        names, values = (*self._labels, "work"), tuple(self._labels.values())
        failures = CounterMetricFamily(
            "storefront_work_failures", "How often lasting work failed and was begun anew.", labels=names
        )
        failing = GaugeMetricFamily(
            "storefront_work_failing",
            "1 while lasting work pauses after a failure, or has just begun anew.",
            labels=names,
        )
        fail = self._endurance.failing
        for name, count in sorted(self._endurance.failures.items()):
            failures.add_metric((*values, name), count)
            failing.add_metric((*values, name), float(name in fail))
        yield failures
        yield failing
