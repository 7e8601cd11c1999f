"""What judging costs: purchases from the wallet under thirty rules beside the same shop without the plugin.

The two shops take turns, round after round. What counts is the processor's time of the server process for each
purchase: that is the server's own time, whatever the disk and the load generator do meanwhile. The aim is held against
the median of the rounds' ratios; the least and the most of them say how far a run is to be trusted.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import Figures
from benchmarks.measures import Measure
from benchmarks.requests import measure, purchases
from benchmarks.servers import Server, bench_shop, tokens

SECTION = "Fraud rules on SQLite"
AIM = 1.15
"""A purchase under thirty rules takes at most so many times the server's time."""
ROUNDS, CLIENTS = 5, 8


@dataclass(slots=True)
class _Side:
    """One of the two shops: its sessions, and what each round measured."""

    shop: Server
    held: list[str]
    figures: list[Figures] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def play(self, requests: int, name: str) -> None:
        before = _seconds(self.shop)
        figures = measure(self.shop, purchases(self.held, requests // CLIENTS, name))
        self.cpu_ms.append(1000 * (_seconds(self.shop) - before) / (requests // CLIENTS * CLIENTS))
        self.figures.append(figures)

    def p50_ms(self) -> float:
        return statistics.median(one.p50_ms for one in self.figures)


def measure_fraud(folder: Path, requests: int) -> Iterator[Measure]:
    """Measure purchases without rules, then under thirty."""
    names = [f"bench-{number}" for number in range(CLIENTS)]
    config = Path(__file__).parent / "fraud.yaml"
    with bench_shop(folder / "unjudged") as bare, bench_shop(folder / "judged", config=config) as ruled:
        sides = [_Side(shop, tokens(shop, names)) for shop in (bare, ruled)]
        for side in sides:
            side.play(200, "warm")
            side.figures.clear()
            side.cpu_ms.clear()
        for number in range(ROUNDS):
            for side in sides if number % 2 else reversed(sides):
                side.play(requests // 2, f"round-{number}")
    without, under = sides
    ratios = sorted(one / other for one, other in zip(under.cpu_ms, without.cpu_ms, strict=True))
    ratio = statistics.median(ratios)
    yield Measure(SECTION, "wallet purchase, no rules", statistics.median(without.cpu_ms), "ms of the processor",
                  p50_ms=without.p50_ms())  # fmt: skip
    yield Measure(SECTION, "wallet purchase, 30 rules", statistics.median(under.cpu_ms), "ms of the processor",
                  p50_ms=under.p50_ms(), ratio=ratio, floor="no rules", aim=AIM, is_most=True)  # fmt: skip
    yield Measure(SECTION, "30 rules, least of the rounds", ratios[0], "times no rules")
    yield Measure(SECTION, "30 rules, most of the rounds", ratios[-1], "times no rules")


def _seconds(shop: Server) -> float:
    """Return how long the processor has worked for a server so far."""
    family = [shop.process, *shop.process.children(recursive=True)]
    return sum(float(times.user + times.system) for times in (one.cpu_times() for one in family))
