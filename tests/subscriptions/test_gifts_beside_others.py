"""Given periods beside what else moves a subscription's price: usage, and a price that is new meanwhile."""

import pytest

from storefront.testing import running_shop

from .changing import charged, pass_days
from .gifting import gift
from .subscribing import invoices, see, subscribe
from .test_price_versions import edit, price_events, renews_for, totals
from .test_usage import WORKING, lines, metered, use

DEARER = WORKING.replace(
    "title: Worker, interval: 30 days, prices: {USD: 1000}",
    "title: Worker, interval: 30 days, existing: next_renewal, prices: {USD: 1200}",
)


@pytest.fixture
async def club(tmp_path):
    async with running_shop(tmp_path, WORKING) as shop:
        yield shop


async def test_a_given_period_asks_for_nothing_and_what_it_used_stands_on_the_next_that_is_paid(club, tmp_path):
    assert DEARER != WORKING
    subscription = await subscribe(club, "worker")
    await gift(club, "worker", 2, to="ada", by="bob")
    await pass_days(club, 1)
    await use(club, "call", 300)
    await edit(club, tmp_path, DEARER)
    await pass_days(club, 29)
    await use(club, "call", 140)
    await pass_days(club, 30)

    assert await totals(club, subscription) == [1000, 0, 0]
    assert await lines(club, subscription) == [("Worker, 30 days", 1000), ("Gift", -1000)]
    assert price_events(club) == []
    assert await renews_for(club, subscription) == 1200
    pending = {(one[0], one[1]): one[-1] for one in await metered(club, subscription) if one[-1]}
    assert pending == {(1, "api"): 100, (0, "api"): 500}

    await pass_days(club, 30)
    newest = (await invoices(club, subscription))[0]
    assert sorted(await lines(club, subscription)) == [
        ("API calls: 140", 100), ("API calls: 300", 500), ("Worker, 30 days", 1200),
    ]  # fmt: skip
    assert (newest["state"], newest["total"]["amount"]) == ("paid", 1800)
    assert price_events(club) == [(1000, 1200)]
    assert sorted(await charged(club)) == [1000, 1800, 2000]


async def test_who_pauses_with_a_gift_ahead_goes_on_with_it_and_pays_what_was_used_afterwards(club):
    subscription = await subscribe(club, "worker")
    await gift(club, "worker", 1, to="ada", by="bob")
    await pass_days(club, 1)
    await use(club, "call", 300)
    server = club.as_server()
    assert (await server.post(f"/v1/subscriptions/{subscription}/pause", {})).status == 200
    await pass_days(club, 40)
    assert (await server.post(f"/v1/subscriptions/{subscription}/resume", {})).status == 200
    await club.quiet()
    assert await totals(club, subscription) == [1000, 0]
    await pass_days(club, 31)
    assert await totals(club, subscription) == [1000, 0, 1500]
    assert sorted(await charged(club)) == [1000, 1000, 1500]


async def test_what_was_used_in_a_period_of_ones_own_is_owed_when_a_gifts_money_ends_the_plan(club):
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await use(club, "call", 300)
    purchase = await gift(club, "worker", 1, to="ada", by="bob")
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {})
    await pass_days(club, 31)
    body, path = {"reason": "asked"}, f"/v1/purchases/{purchase['id']}/refunds"
    assert (await club.as_server().post(path, body, key="back")).status == 201
    await club.quiet()
    found = await see(club, subscription)
    assert (found["billing_state"], found["reason"], found["owed"]) == (
        "canceled", "gift_refunded", {"amount": 500, "currency": "USD"},
    )  # fmt: skip
