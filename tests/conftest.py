"""What all tests share: the running shop, quiet logs, and what to do where a tool is missing."""

import asyncio
import gc
import os
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import hypothesis
import pytest
import pytest_asyncio

from storefront.cli.serving import loop_factory
from storefront.core.database import Database
from storefront.core.migrating import History
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sqlite_database import SqliteDatabase
from storefront.plugins import installed_plugins
from storefront.testing import Shop, running_shop
from storefront.web.logs import configure_logging
from tests.postgres import Postgres, PostgresServer, PostgresUnavailable, shared_postgres

if TYPE_CHECKING:
    from playwright.async_api import Browser

T = TypeVar("T")
hypothesis.settings.register_profile("untimed", deadline=None)  # how long an example takes is the machine's affair
hypothesis.settings.load_profile("untimed")
ROOM_IN_MEMORY = 6 * 2**30
_MEMORY = Path("/dev/shm")
if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= ROOM_IN_MEMORY:
    # A run makes thousands of databases. What a power cut takes away is simulated, so none of them needs a disk.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

BOTH_DATABASES = (
    "tests/analytics/test_rollups.py",
    "tests/commit/test_engine.py",
    "tests/commit/test_holds.py",
    "tests/commit/test_reversals.py",
    "tests/model",
    "tests/privacy",
    "tests/races/test_fraud.py",
    "tests/races/test_holds.py",
    "tests/races/test_keys.py",
    "tests/races/test_last_unit.py",
    "tests/races/test_refunds.py",
    "tests/races/test_subscriptions.py",
    "tests/races/test_tips.py",
    "tests/races/test_wallet.py",
    "tests/reviews/test_races.py",
    "tests/shop/test_story.py",
)
"""What is written differently for each database, the races of money itself, and a purchase's whole story run on both,
all other races on SQLite. ``--database`` chooses one for all tests that can do either, which ``make test-heavy`` does
for everything that a shop does."""

BOTH_WHEN_HEAVY = (
    "tests/crashes/test_usage.py",
    "tests/exports/test_lists.py",
    "tests/exports/test_taking.py",
    "tests/operators/test_races.py",
    "tests/privacy/test_names_of_old.py",
    "tests/races/test_changing.py",
)
"""What ``make test`` runs on SQLite and ``make test-heavy`` on PostgreSQL too."""

