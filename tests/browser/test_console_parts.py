"""The console's parts and charts in a browser: read, pressed and named at every width, theme and direction."""

from types import SimpleNamespace

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import expect

from tests.console.gallery import gallery

from .test_looks import RING

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZES = ((1440, 900), (1000, 900), (390, 844), (320, 640))
# Pixels of text as it is painted: a drawing that is scaled would have others than its style says.
SCALES = """() => [...document.querySelectorAll("svg text")].filter((text) => text.getClientRects().length)
  .map((text) => [parseFloat(getComputedStyle(text).fontSize), text.getScreenCTM().a, text.getScreenCTM().d].join())"""
# Words of a drawing that are cut at its edge, and dates that touch one another.
CUT = """() => [...document.querySelectorAll(".chart")].flatMap((chart) => {
  const frame = chart.getBoundingClientRect(), words = [...chart.querySelectorAll("text")];
  const shown = words.filter((text) => text.getClientRects().length)
    .map((text) => ({text, box: text.getBoundingClientRect()}));
  const cut = shown.filter(({box}) => box.left < frame.left - 0.5 || box.right > frame.right + 0.5);
  const dates = shown.filter(({text}) => text.closest(".chart__dates"));
  const close = dates.filter(({box}, at) => at && box.left < dates[at - 1].box.right + 4);
  return [...cut, ...close].map(({text}) => `${text.textContent} in ${chart.getAttribute("aria-label")}`);
})"""
LOOKS_WELL = {"pale": [], "small": [], "nameless": [], "zooming": [], "twice": [], "headings": 1, "sideways": []}


@pytest_asyncio.fixture(loop_scope="session")
async def parts(visit):
    runner = web.AppRunner(gallery())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    await runner.cleanup()


async def unfold(here) -> None:
    await here.page.evaluate("document.querySelectorAll('.as-table').forEach((one) => { one.open = true; })")


@pytest.mark.parametrize(
    ("direction", "theme", "sizes"),
    [("ltr", "light", SIZES), ("ltr", "dark", SIZES[::2]), ("rtl", "light", SIZES[2:])],
    ids=["light", "dark", "right-to-left"],
)
async def test_every_part_can_be_read_pressed_and_named(visit, parts, direction, theme, sizes):
    here = await visit(shop=parts, dark=theme == "dark")
    await here.open(f"/?dir={direction}")
    await unfold(here)
    for width, height in sizes:
        await here.page.set_viewport_size({"width": width, "height": height})
        looks = await here.looks()
        await here.shot(f"console-parts-{width}-{theme}-{direction}")
        assert looks.pop("measured") > 400
        assert looks == LOOKS_WELL
        assert await here.page.evaluate(CUT) == []
        assert set(await here.page.evaluate(SCALES)) == {"12,1,1"}
    assert await here.barriers() == []


async def test_a_focus_is_seen_on_every_part(visit, parts):
    here = await visit(shop=parts, width=390)
    await here.open("/")
    await unfold(here)
    await here.page.locator(".menu > summary").click()
    await here.page.evaluate("document.activeElement.blur()")
    ring = """() => {
      const element = document.activeElement, over = getComputedStyle(element, "::after");
      const row = element.matches(".rows__way") && over.outlineStyle === "solid" && parseFloat(over.outlineWidth) >= 3;
      return {row};
    }"""
    stops = []
    while True:
        await here.page.keyboard.press("Tab")
        focus = {**await here.page.evaluate(RING), **await here.page.evaluate(ring)}
        if (focus["isOver"] and stops) or len(stops) > 400:
            break
        stops.append(focus)
    assert 60 < len(stops) < 400
    assert [stop["name"] for stop in stops if not (stop["hasRing"] or stop["row"])] == []
    assert await here.page.evaluate("document.querySelectorAll('.chart a').length") == 90, "bars have links"
    assert [stop["name"] for stop in stops if stop["name"].startswith("a ")] == [], "but they are no stops"


async def test_a_row_is_two_lines_where_there_is_little_room_and_stays_a_table(visit, parts):
    here = await visit(shop=parts, width=1440)
    await here.open("/")
    table = here.page.get_by_role("table", name="One purchase")
    head, row = table.get_by_role("row").nth(0), table.get_by_role("row").nth(1)
    await expect(table.get_by_role("columnheader")).to_have_text(["When", "Customer", "Bought", "Amount", "Status"])
    heights = []
    for width in (1440, 390):
        await here.page.set_viewport_size({"width": width, "height": 900})
        await expect(row.get_by_role("cell")).to_have_count(5)
        await expect(head.get_by_role("columnheader")).to_have_count(5)
        heights.append((await row.bounding_box())["height"])
        name = row.get_by_role("link", name="Bartholomew Featherstonehaugh-Cholmondeley the Third")
        assert (await name.bounding_box())["height"] <= 30, "one line"
        # The whole row leads there, wherever it is pressed.
        box = await row.bounding_box()
        await row.click(position={"x": box["width"] - 30, "y": box["height"] - 6})
        await here.page.wait_for_url("**/purchases/2")
        await here.page.go_back()
    assert heights[0] == pytest.approx(45, abs=1.5)
    assert 48 <= heights[1] <= 72


async def test_a_detail_stands_beside_its_list_from_1000_pixels_and_below_it_before(visit, parts):
    here = await visit(shop=parts, width=1000)
    await here.open("/pair")
    main, side = here.page.locator(".pair__main"), here.page.locator(".pair__side")
    places = []
    for width in (1000, 999):
        await here.page.set_viewport_size({"width": width, "height": 900})
        list_box, detail = await main.bounding_box(), await side.bounding_box()
        places.append((detail["x"] > list_box["x"] + list_box["width"] - 1, detail["y"] > list_box["y"]))
    assert places == [(True, False), (False, True)]


async def test_navigation_is_beside_the_page_or_in_a_menu_without_script(visit, parts):
    here = await visit(shop=parts, width=1440, javascript=False)
    await here.open("/")
    await expect(here.page.get_by_role("navigation", name="Console")).to_be_visible()
    await expect(here.page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    await here.page.set_viewport_size({"width": 390, "height": 844})
    await expect(here.page.get_by_role("navigation", name="Console")).to_be_hidden()
    await here.page.locator(".menu > summary").click()
    menu = here.page.get_by_role("navigation", name="Menu")
    await expect(menu.get_by_role("link", name="Review 3 waiting")).to_be_visible()
    await here.shot("console-menu-390")


async def test_a_chart_unfolds_into_its_table_and_its_bars_say_their_day(visit, parts):
    here = await visit(shop=parts, width=390, javascript=False)
    await here.open("/")
    panel = here.page.locator(".panel").filter(has_text="€31,869.78").first
    chart = panel.get_by_role("img")
    assert (await chart.get_attribute("aria-label")).startswith("Net revenue per day")
    await panel.get_by_text("Show as table").click()
    row = panel.get_by_role("row", name="13 Nov")
    await expect(row.get_by_role("cell")).to_have_text(["€740.00", "€290.00", "€580.00", "−€30.00", "€1,580.00"])
    told = "13 Nov: €1,580.00. Sales €740.00, Fan funding €290.00, Memberships €580.00, Refunds −€30.00"
    await expect(chart.locator(".chart__day title").nth(22)).to_have_text(told)
