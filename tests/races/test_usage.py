"""Usage events that race: each counts once, nobody uses more than they can pay, and nothing is lost in between."""

import asyncio
from collections import Counter

import pytest

from storefront.testing import Shop, running_shop

METERED = """
shop: {name: Metered}
mode: sandbox
data: ${DATA}
keys: [{key: sk_sandbox_demo, kind: server}, {key: ak_sandbox_demo, kind: operator}]
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}}
offers: {charm: {kind: item, type: consumable, title: Charm, prices: {gems: 10}}}
meters:
  calls: {event_type: api.call, aggregation: count}
usage:
  api: {meter: calls, mode: prepaid, asset: gems, model: per_unit, price: "0.5"}
"""


@pytest.fixture
async def metered(data_folder, database_url):
    """The metered shop, running; its books are audited when the race is over."""
    async with running_shop(data_folder, METERED, database=database_url) as shop:
        yield shop


def _event(event_id, customer):
    return {"specversion": "1.0", "id": event_id, "source": "/game", "type": "api.call", "subject": customer}


async def _fund(shop: Shop, customer: str, amount: int) -> None:
    body = {"customer": customer, "asset": "gems", "amount": amount, "reason": "for the race"}
    assert (await shop.as_server().post("/v1/grants", body, key=customer)).status == 201


async def _report(shop, events):
    answer = await shop.as_server().post("/v1/usage", events)
    assert answer.status == 200, answer
    return answer.json


async def _drained(shop):
    shop.wall.move(61)
    shop.parts.jobs.wake()
    await shop.quiet()


async def test_32_who_report_the_same_events_count_each_once(metered):
    for turn in range(5):
        name = f"ada-{turn}"
        await _fund(metered, name, 100)
        events = [_event(f"{turn}-{number}", name) for number in range(20)]

        answers = await asyncio.gather(*(_report(metered, events) for _ in range(32)))

        assert sum(answer["accepted"] for answer in answers) == 20
        assert sum(answer["duplicates"] for answer in answers) == 31 * 20
    await _drained(metered)
    assert metered.balance("platform:sink:gems") == 50


async def test_one_id_that_two_customers_claim_counts_once(metered):
    for turn in range(5):
        names = [f"ada-{turn}-{number}" for number in range(8)]
        await asyncio.gather(*(_fund(metered, name, 5) for name in names))

        answers = await asyncio.gather(*(_report(metered, [_event(f"same-{turn}", name)]) for name in names * 4))

        assert Counter(answer["accepted"] for answer in answers) == {1: 1, 0: 31}


async def test_nobody_uses_more_than_they_can_pay_while_32_report_and_buy(metered):
    for turn in range(5):
        name = f"bob-{turn}"
        await _fund(metered, name, 30)
        reporting = [_report(metered, [_event(f"{turn}-{n}-{k}", name) for k in range(4)]) for n in range(16)]
        buying = [metered.buy("charm", customer=name) for _ in range(16)]

        (*_,) = found = await asyncio.gather(*reporting, *buying)
        accepted = sum(answer["accepted"] for answer in found[:16])
        bought = sum(answer.status == 201 for answer in found[16:])
        await _drained(metered)

        assert accepted + 20 * bought <= 60
        assert accepted == 60 - 20 * bought or accepted == 64
        left = metered.balance(f"customer:{name}:gems")
        assert left == 30 - 10 * bought - accepted // 2


async def test_usage_that_was_taken_in_before_a_crash_is_billed_after_it(metered):
    await _fund(metered, "ada", 100)
    await _report(metered, [_event(number, "ada") for number in map(str, range(41))])

    await metered.restart()
    again = await _report(metered, [_event(number, "ada") for number in map(str, range(41))])
    await _drained(metered)

    assert (again["accepted"], again["duplicates"]) == (0, 41)
    assert metered.balance("customer:ada:gems") == 80
    account = metered.query("SELECT metered, billed FROM usage_accounts")[0]
    assert (int(account["metered"]), int(account["billed"])) == (20_500_000_000_000, 20_000_000_000_000)
