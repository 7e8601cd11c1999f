"""Pledges at their goal's deadline: withdrawn or charged, in the sum or refused, charged once, whoever comes first."""

import asyncio

import pytest
from storefront_fanfunding.campaign_ending import close_campaign
from storefront_fanfunding.campaigns import find_campaign
from storefront_fanfunding.config import Settings
from storefront_fanfunding.pledge_charging import advance_pledge

from storefront.core.gateways.failures import OutcomeUnknown
from storefront.testing import running_shop
from tests.fanfunding.pledging import ONE, charged, luna_tours, pledge, pledged, seen, told
from tests.fanfunding.tipping import FAN_SHOP

SETTINGS = Settings.of({"share": "90%"})
FANS = [f"fan-{number}" for number in range(6)]


@pytest.fixture
async def stream(data_folder, database_url):
    """Luna's shop with six fans of 500 gems; its books are audited when the race is over."""
    (data_folder / "luna.yaml").write_text(luna_tours())
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        await asyncio.gather(*(shop.bought("gems-500", customer=fan) for fan in FANS))
        yield shop


async def campaign_of(stream):
    row, *_ = stream.query("SELECT creator_id, goal FROM fanfunding_campaigns")
    return await find_campaign(stream.parts.services, row["creator_id"], row["goal"])


async def to_deadline(stream, *, short_ms: int = 0) -> None:
    """Move the clock to the deadline, or just before; no job has come to it yet."""
    services = stream.parts.services
    services.clock.offset_ms += (await campaign_of(stream))["deadline"] - short_ms - services.clock.now()


async def test_withdrawals_and_new_pledges_race_the_deadline_and_the_sum_is_that_of_what_was_open(stream):
    opened = await asyncio.gather(
        *(pledge(stream, 200, "gems", by=stream.as_customer(fan), goal="raid") for fan in FANS[:4])
    )
    assert [answer.status for answer in opened] == [201] * 4
    services, campaign = stream.parts.services, await campaign_of(stream)
    await to_deadline(stream, short_ms=40)

    first, second = (f"{ONE}/{answer.json['id']}/withdraw" for answer in opened[:2])
    answers = await asyncio.gather(
        stream.as_customer(FANS[0]).post(first),
        stream.as_customer(FANS[1]).post(second),
        *(pledge(stream, 100, "gems", by=stream.as_customer(fan), goal="raid") for fan in FANS[4:]),
        *(close_until_over(services, campaign) for _ in range(2)),
    )  # fmt: skip

    await stream.quiet()
    codes = {answer.json["code"] for answer in answers if answer is not None and answer.status == 409}
    assert codes <= {"pledge_over", "goal_not_open"}
    (row,) = stream.query("SELECT state, pledged, backers FROM fanfunding_campaigns")
    gone = sum(answer.status == 200 for answer in answers[:2])
    more = sum(answer.status == 201 for answer in answers[2:4])
    assert (row["pledged"], row["backers"]) == (800 - 200 * gone + 100 * more, 4 - gone + more)
    assert row["state"] == ("collected" if row["pledged"] >= 500 else "missed")
    states = stream.query("SELECT state, count(*) AS many FROM fanfunding_pledges GROUP BY state")
    ended = "collected" if row["state"] == "collected" else "released"
    assert {one["state"]: one["many"] for one in states} == {
        ended: row["backers"], **({"withdrawn": gone} if gone else {}),
    }  # fmt: skip


async def close_until_over(services, campaign) -> None:
    """Try to close the goal again and again, from before its deadline until after it."""
    while (await find_campaign(services, campaign["creator_id"], campaign["goal"]))["state"] == "collecting":
        await close_campaign(services, campaign)


async def test_jobs_at_once_charge_each_pledge_once_and_nothing_is_withdrawn_any_more(stream):
    ada, services = stream.as_customer(FANS[0]), stream.parts.services
    gems = (await pledge(stream, 500, "gems", by=ada, goal="raid")).json
    card = await pledged(stream, 1000)
    await to_deadline(stream)
    late = await ada.post(f"{ONE}/{gems['id']}/withdraw")
    assert (late.status, late.json["code"]) == (409, "pledge_over")
    met = await asyncio.gather(
        *(advance_pledge(services, SETTINGS, one["id"]) for one in (gems, card) * 6), return_exceptions=True
    )
    # The gateway refuses a twin while the first is under way: what a job then does is to try again.
    assert [one for one in met if isinstance(one, BaseException) and not isinstance(one, OutcomeUnknown)] == []
    for one in (gems, card):
        await advance_pledge(services, SETTINGS, one["id"])
    for one in (gems, card):
        await seen(stream, one, "collected")
    assert sorted(told(stream)) == ["collected", "collected", "opened", "opened"]
    assert sorted(told(stream, "goal.%")) == ["collected", "collected", "reached", "reached"]
    assert (await charged(stream))[len(FANS) :] == [1000]
    assert len(stream.query("SELECT id FROM fanfunding_tips")) == 2


async def test_of_pledges_of_one_fan_at_once_one_stands(stream):
    ada = stream.as_customer(FANS[0])
    answers = await asyncio.gather(*(pledge(stream, 50, "gems", by=ada, goal="raid") for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [201, *([409] * 5)]
    (row,) = stream.query("SELECT pledged, backers FROM fanfunding_campaigns")
    assert (row["pledged"], row["backers"]) == (50, 1)
    assert len(stream.query("SELECT id FROM holds WHERE state = 'open'")) == 1
