"""What judging costs: purchases from the wallet under thirty rules beside the same shop without the plugin.

What counts is the processor's time of the server processes for each purchase: that is their own time, whatever the disk
and the load generator do meanwhile. It still differs with what else runs on the machine, by more than what is to be
decided, so three things are done about that. The shops take turns of a fraction of a second, in an order in which each
one comes equally often early, late and straight after itself, so whatever lasts longer meets all of them. The aim is
held against the ratio of what all rounds took together, which is told with how far it may be off: sealing and roll-ups
come in bursts once a second, so that one round's ratio mostly tells which of the shops met a burst in it. The median
of the rounds' ratios stands beside it. And a second shop without rules plays along: what its ratio is off from 1
is what the benchmark cannot tell.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import Figures, Run, runner
from benchmarks.measures import Measure
from benchmarks.requests import measure, purchases
from benchmarks.servers import Server, bench_shop, tokens

SECTION = "Fraud rules on SQLite"
AIM = 1.15
"""A purchase under thirty rules takes at most so many times the server's time."""
ROUNDS, CLIENTS = 48, 8
ORDERS = ("ABCCBA", "BCAACB", "CABBAC")
"""The turns of three rounds, which are repeated. A: without rules, B: under thirty, C: without rules again. Of
its turns each shop has one in six straight after itself."""
RESAMPLES, MIDDLE = 2_000, 0.95
SETTLE_SECONDS = 0.1
"""After a round: what a commit has left to do, such as to tell of it, is part of what it costs."""
Told = Callable[["_Spent"], float]


@dataclass(frozen=True, slots=True)
class _Spent:
    """The processor's time of a server for one purchase, in ms: all of it, and outside of the kernel."""

    all: float
    user: float


@dataclass(slots=True)
class _Side:
    """One of the shops: its sessions, and what each turn and each round measured."""

    shop: Server
    held: list[str]
    figures: list[Figures] = field(default_factory=list)
    rounds: list[_Spent] = field(default_factory=list)

    def play(self, run: Run, requests: int, name: str) -> None:
        self.figures.append(measure(self.shop, purchases(self.held, requests // CLIENTS, name), run=run))

    def seconds(self) -> tuple[float, float]:
        """Return how long the processor has worked for the server so far, and how much of that outside of the kernel.

        The first is exact, the second is counted in hundredths of a second.
        """
        pid = self.shop.process.pid
        clock = (~pid << 3) | 2  # what clock_getcpuclockid(3) returns on Linux
        return time.clock_gettime(clock), float(self.shop.process.cpu_times().user)

    def p50_ms(self) -> float:
        return statistics.median(one.p50_ms for one in self.figures)

    def mean_ms(self, told: Told) -> float:
        return statistics.mean(map(told, self.rounds))


def measure_fraud(folder: Path, requests: int) -> Iterator[Measure]:
    """Measure purchases without rules, under thirty, and without rules again."""
    names = [f"bench-{number}" for number in range(CLIENTS)]
    config = Path(__file__).parent / "fraud.yaml"
    with ExitStack() as stack:
        run = stack.enter_context(runner())
        shops = {
            "A": stack.enter_context(bench_shop(folder / "unjudged")),
            "B": stack.enter_context(bench_shop(folder / "judged", config=config)),
            "C": stack.enter_context(bench_shop(folder / "control")),
        }
        sides = {name: _Side(shop, tokens(shop, names)) for name, shop in shops.items()}
        for side in sides.values():
            side.play(run, 400, "warm")
            side.figures.clear()
        each = max(1, requests // 16 // CLIENTS) * CLIENTS
        for number in range(ROUNDS):
            _play_round(run, sides, ORDERS[number % len(ORDERS)], each, f"round-{number}")
    yield from _measures(sides["A"], sides["B"], sides["C"])


def _play_round(run: Run, sides: dict[str, _Side], order: str, each: int, name: str) -> None:
    """Play a round; in the others' turns a shop does next to nothing."""
    before = {of: side.seconds() for of, side in sides.items()}
    for turn, of in enumerate(order):
        sides[of].play(run, each, f"{name}-{turn}")
    time.sleep(SETTLE_SECONDS)
    for of, side in sides.items():
        bought = each * order.count(of)
        total, user = (after - earlier for after, earlier in zip(side.seconds(), before[of], strict=True))
        side.rounds.append(_Spent(1000 * total / bought, 1000 * user / bought))


def _measures(bare: _Side, ruled: _Side, control: _Side) -> Iterator[Measure]:
    unit, floor = "ms of the processor", "no rules"
    yield Measure(SECTION, "wallet purchase, no rules", bare.mean_ms(_all), unit, p50_ms=bare.p50_ms())
    ratio, low, high = _ratio(ruled, bare, _all)
    yield Measure(SECTION, "wallet purchase, 30 rules", ruled.mean_ms(_all), unit, p50_ms=ruled.p50_ms(),
                  ratio=ratio, floor=floor, aim=AIM, is_most=True)  # fmt: skip
    yield Measure(SECTION, "this ratio, from (95 of 100)", low, "times no rules")
    yield Measure(SECTION, "this ratio, to (95 of 100)", high, "times no rules")
    yield Measure(SECTION, "its median of the rounds", _median_ratio(ruled, bare, _all), "times no rules")
    user, _, _ = _ratio(ruled, bare, _user)
    yield Measure(SECTION, "30 rules, outside of the kernel", ruled.mean_ms(_user), unit, ratio=user, floor=floor)
    same, same_low, same_high = _ratio(control, bare, _all)
    yield Measure(SECTION, "no rules again, which should be 1", control.mean_ms(_all), unit, p50_ms=control.p50_ms(),
                  ratio=same, floor=floor)  # fmt: skip
    yield Measure(SECTION, "that ratio, from (95 of 100)", same_low, "times no rules")
    yield Measure(SECTION, "that ratio, to (95 of 100)", same_high, "times no rules")
    yield Measure(SECTION, "its median of the rounds", _median_ratio(control, bare, _all), "times no rules")


def _ratio(one: _Side, other: _Side, told: Told) -> tuple[float, float, float]:
    """Return the ratio of what all rounds took, and what it would lie between in other rounds like these."""
    pairs = [(told(ours), told(theirs)) for ours, theirs in zip(one.rounds, other.rounds, strict=True)]
    drawn = random.Random(1)  # the same rounds say the same
    ratios = sorted(_of_sums(drawn.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    return _of_sums(pairs), _at(ratios, (1 - MIDDLE) / 2), _at(ratios, (1 + MIDDLE) / 2)


def _of_sums(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(ours for ours, _ in pairs) / sum(theirs for _, theirs in pairs)


def _median_ratio(one: _Side, other: _Side, told: Told) -> float:
    return statistics.median(told(ours) / told(theirs) for ours, theirs in zip(one.rounds, other.rounds, strict=True))


def _at(ordered: Sequence[float], part: float) -> float:
    return ordered[round(part * (len(ordered) - 1))]


def _all(spent: _Spent) -> float:
    return spent.all


def _user(spent: _Spent) -> float:
    return spent.user
