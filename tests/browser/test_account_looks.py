"""The account page in every state a member can be in: readable, pressable, named, whole at every width and theme."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import running_shop
from tests.subscriptions.changing import pass_days
from tests.subscriptions.subscribing import subscribe
from tests.subscriptions.test_usage import WORKING, use

from .membership import PLANS, STATES, active, canceling, change_ahead, come_in
from .test_looks import RING

pytestmark = pytest.mark.asyncio(loop_scope="session")
CLEAN = {"pale": [], "small": [], "nameless": [], "zooming": [], "twice": [], "headings": 1, "sideways": []}


@pytest_asyncio.fixture(loop_scope="session")
async def plans(browser, tmp_path):
    async with running_shop(tmp_path, PLANS) as shop:
        yield shop


async def measured(here, name):
    for theme in ("light", "dark"):
        await here.page.emulate_media(color_scheme=theme)
        for width, height in ((1440, 900), (390, 844), (320, 640)):
            await here.page.set_viewport_size({"width": width, "height": height})
            looks = await here.looks()
            await here.shot(f"account-{name}-{width}-{theme}")
            assert looks.pop("measured") > 2
            assert looks == CLEAN


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_a_plan_in_every_state_can_be_read_pressed_and_named(visit, plans, state):
    await state(plans)
    here = await visit(width=390, shop=plans)
    answer = await come_in(here)

    assert not re.search(r"<[^>]*\s(style|on\w+)=", await answer.text())
    await measured(here, state.__name__)


async def test_the_page_of_a_stranger_can_be_read_pressed_and_named(visit, plans):
    here = await visit(width=390, shop=plans)
    await here.open("/account")
    await measured(here, "stranger")


async def test_what_a_change_costs_can_be_read_and_pressed_with_all_that_folds_open(visit, plans):
    await active(plans)
    here = await visit(width=390, shop=plans)
    await come_in(here)
    await here.page.get_by_role("radio", name=re.compile("Beacon")).check()
    await here.page.get_by_role("button", name="See what changes").click()
    await here.page.get_by_text("Cancel plan").click()
    await measured(here, "preview")


async def test_what_is_used_and_what_is_owed_of_it_can_be_read(browser, visit, tmp_path):
    async with running_shop(tmp_path, WORKING) as shop:
        subscription = await subscribe(shop, "worker")
        await pass_days(shop, 1)
        await use(shop, "call", 300)
        here = await visit(width=390, shop=shop)
        await come_in(here)
        await expect(here.page.locator(".plan__usage")).to_contain_text("Next payment so far")
        await measured(here, "used")
        answer = await shop.as_server().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"}, key="now")
        assert answer.status == 200, answer
        await here.open("/account")
        await expect(here.page.get_by_role("button", name="Begin Worker: $15.00 now")).to_be_visible()
        await measured(here, "owed")


async def test_a_refusal_and_news_can_be_read(visit, plans):
    await canceling(plans)
    here = await visit(width=390, shop=plans)
    await come_in(here)
    await here.page.get_by_role("radio", name=re.compile("Spark")).check()
    await here.page.get_by_role("button", name="See what changes").click()
    await expect(here.page.locator("#preview")).to_contain_text("Keep it first, then switch.")
    await measured(here, "refusal")
    await here.page.get_by_role("button", name="Keep Ember").click()
    await expect(here.page.locator("[data-news]")).to_contain_text("Your plan goes on as before.")
    await measured(here, "news")


async def test_the_focus_is_always_seen_on_the_account_page(visit, plans):
    await change_ahead(plans)
    here = await visit(width=390, shop=plans)
    await come_in(here)
    stops = []
    while not stops or not stops[-1]["isOver"]:
        await here.page.keyboard.press("Tab")
        stops.append(await here.page.evaluate(RING))
        assert len(stops) < 40
    assert len(stops) > 10
    assert [stop["name"] for stop in stops[:-1] if not (stop["hasRing"] and stop["isSeen"])] == []


async def test_a_long_name_and_a_foreign_one_stay_in_their_place(visit, plans):
    for name in ("w" * 52, "لیلى ليلى", '"><img src=x onerror=alert(1)>'):
        here = await visit(width=320, shop=plans)
        await come_in(here, customer=name)
        assert (await here.looks())["sideways"] == []
        assert await here.page.locator("img").count() == 0
