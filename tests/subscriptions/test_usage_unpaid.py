"""Usage that is not paid when it would be: it waits, or is owed, however long, and by no way is it lost."""

import pytest

from storefront.testing import running_shop

from .changing import ask, charged, pass_days
from .gifting import gift
from .subscribing import subscribe
from .test_usage import WORKING, lines, metered, use

WORKER = "title: Worker, interval: 30 days, prices: {USD: 1000}"
UNPAID = WORKING.replace("subscriptions:\n", "subscriptions:\n    pause: {customers: true, max: 90d}\n", 1).replace(
    WORKER, f"{WORKER}, also: [{{interval: year, prices: {{USD: 10000}}}}]"
)


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, UNPAID, database=database_url) as shop:
        yield shop


async def test_usage_waits_beside_gifts_and_changes_longer_than_anything_can_be_late(club):
    given = await subscribe(club, "worker")
    changed = await subscribe(club, "worker", customer="cleo")
    await pass_days(club, 1)
    await use(club, "call", 300)
    await use(club, "call", 1000, customer="cleo")
    await gift(club, "worker", 3, to="ada", by="bob")
    cleo = club.as_customer("cleo")
    answer = await ask(club, changed, "worker", by=cleo, interval="year")
    assert answer.status == 201, answer
    await pass_days(club, 50)
    answer = await ask(club, changed, "worker", by=cleo, interval="30 days")
    assert answer.status == 201, answer
    assert (0, "api", "1000", 2492, 0, 2492) in await metered(club, changed, customer="cleo")
    await pass_days(club, 30.1)
    asked = await lines(club, changed, customer="cleo")
    assert ("API calls: 1,000", 2492) in asked, asked  # of 30 days' 100 units one day's 3.33 were free
    await pass_days(club, 39)
    assert await lines(club, given) == [("Worker, 30 days", 1000), ("API calls: 300", 500)]


async def test_more_than_a_gateway_charges_is_charged_in_parts_and_no_period_is_free(club):
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await use(club, "call", 80_000_000)
    for _ in range(4):
        await pass_days(club, 30)
    assert await charged(club) == [1000, 66_666_000, 66_666_000, 66_670_750, 1000]
    assert await lines(club, subscription, 1) == [("Worker, 30 days", 1000), ("Due from before", 66_669_750)]
    assert await lines(club, subscription, 3) == [
        ("Worker, 30 days", 1000), ("API calls: 80,000,000", 199_999_750), ("Due with the next invoice", -133_334_750),
    ]  # fmt: skip
