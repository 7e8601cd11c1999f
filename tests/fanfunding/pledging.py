"""What tests of pledges do again and again: Luna collects for a tour, all or nothing, for ten days."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tests.fanfunding.tipping import LUNA, body

GOAL = "/v1/fanfunding/creators/luna/goals/tour/pledges"
ONE = "/v1/fanfunding/pledges"
VISA, ASKS = "4242 4242 4242 4242", "4000 0027 6000 3184"
"""Cards: one that pays, and one whose bank asks each time."""
SHORT, STOLEN = "4000000000009995", "4000000000009979"
"""What a saved card may turn into: it declines for now, or for good."""
_KEYS = count(1)


def luna_tours(target: int = 1000, more: str = "", *, days: float = 10) -> str:
    """Return Luna's file with a goal of all or nothing, whose deadline is so far away."""
    deadline = datetime.now(UTC) + timedelta(days=days)
    return LUNA + (
        "goals:\n"
        "  - {id: mic, title: Microphone, target: {USD: 100000}}\n"
        f"  - {{id: tour, title: The tour, target: {{USD: {target}}}, mode: all_or_nothing,"
        f" deadline: '{deadline:%Y-%m-%dT%H:%M:%S}Z'{more}}}\n"
        "  - {id: raid, title: A raid, target: {gems: 500}, mode: all_or_nothing,"
        f" deadline: '{deadline:%Y-%m-%dT%H:%M:%S}Z'}}\n"
        "  - {id: siege, title: A siege, target: {gems: 500}, mode: all_or_nothing,"
        f" deadline: '{deadline:%Y-%m-%dT%H:%M:%S}Z'}}\n"
        "  - {id: later, title: Later, target: {gems: 500}, mode: all_or_nothing,"
        " deadline: '2099-01-01T00:00:00+01:00'}\n"
    )


async def pledge(
    shop, amount: int = 555, currency: str = "USD", *, by=None, key: str | None = None, goal="tour", **more: Any
):
    """Ask to pledge under a key of its own; return the answer."""
    caller = by or shop.as_nobody()
    return await caller.post(
        GOAL.replace("tour", goal), body(amount, currency, **more), key=key or f"pledge-{next(_KEYS)}"
    )


async def save(shop, begun, card: str = VISA) -> None:
    """Save a card for a pledge, on the page that its answer names."""
    url = begun.json["setup"]["redirect_url"]
    assert await shop.pay({"payment": {"redirect_url": url}}, card, "pass" if card == ASKS else None) == 303
    await shop.quiet()


async def pledged(shop, amount: int = 555, *, card: str = VISA, fan: str | None = None, **more: Any) -> dict[str, Any]:
    """Pledge as a guest and save a card; return the open pledge."""
    begun = await pledge(shop, amount, **({} if fan is None else {"fan": fan}), **more)
    assert begun.status == 202, begun
    await save(shop, begun, card)
    return await seen(shop, begun.json, "open")


async def turn(shop, one, card: str) -> None:
    """Let the card that a pledge will be charged to become another."""
    (row,) = shop.query("SELECT m.reference FROM payment_methods m JOIN fanfunding_pledges p ON p.method = m.id "
                        "WHERE p.id = ?", one["id"])  # fmt: skip
    await shop.sandbox.turn_card(row["reference"], card)


async def seen(shop, one, state: str | None = None) -> dict[str, Any]:
    """Return a pledge as everybody sees it, once all that has happened is known; wait until it is in a state."""
    await shop.quiet()
    if state is not None:
        asked = "SELECT 1 AS found FROM fanfunding_pledges WHERE id = ? AND state = ?"
        await shop.until(lambda: shop.query(asked, one["id"], state))
    answer = await shop.as_nobody().get(f"{ONE}/{one['id']}")
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json
    assert state in (None, found["state"]), found
    return found


async def tour(shop) -> dict[str, Any]:
    """Return how the goal stands."""
    await shop.quiet()
    answer = await shop.as_nobody().get("/v1/fanfunding/creators/luna/goals")
    return next(one for one in answer.json["data"] if one["id"] == "tour")


def told(shop, like: str = "pledge.%") -> list[str]:
    """Return the events of a kind, in their order."""
    rows = shop.query("SELECT type FROM events WHERE type LIKE ? ORDER BY commit_no, sequence", like)
    return [row["type"].partition(".")[2] for row in rows]


async def charged(shop) -> list[int]:
    """Return what the gateway has charged, in its order."""
    return [one["amount"] for one in (await shop.sandbox.books())["charges"] if one["status"] == "succeeded"]
