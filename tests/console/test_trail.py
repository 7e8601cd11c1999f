"""The audit trail answers who did what: by purchase, customer and operator, with sums, names and reasons."""

import pytest

TRAIL = "/console/settings/audit-trail"
WHY = "Charged twice, as the buyer says in their letter."


@pytest.fixture
async def done(shop, signed_in):
    """A shop where finance has refunded, given and taken away."""
    purchase, finance = await shop.bought("gems-500"), await signed_in(shop, "finance")
    customer = shop.query("SELECT id FROM customers")[0]["id"]
    bought, page = f"/console/purchases/{purchase['id']}", f"/console/customers/{customer}"
    await finance.send(page, f"{page}/grant", asset="gems", amount="40", reason=WHY)
    await finance.send(page, f"{page}/adjust", asset="gems", amount="15", reason=WHY, sure="yes")
    await finance.send(bought, f"{bought}/refund", amount="1.99", reason=WHY, sure="yes")
    await shop.quiet()
    return finance, purchase["id"], customer


async def test_a_refund_is_found_by_its_purchase_with_sum_reason_and_link(done):
    finance, purchase, _ = done
    seen = await finance.get(f"{TRAIL}?q={purchase}")
    assert ("1.99" in seen.text, WHY in seen.text, "Purchase refunded" in seen.text) == (True, True, True), seen.text
    assert f"/console/purchases/{purchase}" in seen.links()
    assert "Wallet adjusted" not in seen.text


@pytest.mark.parametrize("by", ["id", "name"])
async def test_all_about_a_customer_is_found_by_their_id(done, by):
    finance, _, customer = done
    seen = await finance.get(f"{TRAIL}?q={customer if by == 'id' else 'ada'}")
    for words in ("Purchase refunded", "Grant made", "40 gems", "Wallet adjusted", "15 gems", "customer: ada"):
        assert words in seen.text, (words, seen.text)
    assert seen.links().count(f"/console/customers/{customer}") == 2
    assert "Operator signed in" not in seen.text


async def test_what_an_operator_did_and_what_was_done_to_them_is_found_by_their_login(done, shop, signed_in):
    finance, *_ = done
    await signed_in(shop, "support")
    seen = await finance.get(f"{TRAIL}?q={finance.login}")
    for words in ("Purchase refunded", "Operator added", "Operator codes set", f"operator: {finance.login}"):
        assert words in seen.text, (words, seen.text)
    assert "support@example.com" not in seen.text


async def test_facts_are_words(shop, signed_in):
    owner = await signed_in(shop, "owner")
    await owner.send("/console/settings/keys", "/console/settings/keys/make", name="game", kind="server")
    await owner.get("/console/exports/purchases?format=csv")
    seen = await owner.get(TRAIL)
    for python in ("['", "None", "{}", "True"):
        assert python not in seen.text, (python, seen.text)
    assert "scopes: all" in seen.text
