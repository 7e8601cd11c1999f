"""The ledger model: whatever is asked, in any order or at once, the engine does what plain dicts do."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from .books import PostgresShelf, Shelf, SqliteShelf
from .machine import LedgerMachine

SIZES = {"sqlite": (100, 50), "postgres": (30, 40)}
"""How many examples of how many steps; STOREFRONT_EXAMPLES and STOREFRONT_STEPS set others."""


def test_the_engine_does_what_plain_dicts_do(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examples, steps = (
        int(os.environ.get(name, size))
        for name, size in zip(("STOREFRONT_EXAMPLES", "STOREFRONT_STEPS"), SIZES[database_kind], strict=True)
    )
    chosen = int(os.environ.get("STOREFRONT_SEED", secrets.randbelow(2**32)))
    with capsys.disabled():
        print(f"\nledger model on {database_kind}: {examples} examples × {steps} steps, STOREFRONT_SEED={chosen}")
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
                derandomize=False,
                suppress_health_check=list(HealthCheck),
            ),
        )


@contextmanager
def _shelf(runner: asyncio.Runner, request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[Shelf]:
    if kind == "sqlite":
        shelf = SqliteShelf(folder)
        runner.run(shelf.prepare())
        yield shelf
        return
    books = PostgresShelf(request.getfixturevalue("postgres"))
    runner.run(books.prepare())
    try:
        yield books
    finally:
        runner.run(books.clear())
