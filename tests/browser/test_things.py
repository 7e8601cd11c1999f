"""Currencies told apart, chests opened, things of which there is only one used up: with script and without."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from storefront.testing import Shop, running_shop

pytestmark = pytest.mark.asyncio(loop_scope="session")
both_ways = pytest.mark.parametrize("javascript", [True, False])

BAZAAR = """
shop: {name: Bazaar}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: pk_sandbox_demo, kind: publishable}
gateways: {sandbox: {}}
plugins: {microtransactions: {customers_may_open: MAY, customers_may_consume: MAY}}
assets: {gems: {title: Gems}, embers: {title: Embers}, favour: {title: Favour, icon: /static/pages/icon.svg}}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, bonus: {gems: 25}, prices: {USD: 499},
             badge: A very long badge that no phone has the room for}
  blade: {kind: item, type: durable, art: sword, title: Blade, prices: {gems: 320, embers: 90, favour: 7}}
  potion: {kind: item, type: consumable, title: Potion, prices: {gems: 15},
           limits: [{per: customer, count: 5, window: day}, {per: global, count: 200}]}
  banner: {kind: item, type: consumable, unique: true, title: Banner, prices: {gems: 10}}
  secret: {kind: item, type: consumable, title: A secret, hidden: true, prices: {gems: 1}}
  chest: {kind: container, title: Tide chest, prices: {gems: 20},
          guaranteed: [{gives: {embers: 5}}], drops: [{weight: 1, gives: {secret: 2, potion: 1}}]}
  blade-chest: {kind: container, title: Blade chest, hidden: true, prices: {gems: 20},
                drops: [{weight: 1, gives: {blade: 1}, instead: {gems: 7}}]}
  kit: {kind: bundle, title: Kit, prices: {gems: 30}, contents: [{sku: blade-chest}]}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def bazaar(browser: Browser, tmp_path: Path) -> AsyncIterator[Shop]:
    async with running_shop(tmp_path, BAZAAR.replace("MAY", "true")) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="session")
async def strict(browser: Browser, tmp_path: Path) -> AsyncIterator[Shop]:
    """The same, where only the game's server uses and opens things."""
    async with running_shop(tmp_path, BAZAAR.replace("MAY", "false")) as shop:
        yield shop


async def come_as(visit, shop, name, *skus, **more):
    await shop.bought("gems-500", customer=name)
    for sku in skus:
        await shop.bought(sku, customer=name, currency="gems")
    here = await visit(shop=shop, **more)
    await here.play_as(name)
    return here


def owned(here, sku):
    return here.page.locator(f'[data-owned="{sku}"]')


async def can_be_read(here, name):
    for theme in ("light", "dark"):
        await here.page.emulate_media(color_scheme=theme)
        for width in (1440, 390, 320):
            await here.page.set_viewport_size({"width": width, "height": 844})
            looks = await here.looks()
            await here.shot(f"{name}-{width}-{theme}")
            assert looks.pop("measured") > 2
            assert {name: found for name, found in looks.items() if found} == {"headings": 1}


async def test_every_price_names_its_currency_and_no_two_currencies_look_alike(visit, bazaar):
    here = await come_as(visit, bazaar, "ada")
    blade = here.page.locator('[data-card="blade"]')

    await expect(blade.locator(".price")).to_contain_text("320 gems")
    others = blade.locator(".other")
    await expect(others.nth(0)).to_contain_text("90\u00a0embers (90\u00a0embers short)")
    await expect(others.nth(1)).to_contain_text("7\u00a0favour")
    marks = await blade.locator(".mark").evaluate_all("found => found.map((one) => one.innerHTML)")
    assert len(set(marks)) == 3
    assert await others.nth(0).locator("svg text").text_content() == "E"
    assert await others.nth(1).locator("img").get_attribute("src") == "/static/pages/icon.svg"
    await expect(here.page.locator("#wallet")).to_contain_text("gems")


