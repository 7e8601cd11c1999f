"""What follows commits outlives what befalls it: one that fails says so, tries again, and takes no other with it."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from io import StringIO

import asyncpg
import pytest

from storefront.testing import HANG_SECONDS, Shop, running_shop
from storefront.web.logs import configure_logging
from tests.plugins.conftest import Strangers
from tests.webhooks.conftest import Operator, receiving

EARS = """
def __init__(self, config):
    self.heard = []

@hookimpl
async def on_event(self, event):
    self.heard.append((event.type, event.subject))
"""
FAILING = re.compile(r'^storefront_work_failing\{work="([^"]+)"\} 1\.0$', re.MULTILINE)


@pytest.fixture
def log() -> Iterator[StringIO]:
    written = StringIO()
    configure_logging("info", "json", stream=written)
    yield written
    configure_logging("warning")


@pytest.fixture
def strangers(tmp_path, monkeypatch) -> Strangers:
    made = Strangers(tmp_path / "site")
    monkeypatch.syspath_prepend(made.folder)
    return made


def write(shop: Shop, statement: str, *values: str) -> None:
    """Change a row behind the shop's back, as somebody with a shell could."""
    with closing(sqlite3.connect(shop.database.path, timeout=HANG_SECONDS)) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1


async def set_clock(url: str, value: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE settings SET value = $1 WHERE key = 'clock_offset_ms'", value)
    finally:
        await connection.close()


async def failing(shop: Shop) -> list[str]:
    """Return which work fails, as the metrics say."""
    async with shop.http.get("/metrics") as answer:
        return FAILING.findall(await answer.text())


async def until_failing(shop: Shop, *names: str) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while await failing(shop) != list(names):  # noqa: ASYNC110 metrics are asked, they do not tell
            await asyncio.sleep(0.05)


def told(log: StringIO, event: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == event]


async def test_a_follower_that_fails_tries_again_and_takes_no_other_with_it(strangers, tmp_path, log):
    for name in ("ears", "eyes"):
        strangers.write(name, EARS)
    async with receiving() as receiver:
        config = strangers.shop("ears: {}", "eyes: {}") + f"webhooks: {{allow: [{receiver.origin}]}}\n"
        async with running_shop(tmp_path, config) as shop:
            await Operator(shop).add(receiver.url, "purchase.completed")
            await shop.bought("gems-500")
            await shop.until(lambda: shop.query("SELECT 1 FROM settings WHERE key = 'cursor:ears'"))
            (cursor,) = shop.query("SELECT value FROM settings WHERE key = 'cursor:ears'")
            await shop.stop()
            write(shop, "UPDATE settings SET value = 'broken' WHERE key = 'cursor:ears'")
            await shop.start()
            heard = {name: shop.parts.host.hooks.manager.get_plugin(name).heard for name in ("ears", "eyes")}

            await until_failing(shop, "events:ears")
            sword = await shop.bought("sword")
            pack = await shop.bought("gems-500")
            await shop.until(lambda: ("purchase.completed", pack["id"]) in heard["eyes"])
            await shop.until(lambda: pack["id"] in [one.event["subject"] for one in receiver.received])
            await shop.until(lambda: shop.query("SELECT 1 FROM receipts WHERE about = ?", pack["id"]))
            await shop.until(lambda: len(told(log, "work_failed")) == 2)
            assert heard["ears"] == []

            write(shop, "UPDATE settings SET value = ? WHERE key = 'cursor:ears'", cursor["value"])
            await shop.until(lambda: ("purchase.completed", pack["id"]) in heard["ears"])
            assert ("purchase.completed", sword["id"]) in heard["ears"]

    first, *later = told(log, "work_failed")
    assert (first["work"], first["times"], first["again_in_seconds"]) == ("events:ears", 1, 1.0)
    assert "DecodeError" in str(first["reason"])
    assert "Traceback" in str(first["exception"])
    assert [one["again_in_seconds"] for one in later] == [2.0, 4.0][: len(later)]
    assert all("exception" not in one for one in later)


async def test_a_broken_job_holds_up_no_other_and_is_told_of_once(tmp_path, log):
    async with running_shop(tmp_path) as shop:
        await shop.quiet()
        await shop.stop()
        write(shop, "UPDATE jobs SET attempts = 'several', due_at = 0 WHERE kind = 'retention'")
        await shop.start()

        pack = await shop.bought("gems-500")
        await shop.sandbox.webhooks("drop")
        pending = await shop.buy("gems-500", customer="bob")
        assert await shop.pay(pending) == 303
        await shop.until(lambda: told(log, "job_not_claimed"))
        await shop.until(lambda: shop.query("SELECT 1 FROM receipts WHERE about = ?", pack["id"]))
        shop.wall.move(120)
        await shop.until(lambda: shop.query("SELECT status FROM purchases WHERE id = ? AND status = 'completed'",
                                            pending.json["id"]))  # fmt: skip
        write(shop, "UPDATE jobs SET attempts = 0 WHERE kind = 'retention'")

    (one,) = told(log, "job_not_claimed")
    assert one["kind"] == "retention"
    assert "Traceback" in str(one["exception"])


async def test_a_process_that_cannot_read_a_setting_goes_on_to_follow_the_others(postgres_database, tmp_path, log):
    async with running_shop(tmp_path, database=postgres_database) as shop:
        await shop.advance("1h")
        (row,) = shop.query("SELECT value FROM settings WHERE key = 'clock_offset_ms'")
        await set_clock(postgres_database, "broken")
        await until_failing(shop, "keeping_up")

        assert (await shop.bought("gems-500"))["status"] == "completed"
        await set_clock(postgres_database, row["value"])
        await shop.until(lambda: shop.parts.services.clock.offset_ms == int(row["value"]))
