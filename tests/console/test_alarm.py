"""Books that are off are said on every page of the console, once, until a check finds them in order again."""

import sqlite3
from contextlib import closing

import pytest

from storefront.testing import OPERATOR_KEY

from .visiting import example_shop, routes_of, signed_in

OFF = "The books are off."
DOORS = ("/console/you", "/console/sign-in")
"""Pages about whoever signs in: they tell nothing of the shop."""


@pytest.fixture
async def shop(tmp_path):
    async with example_shop(tmp_path) as running:
        yield running


def change_behind_the_back(shop, sql):
    """Write into the books past the server, as somebody with the file could."""
    with closing(sqlite3.connect(shop.database.name)) as connection, connection:
        assert connection.execute(sql).rowcount == 1


async def pages_of(shop, visitor):
    """Return every page of the console that shows something, whole things too: address -> page."""
    purchase = await shop.bought("gems-500")
    await shop.quiet()
    [entry] = shop.query("SELECT id, anchor FROM entries WHERE about = ? LIMIT 1", purchase["id"])
    hook = {"url": "https://example.com/hook", "event_types": ["dispute.opened"]}  # which never comes
    added = await shop.bearing(OPERATOR_KEY).post("/v1/webhook-endpoints", hook)
    assert added.status == 201, added.json
    whole = {
        "GET /console/purchases/{id}": f"/console/purchases/{purchase['id']}",
        "GET /console/customers/{id}": f"/console/customers/{entry['anchor']}",
        "GET /console/customers/{id}/wallets/{asset}": f"/console/customers/{entry['anchor']}/wallets/gems",
        "GET /console/books/{id}": f"/console/books/{entry['id']}",
        "GET /console/webhooks/{id}": f"/console/webhooks/{added.json['id']}",
    }
    paths = {**await routes_of(shop), **whole}
    found = {}
    for route, path in paths.items():
        if route.startswith("GET ") and not path.startswith((*DOORS, "/console/exports/")):
            page = await visitor.get(path)
            assert page.status == 200 or (page.status == 404 and route not in whole), (path, page.says)
            if page.status == 200:
                found[path] = page
    assert set(whole.values()) <= found.keys()
    return found


async def test_every_page_says_once_that_the_books_are_off_until_they_are_in_order(shop):
    owner = await signed_in(shop, "owner")
    before = await pages_of(shop, owner)
    assert len(before) > 20
    assert [path for path, page in before.items() if OFF in page.says] == []

    change_behind_the_back(shop, "UPDATE accounts SET balance = balance + 1 WHERE asset = 'gems' AND balance = 500")
    assert (await owner.act("/console/books/check")).to == "/console/books?says=checked"
    for path in before:
        page = await owner.get(path)
        assert page.says.count(OFF) == 1, path
        assert 'href="/console/books"' in page.html
    refused = await owner.act("/console/settings/operators/add", login="", role="support")
    assert (refused.status, refused.says.count(OFF)) == (422, 1)

    change_behind_the_back(shop, "UPDATE accounts SET balance = balance - 1 WHERE asset = 'gems' AND balance = 501")
    await owner.act("/console/books/check")
    for path in before:
        assert OFF not in (await owner.get(path)).says, path


async def test_what_the_last_check_found_is_not_readable_and_pages_are(shop):
    """Every page but the one about it: what it says there is what cannot be read."""
    owner = await signed_in(shop, "owner")
    await owner.act("/console/books/check")
    change_behind_the_back(shop, "UPDATE settings SET value = '{' WHERE key LIKE '%check%'")
    page = await owner.get("/console/customers")
    assert (page.status, "Whether the books are in order could not be read." in page.says) == (200, True), page.says
    await owner.act("/console/books/check")
    assert "could not be read" not in (await owner.get("/console/customers")).says
