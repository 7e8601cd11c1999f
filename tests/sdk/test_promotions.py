"""Promo codes and referrals through the Python client."""

import pytest
from storefront_sdk import BlockingStorefront, PromoCodeInvalid, ReferralRefused, StorefrontClient

from storefront.testing import SERVER_KEY, TINY_SHOP, running_shop

CODES = """
promo_codes:
  WINTER: {percent: 50, stackable: true}
  EXTRA: {amount: {gems: 10}, stackable: true}
referrals: {reward: {referrer: {gems: 100}}}
"""


@pytest.fixture
async def sale(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP + CODES) as shop:
        yield shop


async def test_a_game_quotes_and_buys_with_codes(sale):
    await sale.bought("gems-500")
    async with StorefrontClient(sale.url, token=await sale.session("ada")) as game:
        assert (await game.quote("sword", promo_code="winter")).total == (60, "gems")
        assert (await game.quote("sword", promo_code=["winter", "extra"])).total == (50, "gems")
        bought = await game.purchase("sword", promo_code="winter", expected_price=(60, "gems"))
        assert (bought.is_completed, bought.total) == (True, (60, "gems"))
        with pytest.raises(PromoCodeInvalid) as refused:
            await game.quote("potion", promo_code="summer")
    assert refused.value.facts["reason"] == "unknown"


async def test_a_game_and_its_server_speak_of_referrals(sale):
    async with (
        StorefrontClient(sale.url, token=await sale.session("ada")) as game,
        StorefrontClient(sale.url, key=SERVER_KEY) as server,
    ):
        mine = await game.referrals.get()
        assert (mine.referred, mine.is_referred) == (0, False)
        assert mine.link.endswith(f"/shop?referral={mine.code}")
        assert (await server.referrals.use(mine.code, customer="bob")).is_referred
        assert (await game.referrals.get()).referred == 1
        with pytest.raises(ReferralRefused) as refused:
            await game.referrals.use(mine.code)
    assert refused.value.facts["reason"] == "own"


def test_the_blocking_client_has_them_too():
    assert {"get", "use"} <= set(dir(type(BlockingStorefront("http://127.0.0.1:9", key="sk_x").referrals)))
