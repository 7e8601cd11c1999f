"""Merging two customers: what one had the other has, to the last gem, and their id goes on as a name of the other."""

import pytest

from storefront.core.ids import new_id
from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP

SHOP = (
    TINY_SHOP.replace("title: Potion,", "title: Potion, transferable: true,")
    + "transfers: {customers: true, assets: {gems: {}}}\n"
)


@pytest.fixture
async def shop(data_folder, database_url):
    """The tiny shop, with a guest, ada and bob."""
    async with running_shop(data_folder, SHOP, database=database_url) as running:
        for name in ("guest", "ada", "bob"):
            await running.session(name)
        yield running


async def merge(shop, source="guest", into="ada", *, key=None, **more):
    body = {"into": into, "reason": "one player", **more}
    return await shop.as_server().post(f"/v1/customers/{source}/merge", body, key=key or new_id("key"))


async def me(shop, name):
    return (await shop.as_server().get(f"/v1/customers/{name}")).json


async def refund(shop, purchase, **more):
    path = f"/v1/purchases/{purchase['id']}/refunds"
    return await shop.as_server().post(path, {"reason": "asked for", **more}, key=new_id("key"))


async def lived(shop, name):
    """Let a customer do a little of everything; return what they bought by SKU."""
    bought = {"gems-500": await shop.bought("gems-500", customer=name)}
    for sku in ("sword", "potion"):
        bought[sku] = await shop.bought(sku, customer=name, **({"quantity": 3} if sku == "potion" else {}))
    bought["back"] = await shop.bought("potion", customer=name)
    assert (await refund(shop, bought["back"])).status == 201
    consumed = "/v1/microtransactions/inventory/potion/consume"
    assert (await shop.as_customer(name).post(consumed, {"quantity": 1}, key=new_id("key"))).status == 200
    grant = {"customer": name, "asset": "gems", "amount": 70, "reason": "a prize", "expires_at": "2099-01-01T00:00:00Z"}
    assert (await shop.as_server().post("/v1/grants", grant, key=new_id("key"))).status == 201
    for body in ({"asset": "gems", "amount": 5}, {"sku": "potion", "quantity": 1}):
        passed = await shop.as_customer(name).post("/v1/transfers", {"to": "bob", **body}, key=new_id("key"))
        assert passed.status == 201, passed
    gift = await shop.buy("potion", customer=name, recipient="bob")
    assert gift.status == 201, gift
    assert (await shop.buy("gems-500", customer="bob", recipient=name)).status == 202
    return bought


async def test_what_the_source_had_the_target_has(shop):
    bought = await lived(shop, "guest")
    await lived(shop, "ada")
    for purchase in shop.query("SELECT id FROM purchases WHERE status = 'pending'"):
        assert (
            await shop.as_server().post(f"/v1/purchases/{purchase['id']}/cancel", {}, key=new_id("key"))
        ).status == 200
    lots = "SELECT id, source, payment, cost_amount, opened_at, expires_at, remaining FROM lots ORDER BY id"
    before, gems = shop.query(lots), [shop.balance(f"customer:{name}:gems") for name in ("guest", "ada")]
    answer = await merge(shop)
    assert (answer.status, answer.json["wallets"], answer.json["items"]) == (
        200,
        {"gems": gems[0]},
        {"potion": 1, "sword": 1},
    ), answer.json
    assert shop.query(lots) == before
    assert [shop.balance(f"customer:{name}:gems") for name in ("guest", "ada")] == [0, sum(gems)]
    state = await me(shop, "guest")
    assert (state["customer"], state["wallets"]["gems"]["balance"]) == ("ada", sum(gems))
    assert {item["sku"]: item["quantity"] for item in state["items"]} == {"potion": 2, "sword": 2}
    back = await refund(shop, bought["sword"])
    assert back.status == 201, back
    assert {item["sku"]: item["quantity"] for item in (await me(shop, "ada"))["items"]} == {"potion": 2, "sword": 1}


async def test_the_id_of_the_source_goes_on_as_a_name_of_the_target(shop):
    await shop.bought("gems-500", customer="guest")
    guest = shop.as_customer("guest")
    assert (await merge(shop)).status == 200
    state = (await guest.get("/v1/me")).json
    assert (state["customer"], state["wallets"]["gems"]["balance"]) == ("ada", 500)
    await shop.bought("gems-500", customer="guest")
    assert shop.balance("customer:ada:gems") == 1000
