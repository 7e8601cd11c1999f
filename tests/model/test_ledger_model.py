"""The ledger model: whatever is asked, in any order or at once, the engine does what plain dicts do."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import LedgerMachine
from .shelves import PostgresShelf, Shelf, SqliteShelf

SIZES = {"sqlite": (100, 50), "postgres": (30, 40)}
"""How many examples of how many steps; STOREFRONT_EXAMPLES and STOREFRONT_STEPS set others."""
PLAYING = (Phase.explicit, Phase.generate, Phase.target)


def test_the_engine_does_what_plain_dicts_do(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    examples, steps = (
        int(os.environ.get(name, size))
        for name, size in zip(("STOREFRONT_EXAMPLES", "STOREFRONT_STEPS"), SIZES[database_kind], strict=True)
    )
    given = os.environ.get("STOREFRONT_SEED")
    chosen = secrets.randbelow(2**32) if given is None else int(given)
    # Shrinking takes minutes: a run that fails says its seed, and a run of that seed finds the smallest example.
    phases = PLAYING if given is None else (*PLAYING, Phase.shrink)
    played = f"ledger model on {database_kind}: {examples} × {steps}, STOREFRONT_SEED={chosen}"
    request.node.user_properties.append(("played", played))
    with asyncio.Runner() as runner, _shelf(runner, request, database_kind, tmp_path) as shelf:

        @seed(chosen)
        def machine() -> LedgerMachine:
            return LedgerMachine(runner, shelf)

        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                phases=phases,
                derandomize=False,
                suppress_health_check=list(HealthCheck),
            ),
        )


@contextmanager
def _shelf(runner: asyncio.Runner, request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[Shelf]:
    shelf = SqliteShelf(folder) if kind == "sqlite" else PostgresShelf(request.getfixturevalue("postgres"))
    runner.run(shelf.prepare())
    try:
        yield shelf
    finally:
        runner.run(shelf.clear())
