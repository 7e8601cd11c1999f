"""The account page in every state a member can be in: readable, pressable, named, whole at every width and theme."""

import re

import pytest
import pytest_asyncio

from storefront.testing import running_shop

from .membership import PLANS, STATES, come_in

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
