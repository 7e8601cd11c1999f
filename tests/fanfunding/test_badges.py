"""Badges: given for what is there, taken with what goes back, never for what was given anonymously."""

import pytest

from storefront.testing import running_shop
from tests.fanfunding.goals import CREATOR
from tests.fanfunding.test_overlay_queue import overlays  # noqa: F401 (a fixture)
from tests.fanfunding.tipping import FAN_SHOP, LUNA, dispute, refund, tip

BADGES = """
badges:
  - {id: member, title: Member, when: {holds: sword}}
  - {id: gold-heart, title: Heart of gold, color: "#ffd700"}
  - {id: patron, title: {en: Patron, de: Gönner}, when: {lifetime: {USD: 1000}}}
  - {id: whale, when: {tip: {USD: 2000}}, sticky: true}
  - {id: founder, when: {first: 2}}
  - {id: top, when: {rank: 1}}
  - {id: streak3, when: {streak_months: 3}}
"""
LUNA_GIVES = LUNA.replace("sound: chime, pin: 2m", "sound: chime, pin: 2m, badge: gold-heart") + BADGES


@pytest.fixture
async def stream(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA_GIVES)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


async def gives(shop, fan: str, amount: int, currency: str = "USD", **more):
    return await tip(shop, amount, currency, by=shop.as_server(), customer=fan, name=more.pop("name", fan), **more)


async def badges(shop, fan: str) -> list[str]:
    await shop.quiet()
    shown = (await shop.as_customer(fan).get("/v1/me")).json["badges"]
    assert all(one.startswith("luna/") for one in shown)
    return [one.removeprefix("luna/") for one in shown]


def told(shop) -> list[str]:
    rows = shop.query("SELECT type, payload FROM events WHERE type LIKE 'badge.%' ORDER BY commit_no, sequence")
    return [row["type"].removeprefix("badge.") for row in rows]


async def test_badges_are_given_with_a_reason_and_judged_again_when_tips_go_back(stream):
    first = await gives(stream, "mio", 600)
    assert await badges(stream, "mio") == ["founder", "gold-heart", "top"]
    second = await gives(stream, "mio", 400)
    assert await badges(stream, "mio") == ["founder", "gold-heart", "patron", "top"]
    await gives(stream, "zoe", 2500)
    await gives(stream, "eve", 100)
    assert await badges(stream, "zoe") == ["founder", "gold-heart", "patron", "top", "whale"]
    assert await badges(stream, "mio") == ["founder", "gold-heart", "patron"]
    assert await badges(stream, "eve") == []
    (row,) = stream.query(
        "SELECT reason FROM fanfunding_badges WHERE badge = 'patron' AND reason LIKE '%1000%' LIMIT 1"
    )
    assert row["reason"] == '{"lifetime":{"USD":1000}}'

    assert (await refund(stream, second, 1)).status == 201
    assert await badges(stream, "mio") == ["founder", "gold-heart"]
    assert (await refund(stream, first)).status == 201
    assert await badges(stream, "mio") == ["founder"]
    assert (await refund(stream, second, key="rest")).status == 201
    assert (await badges(stream, "mio"), await badges(stream, "eve")) == ([], ["founder"])
    assert told(stream).count("granted") - told(stream).count("taken") == 5 + 1


async def test_a_dispute_takes_a_badge_winning_gives_it_again_and_a_sticky_one_stays(stream):
    whole = await gives(stream, "zoe", 2500)
    assert await badges(stream, "zoe") == ["founder", "gold-heart", "patron", "top", "whale"]
    await dispute(stream, whole)
    assert await badges(stream, "zoe") == ["whale"]
    await dispute(stream, whole, "won")
    assert await badges(stream, "zoe") == ["founder", "gold-heart", "patron", "top", "whale"]


async def test_who_keeps_a_sticky_badge_of_the_first_keeps_their_place_too(stream, data_folder):
    told = LUNA + "badges: [{id: founder, when: {first: 1}, sticky: true}, {id: early, when: {first: 1}}]\n"
    (data_folder / "luna.yaml").write_text(told)
    await stream.restart()
    first = await gives(stream, "mio", 600)
    await gives(stream, "zoe", 400)
    assert (await badges(stream, "mio"), await badges(stream, "zoe")) == (["early", "founder"], [])
    assert (await refund(stream, first)).status == 201
    assert (await badges(stream, "mio"), await badges(stream, "zoe")) == (["founder"], ["early"])


async def test_three_months_in_a_row_are_a_streak_and_what_is_anonymous_counts_for_nothing(stream):
    for days in ("20d", "31d", "31d"):
        await gives(stream, "mio", 100)
        await gives(stream, "zoe", 5000, anonymous=True)
        await stream.advance(days)
    assert await badges(stream, "mio") == ["founder", "streak3", "top"]
    assert await badges(stream, "zoe") == []


async def test_badges_stand_beside_the_name_in_the_alert_and_on_the_board(stream, overlays):  # noqa: F811
    here = await overlays()
    await here.hear()
    await gives(stream, "mio", 1200)
    _, alert = await here.hear()
    assert alert["badges"][0] == {"id": "gold-heart", "title": "Heart of gold", "color": "#ffd700"}
    await gives(stream, "mio", 1300, anonymous=True)
    given = {"customer": "mio", "sku": "sword", "reason": "a member now"}
    assert (await stream.as_server().post("/v1/grants", given, key="member")).status == 201
    await stream.quiet()
    lines = (await stream.as_nobody().get(CREATOR + "/leaderboard?language=de")).json["data"]
    assert [(line["name"], [one["title"] for one in line["badges"]]) for line in lines] == [
        (None, []),
        ("mio", ["Member", "Heart of gold", "Gönner"]),
    ]
