"""Pages that are no longer true: what was sold, owned, spent or signed out meanwhile is said in words."""

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
both_ways = pytest.mark.parametrize("javascript", [True, False])


@both_ways
async def test_a_stale_page_says_why_nothing_was_bought(visit, tiny, javascript):
    here = await visit(shop=tiny, javascript=javascript, width=390)
    await here.play_as_somebody_with_gems("ada")
    stale = await here.another_tab()

    async def refused(sku: str, words: str) -> None:
        await stale.press_tag(sku)
        await stale.notice(words, on=sku)

    await stale.open()
    assert (await tiny.buy("sword")).status == 201
    await refused("sword", "You already own this. Nothing was spent.")
    await stale.shot(f"already-owned-{javascript}")

    assert (
        await tiny.as_server().post("/v1/purchases", {"customer": "bob", "sku": "gems-500"}, key="b1")
    ).status == 202
    assert (await tiny.buy("lantern")).status == 201
    await refused("lantern", "Sold out. Nothing was spent.")

    for _ in range(5):
        assert (await tiny.buy("key")).status == 201
    await refused("key", "You have bought all you can. Nothing was spent.")

    assert (await tiny.buy("potion", quantity=10)).status == 201  # 500 - 120 - 10 - 200 - 150 = 20
    assert (await tiny.buy("potion")).status == 201
    await refused("potion", "You are 10 gems short. Nothing was spent.")
    await stale.shot(f"short-{javascript}")
    assert tiny.balance("customer:ada:gems") == 5


@both_ways
async def test_using_what_is_gone_is_said(visit, lanternfall, javascript):
    here = await visit(javascript=javascript)
    name = f"thirsty-{javascript}"
    await here.play_as_somebody_with_gems(name)
    await lanternfall.bought("health-potion", customer=name)
    await here.open()
    stale = await here.another_tab()
    await stale.open()
    await here.use_last("health-potion")
    await expect(here.page.get_by_text("Health potion used. It was your last.")).to_be_visible()

    await stale.use_last("health-potion")

    await stale.notice("You have none of these left.")


@both_ways
async def test_a_session_that_ended_buys_nothing_and_says_so(visit, tiny, javascript):
    here = await visit(shop=tiny, javascript=javascript)
    await here.play_as("sleepy")
    tiny.wall.move(16 * 60)

    await here.press_tag("gems-500")

    await here.notice("Your session has ended. Nothing was spent. Choose your player again.")
    await expect(here.page.get_by_label("Play as")).to_be_visible()
    assert tiny.rows()["purchases"] == 0


async def test_a_form_without_its_cookie_is_refused_with_a_page(visit, lanternfall):
    here = await visit(javascript=False)
    await here.play_as("cookieless")
    await here.context.clear_cookies(name="storefront_csrf")

    await here.press_tag("gems-500")

    await expect(here.page.get_by_role("heading", name="This page was too old")).to_be_visible()
    await expect(here.page.get_by_text("Nothing was spent. Go back to the shop and try once more.")).to_be_visible()
    await here.shot("too-old")
    await here.page.get_by_role("link", name="Back to the shop").click()
    await here.to_checkout()


async def test_the_script_renews_a_page_that_is_too_old(visit):
    here = await visit()
    await here.play_as("renewed")
    await here.context.clear_cookies(name="storefront_csrf")

    await here.press_tag("gems-500")

    await here.notice("This page was too old. Nothing was spent. It is fresh now: try once more.", on="gems-500")
    await here.to_checkout()


@both_ways
async def test_a_page_left_over_from_another_player_spends_nothing_of_this_one(visit, lanternfall, javascript):
    first, second = f"first-{javascript}", f"second-{javascript}"
    await lanternfall.bought("gems-100", customer=second)
    here = await visit(javascript=javascript)
    await here.play_as_somebody_with_gems(first)
    other = await here.another_tab()
    await other.open()
    await other.page.locator(".me summary").click()
    await other.page.get_by_role("textbox", name="Play as someone else").fill(second)
    await other.page.locator(".me").get_by_role("button", name="Play").click()
    await other.balance(100)

    await here.press_tag("health-potion")

    if javascript:
        await here.notice(
            "This page was too old. Nothing was spent. It is fresh now: try once more.", on="health-potion"
        )
        await expect(here.page.get_by_label(f"Playing as {second}")).to_be_visible()
    else:
        await expect(here.page.get_by_role("heading", name="This page was too old")).to_be_visible()
    assert lanternfall.balance(f"customer:{second}:gems") == 100


async def test_our_own_forms_say_where_they_come_from(visit, lanternfall):
    """Without TLS browsers send no Sec-Fetch-Site: then Origin alone tells our page from another site's."""
    here = await visit(javascript=False)
    await here.play_as("honest")
    async with here.page.expect_request("**/shop/buy") as sent:
        await here.press_tag("gems-500")
    headers = await (await sent.value).all_headers()
    assert headers["origin"] == lanternfall.url


async def test_an_unknown_address_answers_a_page_to_a_browser(visit):
    here = await visit(width=390)

    response = await here.open("/nothing/here")

    assert response.status == 404
    await expect(here.page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    await here.shot("nothing-here")
    await here.page.get_by_role("link", name="Back to the shop").click()
    await expect(here.page.get_by_label("Play as")).to_be_visible()
