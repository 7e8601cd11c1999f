"""Bought time that is over: told once, later if it was bought again, never if it was taken back."""

from collections.abc import AsyncIterator

import pytest

from storefront.testing import Shop, running_shop
from tests.plugins.conftest import Strangers

from .conftest import DELIVERY_SHOP, GameServer, fund, refund, told

TIMED = """
offer_kind_schemas = {"rental": {"type": "object", "properties": {"hours": {"type": "integer"}}}}

@hookimpl
def register_offer_kinds(self):
    class Rental:
        name = "rental"
        schema = {"type": "object"}

        def describe(self, offer):
            return {"contents": []}

        def check(self, line):
            pass

        def fulfil(self, line, goods):
            goods.grant("flying", True, sku=line.offer.sku, expires_at=goods.now + 3_600_000 * line.offer.part["hours"])

        def reverse(self, line, goods):
            pass

    return [Rental()]
"""
OFFERS = """
  flying-1:
    kind: rental
    hours: 1
    title: An hour of flying
    prices: {gems: 1}
    delivery: &flying
      on_purchase: [{to: survival, command: "fly {player} on"}]
      on_expire: [{to: survival, command: "fly {player} off"}]
  flying-3: {kind: rental, hours: 3, title: Three hours of flying, prices: {gems: 1}, delivery: *flying}
  duo: {kind: bundle, title: Duo, prices: {gems: 2}, contents: [{sku: flying-1, quantity: 2}, {sku: potion}]}
"""


@pytest.fixture
async def shop(monkeypatch, tmp_path, data_folder, database_url) -> AsyncIterator[Shop]:
    strangers = Strangers(tmp_path / "site")
    monkeypatch.syspath_prepend(strangers.folder)
    strangers.write("rentals", TIMED)
    config = DELIVERY_SHOP.replace("plugins:", "plugins:\n  rentals: {}") + OFFERS
    async with running_shop(data_folder, config, database=database_url) as running:
        await fund(running)
        yield running


async def test_what_was_bought_for_an_hour_is_taken_away_after_it(shop):
    await shop.bought("flying-1")
    await told(shop)
    survival = GameServer(shop)
    assert await survival.run_all() == ["fly ada on"]
    await shop.advance("59m")
    assert await survival.run_all() == []
    await shop.advance("2m")
    await told(shop)
    assert await survival.run_all() == ["fly ada off"]
    await shop.advance("5h")
    assert await survival.run_all() == []


async def test_what_goes_on_by_another_purchase_is_over_when_that_is(shop):
    await shop.bought("flying-1")
    await shop.bought("flying-1")
    await shop.bought("flying-3")
    await told(shop)
    survival = GameServer(shop)
    assert await survival.run_all() == ["fly ada on"] * 3
    await shop.advance("2h")
    await told(shop)
    assert await survival.run_all() == []
    await shop.advance("2h")
    await told(shop)
    assert set(await survival.run_all()) == {"fly ada off"}


async def test_what_was_taken_back_is_not_over_once_more(shop):
    bought = await shop.bought("flying-1")
    await refund(shop, bought)
    await shop.advance("2h")
    await told(shop)
    assert await GameServer(shop).run_all() == []


async def test_rights_from_a_bundle_are_over_by_the_words_of_the_offer_that_gave_them(shop):
    await shop.bought("duo")
    await told(shop)
    survival = GameServer(shop)
    assert await survival.run_all() == ["fly ada on", "give ada potion 1"]
    await shop.advance("61m")
    await shop.quiet()
    await told(shop)
    assert await survival.run_all() == ["fly ada off"]
