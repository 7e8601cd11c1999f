"""Giving periods of a tier, in tests."""

from itertools import count
from typing import Any

from .changing import CHANGING

PATRON = """  patron: {kind: subscription, family: patronage, title: Patron, interval: 30 days, prices: {USD: 1500},
           credits: {gems: {amount: 60, every: 30 days}}, grants: {vip: true}}
"""
GIVING = CHANGING.replace("chapters: {title: May read on}", "vip: {title: Lounge}, chapters: {title: Read}").replace(
    "promo_codes:", f"{PATRON}promo_codes:"
)
_KEYS = count(1)


async def ask_gift(
    shop, sku: str, periods: int, *, to: str = "bob", by: str = "ada", server: bool = False, **more: Any
):
    """Ask for a gift under a key of its own; return the answer."""
    caller, body = shop.as_customer(by), {"sku": sku, "recipient": to, "periods": periods, **more}
    if server:
        caller, body = shop.as_server(), {"customer": by, **body}
    return await caller.post("/v1/subscriptions", body, key=f"gift-{next(_KEYS)}")


async def gift(shop, sku: str, periods: int, *, to: str = "bob", by: str = "ada", **more: Any) -> dict[str, Any]:
    """Give periods, paid on the gateway's page or from the wallet; return the purchase once all of it is done."""
    for name in (to, by):
        await shop.as_customer(name).get("/v1/me")
    answer = await ask_gift(shop, sku, periods, to=to, by=by, **more)
    assert answer.status in (201, 202), answer
    purchase = answer.json
    if answer.status == 202:
        await shop.pay(answer)
        purchase = await shop.settled(answer)
    assert purchase["status"] == "completed", purchase
    await shop.quiet()
    return purchase


async def theirs(shop, customer: str = "bob") -> list[dict[str, Any]]:
    """Return a customer's subscriptions, the newest first."""
    return (await shop.as_customer(customer).get("/v1/subscriptions")).json["data"]
