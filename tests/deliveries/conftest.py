"""A shop whose offers reach a game server, and that server as tests see it."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from storefront.core.ids import new_id
from storefront.testing import Answer, Shop, ShopClient, running_shop

PATH = "/v1/microtransactions/deliveries"
DELIVERY_SHOP = """
shop: {name: Delivery shop}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: pk_sandbox_demo, kind: publishable}
  - {key: ak_sandbox_demo, kind: operator}
gateways: {sandbox: {}}
plugins:
  microtransactions:
    deliveries: {max_attempts: 3}
assets: {gems: {title: Gems}}
offers:
  gems-500:
    kind: currency_pack
    title: 500 gems
    contents: {gems: 500}
    prices: {USD: 499}
    delivery:
      on_purchase: [{to: lobby, command: "broadcast {player} bought {quantity} x {sku}"}]
      on_chargeback: [{to: lobby, command: "ban {player} {purchase}"}]
      on_dispute_won: [{to: lobby, command: "unban {player}"}]
  gems-100: {kind: currency_pack, title: 100 gems, contents: {gems: 100}, prices: {USD: 99}}
  sword:
    kind: item
    type: durable
    title: Sword
    prices: {gems: 120}
    delivery:
      on_purchase:
        - {to: survival, command: "give {player} diamond_sword 1", online_only: true}
        - {to: lobby, command: "title {player} {{hero}}"}
      on_refund:
        - {to: survival, command: "clear {player} diamond_sword 1"}
        - {to: log, command: "refunded {purchase}"}
  potion:
    kind: item
    type: consumable
    title: Potion
    prices: {gems: 1}
    delivery:
      on_purchase: [{to: survival, command: "give {player} potion {quantity}"}]
      on_refund: [{to: survival, command: "clear {player} potion {quantity}"}]
      on_consume: [{to: survival, command: "effect {player} heal {quantity}"}]
  arrow:
    kind: item
    type: consumable
    title: Arrow
    prices: {gems: 1}
    delivery:
      on_purchase: [{to: survival, command: "give {player} arrow {quantity} {event}", per_unit: true}]
  pet:
    kind: item
    type: consumable
    title: Pet
    prices: {gems: 1}
    delivery:
      on_purchase: [{to: survival, command: "pet {player} name {metadata.name}"}]
  fly:
    kind: item
    type: consumable
    title: An hour of flying
    prices: {gems: 1}
    delivery:
      on_purchase:
        - {to: survival, command: "fly {player} on"}
        - {to: survival, command: "fly {player} off", delay_seconds: 3600}
  charm: {kind: item, type: consumable, title: Charm, prices: {gems: 1}}
"""


class GameServer:
    """One consumer of a server's commands; ``key`` is whose credential it has."""

    def __init__(self, shop: ShopClient, server: str = "survival", *, key: str = "sk_sandbox_demo") -> None:
        self._caller = shop.bearing(key)
        self._server = server

    async def ask(self, **more: Any) -> Answer:
        return await self._caller.post(f"{PATH}/lease", {"server": self._server, **more})

    async def lease(self, **more: Any) -> Any:
        answer = await self.ask(**more)
        assert answer.status == 200, answer
        return answer.json

    async def commands(self, **more: Any) -> list[str]:
        """Lease, and return the commands alone."""
        return [one["command"] for one in (await self.lease(**more))["data"]]

    async def say(self, verb: str, leased: Any, *, ids: list[str] | None = None, **more: Any) -> Answer:
        ids = [one["id"] for one in leased["data"]] if ids is None else ids
        return await self._caller.post(f"{PATH}/{verb}", {"lease": leased["lease"], "ids": ids, **more})

    async def run_all(self, **more: Any) -> list[str]:
        """Lease and acknowledge until nothing comes any more; return what was run, in order."""
        ran = []
        while (leased := await self.lease(**more))["data"]:
            ran += [one["command"] for one in leased["data"]]
            assert (await self.say("ack", leased)).status == 200
        return ran


async def told(shop: ShopClient) -> None:
    """Wait until the plugin has been told all that has happened."""

    def is_told() -> bool:
        last = shop.query("SELECT commit_no, anchor, sequence FROM events ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT 1")
        stored = shop.query("SELECT value FROM settings WHERE key = 'cursor:microtransactions'")
        return bool(stored) and msgspec.json.decode(stored[0]["value"]) == list(last[0].values())

    await shop.until(is_told)


def states(shop: ShopClient) -> list[tuple[str, str, str]]:
    """Return (server, command or template, state) of all commands in the order in which a player's come."""
    rows = shop.query("SELECT server, command, template, state FROM microtransactions_commands ORDER BY position, id")
    return [(row["server"], row["command"] or row["template"], row["state"]) for row in rows]


async def refund(shop: ShopClient, purchase: Any, **more: Any) -> Any:
    path = f"/v1/purchases/{purchase['id']}/refunds"
    answer = await shop.as_server().post(path, {"reason": "asked for", **more}, key=new_id("key"))
    assert answer.status == 201, answer
    await told(shop)
    return answer.json


@pytest.fixture
async def shop(data_folder, database_url) -> AsyncIterator[Shop]:
    """The shop, running, with 500 gems for ada; its books are audited when the test is over."""
    async with running_shop(data_folder, DELIVERY_SHOP, database=database_url) as running:
        await fund(running)
        yield running


async def fund(shop: ShopClient, *customers: str) -> None:
    """Give customers gems by purchases that deliver nothing."""
    for customer in customers or ("ada",):
        await shop.bought("gems-100", customer=customer, quantity=5)


@pytest.fixture
def survival(shop) -> GameServer:
    return GameServer(shop)


@pytest.fixture
def lobby(shop) -> GameServer:
    return GameServer(shop, "lobby")
