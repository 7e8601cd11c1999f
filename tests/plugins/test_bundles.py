"""Bundles: unpacked in the commit, their price shared out to the cent, refunded by line from wallet and gateway."""

import pytest

from storefront.testing import running_shop

DISCOUNT = """
@hookimpl
async def price_purchase(self, quote):
    from storefront.core.quotes import Adjustment, Stage
    return [Adjustment(Stage.PERCENT, "30 % off", basis_points=-3_000)] if quote.offer.kind == "bundle" else []
"""
TRIO = """
shop: {name: Bundles}
mode: sandbox
data: ${DATA}
keys: [{key: sk_sandbox_demo, kind: server}]
gateways: {sandbox: {}}
plugins: {microtransactions: {}, discount: {}}
assets: {gems: {title: Gems}}
tax: {by: table, prices: inclusive, default_country: DE, rates: [{country: DE, class: digital, percent: "19"}]}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499}}
  sword: {kind: item, type: durable, title: Sword, prices: {gems: 120, USD: 300}, grants: [wield]}
  potion: {kind: item, type: consumable, title: Potion, prices: {gems: 15}}
  trio: {kind: bundle, title: Trio, prices: {USD: 999, gems: 150}, grants: [trio], contents: [
           {sku: gems-500, worth: {gems: 500}}, {sku: sword}, {sku: potion, quantity: 3, worth: {USD: 50}}]}
  pair: {kind: bundle, title: Pair, prices: {USD: 1500}, contents: [
           {sku: potion, quantity: 2, worth: {USD: 1}}, {sku: small}]}
  map: {kind: item, type: consumable, title: Map,
        prices: [{amount: 100, currency: USD}, {amount: 300, currency: USD, countries: [BR]}]}
  gems-90: {kind: currency_pack, title: 90 gems, contents: {gems: 90},
            prices: [{amount: 300, currency: USD}, {amount: 100, currency: USD, countries: [BR]}]}
  far: {kind: bundle, title: Far, prices: {USD: 400}, contents: [{sku: map}, {sku: gems-90}]}
  small: {kind: bundle, title: Small, prices: {USD: 400, gems: 10}, contents: [{sku: potion, worth: {USD: 3}}]}
"""


@pytest.fixture
async def shop(strangers, tmp_path):
    """A shop that sells bundles, with a plugin that takes 30 % off them."""
    strangers.write("discount", DISCOUNT)
    async with running_shop(tmp_path, TRIO) as running:
        yield running


def components(purchase):
    names = ("price", "adjustment", "tax", "total")
    lines = [line for line in purchase["lines"] if line["type"] == "component"]
    return {line["sku"]: {name: line[name]["amount"] for name in names} for line in lines}


async def refund(shop, purchase, *, key, **more):
    body = {"reason": "taken back", **more}
    return await shop.as_server().post(f"/v1/purchases/{purchase['id']}/refunds", body, key=key)


async def owned(shop):
    return {item["sku"]: item["quantity"] for item in (await shop.as_customer().get("/v1/me")).json["items"]}


async def test_a_discounted_bundle_is_shared_out_and_refunded_by_line_to_the_cent(shop):
    trio = await shop.bought("trio")

    # 999 − 30 % = 699 (rounded for the buyer), in proportion to 499 : 300 : 150 of 949
    assert trio["total"] == {"amount": 699, "currency": "USD"}
    assert components(trio) == {
        "gems-500": {"price": 527, "adjustment": -158, "tax": 60, "total": 369},
        "sword": {"price": 315, "adjustment": -95, "tax": 35, "total": 220},
        "potion": {"price": 157, "adjustment": -47, "tax": 17, "total": 110},
    }
    assert await owned(shop) == {"sword": 1, "potion": 3}
    assert shop.balance("customer:ada:gems") == 500
    assert shop.query("SELECT cost_amount FROM lots") == [{"cost_amount": 369}]
    rights = (await shop.as_customer().get("/v1/me")).json["entitlements"]
    assert {key: right["active"] for key, right in rights.items()} == {"wield": True, "trio": True}

    shown = await refund(shop, trio, key="dry", lines=[{"sku": "sword"}], dry_run=True)
    made = await refund(shop, trio, key="r1", lines=[{"sku": "sword"}])
    assert shown.json["lines"] == [{"sku": "sword", "quantity": 1, "amount": {"amount": 220, "currency": "USD"}}]
    assert (made.status, made.json["amount"]["amount"], made.json["quantity"]) == (201, 220, 0)
    assert made.json["taken_back"]["items"] == [{"sku": "sword", "demanded": 1, "taken": 1, "written_off": 0}]
    assert made.json["taken_back"]["entitlements"] == ["wield"]
    assert await owned(shop) == {"potion": 3}
    assert (await shop.seen(trio))["refunded"] == "part"

    part = await refund(shop, trio, key="r2", lines=[{"sku": "potion", "quantity": 2}])
    again = await refund(shop, trio, key="r3", lines=[{"sku": "sword"}])
    rest = await refund(shop, trio, key="r4")
    assert part.json["amount"]["amount"] == 73  # 110 · 2/3
    assert (again.status, again.json["code"]) == (409, "refund_too_large")
    assert {one["sku"]: one["quantity"] for one in again.json["lines_left"]} == {"gems-500": 1, "sword": 0, "potion": 1}
    assert (rest.status, rest.json["amount"]["amount"], rest.json["quantity"]) == (201, 699 - 220 - 73, 1)
    assert [(one["sku"], one["amount"]["amount"]) for one in rest.json["lines"]] == [("gems-500", 369), ("potion", 37)]
    assert (await shop.seen(trio))["refunded"] == "full"
    assert await owned(shop) == {}
    assert shop.balance("customer:ada:gems") == 0
    await shop.quiet()
    receipt = (await shop.as_server().get(f"/v1/purchases/{trio['id']}/receipt")).json["document"]
    assert [line["total"]["amount"] for line in receipt["lines"]] == [999]
    assert [line["sku"] for line in receipt["contents"]] == ["gems-500", "sword", "potion"]
    assert shop.balance("platform:revenue:USD") == 0
    assert shop.balance("tax:DE:USD") == 0


