"""Sales and chosen prices on the shop page: seen, measured, paid, with script and without."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from storefront.testing import TINY_SHOP, Shop, running_shop

pytestmark = pytest.mark.asyncio(loop_scope="session")


def days_away(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


SALE = f"[{{percent: 25, from: {days_away(-1)}, until: {days_away(3)}, label: Winter sale}}]"
MORE = f"""
  gems-100: {{kind: currency_pack, title: 100 gems, contents: {{gems: 100}}, exact: true, prices: {{USD: 109}},
             sales: {SALE}}}
  song: {{kind: item, type: consumable, title: A song,
         prices: [{{currency: USD, pay_what_you_want: {{min: 0, suggested: 500, max: 10000}}}}]}}
  tale: {{kind: item, type: consumable, title: A tale,
         prices: [{{currency: gems, pay_what_you_want: {{min: 10, suggested: 20, max: 90}}}}]}}
  hat: {{kind: item, type: consumable, title: A hat, prices: {{USD: 999, gems: 99}}, sales: {SALE}}}
  star: {{kind: item, type: consumable, title: A star, featured: true, prices: {{USD: 2000}}, sales: {SALE}}}
  map: {{kind: item, type: consumable, title: A map,
        prices: [{{amount: 700, currency: USD}}, {{amount: 650, currency: EUR, countries: [DE]}}]}}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def fair(browser: Browser, tmp_path: Path) -> AsyncIterator[Shop]:
    async with running_shop(tmp_path, TINY_SHOP + MORE) as shop:
        yield shop


async def test_a_sale_shows_both_prices_and_its_end_and_can_be_read(visit, fair):
    here = await visit(shop=fair, width=390)
    await here.play_as_somebody_with_gems("ada")

    hat = here.page.locator('[data-card="hat"]')
    await expect(hat.locator(".sale s")).to_have_text("99")
    await expect(hat.locator(".sale")).to_contain_text("Winter sale until")
    await expect(hat.locator(".price b")).to_have_text("74")
    await expect(here.page.locator('[data-card="star"] .sale s')).to_have_text("$20.00")
    await expect(here.page.locator('[data-card="gems-100"] .sale s')).to_have_text("$1.09")
    for theme in ("light", "dark"):
        await here.page.emulate_media(color_scheme=theme)
        for width in (1440, 390, 320):
            await here.page.set_viewport_size({"width": width, "height": 844})
            looks = await here.looks()
            await here.shot(f"sale-{width}-{theme}")
            assert looks.pop("measured") > 2
            assert {name: found for name, found in looks.items() if found} == {"headings": 1}


@pytest.mark.parametrize("javascript", [True, False])
async def test_what_the_buyer_chose_is_what_is_paid(visit, fair, javascript):
    here = await visit(shop=fair, javascript=javascript)
    await here.play_as("bob")

    await here.page.locator('[data-card="song"] input[name=amount]').fill("7.25")
    await here.press_tag("song")
    await expect(here.page.get_by_role("button", name="Pay $7.25")).to_be_visible()
    await here.pay()

    assert fair.query("SELECT total, status FROM purchases") == [{"total": 725, "status": "completed"}]


@pytest.mark.parametrize("javascript", [True, False])
async def test_gems_are_chosen_on_the_card_and_nothing_at_all_is_free(visit, fair, javascript):
    here = await visit(shop=fair, javascript=javascript)
    await here.play_as_somebody_with_gems("cleo")

    await here.page.locator('[data-card="tale"] input[name=amount]').fill("33")
    await here.press_tag("tale")
    await here.balance(467)
    await here.page.locator('[data-card="song"] input[name=amount]').fill("0")
    await here.press_tag("song")
    await expect(here.page.locator('[data-owned="song"]')).to_be_visible()


async def test_a_visitor_reads_the_least_of_what_a_buyer_chooses(visit, fair):
    here = await visit(shop=fair)
    await here.open()
    await expect(here.page.locator('[data-card="song"] .tag')).to_contain_text("from $0.00")
    await expect(here.page.locator('[data-card="tale"] .price')).to_contain_text("from 10 gems")


async def test_the_page_shows_the_prices_of_the_sessions_country(visit, fair):
    here = await visit(shop=fair)
    token = await fair.session("dora", country="DE")
    await here.open(f"/shop#token={token}")
    await expect(here.page.locator('[data-card="map"] button.tag')).to_have_text("€6.50")
