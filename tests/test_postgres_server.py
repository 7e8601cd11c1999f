"""The PostgreSQL that other tests stand on: what it promises them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.postgres import Postgres, PostgresServer, shared_postgres

HANG_SECONDS = 20.0
POLL_SECONDS = 0.01
PAUSED_SECONDS = 0.2
BROKEN = (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError, ConnectionError)
ABANDONED = """
from tests.postgres import PostgresServer
server = PostgresServer(durable=False)
server.start()
print(server.folder, server.admin_url, flush=True)
input()
"""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        connection.terminate()


async def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    async with connected(url) as connection:
        return [tuple(row) for row in await connection.fetch(sql)]


async def test_two_databases_are_separate(postgres: Postgres, postgres_database):
    other = await postgres.new_database()
    await rows(postgres_database, "CREATE TABLE here (id int)")
    assert await rows(postgres_database, "SELECT * FROM here") == []
    with pytest.raises(asyncpg.UndefinedTableError):
        await rows(other, "SELECT * FROM here")
    await postgres.drop_database(other)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await rows(other, "SELECT 1")


async def test_a_database_is_copied_from_a_template(postgres: Postgres, postgres_database):
    await rows(postgres_database, "CREATE TABLE copied AS SELECT 7 AS id")
    copy = await postgres.new_database(template=postgres_database)
    assert await rows(copy, "SELECT id FROM copied") == [(7,)]
    await postgres.drop_database(copy)


async def test_cut_off_clients_see_their_connection_break(postgres: Postgres, postgres_database):
    async with connected(postgres_database) as connection:
        assert await connection.fetchval("SELECT 1") == 1
        assert await postgres.terminate_backends(postgres_database) == 1
        with pytest.raises(BROKEN):
            await connection.fetchval("SELECT 1")
    assert await rows(postgres_database, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_committed_rows_are_there_after_a_stop(postgres_server: PostgresServer, mode):
    database = await postgres_server.new_database()
    await rows(database, "CREATE TABLE kept AS SELECT 1 AS id")
    async with connected(database) as connection:
        await connection.execute("BEGIN")
        await connection.execute("INSERT INTO kept VALUES (2)")
        postgres_server.stop(mode)
    assert not postgres_server.is_running
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(database)
    postgres_server.start()
    assert await rows(database, "SELECT id FROM kept") == [(1,)]
    assert ("automatic recovery in progress" in postgres_server.log()) is (mode == "immediate")


async def test_a_paused_server_answers_when_it_goes_on(postgres_server: PostgresServer):
    async with connected(postgres_server.url("postgres")) as connection:
        postgres_server.pause()
        postmaster = psutil.Process(postgres_server.pid)
        assert {process.status() for process in (postmaster, *postmaster.children())} == {psutil.STATUS_STOPPED}
        answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(answer), PAUSED_SECONDS)
        postgres_server.resume()
        assert await asyncio.wait_for(answer, HANG_SECONDS) == 1


async def test_a_server_of_ones_own_is_durable(postgres_server: PostgresServer):
    sql = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
    found = dict(await rows(postgres_server.url("postgres"), sql))
    assert found == {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


async def test_settings_are_taken(new_postgres_server):
    server = new_postgres_server(durable=False, settings={"max_connections": 17, "event_source": "it's"})
    sql = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'max_connections', 'event_source')"
    found = dict(await rows(server.url("postgres"), sql))
    assert found == {"fsync": "off", "max_connections": "17", "event_source": "it's"}


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_of_a_server_whose_process_ends(postgres_server, end):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", ABANDONED]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere, text=True, env=environ) as process:
        assert process.stdout is not None
        folder, url = process.stdout.readline().split()
        data = (Path(folder) / "data").resolve()
        assert asyncio.run(rows(url, "SELECT 1")) == [(1,)]
        process.send_signal(end)
    asyncio.run(until(lambda: not Path(folder).exists()))
    assert not data.exists()
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(rows(url, "SELECT 1"))


def test_workers_share_a_server_and_the_last_one_stops_it(postgres_server, tmp_path, monkeypatch):
    monkeypatch.delenv("STOREFRONT_TEST_POSTGRES", raising=False)
    with shared_postgres(tmp_path) as last:
        with shared_postgres(tmp_path) as first:
            assert first.admin_url == last.admin_url
        assert asyncio.run(rows(last.admin_url, "SELECT 1")) == [(1,)]
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(rows(last.admin_url, "SELECT 1"))
    with shared_postgres(tmp_path) as next_one:
        assert asyncio.run(rows(next_one.admin_url, "SELECT 1")) == [(1,)]


def test_a_named_server_is_used_instead(tmp_path, monkeypatch):
    monkeypatch.setenv("STOREFRONT_TEST_POSTGRES", "postgresql://somebody@db.example/shops")
    with shared_postgres(tmp_path) as server:
        assert server.url("other") == "postgresql://somebody@db.example/other"
    assert list(tmp_path.iterdir()) == []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            if condition():
                return
            await asyncio.sleep(POLL_SECONDS)
