"""A shop whose tiers last 30 days, and what tests of changes do again and again."""

from itertools import count
from typing import Any

from storefront.testing import TINY_SHOP

from .subscribing import GOOD

DAY = 86_400
FAMILIES = """
      club:
        pairs:
          - {from: silver, to: opal, timing: now, money: none}
          - {from: bronze, to: plus, timing: now, money: next_invoice}
          - {from: plus, to: bronze, timing: now, money: charge_now}
          - {from: gold, to: silver, timing: period_end, choices: [{timing: now, money: charge_now}]}
"""
TIERS = """
  guest: {kind: subscription, family: club, title: Guest, free: true, interval: 30 days, grants: {lounge: true}}
  bronze: {kind: subscription, family: club, title: Bronze, interval: 30 days, grants: {lounge: true, rooms: 1},
           prices: {USD: 1000, JPY: 1000, gems: 300}, most_seats: 10, also: [{interval: year, prices: {USD: 10000}}]}
  plus: {kind: subscription, family: club, title: Plus, interval: 30 days, prices: {USD: 1500}, grants: {lounge: true}}
  silver: {kind: subscription, family: club, title: Silver, interval: 30 days, grants: {lounge: true, rooms: 5},
           prices: {USD: 2000, JPY: 1980, KWD: 12750, gems: 600}, also: [{interval: year, prices: {USD: 20000}}]}
  opal: {kind: subscription, family: club, title: Opal, interval: 30 days, prices: {USD: 2000}, beside: silver,
         grants: {lounge: true, terrace: true}}
  gold: {kind: subscription, family: club, title: Gold, interval: 30 days, grants: {lounge: true, rooms: 9},
         prices: {USD: 3000, KWD: 20000, gems: 900}}
  odd: {kind: subscription, family: club, title: Odd, interval: 30 days, prices: {USD: 1016}}
  tin: {kind: subscription, family: metals, title: Tin, interval: 30 days, prices: {KWD: 4500}}
  zinc: {kind: subscription, family: metals, title: Zinc, interval: 30 days, prices: {KWD: 12750}}
  taster: {kind: subscription, family: tried, title: Taster, interval: 30 days, prices: {USD: 500}, trial: 14d}
  eater: {kind: subscription, family: tried, title: Eater, interval: 30 days, prices: {USD: 900}, trial: 14d}
  feaster: {kind: subscription, family: tried, title: Feaster, interval: 30 days, prices: {USD: 1900}}
promo_codes:
  QUARTER: {percent: 25}
"""
CHANGING = (
    TINY_SHOP.replace(
        "plugins: {microtransactions: {}}",
        f"plugins:\n  microtransactions: {{}}\n  subscriptions:\n    families: {FAMILIES}",
    ).replace(
        "chapters: {title: May read on}",
        "lounge: {title: Lounge}, rooms: {title: Rooms}, terrace: {title: Terrace}, chapters: {title: May read on}",
    )
    + TIERS
)
_KEYS = count(1)


async def look(shop, subscription: str, tier: str, *, customer: str = "ada", **more: Any) -> dict[str, Any]:
    """Preview a change; return what it would be."""
    path = f"/v1/subscriptions/{subscription}/preview"
    answer = await shop.as_customer(customer).post(path, {"tier": tier, **more})
    assert answer.status == 200, answer
    return answer.json


def amounts(previewed: dict[str, Any]) -> list[int]:
    return [line["total"]["amount"] for line in previewed["lines"]]


async def ask(shop, subscription: str, tier: str | None = None, *, by=None, key: str | None = None, **more: Any):
    """Ask for a change under a key of its own; return the answer."""
    caller = by or shop.as_customer()
    body = more if tier is None else {"tier": tier, **more}
    return await caller.post(f"/v1/subscriptions/{subscription}/change", body, key=key or f"change-{next(_KEYS)}")


async def change(shop, subscription: str, tier: str | None, *, card: str = GOOD, **more: Any):
    """Change at once, on the gateway's page where no method is saved; return the completed purchase."""
    answer = await ask(shop, subscription, tier, **more)
    assert answer.status in (201, 202), answer
    if answer.status == 202:
        if answer.json["payment"]["redirect_url"]:
            await shop.pay(answer, card)
        purchase = await shop.settled(answer)
    else:
        purchase = answer.json
    assert purchase["status"] == "completed", purchase
    return purchase


async def pass_days(shop, days: float) -> None:
    """Let the machine's clock move on, and do what is due."""
    shop.wall.move(round(days * DAY))
    shop.parts.jobs.wake()
    await shop.quiet()


async def charged(shop) -> list[int]:
    return [amount for _, amount in await shop.sandbox.charged()]