async def test_a_price_in_another_currency_buys(visit, bazaar):
    await bazaar.as_server().post(
        "/v1/grants", {"customer": "bob", "asset": "embers", "amount": 95, "reason": "won"}, key="g1"
    )
    here = await visit(shop=bazaar, javascript=False)
    await here.play_as("bob")

    await here.page.get_by_role("button", name="Buy Blade for 90\u00a0embers").click()

    await here.notice("Blade is yours. 5 embers left.")
    assert bazaar.balance("customer:bob:embers") == 5


async def test_packs_say_their_bonus_and_limits_and_crop_no_badge(visit, bazaar):
    here = await come_as(visit, bazaar, "cleo", "potion", "potion", width=390)

    pack = here.page.locator('[data-card="gems-500"]')
    await expect(pack.locator("h3")).to_have_text("500 gems + 25 bonus")
    await expect(pack.locator(".pack__unit")).to_have_text("$0.95 per 100 gems, bonus included")
    cropped = "badge => badge.scrollWidth > badge.clientWidth || badge.scrollHeight > badge.clientHeight"
    assert not await pack.locator(".pack__badge").evaluate(cropped)
    potion = here.page.locator('[data-card="potion"] .limit')
    await expect(potion).to_have_text(["3 of 5 left for you today", "198 of 200 left"])
    await can_be_read(here, "bazaar")


@both_ways
async def test_a_chest_is_opened_on_the_page_and_shows_what_came_out_and_its_odds(visit, bazaar, javascript):
    here = await come_as(visit, bazaar, "dora", "chest", "chest", javascript=javascript, width=390)
    chest = owned(here, "chest")
    await chest.get_by_text("What may come out").click()
    await expect(chest.locator(".chances dt")).to_have_text(["Always", "100%"])
    await expect(chest.locator(".chances dd")).to_have_text(["5\u00a0embers", "2 × A secret, Potion"])

    await chest.get_by_role("button", name="Open one Tide chest").click()

    opened = here.page.locator("#opened")
    await expect(opened.get_by_role("heading", name="Tide chest opened")).to_be_in_viewport()
    await expect(opened.locator(".opened__gave li")).to_have_text(["2 × A secret", "Potion", "5\u00a0embers"])
    await expect(opened.locator(".chances summary")).to_have_text("What may come out")
    await expect(owned(here, "secret")).to_contain_text("2 left")
    assert bazaar.balance("customer:dora:embers") == 5
    assert (await bazaar.as_customer("dora").get("/v1/microtransactions/openings")).json["data"][0]["number"] == 1

    await opened.get_by_role("button", name="Open one Tide chest").click()
    await expect(opened).to_contain_text("Your opening no. 2 of these")
    await expect(chest).to_have_count(0)
    await expect(opened.get_by_role("button")).to_have_count(0)


async def test_the_page_of_an_opened_chest_can_be_read(visit, bazaar):
    here = await come_as(visit, bazaar, "emil", "chest", "chest", "banner")
    await owned(here, "chest").get_by_role("button", name="Open one Tide chest").click()
    await expect(here.page.locator("#opened")).to_be_visible()
    await owned(here, "banner").locator("summary").click()
    await can_be_read(here, "opened")


async def test_a_chest_that_is_on_no_shelf_opens_too(visit, bazaar):
    here = await come_as(visit, bazaar, "finn", "blade", "kit")

    await owned(here, "blade-chest").get_by_role("button", name="Open one Blade chest").click()

    await expect(here.page.locator(".opened__gave li")).to_have_text(["7\u00a0gems"])
    await expect(here.page.locator("#opened")).to_contain_text("You could own no more of these: Blade.")


async def test_what_somebody_else_opened_is_shown_to_nobody(visit, bazaar):
    await come_as(visit, bazaar, "gina", "chest")
    opened = await bazaar.as_customer("gina").post("/v1/microtransactions/containers/chest/open", {}, key="o1")
    here = await visit(shop=bazaar)
    await here.play_as("hugo")

    await here.open(f"/shop?opened={opened.json['id']}")

    await expect(here.page.locator("#opened")).to_have_count(0)


