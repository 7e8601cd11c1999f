"""A creator who collects for several goals, for tests of goals, boards and badges."""

from typing import Any

from tests.fanfunding.tipping import LUNA

GOALS = """
goals:
  - id: mic
    title: {en: New microphone, de: Neues Mikrofon}
    target: {USD: 1000}
    stretch: [{target: {USD: 1500}, title: And a stand}]
  - {id: share, title: My share, target: {USD: 5000}, measure: net, reset: month}
  - {id: paid, title: Settled, target: {USD: 5000}, measure: settled, active: false}
  - {id: today, title: Today, target: {gems: 100}, reset: day}
  - {id: later, title: Later, target: {EUR: 100}, since: "2099-01-01"}
"""
LUNA_COLLECTS = LUNA + GOALS
CREATOR = "/v1/fanfunding/creators/luna"


async def goals(shop) -> dict[str, dict[str, Any]]:
    """Return goal's id -> how it stands, once all that has happened is counted."""
    await shop.quiet()
    answer = await shop.as_nobody().get(CREATOR + "/goals")
    assert answer.status == 200, answer
    return {one["id"]: one for one in answer.json["data"]}


async def amounts(shop) -> dict[str, int]:
    return {name: one["amount"]["amount"] for name, one in (await goals(shop)).items()}


async def board(shop, span: str = "all", **more: Any) -> list[tuple[int, str | None, int]]:
    """Return rank, name and amount of each line of a board."""
    await shop.quiet()
    query = "&".join(f"{name}={value}" for name, value in {"span": span, **more}.items())
    answer = await shop.as_nobody().get(f"{CREATOR}/leaderboard?{query}")
    assert answer.status == 200, answer
    return [(one["rank"], one["name"], one["amount"]["amount"]) for one in answer.json["data"]]


def reached(shop) -> list[tuple[str, str, int]]:
    """Return goal, span and step of each event that told of one, in their order."""
    rows = shop.query(
        "SELECT goal, span, stretch, (SELECT count(*) FROM events WHERE type = 'goal.reached') AS told "
        "FROM fanfunding_reached ORDER BY reached_at, goal, stretch"
    )
    assert [row["told"] for row in rows] == [len(rows)] * len(rows)
    return [(row["goal"], row["span"], row["stretch"]) for row in rows]
