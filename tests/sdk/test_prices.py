"""Prices through the SDK: chosen by the buyer, bought exactly, refused with what may be chosen."""

from pathlib import Path

import pytest
from storefront_sdk import AmountOutOfRange, InsufficientFunds, StorefrontClient

from storefront.testing import SERVER_KEY, TINY_SHOP, running_shop

MORE = """
  song: {kind: item, type: consumable, title: A song,
         prices: [{currency: gems, pay_what_you_want: {min: 10, suggested: 20, max: 90}}]}
  gems-100: {kind: currency_pack, title: 100 gems, contents: {gems: 100}, exact: true, prices: {USD: 109}}
"""


async def test_an_amount_is_chosen_and_what_is_missing_is_bought_exactly(tmp_path: Path) -> None:
    async with running_shop(tmp_path, TINY_SHOP + MORE) as shop, StorefrontClient(shop.url, key=SERVER_KEY) as server:
        await shop.session("ada")
        assert (await server.quote("song", amount=33, customer="ada")).total == (33, "gems")
        with pytest.raises(AmountOutOfRange) as refused:
            await server.purchase("song", amount=91, customer="ada")
        assert refused.value.facts["max"] == {"amount": 90, "currency": "gems"}
        with pytest.raises(InsufficientFunds) as short:
            await server.purchase("song", amount=90, customer="ada")
        offered = short.value.facts["exact_top_up"]
        bought = await server.purchase(offered["sku"], amount=offered["amount"], customer="ada")
        assert bought.total == (99, "USD")
