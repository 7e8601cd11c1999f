"""The plugin in a whole shop: real server, real database, test payments."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from storefront_raffle.drawing import draw

from storefront.testing import OPERATOR_KEY, running_shop

RAFFLE_SHOP = """
shop: {name: Raffle shop}
data: ${DATA}
keys: [{key: sk_sandbox_demo, kind: server}, {key: ak_sandbox_demo, kind: operator}]
gateways: {sandbox: {}}
plugins:
  microtransactions: {}
  raffle:
    tickets_per_hour: 20
    bulk_discount: {from: 10, percent: 10}
    free_ticket: {with: gems-1200, of: winter-raffle}
assets: {gems: {title: Gems}}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499}}
  gems-1200: {kind: currency_pack, title: 1200 gems, contents: {gems: 1200}, prices: {USD: 999}}
  winter-raffle:
    kind: raffle_ticket
    title: Winter raffle
    prices: {gems: 10}
    draws_at: ${DRAWS_AT}
    prize: {gems: 5000}
"""
RAFFLE = "/v1/raffle/raffles/winter-raffle"


@pytest.fixture
async def shop(tmp_path):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    async with running_shop(tmp_path, RAFFLE_SHOP, environ={"DRAWS_AT": tomorrow.isoformat()}) as running:
        yield running


async def numbers(shop, customer):
    answer = await shop.as_customer(customer).get("/v1/raffle/tickets")
    return sorted(ticket["number"] for ticket in answer.json["data"])


async def test_tickets_are_numbered_in_the_order_they_are_bought(shop):
    await shop.bought("gems-500", customer="ada")
    await shop.bought("gems-500", customer="bob")

    bought = await shop.buy("winter-raffle", customer="ada", quantity=2)
    await shop.buy("winter-raffle", customer="bob")
    await shop.buy("winter-raffle", customer="ada")

    assert (bought.status, bought.json["total"]) == (201, {"amount": 20, "currency": "gems"})
    assert (await numbers(shop, "ada"), await numbers(shop, "bob")) == ([1, 2, 4], [3])
    assert (await shop.as_nobody().get(RAFFLE)).json["tickets_sold"] == 4


async def test_buyers_at_the_same_moment_get_different_numbers(shop):
    names = [f"player-{n}" for n in range(8)]
    await asyncio.gather(*(shop.bought("gems-500", customer=name) for name in names))

    answers = await asyncio.gather(*(shop.buy("winter-raffle", customer=name) for name in names))

    assert [answer.status for answer in answers] == [201] * 8
    given = [number for name in names for number in await numbers(shop, name)]
    assert sorted(given) == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_ten_tickets_cost_ten_percent_less(shop):
    await shop.bought("gems-500")
    bought = await shop.buy("winter-raffle", quantity=10)
    assert (bought.status, bought.json["total"]["amount"]) == (201, 90)


async def test_more_than_the_hourly_pace_is_refused_and_writes_nothing(shop):
    await shop.bought("gems-500")
    assert (await shop.buy("winter-raffle", quantity=15)).status == 201
    await shop.quiet()
    before = shop.rows()

    refused = await shop.buy("winter-raffle", quantity=6)

    assert (refused.status, refused.json["code"]) == (403, "purchase_refused")
    assert shop.rows() == before
    await shop.advance("2h")
    assert (await shop.buy("winter-raffle", quantity=6)).status == 201


async def test_a_free_ticket_comes_with_the_big_pack(shop):
    pack = await shop.bought("gems-1200")
    given = "SELECT number, purchase_id FROM raffle_tickets"
    await shop.until(lambda: shop.query(given))  # events are told after the commit
    assert shop.query(given) == [{"number": 1, "purchase_id": pack["id"]}]


async def test_the_draw_pays_the_prize_to_one_winner_and_ends_the_sale(shop):
    await shop.bought("gems-500", customer="ada")
    await shop.buy("winter-raffle", customer="ada", quantity=5)

    await shop.advance("25h")

    raffle = (await shop.as_nobody().get(RAFFLE)).json
    assert raffle["drawn"]["number"] in (1, 2, 3, 4, 5)
    assert shop.balance("customer:ada:gems") == 500 - 50 + 5000
    closed = await shop.buy("winter-raffle", customer="ada")
    assert (closed.status, closed.json["code"]) == (409, "raffle_closed")


async def test_a_draw_that_runs_twice_pays_once(shop):
    await shop.bought("gems-500")
    await shop.buy("winter-raffle")
    payload = {"raffle": "winter-raffle", "asset": "gems", "amount": 5000}

    await asyncio.gather(draw(shop.parts.services, payload), draw(shop.parts.services, payload))

    assert shop.balance("customer:ada:gems") == 500 - 10 + 5000


async def test_an_export_says_which_tickets_somebody_holds_and_an_erasure_looks_there(shop):
    await shop.bought("gems-500")
    await shop.buy("winter-raffle", quantity=2)
    operator = shop.bearing(OPERATOR_KEY)
    exported = (await operator.get("/v1/customers/ada/export")).json
    assert [row["number"] for row in exported["sections"]["raffle_tickets"]] == [1, 2]
    asked = {"reason": "asked for it", "dry_run": True}
    assert (await operator.post("/v1/customers/ada/erase", asked, key="look")).json["undeclared"] == []
