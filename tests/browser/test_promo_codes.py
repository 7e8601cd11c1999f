"""A promo code on the shop page: entered once, seen on every price it lowers, bought with, taken away."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import TINY_SHOP, running_shop

pytestmark = pytest.mark.asyncio(loop_scope="session")
CODES = """
promo_codes:
  WINTER30: {percent: 30, label: Winter sale, kinds: [currency_pack, item], offers: [gems-500, sword, chest]}
  FREE: {percent: 100, offers: [chest], per_customer: 1}
referrals: {reward: {referrer: {gems: 100}}}
"""
both_ways = pytest.mark.parametrize("javascript", [True, False])


@pytest_asyncio.fixture(loop_scope="session")
async def sale(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP + CODES) as shop:
        yield shop


async def enter(here, code):
    await here.page.get_by_label("Your promo code").fill(code)
    await here.page.get_by_role("button", name="Use code").click()


@both_ways
async def test_a_code_lowers_the_prices_it_is_for_and_is_bought_with(visit, sale, javascript):
    here = await visit(shop=sale, javascript=javascript)
    await here.play_as("ada")
    await enter(here, "winter-30")

    panel = here.page.locator("#promo")
    await expect(panel).to_contain_text("WINTER30 Winter sale")
    pack = here.page.locator('[data-card="gems-500"]')
    await expect(pack.locator("button.tag")).to_have_text("$3.49")
    await expect(pack.locator(".price__was")).to_contain_text("$4.99")
    await expect(here.page.locator('[data-card="gems-1200"] .price__was')).to_have_count(0)
    await expect(here.page.locator('[data-card="chest"] .price__was')).to_contain_text("$14.99")
    await expect(here.page.locator('[data-card="potion"] .price__real')).to_have_text("≈ $0.15")
    await here.shot(f"promo-{'script' if javascript else 'plain'}")
    await here.to_checkout()
    await expect(here.page.get_by_role("button", name="Pay $3.49")).to_be_visible()
    await here.page.get_by_label("Card number").fill("4242 4242 4242 4242")
    await here.pay()
    await here.balance(500)
    await here.press_tag("sword")
    await here.balance(416)

    await here.page.get_by_role("button", name="Take the code WINTER30 away").click()
    await expect(here.page.get_by_label("Your promo code")).to_be_visible()
    await expect(pack.locator("button.tag")).to_have_text("$4.99")


async def test_a_code_for_nothing_needs_no_payment_page(visit, sale):
    here = await visit(shop=sale, width=390, javascript=False)
    await here.play_as("bob")
    await enter(here, "free")
    await here.shot("promo-free-narrow")

    await here.press_tag("chest")

    await expect(here.page.locator("[data-news]")).to_contain_text("Chest")
    assert sale.query("SELECT pay_with, total FROM purchases") == [{"pay_with": "free", "total": 0}]
    await expect(here.page.get_by_label("Your promo code")).to_be_visible()


@both_ways
async def test_a_wrong_code_is_explained(visit, sale, javascript):
    here = await visit(shop=sale, javascript=javascript)
    await here.play_as("cleo")

    await enter(here, "WINTER31")

    await here.notice("We don't know this code. Look for a typing mistake.")


@both_ways
async def test_a_link_of_a_referral_is_accepted_once(visit, sale, javascript):
    link = (await sale.as_customer("host").get("/v1/me/referral")).json["link"]
    here = await visit(shop=sale, javascript=javascript)
    await here.open(link.removeprefix(sale.url))
    await here.page.get_by_label("Play as").fill("guest")
    await here.page.get_by_role("button", name="Play").click()
    await expect(here.page.locator("#invitation")).to_contain_text("You were invited")
    await here.shot(f"invitation-{'script' if javascript else 'plain'}")

    await here.page.get_by_role("button", name="Accept").click()

    await here.notice("Your invitation is noted. The rewards come once you have bought something for money.")
    await expect(here.page.locator("#invitation")).to_have_count(0)
    assert (await sale.as_customer("host").get("/v1/me/referral")).json["referred"] == 1


async def test_a_shop_without_codes_asks_for_none(visit, tiny):
    here = await visit(shop=tiny)
    await here.play_as("ada")

    await expect(here.page.locator("#promo")).to_have_count(0)
