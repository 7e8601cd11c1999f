"""A list of the console as a file: it holds what the page shows, whatever narrows it, and no more."""

import csv
import io
import json
import re

import pytest

from tests.shop.test_disputes import disputed


async def taken_out(console, page):
    """Follow a list's button and return the ids in the file, and those that the page links to."""
    seen = await console.get(page)
    (way,) = [one for one in seen.links() if one.startswith("/console/exports/")]
    file = await console.get(way)
    assert file.status == 200, file.text
    listed = re.findall(r'href="/console/(?:purchases|customers)/((?:pur|cus)_[0-9a-z]+)["?]', seen.markup)
    return sorted(row["id"] for row in csv.DictReader(io.StringIO(file.markup))), sorted(set(listed))


@pytest.fixture
async def sold(shop):
    """Sell to three customers: gems for dollars and euros, a potion for gems, one that is disputed, one not paid."""
    await shop.bought("gems-500", customer="ada")
    await shop.bought("potion", customer="ada")
    await shop.bought("gems-500", customer="bob", currency="EUR")
    await disputed(shop, await shop.bought("gems-500", customer="cleo"))
    await shop.buy("gems-500", customer="bob")
    return shop


@pytest.mark.parametrize(
    ("narrowed", "many"),
    [("", 5), ("?q=ada", 2), ("?currency=EUR", 1), ("?kind=item", 1), ("?sku=gems-500", 4), ("?source=sales", 5),
     ("?trouble=disputed", 1), ("?status=completed", 4), ("?q=bob&status=completed", 1), ("?q=4242", 3),
     ("?q=nobody", 0), ("?span=24h&currency=gems", 1), ("?to=2020-01-01", 0)],
)  # fmt: skip
async def test_purchases_are_taken_out_as_the_list_shows_them(sold, signed_in, narrowed, many):
    found, listed = await taken_out(await signed_in(sold, "support"), f"/console/purchases{narrowed}")
    assert len(found) == many
    assert found == listed


async def test_customers_are_taken_out_as_they_were_searched_for(sold, signed_in):
    finance = await signed_in(sold, "finance")
    found, listed = await taken_out(finance, "/console/customers?q=b")
    assert len(found) == 1
    assert found == listed
    assert len((await taken_out(finance, "/console/customers"))[0]) == 3


async def test_the_trail_says_by_what_it_was_narrowed_but_names_nobody_who_was_searched_for(sold, signed_in):
    await taken_out(await signed_in(sold, "finance"), "/console/purchases?q=ada&status=completed")
    (row,) = sold.query("SELECT facts FROM audit_actions WHERE action = 'export.ended'")
    facts = json.loads(row["facts"])
    assert (facts["filters"], facts["rows"]) == ({"q": "searched", "status": "completed"}, 2)