async def test_a_bundle_from_the_wallet_is_refunded_by_line_into_the_wallet(shop):
    await shop.bought("gems-500")
    trio = await shop.bought("trio", currency="gems")
    assert trio["total"]["amount"] == 105
    assert {sku: one["total"] for sku, one in components(trio).items()} == {"gems-500": 80, "sword": 18, "potion": 7}
    assert shop.balance("customer:ada:gems") == 500 - 105 + 500

    made = await refund(shop, trio, key="r1", lines=[{"sku": "sword"}, {"sku": "potion", "quantity": 3}])
    assert (made.status, made.json["amount"]["amount"]) == (201, 25)
    assert shop.balance("customer:ada:gems") == 500 - 105 + 500 + 25


async def test_a_bundle_with_something_that_is_owned_is_refused_and_names_it(shop):
    await shop.bought("gems-500")
    await shop.bought("sword")
    at_gateway = await shop.buy("trio")
    from_wallet = await shop.buy("trio", currency="gems")
    two = await shop.buy("trio", customer="bob", quantity=2)
    for refused in (at_gateway, from_wallet):
        assert (refused.status, refused.json["code"], refused.json["sku"]) == (409, "already_owned", "sword")
    assert (two.status, two.json["errors"][0]["message"]) == (422, "must be 1: sword is owned once")


async def test_a_bundle_in_a_bundle_is_taken_apart(shop):
    pair = await shop.bought("pair", quantity=2)
    assert components(pair)["potion"]["total"] == pair["total"]["amount"]
    assert await owned(shop) == {"potion": 6}
    made = await refund(shop, pair, key="r1", quantity=1)
    assert (made.json["quantity"], made.json["lines"][0]["quantity"]) == (1, 3)
    assert await owned(shop) == {"potion": 3}


async def test_lines_are_of_what_was_bought_and_say_how_many(shop):
    trio = await shop.bought("trio")
    unknown = await refund(shop, trio, key="r1", lines=[{"sku": "hat"}])
    twice = await refund(shop, trio, key="r2", lines=[{"sku": "sword"}, {"sku": "sword"}])
    both = await refund(shop, trio, key="r3", lines=[{"sku": "sword"}], quantity=1)
    assert [answer.status for answer in (unknown, twice, both)] == [422, 422, 422]
    assert unknown.json["errors"][0]["message"] == "must be one of gems-500, sword, potion"


async def test_a_server_gives_what_is_in_a_bundle(shop):
    body = {"customer": "ada", "sku": "trio", "reason": "a prize"}
    await shop.as_customer().get("/v1/me")
    given = await shop.as_server().post("/v1/grants", body, key="g1")
    assert given.status == 201
    assert await owned(shop) == {"sword": 1, "potion": 3}


@pytest.mark.parametrize(("country", "listed", "paid"), [("BR", (300, 100), (210, 70)), ("FR", (100, 300), (70, 210))])
async def test_the_price_is_shared_out_by_the_prices_of_the_buyers_country(shop, country, listed, paid):
    token = await shop.session("ada", country=country)
    answer = await shop.bearing(token).post("/v1/purchases", {"sku": "far", "currency": "USD"}, key="far")
    assert await shop.pay(answer) == 303
    bought = components(await shop.settled(answer))
    assert (bought["map"]["price"], bought["gems-90"]["price"]) == listed
    assert (bought["map"]["total"], bought["gems-90"]["total"]) == paid
    [lot] = (await shop.as_server().get("/v1/customers/ada/wallets/gems/lots")).json["data"]
    assert lot["cost"] == {"amount": paid[1], "currency": "USD"}
    made = await refund(shop, {"id": answer.json["id"]}, key="r1", lines=[{"sku": "gems-90", "quantity": 1}])
    assert (made.status, made.json["amount"]["amount"]) == (201, paid[1])
