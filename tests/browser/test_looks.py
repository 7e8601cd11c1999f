"""Every page, measured: contrast, sizes, names, one heading, no sideways scroll, the focus ring."""

import re

import pytest
from playwright.async_api import expect

from storefront.core.ids import new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def visitor(here):
    return await here.open()


async def owner(here):
    name = new_id("player")  # of one's own: this shop is shared
    await here.shop.bought("gems-500", customer=name)
    await here.shop.bought("sword-of-dawn", customer=name)
    await here.shop.bought("health-potion", customer=name)
    await here.play_as(name)
    return await here.open()


async def refused(here):
    await here.play_as("poor")
    return await here.open("/shop?note=insufficient_funds&sku=ashen-crown")


async def checkout(here):
    await here.play_as("payer")
    await here.to_checkout()
    return await here.page.reload()


async def declined(here):
    await checkout(here)
    async with here.page.expect_response("**/pay/**") as answered:
        await here.page.get_by_role("button", name="Declined").click()
    await expect(here.page.locator(".summary")).to_be_visible()
    return await answered.value


async def asked(here):
    await checkout(here)
    async with here.page.expect_response("**/pay/**") as answered:
        await here.page.get_by_role("button", name="Asks for 3-D Secure").click()
    await expect(here.page.get_by_role("heading", name="Is this you?")).to_be_visible()
    return await answered.value


async def unknown_payment(here):
    return await here.open("/sandbox/pay/cs_test_nobody")


async def nothing_here(here):
    return await here.open("/nothing/here")


async def receipt(here):
    name = new_id("player")
    purchase = await here.shop.bought("gems-500", customer=name)
    await here.shop.until(lambda: here.shop.query("SELECT 1 FROM receipts WHERE about = ?", purchase["id"]))
    await here.play_as(name)
    return await here.open(f"/receipts/{purchase['id']}")


async def after_paying(here):
    name = new_id("player")
    purchase = await here.shop.bought("gems-500", customer=name)
    await here.play_as(name)
    return await here.open(f"/shop?purchase={purchase['id']}")


async def saved_card(here):
    await here.play_as(new_id("player"))
    await here.page.get_by_label("A card, saved for next time").check()
    await here.page.get_by_role("button", name="Use this").click()
    await here.to_checkout()
    await here.pay()
    await here.open()
    await expect(here.page.get_by_role("radio", name="Visa •••• 4242")).to_be_checked()
    await expect(here.page.locator(".paying .hint")).to_have_text("A price in money charges Visa •••• 4242 at once.")
    return await here.open()


PAGES = [
    *(visitor, owner, refused, checkout, declined, asked, unknown_payment, nothing_here),
    *(receipt, after_paying, saved_card),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
async def test_every_page_can_be_read_pressed_and_named(visit, page):
    here = await visit(width=390)
    response = await page(here)

    html = await response.text()
    assert not re.search(r"<[^>]*\s(style|on\w+)=", html)
    for theme in ("light", "dark"):
        await here.page.emulate_media(color_scheme=theme)
        for width, height in ((1440, 900), (390, 844), (320, 640)):
            await here.page.set_viewport_size({"width": width, "height": height})
            looks = await here.looks()
            await here.shot(f"{page.__name__}-{width}-{theme}")
            assert looks.pop("measured") > 2
            assert looks == {
                "pale": [],
                "small": [],
                "nameless": [],
                "zooming": [],
                "twice": [],
                "headings": 1,
                "sideways": [],
            }


RING = """() => {
  const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
  const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const label = element.getAttribute("aria-label") ?? element.textContent.trim() ?? element.id;
  return {
    name: `${element.tagName} ${label}`,
    isOver: element === document.body,
    hasRing: style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 3,
    isSeen: element.contains(at),
  };
}"""


@pytest.mark.parametrize(("page", "width"), [(owner, 390), (checkout, 1440)], ids=["shop", "checkout"])
async def test_the_focus_is_always_seen(visit, page, width):
    here = await visit(width=width)
    await page(here)
    stops = []
    while True:
        await here.page.keyboard.press("Tab")
        focus = await here.page.evaluate(RING)
        if focus["isOver"] or len(stops) > 80:
            break
        stops.append(focus)
    assert len(stops) > 8
    assert [stop["name"] for stop in stops if not (stop["hasRing"] and stop["isSeen"])] == []


async def test_nothing_moves_for_those_who_asked_for_that(visit):
    calm, lively = await visit(reduced_motion="reduce"), await visit(reduced_motion="no-preference")
    seconds = "() => parseFloat(getComputedStyle(document.querySelector('.btn')).transitionDuration)"
    await calm.open()
    await lively.open()
    assert await calm.page.evaluate(seconds) < 0.01
    assert await lively.page.evaluate(seconds) > 0.1


async def test_forced_colours_leave_the_price_tags_visible(visit):
    here = await visit(forced_colors="active")
    await here.play_as("forced")
    border = "() => getComputedStyle(document.querySelector('button.tag')).borderTopStyle"
    assert await here.page.evaluate(border) == "solid"
    await here.shot("forced-colours")
