"""``make bench``: measure, and print every figure as a ratio to the floor of the same run."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from benchmarks import machine, report
from benchmarks.analytics import FULL_PURCHASES, PURCHASES, measure_analytics, measure_analytics_on_postgres
from benchmarks.engine import SqliteTarget, measure_batches, measure_hot_account
from benchmarks.exporting import measure_exports
from benchmarks.fraud import measure_fraud
from benchmarks.growth import FULL_SIZES, SIZES, measure_growth
from benchmarks.http import measure_batching, measure_http, measure_overload, measure_processes, measure_start
from benchmarks.measures import Measure
from benchmarks.metering import EVENTS, FULL_EVENTS, measure_metering
from benchmarks.overlays import measure_overlays
from benchmarks.postgres import measure_postgres
from storefront.web.logs import configure_logging

DOCS = Path(__file__).parent.parent / "docs"
SECTIONS = (
    "http",
    "engine",
    "hot",
    "postgres",
    "overload",
    "start",
    "metering",
    "overlays",
    "fraud",
    "exports",
    "analytics",
    "analytics-postgres",
    "growth",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"only these: {', '.join(SECTIONS)}")
    parser.add_argument("--requests", type=int, default=4_000, help="requests per measurement")
    parser.add_argument(
        "--full",
        action="store_true",
        help="also grow to 10 million ledger rows, take 1 million usage events, and count 1 million purchases",
    )
    parser.add_argument(
        "--purchases", type=int, help=f"of the shop for analytics: {PURCHASES:,}, with --full {FULL_PURCHASES:,}"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--report", action="store_true", help="write docs/performance.md and its charts: of these sections, or all"
    )
    wanted = parser.parse_args()
    unknown = set(wanted.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    configure_logging("error")
    facts = machine.describe()
    with tempfile.TemporaryDirectory(prefix="storefront-bench-") as name:
        purchases = wanted.purchases or (FULL_PURCHASES if wanted.full else PURCHASES)
        parts = _parts(Path(name), wanted.requests, full=wanted.full, purchases=purchases)
        measures = [one for part in SECTIONS if part in (wanted.sections or SECTIONS) for one in _told(parts[part]())]
    if wanted.json:
        json.dump(report.as_json(measures, facts), sys.stdout, indent=2)
    else:
        report.show(measures, facts)
    if wanted.report:
        report.write(DOCS, measures, facts, is_whole=not wanted.sections)


def _parts(folder: Path, requests: int, *, full: bool, purchases: int) -> dict[str, Callable[[], Iterator[Measure]]]:
    def http() -> Iterator[Measure]:
        yield from measure_http(folder, requests)
        yield from measure_batching(folder, requests)
        yield from measure_processes(folder, requests)

    return {
        "http": http,
        "engine": lambda: measure_batches(SqliteTarget(folder / "engine"), requests // 2),
        "hot": lambda: measure_hot_account(SqliteTarget(folder / "hot"), requests // 4),
        "postgres": lambda: measure_postgres(folder, requests // 2),
        "overload": lambda: measure_overload(folder),
        "start": lambda: measure_start(folder),
        "metering": lambda: measure_metering(folder, FULL_EVENTS if full else EVENTS),
        "overlays": lambda: measure_overlays(folder),
        "fraud": lambda: measure_fraud(folder, requests),
        "exports": lambda: measure_exports(folder),
        "analytics": lambda: measure_analytics(folder, purchases),
        "analytics-postgres": lambda: measure_analytics_on_postgres(folder, purchases),
        "growth": lambda: measure_growth(folder, FULL_SIZES if full else SIZES),
    }


def _told(measures: Iterator[Measure]) -> Iterator[Measure]:
    """Say on the error stream what is done, as it comes."""
    console = Console(stderr=True)
    for one in measures:
        console.print(f"[dim]{one.section}: {one.what}")
        yield one


if __name__ == "__main__":
    main()
