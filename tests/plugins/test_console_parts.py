"""What a plugin adds to the console's pages never takes a page away, whatever it does instead."""

import pytest

from storefront.testing import running_shop
from tests.console.visiting import signed_in

from .conftest import HEAD

PARTS = """
from storefront.panels import *
{part}

async def hangs(*asked):
    await asyncio.Event().wait()

async def raises(*asked):
    raise KeyError("gone")
"""
ROUTES = """
@hookimpl
def register_routes(self, services):
    async def show(asking):
        return PageView("Moods", [Note(Tone.GOOD, "All is well")])
    return [
        ConsolePanel("customer", "customers:read", {panel}),
        ConsolePage("/console/moods", "Moods", "customers:read", show, group="main", counts={counts}),
    ]
"""
GOOD = "async def part(asking, about):\n    return [Note(Tone.GOOD, 'A good mood')]\nasync def count(services):\n"
CASES = {
    "raises": ("", "raises", "raises"),
    "hangs": ("", "hangs", "hangs"),
    "is nothing": ("async def part(*asked):\n    return None", "part", "part"),
    "is a text": ("async def part(*asked):\n    return 'sections'", "part", "part"),
    "is no sections": ("async def part(*asked):\n    return [1, 2]", "part", "part"),
    "cannot be drawn": ("async def part(*asked):\n    return [Table('Moods', 7, [object()])]", "part", "part"),
    "is too much": ("async def part(*asked):\n    return [Note(Tone.GOOD, 'x' * 1_000_001)]", "part", "part"),
}
LEFT_OUT = "What moody adds here could not be read."


def written(strangers, part, panel, counts):
    body = ROUTES.format(panel=panel, counts=counts)
    return strangers.write("moody", body, head=PARTS.format(part=part) + HEAD)


async def customer_page(shop, visitor):
    await shop.session("ada")
    [row] = shop.query("SELECT id FROM customers")
    return await visitor.get(f"/console/customers/{row['id']}")


@pytest.mark.parametrize("case", CASES)
async def test_a_part_that_goes_wrong_leaves_the_page(strangers, tmp_path, case):
    written(strangers, *CASES[case])
    async with running_shop(tmp_path, strangers.shop("moody: {}")) as shop:
        page = await customer_page(shop, await signed_in(shop, "support"))
    assert (page.status, LEFT_OUT in page.says, "Bought last" in page.says) == (200, True, True), page.says
    assert len(page.html) < 100_000


async def test_a_part_that_is_well_is_shown_with_its_count(strangers, tmp_path):
    written(strangers, f"{GOOD}    return 7, Tone.BAD", "part", "count")
    async with running_shop(tmp_path, strangers.shop("moody: {}")) as shop:
        visitor = await signed_in(shop, "support")
        page = await customer_page(shop, visitor)
        moods = await visitor.get("/console/moods")
    assert ("A good mood" in page.says, LEFT_OUT in page.says, "Moods 7" in page.says) == (True, False, True), page.says
    assert "All is well" in moods.says