@both_ways
async def test_odds_that_changed_since_they_were_shown_open_nothing(visit, bazaar, javascript):
    here = await come_as(visit, bazaar, "ines", "chest", javascript=javascript)
    form = owned(here, "chest").locator('input[name="odds_version"]')
    await form.evaluate("field => (field.value = 'cat_of_yesterday')") if javascript else None
    if not javascript:
        await here.page.route("**/shop/open", lambda route: route.continue_(
            post_data=route.request.post_data.replace("odds_version=cat_", "odds_version=old_")))  # fmt: skip

    await owned(here, "chest").get_by_role("button", name="Open one Tide chest").click()

    await here.notice("The odds have changed. Nothing was opened. Look at them, then open it.")
    await expect(owned(here, "chest")).to_contain_text("1 left")


@both_ways
async def test_a_thing_with_a_number_is_named_and_asked_about_before_it_is_used_up(visit, bazaar, javascript):
    here = await come_as(visit, bazaar, "jon", "banner", javascript=javascript)
    banner = owned(here, "banner")
    await expect(banner).to_contain_text("No.\u00a01")
    await expect(banner.get_by_role("button", name="Use No.\u00a01")).to_be_hidden()

    await banner.locator("summary").click()
    await expect(banner).to_contain_text(
        "Use up Banner No.\u00a01? It is the only one you have. Once used it is gone for good."
    )
    await banner.get_by_text("Keep it").click()
    await expect(banner.get_by_role("button", name="Use No.\u00a01")).to_be_hidden()
    await banner.locator("summary").click()
    await banner.get_by_role("button", name="Use No.\u00a01").click()

    await expect(here.page.get_by_text("Banner No.\u00a01 used. It was your last.")).to_be_visible()
    await expect(banner).to_have_count(0)


@both_ways
async def test_of_several_numbers_the_chosen_one_is_used_up(visit, bazaar, javascript):
    here = await come_as(visit, bazaar, "kim", "banner", "banner", "banner", javascript=javascript)
    banner = owned(here, "banner")
    await expect(banner.locator(".yours__status")).to_have_text("No.\u00a01, No.\u00a02, No.\u00a03")
    await banner.locator("summary").click()

    await banner.get_by_role("radio", name="No.\u00a02").check()
    await banner.get_by_role("button", name="Use this one").click()

    await expect(here.page.get_by_text("Banner No.\u00a02 used. 2 left.")).to_be_visible()
    await expect(banner.locator(".yours__status")).to_have_text("No.\u00a01, No.\u00a03")


@both_ways
async def test_a_page_that_did_not_know_it_was_the_last_leads_to_the_question(visit, bazaar, javascript):
    here = await come_as(visit, bazaar, "lea", "potion", "potion", javascript=javascript)
    spent = await bazaar.as_customer("lea").post("/v1/microtransactions/inventory/potion/consume", {}, key="c1")
    assert spent.json["remaining"] == 1

    await owned(here, "potion").get_by_role("button", name="Use one Potion").click()

    await expect(here.page.locator("[data-note]")).to_contain_text("Nothing was used.")
    await expect(owned(here, "potion")).to_contain_text("1 left")
    if not javascript:
        await expect(owned(here, "potion").get_by_role("button", name="Use it")).to_be_visible()
        await owned(here, "potion").get_by_role("button", name="Use it").click()
    else:
        await here.use_last("potion")
    await expect(here.page.get_by_text("Potion used. It was your last.")).to_be_visible()


async def test_where_only_the_game_uses_things_the_page_does_not(visit, strict):
    here = await come_as(visit, strict, "max", "potion", "chest", javascript=False)
    await expect(owned(here, "potion")).to_be_visible()
    await expect(here.page.locator("#yours button")).to_have_count(0)

    same_site = {"Origin": strict.url}
    csrf = await here.page.locator("[data-csrf]").get_attribute("data-csrf")
    for verb, more in (
        ("consume", {"sku": "potion", "confirmed": "yes"}),
        ("open", {"sku": "chest", "odds_version": ""}),
    ):
        form = {**more, "csrf": csrf, "idempotency_key": f"{verb}-1"}
        answer = await here.context.request.post(f"/shop/{verb}", form=form, max_redirects=0, headers=same_site)
        assert answer.headers["location"] == "/shop?note=not_consumable"

    await here.open()
    await expect(owned(here, "potion")).to_contain_text("1 left")
    await expect(owned(here, "chest")).to_contain_text("1 left")
