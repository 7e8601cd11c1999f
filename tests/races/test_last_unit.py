"""The last unit and the last purchase of a window, 32 at once, five rounds: one winner each time."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from storefront.testing import Shop, running_shop

from .arena import ARENA, fund_customers

ROUNDS = range(5)
CROWD = [f"rival-{number}" for number in range(32)]
MORE = "".join(
    f"""
  unit-{turn}: {{kind: item, type: consumable, title: The last one, prices: {{gems: 10}},
           limits: [{{per: global, count: 1, restore_limit_on_refund: true}}]}}
  coin-{turn}: {{kind: item, type: consumable, title: The last one, prices: {{USD: 2500}},
           limits: [{{per: global, count: 1, window: month}}]}}
  daily-{turn}: {{kind: item, type: consumable, title: One a day, prices: {{gems: 1}},
            limits: [{{per: customer, count: 1, window: day, restore_limit_on_refund: true}}]}}
"""
    for turn in ROUNDS
)
SHOP = ARENA.replace("promo_codes:", MORE.strip("\n") + "\npromo_codes:")
SOLD_OUT, REACHED = (409, "sold_out"), (409, "limit_reached")


@pytest.fixture
async def arena(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, SHOP, database=database_url) as shop:
        yield shop


@pytest.fixture
def fund(arena: Shop):
    return partial(fund_customers, arena)


async def test_the_last_stock_unit_goes_to_one_of_32_in_each_of_five_rounds(arena, fund, tally):
    await fund(*CROWD)
    for turn in ROUNDS:
        answers = await asyncio.gather(*(arena.buy(f"unit-{turn}", customer=name) for name in CROWD))
        assert tally(answers) == {(201, "completed"): 1, SOLD_OUT: 31}
    assert arena.balance("platform:sink:gems") == 50


async def test_the_last_unit_for_money_is_reserved_by_one_of_32_in_each_of_five_rounds(arena, tally):
    await asyncio.gather(*(arena.as_customer(name).get("/v1/me") for name in CROWD))
    for turn in ROUNDS:
        answers = await asyncio.gather(*(arena.buy(f"coin-{turn}", customer=name) for name in CROWD))
        assert tally(answers) == {(202, "pending"): 1, SOLD_OUT: 31}
    assert len((await arena.sandbox.books())["sessions"]) == 5


async def test_the_last_limited_purchase_in_a_window_is_made_once_of_32_in_each_of_five_rounds(arena, fund, tally):
    await fund("ada")
    for turn in ROUNDS:
        answers = await asyncio.gather(*(arena.buy(f"daily-{turn}", customer="ada") for _ in range(32)))
        assert tally(answers) == {(201, "completed"): 1, REACHED: 31}
    assert arena.balance("customer:ada:gems") == 95


async def test_a_unit_given_back_by_32_refunds_at_once_is_sold_once_more(arena, fund, tally):
    await fund("ada", *CROWD)
    for turn in ROUNDS:
        first = await arena.buy(f"unit-{turn}", customer="ada")
        path, body = f"/v1/purchases/{first.json['id']}/refunds", {"reason": "race"}
        refunds = [arena.as_server().post(path, body, key=f"refund-{turn}-{number}") for number in range(32)]
        rivals = [arena.buy(f"unit-{turn}", customer=name) for name in CROWD]

        answers = await asyncio.gather(*refunds, *rivals)
        late = await arena.buy(f"unit-{turn}", customer="ada")

        assert tally(answers[:32]) == {(201, None): 1, (409, "already_refunded"): 31}
        assert sum(answer.status == 201 for answer in (*answers[32:], late)) == 1
