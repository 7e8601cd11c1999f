"""Transfers between customers: what one passes on is what another gets, less the fee, with all that it came from."""

import pytest

from storefront.core.ids import new_id
from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP
from tests.shop.test_disputes import disputed
from tests.shop.test_gifts import debts, drink, me, owned

TERMS = """
transfers:
  customers: true
  assets: {gems: {minimum: 5, maximum: 400, per_day: 600, fee_basis_points: 250}}
"""
SHOP = TINY_SHOP.replace("title: Sword,", "title: Sword, transferable: true,").replace(
    "title: Potion,", "title: Potion, transferable: true,"
)
SHOP += """
  gems-bonus: {kind: currency_pack, title: More, contents: {gems: 100}, bonus: {gems: 20}, prices: {USD: 99}}
"""


@pytest.fixture(params=[TERMS])
async def shop(request, data_folder, database_url):
    """The tiny shop, where gems, swords and potions can be passed on."""
    async with running_shop(data_folder, SHOP + request.param, database=database_url) as running:
        for name in ("ada", "bob", "cleo"):
            await running.session(name)
        yield running


async def pass_on(shop, *, by="ada", key=None, **body):
    return await shop.as_customer(by).post("/v1/transfers", body, key=key or new_id("key"))


def free(**terms):
    """A shop without a fee."""
    return "transfers: {customers: true, " + "".join(f"{k}: {v}, " for k, v in terms.items()) + "assets: {gems: {}}}\n"


async def test_what_is_passed_on_arrives_less_the_fee_and_keeps_what_it_came_from(shop):
    await shop.bought("gems-500")
    answer = await pass_on(shop, to="bob", asset="gems", amount=101)
    assert (answer.status, answer.json["amount"], answer.json["fee"]) == (201, 101, 3)
    assert list(answer.json["customer"]["changed"]) == ["wallets"]
    found = [shop.balance(f"customer:{name}:gems") for name in ("ada", "bob")] + [shop.balance("platform:sink:gems")]
    assert found == [399, 98, 3]
    (origin,) = shop.query("SELECT payment, cost_amount FROM lots WHERE source = 'purchased'")
    (lot,) = (await shop.as_server().get("/v1/customers/bob/wallets/gems/lots")).json["data"]
    assert (lot["source"], lot["payment"], lot["cost"]) == (
        "gift",
        origin["payment"],
        {"amount": 97, "currency": "USD"},
    )
    for name, amounts in (("ada", [-3, -98, 500]), ("bob", [98])):
        history = (await shop.as_customer(name).get("/v1/me/wallets/gems/entries")).json["data"]
        assert [one["amount"] for one in history] == amounts
    seen = (await shop.as_server().get(f"/v1/transfers/{answer.json['id']}")).json
    assert (seen["from"], seen["to"]) == ({"id": "ada"}, {"id": "bob"})
    assert (await shop.as_server().get("/v1/transfers?customer=bob")).json["data"] == [seen]
    assert (await shop.as_customer("bob").get(f"/v1/transfers/{seen['id']}")).status == 403


