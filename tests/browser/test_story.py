"""The whole story by clicking: choose a player, pay for gems, buy the sword, use a potion."""

import re

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def bought_potion(here, words: str) -> None:
    await here.press_tag("health-potion")
    await expect(here.page.locator('[data-owned="health-potion"]')).to_contain_text("1 left")
    await here.balance(365)
    await here.use_last("health-potion")
    await expect(here.page.get_by_text(words)).to_be_visible()
    await expect(here.page.locator('[data-owned="health-potion"]')).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1440])
async def test_a_player_pays_for_gems_and_spends_them(visit, lanternfall, width):
    here = await visit(width=width)
    name = f"ada-{width}"
    await here.play_as(name)
    await here.balance(0)
    await expect(here.page.get_by_text("Nothing here yet. Things you buy land here at once.")).to_be_visible()
    await here.shot(f"story-{width}-1-nothing-yet")

    await here.to_checkout("gems-500")
    await expect(here.page).to_have_title("Pay $4.99 to Lanternfall (test)")
    await here.shot(f"story-{width}-2-checkout")
    await here.pay()

    await here.notice("500 gems added. You have 500 gems.")
    await here.balance(500)
    await here.shot(f"story-{width}-3-paid")
    await here.page.reload()
    await expect(here.page.locator("[data-note]")).to_have_count(0)  # news is told once

    await here.press_tag("sword-of-dawn")
    await here.toast("Sword of Dawn is yours. 380 gems left.")
    await here.balance(380)
    await expect(here.page.locator('[data-card="sword-of-dawn"]')).to_contain_text("In your inventory")
    await expect(here.page.locator('[data-owned="sword-of-dawn"]')).to_be_visible()
    await here.shot(f"story-{width}-4-sword")

    await bought_potion(here, "Health potion used. It was your last.")
    await expect(here.page.locator('[data-card="ashen-crown"]')).to_contain_text("2,835 gems short")
    await here.shot(f"story-{width}-5-potion-used")
    assert lanternfall.balance(f"customer:{name}:gems") == 365


async def test_the_same_story_holds_without_javascript(visit, lanternfall):
    here = await visit(width=390, javascript=False)
    await here.play_as("plain")

    await here.to_checkout("gems-500")
    await here.pay()
    await here.notice("500 gems added. You have 500 gems.")

    await here.press_tag("sword-of-dawn")
    await here.notice("Sword of Dawn is yours. 380 gems left.")
    await expect(here.page.locator('[data-card="sword-of-dawn"]')).to_contain_text("In your inventory")
    await here.shot("plain-1-sword")

    await bought_potion(here, "Health potion used. It was your last.")
    assert lanternfall.balance("customer:plain:gems") == 365


FOCUSED = """() => {
  const element = document.activeElement;
  return element.getAttribute("aria-label") ?? (element.labels?.[0] ?? element).textContent.trim();
}"""


async def tab_to(here, name: str) -> None:
    """Press Tab until the element of this name has the focus."""
    for _ in range(60):
        await here.page.keyboard.press("Tab")
        if re.match(name, await here.page.evaluate(FOCUSED)):
            return
    pytest.fail(f"no way to {name} by the keyboard")


async def test_everything_is_bought_by_the_keyboard_alone(visit):
    here = await visit()
    await here.open()
    await tab_to(here, "Skip to the shop")
    await here.page.keyboard.press("Enter")
    await tab_to(here, "Play as")
    await here.page.keyboard.type("keys")
    await here.page.keyboard.press("Enter")
    await here.balance(0)

    await tab_to(here, r"Buy 500\sgems for \$4.99")
    await here.page.keyboard.press("Enter")
    await expect(here.page.get_by_role("heading", name="Payment", exact=True)).to_be_visible()
    await tab_to(here, r"Pay \$4.99")
    await here.page.keyboard.press("Enter")
    await here.notice("500 gems added. You have 500 gems.")

    await tab_to(here, r"Buy Tidewalker boots for 350\sgems")
    await here.page.keyboard.press("Space")
    await here.toast("Tidewalker boots are yours. 150 gems left.")
    await expect(here.page.locator('[data-card="tidewalker-boots"] h3')).to_be_focused()
    await tab_to(here, "See it")
    await here.page.keyboard.press("Enter")
    await expect(here.page.locator('[data-owned="tidewalker-boots"]')).to_be_in_viewport()


async def test_the_link_of_a_session_signs_in_and_leaves_no_token_behind(visit, lanternfall):
    session = await lanternfall.as_server().post("/v1/sessions", {"customer": "linked"})
    here = await visit()

    await here.open(session.json["links"]["shop"])

    await here.balance(0)
    assert here.page.url == f"{lanternfall.url}/shop"
    await expect(here.page.get_by_label("Playing as linked")).to_be_visible()
    cookies = {cookie["name"]: cookie for cookie in await here.context.cookies()}
    assert cookies["storefront_session"]["httpOnly"]
    assert session.json["token"] not in await here.page.content()


async def test_a_dead_link_says_so(visit):
    here = await visit()
    await here.open("/shop#token=eyJhbGciOiJub25lIn0.e30.")
    await here.notice("This link no longer works. Open the shop from the game again.")
    assert "token" not in here.page.url


@pytest.mark.parametrize("javascript", [True, False])
async def test_markup_in_a_players_name_is_shown_as_it_is(visit, javascript):
    name = f'"><img src=x onerror=alert({int(javascript)})> <b>لیلى</b>'
    here = await visit(javascript=javascript, width=320)
    await here.play_as(name)

    await here.page.locator(".me summary").click()

    await expect(here.page.locator(".me__name")).to_have_text(name)
    assert await here.page.locator("img").count() == 0
    assert (await here.looks())["sideways"] == [] if javascript else True
    await here.shot(f"hostile-name-{javascript}")


async def test_the_theme_is_kept_from_the_shop_to_the_checkout(visit):
    here = await visit()
    await here.play_as("owl")
    await here.page.get_by_role("button", name="Dark theme").click()
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert await here.page.evaluate(ground) == "rgb(13, 20, 19)"

    response = await here.open()
    assert 'data-theme="dark"' in await response.text()  # by the server: no flash of white
    await here.to_checkout()
    assert await here.page.evaluate(ground) == "rgb(13, 20, 19)"
    await here.page.get_by_role("button", name="Cancel and go back").click()
    await here.page.get_by_role("button", name="Light theme").click()
    assert await here.page.evaluate(ground) == "rgb(244, 247, 246)"
