"""A running shop that is paid by use, funded customers, and how usage is told and looked at."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from storefront.testing import Answer, Shop, running_shop

from .metered_shop import METERED


@pytest.fixture
async def metered(data_folder, database_url) -> AsyncIterator[Shop]:
    """The metered shop, running; its books are audited when the test is over."""
    async with running_shop(data_folder, METERED, database=database_url) as shop:
        yield shop


@pytest.fixture
def fund(metered: Shop) -> Callable[..., Awaitable[None]]:
    """Give a customer some of a virtual currency."""

    async def give(customer: str, amount: int, asset: str = "gems") -> None:
        body = {"customer": customer, "asset": asset, "amount": amount, "reason": "for the test"}
        answer = await metered.as_server().post("/v1/grants", body, key=f"{customer}-{amount}-{asset}")
        assert answer.status == 201, answer

    return give


@pytest.fixture
def report(metered: Shop) -> Callable[..., Awaitable[Answer]]:
    """Report usage events."""

    async def send(*events: Any) -> Answer:
        return await metered.as_server().post("/v1/usage", list(events))

    return send


@pytest.fixture
def pass_time(metered: Shop) -> Callable[[int], Awaitable[None]]:
    """Set the machine's clock ahead by some seconds, and let everything happen that is due then."""

    async def wait(seconds: int) -> None:
        metered.wall.move(seconds)
        metered.parts.jobs.wake()
        await metered.quiet()

    return wait


@pytest.fixture
def account(metered: Shop) -> Callable[..., dict[str, Any]]:
    """Read what of a feature's usage is metered, billed, unbilled and pending, in 10^-12 of the smallest unit."""

    def read(feature: str, customer: str = "ada") -> dict[str, Any]:
        sql = "SELECT a.* FROM usage_accounts a JOIN customers c ON c.id = a.customer_id"
        row = metered.query(f"{sql} WHERE a.feature = ? AND c.external_id = ?", feature, customer)[0]
        found = {name: int(row[name]) for name in ("metered", "billed", "unbilled")}
        return {**found, "pending": found["metered"] - found["billed"] - found["unbilled"]}

    return read
