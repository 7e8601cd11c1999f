"""Usage that is not paid when it would be: it waits, or is owed, however long, and by no way is it lost."""

from datetime import timedelta

import pytest

from storefront.testing import running_shop

from .changing import ask, charged, pass_days
from .gifting import gift
from .subscribing import begin, invoices, see, subscribe
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


async def test_a_refund_is_of_usage_first_and_of_the_period_last_before_a_pause_and_after_it(club):
    found = {name: await subscribe(club, "worker", customer=name) for name in ("ada", "cleo")}
    await pass_days(club, 1)
    for name in found:
        await use(club, "call", 1100, customer=name)
    await pass_days(club, 29.1)
    for name, subscription in found.items():
        paid = (await invoices(club, subscription, customer=name))[0]
        assert paid["total"]["amount"] == 3500
        paths = [f"/v1/subscriptions/{subscription}/pause", f"/v1/purchases/{paid['purchase']}/refunds"]
        bodies = [{"at": "now"}, {"reason": "usage was wrong", "amount": 2400}]
        for at in (1, 0) if name == "ada" else (0, 1):
            answer = await club.as_server().post(paths[at], bodies[at], key=f"{name}-{at}")
            assert answer.status in (200, 201), answer
            await club.quiet()
    credits = [
        (await see(club, subscription, customer=name))["credit"]["amount"] for name, subscription in found.items()
    ]
    assert credits == [997, 997]  # of the period's 1000, but for its first hours


async def test_usage_on_an_invoice_that_is_given_up_is_owed_and_the_price_is_not(club):
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await use(club, "call", 1000)
    method = club.query("SELECT id, reference FROM payment_methods")[0]
    await club.sandbox.turn_card(method["reference"], "4000000000009995")
    await pass_days(club, 29.1)
    assert await lines(club, subscription) == [("Worker, 30 days", 1000), ("API calls: 1,000", 2250)]
    await use(club, "call", 10, ago=timedelta(days=5))
    ended = await see(club, subscription)
    while ended["billing_state"] != "canceled":
        await pass_days(club, 3)
        ended = await see(club, subscription)
    assert (ended["billing_state"], ended["owed"]["amount"]) == ("canceled", 2275)
    assert await metered(club, subscription) == [
        (1, "disk", "0", 0, 0, 0), (1, "api", "0", 0, 0, 0),
        (0, "disk", "0", 0, 0, 0), (0, "api", "1010", 2275, 2275, 0),
    ]  # fmt: skip

    await club.sandbox.turn_card(method["reference"], "4242424242424242")
    answer = await begin(club, "worker", payment_method=method["id"])
    assert (answer.status, answer.json["total"]["amount"]) == (201, 3275), answer
    assert await charged(club) == [1000, 3275]


async def test_a_pause_in_each_hour_makes_no_hour_free(club):
    subscription = await subscribe(club, "worker")
    ada = club.as_customer()
    for _ in range(3):
        await pass_days(club, 1 / 24)
        await use(club, "call", 100_000)
        for path, body in (("pause", {"at": "now"}), ("resume", {"keep_anchor": True}), ("pause", {"at": "now"})):
            answer = await ada.post(f"/v1/subscriptions/{subscription}/{path}", body)
            assert answer.status == 200, answer
        await pass_days(club, 1 / 24)
        answer = await ada.post(f"/v1/subscriptions/{subscription}/resume", {"keep_anchor": True})
        assert answer.status == 200, answer
        await use(club, "call", 1)
    found = [one for one in await metered(club, subscription) if one[1] == "api"]
    assert sum(int(quantity) for _, _, quantity, *_ in found) == 300_003
    assert (
        sum(amount for _, _, _, amount, _, _ in found) == 250_000 + 250_002 + 250_002
    )  # and one call that is included
    assert all(amount == billed + pending for *_, amount, billed, pending in found)
