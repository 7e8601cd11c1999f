"""What a reached goal gives of the game: once to each who contributed, within the day's limit, back with the money."""

import asyncio

import pytest
from storefront_fanfunding.goal_granting import grant_goal
from structlog.testing import capture_logs

from storefront.testing import running_shop
from tests.fanfunding.test_creator_files import refused
from tests.fanfunding.test_grants import gives, has
from tests.fanfunding.tipping import FAN_SHOP, LUNA, dispute, refund, tip

MAY_GRANT = """may_grant: [
        {sku: potion, per_tip: 2, per_day: 5}, {sku: sword, per_tip: 1, per_day: 9},
        {sku: gems-500, per_tip: 1, per_day: 9}]"""
SHOP = FAN_SHOP.replace("hold_days: 1}", f"hold_days: 1, {MAY_GRANT}}}")
LUNA_COLLECTS = (
    LUNA
    + """
goals:
  - id: mic
    title: Microphone
    target: {USD: 1000}
    grants: {potion: 2}
    stretch: [{target: {USD: 2000}, title: And a stand, grants: {sword: 1, gems-500: 1}}]
"""
)


@pytest.fixture
async def stream(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA_COLLECTS)
    async with running_shop(data_folder, SHOP, database=database_url) as shop:
        yield shop


def states(shop) -> list[str]:
    rows = shop.query("SELECT sku, state FROM fanfunding_goal_grants ORDER BY created_at, sku, state")
    return [f"{row['sku']} {row['state']}" for row in rows]


async def test_a_reached_goal_gives_to_those_whose_money_is_in_it_and_takes_back_what_goes_back_whole(stream):
    gone = await gives(stream, "eve", 900)
    assert (await refund(stream, gone)).status == 201
    mine = await gives(stream, "mio", 400)
    more = await gives(stream, "mio", 200)
    await gives(stream, "zoe", 300, anonymous=True)
    assert (await has(stream, "mio"), states(stream)) == ({"gems": 0, "right": False}, [])
    await tip(stream, 100)  # a guest has nothing to put it into
    assert await has(stream, "mio") == {"potion": 2, "gems": 0, "right": False}
    assert await has(stream, "zoe") == {"potion": 2, "gems": 0, "right": False}
    assert await has(stream, "eve") == {"gems": 0, "right": False}
    assert states(stream) == ["potion given", "potion given"]
    told = stream.query("SELECT type FROM events WHERE type = 'goal.granted'")
    assert len(told) == 2

    assert (await refund(stream, mine)).status == 201
    assert (await has(stream, "mio"))["potion"] == 2  # there is more of theirs in it
    assert (await refund(stream, more)).status == 201
    assert await has(stream, "mio") == {"gems": 0, "right": False}
    assert sorted(states(stream)) == ["potion given", "potion taken"]

    late = await gives(stream, "ada", 2000)  # the goal was reached before they came: the stretch is theirs
    assert await has(stream, "ada") == {"sword": 1, "gems": 500, "right": True}
    assert await has(stream, "zoe") == {"potion": 2, "sword": 1, "gems": 500, "right": True}
    await dispute(stream, late, "lost")
    assert await has(stream, "ada") == {"gems": 0, "right": False}
    await dispute(stream, late, "won")
    assert await has(stream, "ada") == {"sword": 1, "gems": 500, "right": True}


async def test_however_often_and_at_once_it_comes_each_fan_is_given_it_once_and_no_more_on_a_day(stream):
    fans = ("ada", "eve", "mio")
    for fan in fans:
        await gives(stream, fan, 400)
    await stream.quiet()
    assert states(stream) == ["potion given"] * 2  # of five a day, a third would be the sixth
    (goal,) = stream.query("SELECT creator_id, goal, span, stretch FROM fanfunding_reached")
    services = stream.parts.services
    await asyncio.gather(*(grant_goal(services, goal) for _ in range(4)))
    assert states(stream) == ["potion given"] * 2

    services.clock.offset_ms += 24 * 3_600_000  # it is the next day, and the job has not come
    await asyncio.gather(*(grant_goal(services, goal) for _ in range(4)))
    assert states(stream) == ["potion given"] * 3
    await stream.advance("1h")
    assert [(await has(stream, fan))["potion"] for fan in fans] == [2, 2, 2]


async def test_money_that_goes_back_before_the_job_comes_gives_nothing(stream):
    paid = {fan: await gives(stream, fan, 250) for fan in ("ada", "eve", "mio", "zoe")}
    await stream.quiet()
    assert states(stream) == ["potion given"] * 2
    (waiting, other) = [fan for fan in paid if "potion" not in await has(stream, fan)]
    assert (await refund(stream, paid[waiting])).status == 201
    await stream.quiet()
    (goal,) = stream.query("SELECT creator_id, goal, span, stretch FROM fanfunding_reached")
    services = stream.parts.services
    services.clock.offset_ms += 24 * 3_600_000  # it is the next day, and the job has not come
    await asyncio.gather(refund(stream, paid[other]), *(grant_goal(services, goal) for _ in range(4)))
    await stream.advance("1h")
    await stream.quiet()
    assert [(await has(stream, fan)).get("potion", 0) for fan in (waiting, other)] == [0, 0]
    assert [states(stream).count(f"potion {state}") for state in ("given", "refused")] == [2, 0]


async def test_a_goal_gives_only_what_the_operator_allows(stream, data_folder):
    with capture_logs() as logs:
        text = LUNA_COLLECTS.replace("{potion: 2}", "{potion: 3}").replace("sword: 1, gems", "lantern: 1, gems")
        (data_folder / "luna.yaml").write_text(text)
        said = await refused(stream, logs)
    assert "goals[0].grants.potion: must be at most 2, as the operator allows" in said
    assert "goals[0].stretch[0].grants.lantern: does not stand in the operator's `may_grant`" in said


async def test_a_disputed_tip_gives_nothing_until_the_dispute_is_won(stream):
    doubtful = await gives(stream, "eve", 500)
    await dispute(stream, doubtful)
    await gives(stream, "mio", 1000)
    assert await has(stream, "mio") == {"potion": 2, "gems": 0, "right": False}
    assert await has(stream, "eve") == {"gems": 0, "right": False}
    await dispute(stream, doubtful, "won")
    assert await has(stream, "eve") == {"potion": 2, "gems": 0, "right": False}
    assert states(stream) == ["potion given", "potion given"]
