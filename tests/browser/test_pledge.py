"""A fan pledges in a real browser, at every width and theme, and takes the pledge back."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP

from .test_tip import LUNA, measured

pytestmark = pytest.mark.asyncio(loop_scope="session")
GOALS = """goals:
  - {id: tour, title: Four evenings on stage and one very old cat, target: {USD: 500000}, mode: all_or_nothing,
     deadline: "2098-12-24T20:00:00+01:00", min_collected: 80 %}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser, tmp_path):
    (tmp_path / "luna.yaml").write_text(LUNA.partition("goals:")[0] + GOALS)
    async with running_shop(tmp_path, FAN_SHOP) as shop:
        yield shop


async def test_a_fan_pledges_and_takes_it_back(visit, stage):
    here = await visit(width=390, shop=stage)
    await here.open("/tip/luna")
    await measured(here, "goal", page="pledge")
    await here.page.get_by_role("link", name="Pledge").click()
    await expect(here.page.get_by_text("Nothing is charged now.")).to_be_visible()
    await measured(here, "empty", page="pledge")
    await here.page.get_by_label("Your name").fill("M")
    await here.page.get_by_role("button", name="Pledge $5.00").click()
    await expect(here.page.get_by_role("heading", name="There is a problem")).to_be_visible()
    await measured(here, "wrong", page="pledge")
    await here.page.get_by_label("Your name").fill("Mio")
    await here.page.get_by_role("button", name="Pledge $5.00").click()
    await here.page.get_by_role("button", name="Save").click()
    await expect(here.page.get_by_role("heading", name="$5.00 pledged")).to_be_visible()
    await measured(here, "open", page="pledge")
    await here.page.get_by_role("button", name="Take the pledge back").click()
    await expect(here.page.get_by_text("You took this pledge back. Nothing was charged.")).to_be_visible()
    await measured(here, "withdrawn", page="pledge")
    assert await stage.sandbox.charged() == []
