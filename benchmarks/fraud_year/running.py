"""Play simulated years, and print what was found of each pattern as a table or as JSON."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.fraud_year.evaluating import Result, evaluate, threshold_for
from benchmarks.fraud_year.generator import generate
from benchmarks.fraud_year.pack import PACK, read_pack
from benchmarks.fraud_year.parameters import PATTERNS, PURCHASES
from benchmarks.fraud_year.playing import Said, play
from benchmarks.fraud_year.shapes import Labels

FITTED_ON, REPORTED_ON = range(1, 11), range(11, 21)
REVIEWED, BLOCKED, FOUND = 0.005, 0.001, 0.9
"""The aims: most of the honest ones that are reviewed and blocked, and least of the fraud that is found."""
_QUANTILES = (0.9, 0.99, 0.995, 0.999, 0.9999)
Played = tuple[Labels, list[Said]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fraud_year", description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=REPORTED_ON, help="as in 11-20 (the default) or 3,4")
    parser.add_argument("--rate", type=float, help="how many attacks, of the usual; without it 1, and then 0.5")
    parser.add_argument("--purchases", type=int, default=PURCHASES, help="attempts in a year")
    parser.add_argument("--pack", type=Path, default=PACK, help="the rules; the shipped ones by default")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--fit", action="store_true", help="also say which thresholds the aims would have, on 1-10")
    parser.add_argument("--json", action="store_true", help="print JSON")
    wanted = parser.parse_args()
    seeds: Sequence[int] = FITTED_ON if wanted.fit else wanted.seeds
    told = []
    for rate in (1.0, 0.5) if wanted.rate is None else (wanted.rate,):
        jobs = [(seed, rate, wanted.purchases, wanted.pack) for seed in seeds]
        # An executor, not a pool: that would wait for ever for a worker that was killed.
        with ProcessPoolExecutor(wanted.workers, mp_context=get_context("spawn")) as workers:
            years = list(workers.map(_play, jobs))
        told.append(_report(seeds, rate, years, is_fitting=wanted.fit))
        if not wanted.json:
            _show(told[-1])
    if wanted.json:
        json.dump([{**one, "results": {name: result.to_json() for name, result in one["results"].items()}}
                   for one in told], sys.stdout, indent=2)  # fmt: skip


def _seeds(text: str) -> Sequence[int]:
    first, dash, last = text.partition("-")
    return range(int(first), int(last) + 1) if dash else [int(one) for one in text.split(",")]


def _play(job: tuple[int, float, int, Path]) -> Played:
    seed, rate, purchases, pack = job
    year, labels = generate(seed, purchases=purchases, rate=rate)
    said = play(year, read_pack(pack))
    print(f"seed {seed}, rate {rate:g}: {len(labels)} of {len(said)} are fraud", file=sys.stderr, flush=True)
    return labels, said


def _report(seeds: Sequence[int], rate: float, years: Sequence[Played], *, is_fitting: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "seeds": list(seeds),
        "rate": rate,
        "aims": {"recall": FOUND, "good_reviewed_share": REVIEWED, "good_blocked_share": BLOCKED},
        "results": evaluate(years),
        "scores_of_good": {name: _quantiles(scores) for name, scores in _good(years).items()},
    }
    return {**found, "thresholds": fit(years)} if is_fitting else found


def fit(years: Sequence[Played]) -> Mapping[str, float]:
    """Return the lowest thresholds at which each score alone takes up a tenth of the honest reviews aimed at.

    Honest purchases through the shop and bills of usage are told apart: each score is for its own.
    """
    return {name: threshold_for(scores, int(REVIEWED / 10 * len(scores))) for name, scores in _good(years).items()}


def _good(years: Sequence[Played]) -> Mapping[str, list[float]]:
    said = [one for labels, year in years for number, one in enumerate(year) if number not in labels]
    return {
        "anomaly.score": [one.anomaly for one in said if one.anomaly is not None],
        "meter.score": [one.meter for one in said if one.meter is not None],
    }


def _quantiles(scores: Sequence[float]) -> Mapping[str, float]:
    ordered = sorted(scores)
    return {f"{one:g}": round(ordered[int(one * len(ordered))], 4) for one in _QUANTILES} if ordered else {}


def _show(told: Mapping[str, Any]) -> None:
    console = Console(width=120)
    results: Mapping[str, Result] = told["results"]
    seeds = f"{told['seeds'][0]}–{told['seeds'][-1]}"
    table = Table("", *_headings(results), title=f"Seeds {seeds}, attacks × {told['rate']:g}", title_justify="left")
    for pattern in PATTERNS:
        table.add_row(f"{pattern} ({next(iter(results.values())).patterns[pattern].all})",
                      *(cell for one in results.values() for cell in _cells(one, pattern)))  # fmt: skip
    table.add_section()
    table.add_row("all fraud", *(cell for one in results.values()
                                 for cell in (f"{one.recall:.3f}", f"{one.precision():.3f}", "")))  # fmt: skip
    for words, name in (("good, to review", "reviewed"), ("good, blocked", "blocked")):
        table.add_row(words, *(cell for one in results.values() for cell in (f"{getattr(one, name):.3%}", "", "")))
    console.print(table)
    for name, quantiles in told["scores_of_good"].items():
        console.print(
            f"honest {name}: " + ", ".join(f"{100 * float(one):g} % ≤ {is_}" for one, is_ in quantiles.items())
        )
    for name, threshold in told.get("thresholds", {}).items():
        console.print(f"fitted {name} > {threshold:g}")
    console.print()


def _headings(results: Mapping[str, Result]) -> Iterator[str]:
    for name in results:
        yield from (f"{name}: recall", "precision", "attacks")


def _cells(result: Result, pattern: str) -> tuple[str, str, str]:
    tally = result.patterns[pattern]
    return f"{tally.recall:.3f}", f"{result.precision(pattern):.3f}", f"{tally.attacks_found}/{tally.attacks}"
