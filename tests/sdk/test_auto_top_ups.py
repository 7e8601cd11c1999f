"""Automatic top-ups by the SDK: agreed to by a customer, or by the game's server for them; looked at; switched off."""

import pytest
from storefront_sdk import Money, NotFound, StorefrontClient, StorefrontError

from storefront.testing import running_shop
from tests.shop.topping_up import TOPPED_UP, save_method


@pytest.fixture
async def topped_up(tmp_path):
    async with running_shop(tmp_path, TOPPED_UP) as shop:
        yield shop


async def test_a_wallet_is_topped_up_by_what_its_owner_agreed_to(topped_up):
    card = await save_method(topped_up)
    async with StorefrontClient(topped_up.url, token=await topped_up.session()) as ada:
        agreed = await ada.auto_top_ups.agree(
            "gems",
            below=100,
            sku="gems-500",
            payment_method=card,
            daily_cap=Money(998, "USD"),
            consent_text="auto-top-up-1",
        )
        await topped_up.quiet()
        (now,) = await ada.auto_top_ups.list()
        assert (agreed.state, agreed.at_most, now.spent_today) == ("on", Money(499, "USD"), Money(499, "USD"))
        assert (await ada.wallet("gems", policy="fetch")).balance == 500

        await ada.auto_top_ups.end("gems")
        assert (await ada.auto_top_ups.list())[0].state == "off"
        with pytest.raises(NotFound):
            await ada.auto_top_ups.end("stars")


async def test_a_server_agrees_for_a_customer(topped_up):
    card = await save_method(topped_up)
    terms = {
        "below": 100,
        "sku": "gems-500",
        "payment_method": card,
        "consent_text": "auto-top-up-1",
        "customer": "ada",
    }
    async with StorefrontClient(topped_up.url, key="sk_sandbox_demo") as server:
        with pytest.raises(StorefrontError) as refused:
            await server.auto_top_ups.agree("gems", daily_cap=Money(498, "USD"), **terms)
        assert refused.value.code == "invalid_request"
        at_most = Money(600, "USD")
        agreed = await server.auto_top_ups.agree("gems", daily_cap=Money(998, "USD"), at_most=at_most, **terms)

        assert (agreed.at_most, agreed.redirect_url) == (at_most, None)
        await server.auto_top_ups.end("gems", customer="ada")
        (ended,) = await server.auto_top_ups.list(customer="ada")
        assert (ended.state, ended.reason) == ("off", "switched_off")
    await topped_up.quiet()
