"""The shop to race in: offers whose prices and limits make the winner's number plain; first gems; counting answers."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

from storefront.testing import Answer, ShopClient

ARENA = """
shop: {name: Arena}
mode: sandbox
data: ${DATA}
web: {rate_limits: {promo_code: {per: customer, rate: 1000, period_seconds: 1}}}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: ak_sandbox_demo, kind: operator}
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}}
offers:
  gems-100: {kind: currency_pack, title: 100 gems, contents: {gems: 100}, prices: {USD: 99}}
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499}}
  charm: {kind: item, type: consumable, title: Charm, prices: {gems: 10}}
  relic: {kind: item, type: durable, title: Relic, prices: {gems: 10}}
  chest: {kind: item, type: durable, title: Chest, prices: {USD: 1499}}
  token: {kind: item, type: consumable, title: Three each, prices: {gems: 1},
          limits: [{per: customer, count: 3, window: lifetime}]}
  last-gem-1: &gem {kind: item, type: consumable, title: The last one, prices: {gems: 10},
                    limits: [{per: global, count: 1, window: lifetime}]}
  last-gem-2: *gem
  last-gem-3: *gem
  edition-1: &edition {kind: item, type: consumable, title: Twenty of it, prices: {gems: 10},
                       limits: [{per: global, count: 20, window: lifetime}]}
  edition-2: *edition
  edition-3: *edition
  last-coin-1: &coin {kind: item, type: consumable, title: The last one, prices: {USD: 2500},
                      limits: [{per: global, count: 1, window: lifetime}]}
  last-coin-2: *coin
  last-coin-3: *coin
  lantern: {kind: item, type: consumable, unique: true, title: Lantern, prices: {gems: 1}}
  coffer: {kind: container, title: Coffer, prices: {gems: 10}, drops: [
            {weight: 1, gives: {gems: 3}}, {weight: 1, gives: {lantern: 1}}]}
promo_codes:
  ONCE-0: &once {percent: 50, uses: once}
  ONCE-1: *once
  ONCE-2: *once
  ONCE-3: *once
  ONCE-4: *once
  TWICE: {percent: 50, per_customer: 2}
  FIRST-0: {percent: 50, first_purchase: true}
  FIRST-1: {percent: 50, first_purchase: true}
"""


async def fund_customers(shop: ShopClient, *names: str, packs: int = 1) -> None:
    """Give customers ``packs`` × 100 gems each, by purchases that are really paid, all at the same time."""
    answers = await asyncio.gather(*(_pay_for(shop, name, packs) for name in names))
    assert tally(answers) == {(200, "completed"): len(names)}


async def _pay_for(shop: ShopClient, name: str, packs: int) -> Answer:
    purchase = await shop.buy("gems-100", customer=name, quantity=packs)
    assert purchase.status == 202, purchase
    assert await shop.pay(purchase) == 303
    return await shop.as_customer(name).post(f"/v1/purchases/{purchase.json['id']}/finalize")


def tally(answers: Iterable[Answer]) -> dict[tuple[int, Any], int]:
    """Count answers by status and code (of a refusal) or status word (of a purchase)."""
    return Counter((answer.status, answer.json.get("code") or answer.json.get("status")) for answer in answers)
