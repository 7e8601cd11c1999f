"""A shop whose customers may pause, and what tests of pauses do again and again."""

from typing import Any

from storefront.core.clock import iso, parse_iso

from .changing import CHANGING, DAY

PAUSING = CHANGING.replace(
    "subscriptions:\n", "subscriptions:\n    trial_without_method: pause\n    pause: {customers: true, max: 90d}\n", 1
)


async def ask_pause(shop, subscription: str, *, by=None, **body: Any):
    """Ask for a pause; return the answer."""
    return await (by or shop.as_customer()).post(f"/v1/subscriptions/{subscription}/pause", body)


async def paused(shop, subscription: str, *, by=None, **body: Any) -> dict[str, Any]:
    """Pause at once unless told otherwise; return the subscription."""
    answer = await ask_pause(shop, subscription, by=by, **{"at": "now", **body})
    assert answer.status == 200, answer
    return answer.json


async def resumed(shop, subscription: str, *, by=None, **body: Any) -> dict[str, Any]:
    """Let it go on; return the subscription."""
    answer = await (by or shop.as_customer()).post(f"/v1/subscriptions/{subscription}/resume", body)
    assert answer.status == 200, answer
    return answer.json


def days_from(instant: str, days: float) -> str:
    """Return an instant so many days after another, as the wire writes it."""
    return iso(parse_iso(instant) + round(days * DAY * 1000))
