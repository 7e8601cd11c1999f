"""A shop that sells a bit of everything, at a fixed time; and what tests of analytics do again and again."""

from itertools import count
from typing import Any

from storefront.core.clock import SECOND_MS, parse_iso
from storefront.testing import OPERATOR_KEY, Wall
from tests.fanfunding.tipping import LUNA

MALL = """
shop: {name: Mall}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: pk_sandbox_demo, kind: publishable}
  - {key: ak_sandbox_demo, kind: operator}
gateways: {sandbox: {}}
web: {rate_limits: {checkout: {per: address, rate: 1000, period_seconds: 1}}}
plugins:
  microtransactions: {}
  subscriptions: {}
  fanfunding:
    share: 50%
    currencies: [USD, EUR, gems]
    creators: {luna: {file: luna.yaml, share: 90%, hold_days: 1}}
assets: {gems: {title: Gems}}
entitlements: {lounge: {title: Lounge}, sword: {title: May wield the sword}}
tax:
  by: table
  prices: inclusive
  default_country: DE
  seller: {name: Mall, country: DE}
  rates:
    - {country: DE, class: digital, percent: "19"}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499, EUR: 479}}
  chest: {kind: item, type: consumable, title: Chest, prices: {USD: 1499, EUR: 1399}}
  sword: {kind: item, type: durable, title: Sword, prices: {gems: 120}, grants: [sword]}
  potion: {kind: item, type: consumable, title: Potion, prices: {gems: 15}}
  basic: {kind: subscription, family: membership, title: Basic, prices: {USD: 499, gems: 300}, grants: [lounge]}
  premium: {kind: subscription, family: membership, title: Premium, prices: {USD: 999, EUR: 899}, grants: [lounge],
            also: [{interval: year, prices: {USD: 9990}}]}
"""
_KEYS = count(1)


def wall_at(text: str) -> Wall:
    """Return a machine's clock that stands at a time now (``2031-01-31T12:00:00Z``)."""
    wall = Wall()
    wall.move((parse_iso(text) - wall()) // SECOND_MS)
    return wall


async def refund(shop, purchase: str, amount: int | None = None) -> None:
    """Give back money of a purchase, and let the gateway do it."""
    body = {"reason": "asked for", "strategy": "floor", **({} if amount is None else {"amount": amount})}
    answer = await shop.as_server().post(f"/v1/purchases/{purchase}/refunds", body, key=f"refund-{next(_KEYS)}")
    assert answer.status in (201, 202), answer
    await shop.quiet()


async def report(shop, name: str, **query: str) -> dict[str, Any]:
    """Return a report over HTTP, with all that has happened counted."""
    await shop.parts.roller.fold_all()
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    answer = await shop.bearing(OPERATOR_KEY).get(f"/v1/analytics/{name}?{asked}")
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json
    return found


def lines(told: dict[str, Any], figure: str, **like: Any) -> list[tuple[Any, ...]]:
    """Return ``(date, asset, kind, key, value, count)`` of a figure's lines that are ``like`` this."""
    names = ("date", "asset", "kind", "key", "value", "count")
    found = [one for one in told["figures"] if one["figure"] == figure]
    return [tuple(one[name] for name in names) for one in found if all(one[k] == v for k, v in like.items())]


def values(told: dict[str, Any], figure: str, **like: Any) -> list[Any]:
    return [one[4] for one in lines(told, figure, **like)]


__all__ = ["LUNA", "MALL", "lines", "refund", "report", "values", "wall_at"]
