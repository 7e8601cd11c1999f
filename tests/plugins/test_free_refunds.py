"""Refunds of what a plugin's discount made free: goods are taken back, and there is no money to give back."""

import pytest

from storefront.testing import running_shop

FREE = """
@hookimpl
async def price_purchase(self, quote):
    from storefront.core.quotes import Adjustment, Stage
    return [Adjustment(Stage.PERCENT, "all for nothing", basis_points=-10_000)]
"""


@pytest.fixture
async def shop(strangers, tmp_path):
    """The tiny shop, with a plugin that takes all prices off."""
    strangers.write("santa", FREE)
    async with running_shop(tmp_path, strangers.shop("santa: {}")) as running:
        yield running


async def refund(shop, purchase, *, key, **more):
    body = {"reason": "taken back", **more}
    return await shop.as_server().post(f"/v1/purchases/{purchase['id']}/refunds", body, key=key)


async def test_free_gems_are_taken_back_while_they_are_unspent(shop):
    pack = await shop.bought("gems-500")
    assert pack["pay_with"] == "free"
    made = await refund(shop, pack, key="r1")
    again = await refund(shop, pack, key="r2")

    assert (made.status, made.json["amount"]) == (201, {"amount": 0, "currency": "USD"})
    assert made.json["taken_back"]["credits"][0]["taken"] == 500
    assert shop.balance("customer:ada:gems") == 0
    assert shop.balance("platform:issuance:gems") == 0
    assert (again.status, again.json["code"]) == (409, "already_refunded")


async def test_free_items_go_one_by_one_and_their_rights_with_the_last(shop):
    chest = await shop.bought("chest")
    potions = await shop.bought("potion", quantity=3)

    part = await refund(shop, potions, key="r1", quantity=1)
    too_much = await refund(shop, potions, key="r2", amount=1)
    rest = await refund(shop, potions, key="r3")
    gone = await refund(shop, chest, key="r4")

    assert [one.json["quantity"] for one in (part, rest)] == [1, 2]
    assert (too_much.status, too_much.json["code"]) == (409, "refund_too_large")
    assert gone.json["taken_back"]["entitlements"] == ["chapters"]
    assert (await shop.as_customer().get("/v1/me")).json["items"] == []
    assert shop.query("SELECT DISTINCT entry_id FROM reversals") == [{"entry_id": None}]
