"""Tips that give of the game, under a rush: no more on a day than the operator allows, and none is lost for it."""

import asyncio

import pytest

from storefront.testing import running_shop
from tests.fanfunding.test_grants import GIVING_SHOP, LUNA_GIVES, has, states
from tests.fanfunding.tipping import give


@pytest.fixture
async def stream(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA_GIVES)
    async with running_shop(data_folder, GIVING_SHOP, database=database_url) as shop:
        yield shop


async def test_tips_at_once_give_no_more_on_a_day_than_is_allowed_and_each_is_paid(stream):
    fans = [f"fan-{number}" for number in range(8)]
    await asyncio.gather(*(stream.bought("gems-500", customer=fan) for fan in fans))
    answers = await asyncio.gather(*(give(stream, 10, "gems", by=stream.as_customer(fan)) for fan in fans))
    assert [answer.status for answer in answers] == [201] * 8
    assert sorted(states(stream)) == ["potion given"] * 5 + ["potion refused"] * 3
    owned = [(await has(stream, fan)).get("potion", 0) for fan in fans]
    assert sorted(owned) == [0, 0, 0, 1, 1, 1, 1, 1]
    await stream.advance("24h")
    await give(stream, 10, "gems", by=stream.as_customer("fan-0"))
    assert states(stream)[-1] == "potion given"
