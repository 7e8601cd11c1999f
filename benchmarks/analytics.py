"""Analytics: the first page's figures with a hundred thousand purchases and with a million, beside a plain page."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from benchmarks.bulk import BEGAN_AT, PURCHASES_PER_CUSTOMER, STEP_MS, Size
from benchmarks.filling import fill
from benchmarks.measures import Measure
from benchmarks.plans import CONFIG, open_shop, shop_environment
from storefront.app import create_app
from storefront.core.clock import to_datetime
from storefront.plugins import load

FEW, MANY = 100_000, 1_000_000
REQUESTS = 50
SECTION = "Analytics on SQLite"
PLAIN_PAGE = "/docs/errors"
OPERATOR = {"Authorization": "Bearer ak_sandbox_demo"}


def measure_analytics(folder: Path) -> Iterator[Measure]:
    """Build shops, roll them up, and ask for the overview of their last 30 days; processor time of whole requests."""
    for purchases in (FEW, MANY):
        data = folder / f"purchases-{purchases}"
        data.mkdir()
        commits = purchases + purchases // PURCHASES_PER_CUSTOMER
        asyncio.run(fill(data, Size(3 * commits)))
        seconds, folded = asyncio.run(_roll_up(data))
        yield Measure(SECTION, f"rolling up {folded:,} entries and events", folded / seconds)
        last_day = to_datetime(BEGAN_AT + commits * STEP_MS).date()
        plain, overview = asyncio.run(_requests(data, f"{last_day}"))
        yield Measure(SECTION, f"overview of 30 days, {purchases:,} purchases", overview, "ms", ratio=overview / plain,
                      floor="a plain page", aim=300 / plain, is_most=True)  # fmt: skip
    yield Measure(SECTION, "a plain page", plain, "ms")


async def _roll_up(data: Path) -> tuple[float, int]:
    began = time.process_time()
    async with open_shop(data) as parts:
        done = await parts.roller.fold_all()
    return time.process_time() - began, done.folded


async def _requests(data: Path, until: str) -> tuple[float, float]:
    """Return the milliseconds of processor that a plain page and the overview take, client and server together."""
    app = create_app(load(CONFIG, shop_environment(data, None)), own_url="http://127.0.0.1:1")
    async with TestClient(TestServer(app)) as client:
        overview = f"/v1/analytics/overview?to={until}"
        return await _mean(client, PLAIN_PAGE), await _mean(client, overview)


async def _mean(client: TestClient[web.Request, web.Application], path: str) -> float:
    for _ in range(3):
        await _get(client, path)
    began = time.process_time()
    for _ in range(REQUESTS):
        await _get(client, path)
    return (time.process_time() - began) * 1_000 / REQUESTS


async def _get(client: TestClient[web.Request, web.Application], path: str) -> None:
    async with client.get(path, headers=OPERATOR) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()
