"""What the console refuses: in its own words, with who may, and the way back to it."""

import pytest

SHOPS_OWN = ("Back to the shop", "Nothing was spent", "Go back to the shop")


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/console/settings/operators", 403, "You are signed in as support. This is for owner."),
        ("/console/purchases/pur_unknown", 404, "There is nothing here"),
        ("/console/purchases?status=bogus", 422, "status: must be one of"),
        ("/console/purchases?from=yesterday", 422, "from: "),
        ("/console/exports/purchases?format=xls", 422, "format: must be one of"),
    ],
)
async def test_what_is_not_shown_is_refused_in_the_consoles_words(shop, signed_in, path, status, says):
    support = await signed_in(shop, "support")
    page = await support.get(path)
    assert (page.status, says in page.text) == (status, True), page.text
    assert [words for words in SHOPS_OWN if words in page.text] == []
    assert "/console" in page.links()


async def test_a_form_of_a_role_that_was_taken_away_is_refused_with_who_may(shop, signed_in):
    purchase = await shop.bought("gems-500")
    finance, support = await signed_in(shop, "finance"), await signed_in(shop, "support")
    path = f"/console/purchases/{purchase['id']}"
    theirs = (await finance.get(path)).forms()[f"{path}/refund"]
    mine = next(iter((await support.get(path)).forms().values()))
    page = await support.post(f"{path}/refund", {**theirs, "csrf": mine["csrf"], "reason": "as asked"})
    assert (page.status, "This is for owner and finance. An owner can change your role." in page.text) == (403, True)
    assert [words for words in SHOPS_OWN if words in page.text] == []


async def test_a_form_of_another_session_is_refused_and_says_what_to_do(shop, signed_in):
    support = await signed_in(shop, "support")
    page = await support.post("/console/sign-out", {"csrf": "of another session"})
    assert (page.status, "Load it again and try once more." in page.text) == (403, True)


async def test_strangers_and_customers_get_the_shops_words_elsewhere(shop, signed_in):
    support = await signed_in(shop, "support")
    page = await support.get("/shop?currency=not-one")
    assert "/console" not in page.links()