async def test_each_lot_goes_on_its_own_terms_in_the_order_of_a_spend(shop):
    grant = {
        "customer": "ada",
        "asset": "gems",
        "amount": 50,
        "reason": "a prize",
        "expires_at": "2099-01-01T00:00:00Z",
    }
    assert (await shop.as_server().post("/v1/grants", grant, key="grant")).status == 201
    await shop.bought("gems-500")
    await pass_on(shop, to="bob", asset="gems", amount=100)
    lots = (await shop.as_server().get("/v1/customers/bob/wallets/gems/lots")).json["data"]
    assert sorted((lot["amount"], lot["cost"] is None, lot["expires_at"]) for lot in lots) == [
        (47, False, None),
        (50, True, "2099-01-01T00:00:00.000Z"),
    ]
    assert len(shop.query("SELECT 1 AS n FROM jobs WHERE kind = 'lot.lapse'")) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"to": "bob", "asset": "gems", "amount": 4}, 422, "invalid_request"),
        ({"to": "bob", "asset": "gems", "amount": 401}, 422, "invalid_request"),
        ({"to": "ada", "asset": "gems", "amount": 10}, 422, "invalid_request"),
        ({"to": "bob", "asset": "gems"}, 422, "invalid_request"),
        ({"to": "bob", "asset": "gems", "amount": 10, "sku": "sword"}, 422, "invalid_request"),
        ({"to": "bob", "asset": "USD", "amount": 10}, 409, "not_transferable"),
        ({"to": "bob", "sku": "key"}, 409, "not_transferable"),
        ({"to": "bob", "sku": "nothing"}, 422, "unknown_offer"),
        ({"to": "nobody", "asset": "gems", "amount": 10}, 409, "transfer_not_possible"),
        ({"to": "bob", "asset": "gems", "amount": 50}, 402, "insufficient_funds"),
        ({"to": "bob", "sku": "sword"}, 409, "not_enough_items"),
        ({"to": "bob", "asset": "gems", "amount": 10, "from": "cleo"}, 422, "invalid_request"),
    ],
)
async def test_what_cannot_be_passed_on_moves_nothing(shop, body, status, code):
    before = shop.rows()
    answer = await pass_on(shop, **body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert shop.rows() == before


async def test_items_go_over_and_a_stranger_is_not_told_what_they_own(shop):
    await shop.bought("gems-500")
    await shop.bought("sword")
    await shop.bought("potion", quantity=3)
    assert (await pass_on(shop, to="bob", sku="potion", quantity=2)).status == 201
    assert (await pass_on(shop, to="bob", sku="sword")).status == 201
    assert (await owned(shop, "ada"), await owned(shop, "bob")) == ({"potion": 1}, {"potion": 2, "sword": 1})
    await shop.bought("sword")
    refused = await pass_on(shop, to="bob", sku="sword")
    assert (refused.status, refused.json["code"]) == (409, "transfer_not_possible")
    by_server = {"from": "ada", "to": "bob", "sku": "sword"}
    assert (await shop.as_server().post("/v1/transfers", by_server, key="k")).json["code"] == "already_owned"


async def test_a_days_cap_counts_in_the_commit_and_starts_anew_tomorrow(shop):
    await shop.bought("gems-1200")
    answers = [await pass_on(shop, to="bob", asset="gems", amount=amount) for amount in (400, 200, 5)]
    assert [one.json.get("code") for one in answers] == [None, None, "transfer_limit_reached"]
    await shop.advance("1d")
    assert (await pass_on(shop, to="bob", asset="gems", amount=5)).status == 201


async def test_the_same_key_passes_on_once(shop):
    await shop.bought("gems-500")
    first, again = [await pass_on(shop, to="bob", asset="gems", amount=40, key="k") for _ in range(2)]
    assert (first.status, again.json) == (201, first.json)
    other = await pass_on(shop, to="bob", asset="gems", amount=41, key="k")
    assert other.json["code"] == "idempotency_key_reused"
    assert shop.balance("customer:bob:gems") == 39


@pytest.mark.parametrize("shop", [free().replace("{}", "{hold_back_days: 2}")], indirect=True)
async def test_what_was_bought_rests_before_it_can_be_passed_on(shop):
    await shop.bought("gems-500")
    grant = {"customer": "ada", "asset": "gems", "amount": 50, "reason": "a prize"}
    assert (await shop.as_server().post("/v1/grants", grant, key="grant")).status == 201
    refused = await pass_on(shop, to="bob", asset="gems", amount=51)
    assert (refused.status, refused.json["code"], refused.json["available"]) == (402, "insufficient_funds", 50)
    assert (await pass_on(shop, to="bob", asset="gems", amount=50)).status == 201
    await shop.advance("2d")
    assert (await pass_on(shop, to="bob", asset="gems", amount=500)).status == 201


@pytest.mark.parametrize("shop", [free().replace("{}", "{hold_back_days: 2}")], indirect=True)
async def test_the_bonus_of_a_pack_rests_with_it_also_in_the_hands_of_others(shop):
    await shop.bought("gems-bonus")
    refused = await pass_on(shop, to="bob", asset="gems", amount=5)
    assert (refused.status, refused.json["available"]) == (402, 0)
    await shop.advance("2d")
    assert (await pass_on(shop, to="bob", asset="gems", amount=120)).status == 201
    onward = await pass_on(shop, by="bob", to="cleo", asset="gems", amount=5)
    assert (onward.status, onward.json["available"]) == (402, 0)


@pytest.mark.parametrize("shop", ["transfers: {assets: {gems: {}}}\n"], indirect=True)
async def test_only_the_games_server_passes_on_unless_the_shop_says_otherwise(shop):
    await shop.bought("gems-500")
    assert (await pass_on(shop, to="bob", asset="gems", amount=50)).json["code"] == "not_transferable"
    body = {"from": "ada", "to": "somebody new", "asset": "gems", "amount": 50}
    assert (await shop.as_server().post("/v1/transfers", body, key="k")).status == 201
    assert shop.balance("customer:somebody new:gems") == 50


@pytest.mark.parametrize("shop", [free()], indirect=True)
async def test_what_is_passed_on_pays_what_its_receiver_owes_first(shop):
    pack = await shop.bought("gems-500", customer="bob")
    await shop.bought("potion", customer="bob", quantity=8)
    await drink(shop, 8)
    await disputed(shop, pack, "lost")
    await shop.bought("gems-500")
    await pass_on(shop, to="bob", asset="gems", amount=200)
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (80, {})


@pytest.mark.parametrize("shop", [free()], indirect=True)
async def test_a_dispute_follows_what_was_passed_on_and_won_gives_back_exactly_that(shop):
    pack = await shop.bought("gems-500")
    await pass_on(shop, to="bob", asset="gems", amount=200)
    await pass_on(shop, by="bob", to="cleo", asset="gems", amount=50)
    before = {name: (await me(shop, name))["wallets"] for name in ("ada", "bob", "cleo")}
    await disputed(shop, pack)
    frozen = {name: (await me(shop, name))["wallets"]["gems"]["frozen"] for name in ("ada", "bob", "cleo")}
    assert frozen == {"ada": 300, "bob": 150, "cleo": 50}
    await disputed(shop, pack, "won")
    assert {name: (await me(shop, name))["wallets"] for name in ("ada", "bob", "cleo")} == before


@pytest.mark.parametrize("shop", [free()], indirect=True)
async def test_a_lost_dispute_takes_what_was_passed_on_where_it_is_and_its_buyer_owes_the_rest(shop):
    pack = await shop.bought("gems-500")
    await shop.bought("gems-500", customer="bob")
    await pass_on(shop, to="bob", asset="gems", amount=200)
    await shop.bought("potion", customer="bob", quantity=4)
    await disputed(shop, pack, "lost")
    # What was given to Bob goes first (60 of it), his own 500 stay; the potions he bought of it stay his too.
    balances = {name: shop.balance(f"customer:{name}:gems") for name in ("ada", "bob")}
    assert (balances, debts(shop)) == ({"ada": 0, "bob": 500}, {"ada": 60})
    assert await owned(shop, "bob") == {"potion": 4}
    (row,) = shop.query("SELECT id FROM reversals WHERE cause = 'dispute'")
    shown = (await shop.bearing("ak_sandbox_demo").get(f"/v1/disputes/{row['id']}")).json
    (credit,) = shown["taken_back"]["credits"]
    assert (credit["demanded"], credit["taken"], credit["owed"]) == (500, 440, 60)
    await disputed(shop, pack, "won")
    balances = {name: shop.balance(f"customer:{name}:gems") for name in ("ada", "bob")}
    assert (balances, debts(shop)) == ({"ada": 300, "bob": 640}, {})
    await disputed(shop, pack, "lost")
    balances = {name: shop.balance(f"customer:{name}:gems") for name in ("ada", "bob")}
    assert (balances, debts(shop)) == ({"ada": 0, "bob": 500}, {"ada": 60})


@pytest.mark.parametrize("shop", [free(clawback="stop")], indirect=True)
async def test_a_shop_may_leave_what_was_passed_on_and_let_its_buyer_owe_it(shop):
    pack = await shop.bought("gems-500")
    await pass_on(shop, to="bob", asset="gems", amount=200)
    await disputed(shop, pack, "lost")
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (200, {"ada": 200})


@pytest.mark.parametrize("shop", [free()], indirect=True)
async def test_what_went_round_and_came_back_is_taken_once(shop):
    pack = await shop.bought("gems-500", recipient="bob")
    await pass_on(shop, by="bob", to="cleo", asset="gems", amount=300)
    await pass_on(shop, by="cleo", to="bob", asset="gems", amount=100)
    await pass_on(shop, by="cleo", to="ada", asset="gems", amount=50)
    await disputed(shop, pack, "lost")
    assert [shop.balance(f"customer:{name}:gems") for name in ("ada", "bob", "cleo")] == [0, 0, 0]
    assert debts(shop) == {}


@pytest.mark.parametrize("shop", [free()], indirect=True)
async def test_a_refund_that_we_choose_to_make_follows_nobody(shop):
    pack = await shop.bought("gems-500")
    await pass_on(shop, to="bob", asset="gems", amount=200)
    path = f"/v1/purchases/{pack['id']}/refunds"
    made = await shop.as_server().post(path, {"reason": "asked for", "strategy": "floor"}, key="k")
    assert made.json["taken_back"]["credits"][0]["written_off"] == 200
    assert shop.balance("customer:bob:gems") == 200


@pytest.mark.parametrize("shop", [free()], indirect=True)
async def test_a_dispute_about_a_part_takes_no_more_than_that_part_wherever_it_is(shop):
    pack = await shop.bought("gems-500", quantity=2)
    await pass_on(shop, to="bob", asset="gems", amount=700)
    sword = await shop.bought("sword")
    await shop.sandbox.dispute(pack, amount=499)
    await shop.quiet()
    frozen = [(await me(shop, name))["wallets"]["gems"]["frozen"] for name in ("ada", "bob")]
    assert frozen == [180, 320]
    # What comes back to Ada meanwhile is hers: the part is set aside already.
    path = f"/v1/purchases/{sword['id']}/refunds"
    assert (await shop.as_server().post(path, {"reason": "asked for"}, key="k")).status == 201
    await disputed(shop, pack, "lost")
    assert [shop.balance(f"customer:{name}:gems") for name in ("ada", "bob")] == [120, 380]
    assert debts(shop) == {}
