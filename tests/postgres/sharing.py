"""One PostgreSQL for all workers of a test run: the first that needs it starts it, the last one stops it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from .databases import Postgres
from .locks import hold, let_go
from .server import PostgresServer


@dataclass(frozen=True, slots=True)
class Shared:
    """What the workers know of their server; ``users`` of them use it (a killed one is not subtracted)."""

    folder: str
    admin_url: str
    users: int


@contextmanager
def shared_postgres(run_folder: Path) -> Iterator[Postgres]:
    """The server of the test run whose workers all know ``run_folder``; it is not durable.

    ``STOREFRONT_TEST_POSTGRES=postgresql://user:password@host:port/database`` names another server to use, 15 or newer;
    that user must be allowed to create databases.
    Raises: ``PostgresUnavailable``.
    """
    named = os.environ.get("STOREFRONT_TEST_POSTGRES")
    if named:
        yield Postgres(named)
        return
    state = run_folder / "postgres.json"
    with _alone(run_folder):
        shared = _read(state)
        users = hold(Path(shared.folder)) if shared else None
        if shared is None or users is None:
            server = PostgresServer(durable=False).__enter__()
            users = server.hand_over()
            shared = Shared(str(server.folder), server.admin_url, 0)
        _write(state, Shared(shared.folder, shared.admin_url, shared.users + 1))
    try:
        yield Postgres(shared.admin_url)
    finally:
        with _alone(run_folder):
            now = _read(state)
            assert now is not None, "it was written above"
            _write(state, Shared(now.folder, now.admin_url, now.users - 1))
            let_go(Path(now.folder), users, is_last=now.users == 1)


@contextmanager
def _alone(run_folder: Path) -> Iterator[None]:
    with (run_folder / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(state: Path) -> Shared | None:
    return Shared(**json.loads(state.read_text())) if state.exists() else None


def _write(state: Path, shared: Shared) -> None:
    state.write_text(json.dumps(asdict(shared)))
