"""What tests of subscriptions do again and again."""

from datetime import datetime
from itertools import count
from typing import Any

GOOD = "4242 4242 4242 4242"
ASKS_ALWAYS = "4000 0027 6000 3184"


_KEYS = count(1)


async def begin(shop, sku: str, *, customer: str = "ada", **more: Any):
    """Ask for a subscription under a key of its own; return the answer."""
    return await shop.as_customer(customer).post("/v1/subscriptions", {"sku": sku, **more}, key=f"begin-{next(_KEYS)}")


async def subscribe(shop, sku: str = "basic", *, card: str | None = GOOD, customer: str = "ada", **more: Any) -> str:
    """Subscribe on the gateway's page (or without it, where nothing is to be paid there); return the subscription."""
    answer = await begin(shop, sku, customer=customer, **more)
    assert answer.status in (201, 202), answer
    if answer.status == 202 and card is not None:
        await shop.pay(answer, card)
        assert (await shop.settled(answer))["status"] == "completed"
    return answer.json["details"]["subscription"]


async def see(shop, subscription: str, *, customer: str = "ada") -> dict[str, Any]:
    answer = await shop.as_customer(customer).get(f"/v1/subscriptions/{subscription}")
    assert answer.status == 200, answer
    return answer.json


async def into_the_next_period(shop, subscription: str, *, by: str = "1m") -> None:
    """Let the present period end, in strides that a busy machine takes in one go, and a little (``1h``) more pass."""
    found = await see(shop, subscription)
    start, end = (datetime.fromisoformat(found[name]) for name in ("period_start", "period_end"))
    days = (end - start).days
    for stride in [4] * (days // 4) + [1] * (days % 4):
        await shop.advance(f"{stride}d")
    await shop.advance(by)


async def may(shop, key: str, *, customer: str = "ada") -> bool:
    answer = await shop.as_customer(customer).get(f"/v1/entitlements/{key}")
    return answer.json["allowed"]


async def invoices(shop, subscription: str, *, customer: str = "ada") -> list[dict[str, Any]]:
    return (await shop.as_customer(customer).get(f"/v1/subscriptions/{subscription}/invoices")).json["data"]


def events(shop, prefix: str = "subscription.") -> list[str]:
    rows = shop.query("SELECT type FROM events WHERE type LIKE ? ORDER BY commit_no, sequence", f"{prefix}%")
    return [row["type"].removeprefix(prefix) for row in rows]
