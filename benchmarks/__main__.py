"""``make bench``: measure, and print every figure as a ratio to the floor of the same run."""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.floor import replay
from benchmarks.load import Figures, request, run
from benchmarks.server import ROOT, minted_token, serving

CLIENTS = 32


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: what was measured, how fast, against which floor, and what we aim at."""

    what: str
    per_second: float
    p50_ms: float | None
    p99_ms: float | None
    ratio: float | None
    floor: str
    aim: float | None


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--requests", type=int, default=16_000, help="requests per measurement")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="storefront-bench-") as folder:
        lines = measure(Path(folder), wanted.requests)
    if wanted.json:
        json.dump([asdict(line) for line in lines], sys.stdout, indent=2)
    else:
        show(lines)


def measure(folder: Path, requests: int) -> list[Line]:
    """Measure floors and shop in one run; the floor is measured before and after, and the mean counts."""
    get_before, post_before = _empty(requests)
    environ = {**os.environ, "DATA": str(folder / "data")}
    command = [sys.executable, "-m", "benchmarks.shop", str(ROOT / "benchmarks" / "shop.yaml")]
    with serving(command, environ) as port:
        tokens = [minted_token(port, number) for number in range(CLIENTS)]
        _warm(port, tokens)
        checks = run(port, _checks(tokens, requests))
        purchases = run(port, _purchases(tokens, requests))
        lone = run(port, _purchases(tokens[:1], requests // 32, prefix="lone"))
    get_after, post_after = _empty(requests)
    get_floor, post_floor = (get_before + get_after) / 2, (post_before + post_after) / 2
    driver = {batch: replay(folder / "data" / "storefront.sqlite", folder, batch=batch, purchases=requests // 2)
              for batch in (1, 32)}  # fmt: skip
    return [
        Line("empty aiohttp handler, GET", get_floor, None, None, None, "", None),
        Line("empty aiohttp handler, POST", post_floor, None, None, None, "", None),
        _line("entitlement check", checks, get_floor, "empty GET", 0.7),
        _line("wallet purchase", purchases, post_floor, "empty POST", 0.15),
        Line("raw driver, batches of 32", driver[32], None, None, None, "", None),
        _line("wallet purchase", purchases, driver[32], "raw driver, 32", None),
        Line("raw driver, one by one", driver[1], None, None, None, "", None),
        _line("wallet purchase, a lone client", lone, driver[1], "raw driver, 1", None),
    ]


def show(lines: list[Line]) -> None:
    """Print the report as a table."""
    table = Table(title=f"{CLIENTS} clients, durable commits, one server process")
    for title in ("", "per second", "p50 ms", "p99 ms", "ratio", "of", "aim"):
        table.add_column(title, justify="left" if title in ("", "of") else "right")
    for line in lines:
        table.add_row(
            line.what,
            f"{line.per_second:,.0f}",
            "" if line.p50_ms is None else f"{line.p50_ms:.2f}",
            "" if line.p99_ms is None else f"{line.p99_ms:.2f}",
            "" if line.ratio is None else f"{line.ratio:.2f}",
            line.floor,
            "" if line.aim is None else f"{line.aim:.2f}",
        )
    Console().print(table)


def _line(what: str, figures: Figures, floor: float, name: str, aim: float | None) -> Line:
    unexpected = {status: n for status, n in figures.statuses.items() if status not in (200, 201)}
    if unexpected:
        raise SystemExit(f"{what}: unexpected answers {unexpected}")
    ratio = figures.per_second / floor
    return Line(what, figures.per_second, figures.p50_ms, figures.p99_ms, ratio, name, aim)


def _empty(requests: int) -> tuple[float, float]:
    with serving([sys.executable, "-m", "benchmarks.empty"], dict(os.environ)) as port:
        get = request("GET", "/empty/sword-of-dawn", headers={"Authorization": "Bearer x"})
        post = request("POST", "/empty", headers={"Authorization": "Bearer x"}, body=b'{"sku": "health-potion"}')
        each = requests // CLIENTS
        gets, posts = (run(port, [[one] * each for _ in range(CLIENTS)]) for one in (get, post))
        return gets.per_second, posts.per_second


def _checks(tokens: list[str], requests: int) -> list[list[bytes]]:
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    return [
        [request("GET", "/v1/entitlements/sword-of-dawn", headers=one)] * (requests // len(tokens)) for one in headers
    ]


def _purchases(tokens: list[str], requests: int, *, prefix: str = "k") -> list[list[bytes]]:
    body = b'{"sku": "health-potion"}'
    return [
        [
            request(
                "POST",
                "/v1/purchases",
                headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"{prefix}-{number}"},
                body=body,
            )
            for number in range(requests // len(tokens))
        ]
        for token in tokens
    ]


def _warm(port: int, tokens: list[str]) -> None:
    """Buy the sword that the checks ask for, and let caches and files come to rest."""
    body = b'{"sku": "sword-of-dawn"}'
    headers = [{"Authorization": f"Bearer {token}", "Idempotency-Key": "sword"} for token in tokens]
    run(port, [[request("POST", "/v1/purchases", headers=one, body=body)] for one in headers])


if __name__ == "__main__":
    main()
