"""Goals: one figure everywhere, exact, lowered by what goes back, and told once when it is reached."""

import pytest

from storefront.core.commit.plan import SHOP_ANCHOR, Plan, Remove
from storefront.testing import running_shop
from tests.fanfunding.goals import LUNA_COLLECTS, amounts, board, goals, reached
from tests.fanfunding.tipping import FAN_SHOP, dispute, refund, tip


@pytest.fixture
async def stream(data_folder, database_url):
    """Luna's shop with goals; its books are audited when the test is over."""
    (data_folder / "luna.yaml").write_text(LUNA_COLLECTS)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


async def test_a_goal_counts_what_is_given_by_frozen_rates_and_goes_down_with_what_goes_back(stream):
    assert await amounts(stream) == {"mic": 0, "share": 0, "paid": 0, "today": 0, "later": 0}
    mine = await tip(stream, 555)
    theirs = await tip(stream, 333, "EUR")  # 333 EUR are worth ⌊416.25⌋ USD, ⌊299 × 1.25⌋ = 373 of them Luna's
    await stream.bought("gems-500")
    await tip(stream, 30, "gems", by=stream.as_customer())  # no rate leads from gems to USD
    assert await amounts(stream) == {"mic": 971, "share": 499 + 373, "paid": 0, "today": 30, "later": 0}
    mic = (await goals(stream))["mic"]
    assert mic["aim"] == {"title": "New microphone", "target": {"amount": 1000, "currency": "USD"}, "percent": 97}
    assert (mic["tips"], mic["words"], mic["reached"]) == (2, {"amount": "$9.71", "target": "$10.00"}, False)

    assert (await refund(stream, mine, 100)).status == 201
    assert await amounts(stream) == {"mic": 871, "share": 410 + 373, "paid": 0, "today": 30, "later": 0}
    await dispute(stream, theirs)
    assert (await amounts(stream))["mic"] == 455
    await dispute(stream, theirs, "won")
    assert await amounts(stream) == {"mic": 871, "share": 783, "paid": 0, "today": 30, "later": 0}
    await stream.advance("25h")
    assert await amounts(stream) == {"mic": 871, "share": 783, "paid": 783, "today": 0, "later": 0}
    assert (await refund(stream, mine, key="rest")).status == 201
    assert await amounts(stream) == {"mic": 416, "share": 373, "paid": 373, "today": 0, "later": 0}
    assert [row["tips"] for row in stream.query("SELECT tips FROM fanfunding_days WHERE currency = 'USD'")] == [1]
    assert reached(stream) == []


async def test_a_goal_is_told_once_for_each_step_and_span_whatever_goes_back(stream):
    first = await tip(stream, 1000)
    mic = (await goals(stream))["mic"]
    assert (mic["reached"], mic["reached_at"] is None) == (True, False)
    assert mic["aim"] == {"title": "And a stand", "target": {"amount": 1500, "currency": "USD"}, "percent": 66}
    assert (await refund(stream, first)).status == 201
    assert (await goals(stream))["mic"]["reached"] is False
    await tip(stream, 3000)
    await stream.bought("gems-500")
    await tip(stream, 100, "gems", by=stream.as_customer())
    await stream.advance("24h")
    await tip(stream, 150, "gems", by=stream.as_customer())
    mic = (await goals(stream))["mic"]
    assert (mic["amount"]["amount"], mic["aim"]["percent"], mic["stretch"][0]["reached"]) == (3000, 100, True)
    told = reached(stream)
    assert [(goal, step) for goal, _, step in told] == [("mic", 0), ("mic", 1), ("today", 0), ("today", 0)]
    assert len({span for goal, span, _ in told if goal == "today"}) == 2


async def test_events_that_come_again_and_goals_that_are_changed_count_nothing_twice(stream, data_folder):
    await tip(stream, 700)
    assert (await amounts(stream))["mic"] == 700
    plan = Plan(actor="test", anchors={SHOP_ANCHOR})
    plan.add(Remove("settings", ("cursor:fanfunding",), SHOP_ANCHOR))
    await stream.parts.services.engine.commit(plan)
    changed = LUNA_COLLECTS.replace("id: mic", "id: mic\n    measure: net\n    reset: year")
    (data_folder / "luna.yaml").write_text(changed)
    await stream.restart()
    await tip(stream, 100)
    assert (await amounts(stream))["mic"] == 630 + 90


async def test_boards_rank_fans_by_what_is_left_and_never_name_who_gave_anonymously(stream):
    def fan(name):
        return {"by": stream.as_server(), "customer": name}

    await tip(stream, 500, name="Mio", **fan("mio"))
    await tip(stream, 900, name="Ada", anonymous=True, **fan("ada"))
    await tip(stream, 300, name="Ada L", **fan("ada"))
    gone = await tip(stream, 240, "EUR", name="Zoe", **fan("zoe"))  # worth 300 USD
    await tip(stream, 200, name="SPOILERS", **fan("nan"))  # waits to be read
    first, second, *pair, last = await board(stream)
    assert [first, second, last] == [(1, None, 900), (2, "Mio", 500), (5, None, 200)]
    assert sorted(pair) == [(3, "Ada L", 300), (3, "Zoe", 300)]
    assert await board(stream, limit=1) == [(1, None, 900)]
    assert await board(stream, currency="EUR") == [(1, "Zoe", 240)]
    await stream.advance("24h")
    assert await board(stream, "day") == []
    await tip(stream, 450, name="Mio 2", **fan("mio"))
    assert await board(stream, "day") == [(1, "Mio 2", 450)]
    assert (await refund(stream, gone)).status == 201
    assert await board(stream) == [(1, "Mio 2", 950), (2, None, 900), (3, "Ada L", 300), (4, None, 200)]
