"""Prometheus metrics of what an operator has to do besides: backups, audits, and room on the disk."""

import time
from collections.abc import Iterator
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from storefront.core.upkeep import Upkeep, read_upkeep

log = structlog.get_logger("storefront.metrics")


class UpkeepMetrics(Collector):
    """What ``core/upkeep.py`` knows of the data folder, read at each scrape; what was never noted has no sample.

    Ages are those of files, so they are told by the machine's own clock, whatever a sandbox plays.
    """

    def __init__(self, registry: CollectorRegistry, data_dir: Path, *, worker: int | None = None) -> None:
        self._data_dir = data_dir
        self._labels = {} if worker is None else {"worker": str(worker)}
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Write the samples."""
        try:
            found = read_upkeep(self._data_dir)
        except OSError as error:
            log.warning("upkeep_metrics_missing", reason=str(error))
            return
        for name, says, value in _figures(found, time.time()):
            metric = GaugeMetricFamily(name, says, labels=tuple(self._labels))
            if value is not None:
                metric.add_metric(tuple(self._labels.values()), value)
            yield metric


def _figures(found: Upkeep, now: float) -> Iterator[tuple[str, str, float | None]]:
    """Yield each figure's name, what it says, and its value."""
    yield "storefront_backup_age_seconds", "How long ago the shop was last backed up.", _age(found.backed_up_at, now)
    yield (
        "storefront_audit_age_seconds",
        "How long ago `audit verify` last ended.",
        _age(found.audited_at, now),
    )
    yield "storefront_audit_violations", "What was wrong with the books then; 0 is as it must be.", found.violations
    yield "storefront_data_free_bytes", "Room on the disk of the data folder.", found.free_bytes
    yield "storefront_data_size_bytes", "Size of the disk of the data folder.", found.size_bytes


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)