LONGEST = (
    "tests/stories/test_chaos.py",
    "tests/cli/test_demo.py",
    "tests/stories/test_stories.py",
    "tests/crashes/",
    "tests/model/",
    "tests/workers/",
    "tests/sealing/test_proofs.py",
    "tests/privacy/test_erasure.py",
    "tests/analytics/test_two_years.py",
    "tests/races/test_changing.py",
    "tests/receipts/test_numbers.py",
    "tests/plugins/test_raffle.py",
    "tests/mail/test_sending.py",
    "tests/shop/test_canaries.py",
    "tests/subscriptions/test_access_oracle.py",
    "tests/stories/test_role_playing_game.py",
)
"""What takes long begins early, in this order: at last, it would keep one worker busy while the others have nothing."""

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_FINDERS: dict[str, tuple[str, ...]] = {
    # The one that has no window costs the machine three fifths of what the others do.
    "chromium": ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgres"], help="run every shop on this database")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--database")
        file = str(metafunc.definition.path.relative_to(metafunc.config.rootpath))
        second = ["postgres"] if file.startswith(BOTH_DATABASES) else []
        if file.startswith(BOTH_WHEN_HEAVY):
            second = [pytest.param("postgres", marks=pytest.mark.heavy)]
        metafunc.parametrize("database_kind", [chosen] if chosen else ["sqlite", *second], scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the longest over the first half of each worker's share, file by file, the others between them.

    Under ``--dist worksteal`` a worker begins with a run of neighbours. The longest mostly wait: all at once they would
    leave the machine idle. A file stays whole, for what its tests share is started once then.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = [item for start in LONGEST for item in items if item.nodeid.startswith(start)]
    files = [list(found) for _, found in groupby(longest, key=lambda item: item.path)]
    others = iter([item for item in items if not item.nodeid.startswith(LONGEST)])
    shares: list[pytest.Item] = []
    for worker in range(workers):
        share = files[worker::workers]
        room = (len(items) - len(shares)) // (workers - worker)
        between = max(0, room - sum(map(len, share))) // max(1, 2 * len(share))
        mixed = [one for file in share for one in (*file, *islice(others, between))]
        shares += [*mixed, *islice(others, max(0, room - len(mixed)))]
    items[:] = [*shares, *others]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests on the loop that a shop runs on."""
    return {"loop": loop_factory()}


def pytest_configure(config: pytest.Config) -> None:
    configure_logging("warning")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what random tests played and with which seeds, also if they passed, also in other processes."""
    reports = [one for reports in terminalreporter.stats.values() for one in reports if hasattr(one, "user_properties")]
    for line in dict.fromkeys(value for one in reports for name, value in one.user_properties if name == "played"):
        terminalreporter.write_line(str(line))


@pytest.fixture(scope="session")
def require() -> Callable[[str], str]:
    """Answers a tool's path; without it the test is skipped, or fails if ``STOREFRONT_REQUIRE`` names the tool."""

    def find(tool: str) -> str:
        for name in _FINDERS[tool]:
            path = shutil.which(name)
            if path is not None:
                return path
        _go_without(tool, f"{tool} is not installed (looked for {', '.join(_FINDERS[tool])})")

    return find


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(require: Callable[[str], str]) -> AsyncIterator["Browser"]:
    """The installed Chromium, started once; without one the tests are skipped, or fail if it is required."""
    from playwright.async_api import async_playwright

    path = require("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The one PostgreSQL of the run, shared by its workers: make databases in it. It is not stopped by tests."""
    folder = tmp_path_factory.getbasetemp()
    run_folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with ExitStack() as stack:
        try:
            server = stack.enter_context(shared_postgres(run_folder))
        except PostgresUnavailable as error:
            _go_without("postgres", str(error))
        yield server


@pytest.fixture
async def database_url(request: pytest.FixtureRequest, database_kind: str) -> AsyncIterator[str | None]:
    """Where a shop keeps its books: an empty PostgreSQL database, or None for a file of its own."""
    if database_kind == "sqlite":
        yield None
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = await server.new_database(template=request.getfixturevalue("postgres_template"))
    yield url
    await server.drop_database(url)


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """A database with all tables, plugins' too, and no rows: copying it is quicker than migrating for each test."""
    plugins = {name: point.load() for name, point in sorted(installed_plugins().items())}
    histories = [History(name, folder) for name, it in plugins.items() if (folder := getattr(it, "migrations", None))]

    async def make() -> str:
        url = await postgres.new_database()
        await _open_and_close(PostgresDatabase(url, histories=histories))
        return url

    return _elsewhere(make())


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a SQLite file."""
    path = tmp_path_factory.mktemp("migrated") / "storefront.sqlite"
    _elsewhere(_open_and_close(SqliteDatabase(path)))
    return path


async def _open_and_close(database: Database) -> None:
    await database.open(mode="sandbox")
    await database.close()


def _elsewhere(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own: a test's may be running here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """The folder of a shop that is about to start; ``running_shop`` lays its plugins' tables there."""
    return tmp_path


@pytest.fixture
async def shop(data_folder: Path, database_url: str | None) -> AsyncIterator[Shop]:
    """The tiny shop, running; its books are audited when the test is over."""
    async with running_shop(data_folder, database=database_url) as running:
        yield running


@pytest.fixture
async def postgres_database(postgres: Postgres) -> AsyncIterator[str]:
    """The URL of an empty database, dropped when the test is over."""
    url = await postgres.new_database()
    yield url
    await postgres.drop_database(url)


@pytest.fixture
def new_postgres_server() -> Iterator[Callable[..., PostgresServer]]:
    """Makes servers of the test's own, with the arguments of ``PostgresServer``; they run until the test is over."""
    with ExitStack() as stack:

        def start(**arguments: Any) -> PostgresServer:
            try:
                return stack.enter_context(PostgresServer(**arguments))
            except PostgresUnavailable as error:
                _go_without("postgres", str(error))

        yield start


@pytest.fixture
def postgres_server(new_postgres_server: Callable[..., PostgresServer]) -> PostgresServer:
    """A durable PostgreSQL of the test's own, to stop, to pause and to start again."""
    return new_postgres_server()


def _go_without(tool: str, reason: str) -> NoReturn:
    if tool in os.environ.get("STOREFRONT_REQUIRE", "").replace(",", " ").split():
        pytest.fail(f"{reason}, and STOREFRONT_REQUIRE asks for it")
    pytest.skip(reason)


def pytest_collection_finish() -> None:
    """Keep what was imported out of every later garbage collection: it stays to the end, and there is much of it.

    Collections are seldom, as in a server that serves: each shop that runs makes many objects that stay with it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
