"""A shop that tries a price of its sword."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.testing import Shop, ShopClient, running_shop

EXPERIMENT_SHOP = """
shop: {name: Experiment shop}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: ak_sandbox_demo, kind: operator}
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499}}
  sword: {kind: item, type: consumable, title: Sword, prices: {gems: 120, USD: 299}}
  potion: {kind: item, type: consumable, title: Potion, prices: {gems: 15}}
experiments:
  cheap-sword:
    offer: sword
    variants:
      control: {weight: 50}
      cheap: {weight: 50, prices: {gems: 99}}
"""


def with_weights(control: int, cheap: int) -> str:
    weighted = EXPERIMENT_SHOP.replace("control: {weight: 50}", f"control: {{weight: {control}}}")
    return weighted.replace("cheap: {weight: 50,", f"cheap: {{weight: {cheap},")


async def rewrite(shop: Shop, folder: Path, text: str) -> None:
    """Change the YAML and start the shop again."""
    (folder / "shop.yaml").write_text(text)
    await shop.restart()


async def price(shop: ShopClient, customer: str) -> int:
    """Return what the catalog shows a customer for the sword, in gems."""
    answer = await shop.as_customer(customer).get("/v1/catalog")
    assert answer.status == 200, answer
    [sword] = [offer for offer in answer.json["offers"] if offer["sku"] == "sword"]
    return next(int(one["amount"]) for one in sword["prices"] if one["currency"] == "gems")


async def fund(shop: ShopClient, *customers: str) -> None:
    for customer in customers:
        body = {"customer": customer, "asset": "gems", "amount": 1000, "reason": "a test"}
        assert (await shop.as_server().post("/v1/grants", body, key=f"gems-{customer}")).status == 201


@pytest.fixture
async def shop(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, EXPERIMENT_SHOP, database=database_url) as running:
        yield running
