"""A shop with every kind of offer, and what tests of them do often."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storefront.testing import Answer, Shop, running_shop

ECONOMY = """
shop: {name: Economy}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: pk_sandbox_demo, kind: publishable}
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}, dust: {title: Dust}}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499}}
  gems-bonus: {kind: currency_pack, title: With a bonus, contents: {gems: 100}, bonus: {gems: 20},
               bonus_expires_after: 12h, bonus_priority: 10, prices: {USD: 99}}
  sword: {kind: item, type: durable, title: Sword, prices: {gems: 120, USD: 300}, grants: [wield]}
  potion: {kind: item, type: consumable, title: Potion, max_count: 5, on_full: clip, prices: {gems: 15, USD: 50}}
  arrow: {kind: item, type: consumable, title: Arrow, max_count: 5, prices: {gems: 1}}
  pass: {kind: item, type: timed, duration: 6h, title: Pass, prices: {gems: 50, USD: 400}, grants: {lounge: true}}
  lantern: {kind: item, type: consumable, unique: true, title: Lantern, prices: {gems: 10, USD: 200},
            limits: [{per: global, count: 40}]}
  kit: {kind: bundle, title: Starter kit, prices: {USD: 1000, gems: 200}, contents: [
          {sku: sword}, {sku: potion, quantity: 3}, {sku: gems-500, worth: {gems: 400}}]}
  chest:
    kind: container
    title: Tide chest
    prices: {gems: 20, USD: 150}
    guaranteed: [{gives: {dust: 1}}]
    drops:
      - {weight: 60, gives: {arrow: 2}, instead: {gems: 1}}
      - {weight: 30, gives: {gems: 30}}
      - {weight: 10, gives: {lantern: 1}}
  sure-chest: {kind: container, title: Sure chest, prices: {gems: 20, USD: 150},
               drops: [{weight: 1, gives: {lantern: 2, gems: 40, pass: 1}}]}
  sword-chest: {kind: container, title: Sword chest, prices: {gems: 20}, draws: 2,
                drops: [{weight: 1, gives: {sword: 1}, instead: {gems: 7}}]}
  fickle: {kind: container, title: Fickle chest, prices: {gems: 1}, draws: 10, max_repeats: 2,
           drops: [{weight: 9, gives: {dust: 1}}, {weight: 1, gives: {dust: 2}}]}
"""


@pytest.fixture
async def shop(data_folder: Path, database_url: str | None) -> AsyncIterator[Shop]:
    """The economy, running; its books are audited when the test is over."""
    async with running_shop(data_folder, ECONOMY, database=database_url) as running:
        yield running


async def items_of(shop: Shop, customer: str = "ada") -> dict[str, Any]:
    """Return what a customer owns: SKU -> quantity, or the list of numbers of those that have them."""
    found: dict[str, Any] = {}
    for item in (await shop.as_customer(customer).get("/v1/me")).json["items"]:
        if item["number"] is not None:
            found.setdefault(item["sku"], []).append(item["number"])
        else:
            found[item["sku"]] = item["quantity"]
    return found


async def refund(shop: Shop, purchase: Any, *, key: str = "r1", **more: Any) -> Answer:
    """Refund a purchase with the server's key."""
    body = {"reason": "taken back", **more}
    return await shop.as_server().post(f"/v1/purchases/{purchase['id']}/refunds", body, key=key)


async def open_one(shop: Shop, sku: str, *, key: str, customer: str = "ada", **more: Any) -> Answer:
    """Open a container as its owner."""
    path = f"/v1/microtransactions/containers/{sku}/open"
    return await shop.as_customer(customer).post(path, more, key=key)
