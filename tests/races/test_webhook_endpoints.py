"""The cap on webhook endpoints under a rush: never one more than there may be; whoever leaves makes room for one."""

import asyncio
from typing import Any

from storefront.testing import OPERATOR_KEY, Answer, Shop

PATH = "/v1/webhook-endpoints"
TOO_MANY = (409, "too_many_webhook_endpoints")


async def create(shop: Shop, number: int) -> Answer:
    """Make an endpoint that gets nothing in this test: it lies outside."""
    wanted = {"url": f"https://example.com/hooks/{number}", "event_types": ["nothing.such"]}
    return await shop.bearing(OPERATOR_KEY).post(PATH, wanted)


async def rush(shop: Shop) -> list[Answer]:
    return await asyncio.gather(*(create(shop, number) for number in range(64)))


def kept(shop: Shop) -> tuple[Any, Any]:
    """Return how many endpoints there are, and what their counter says."""
    (rows,) = shop.query("SELECT count(*) AS count FROM webhook_endpoints WHERE state <> 'deleted'")
    (counter,) = shop.query("SELECT value FROM counters WHERE key = 'webhook_endpoints'")
    return rows["count"], counter["value"]


async def test_64_endpoints_at_once_are_50_and_the_rest_are_refused(arena, tally):
    for number in range(45):
        assert (await create(arena, number)).status == 201

    answers = await rush(arena)

    assert tally(answers) == {(201, None): 5, TOO_MANY: 59}
    assert kept(arena) == (50, 50)
    assert (await create(arena, 0)).json["at_most"] == 50


async def test_those_deleted_make_room_for_as_many_whoever_deletes_them_twice(arena, tally):
    made = [answer.json["id"] for answer in await rush(arena) if answer.status == 201]
    operator = arena.bearing(OPERATOR_KEY)

    deleted = await asyncio.gather(*(operator.delete(f"{PATH}/{one}") for one in made[:3] * 2))
    answers = await rush(arena)

    assert sorted(answer.status for answer in deleted) == [204, 204, 204, 404, 404, 404]
    assert tally(answers) == {(201, None): 3, TOO_MANY: 61}
    assert kept(arena) == (50, 50)
