"""Passing on units that are things of their own: the very unit goes, and is the very same where it arrives."""

import json

import pytest

from storefront.core.ids import new_id
from storefront.testing import running_shop

from .conftest import ECONOMY, items_of, refund

SHOP = (
    ECONOMY.replace("title: Lantern,", "title: Lantern, transferable: true,")
    .replace("title: Potion,", "title: Potion, transferable: true,")
    .replace("  kit:", "  crown: {kind: item, type: durable, unique: true, title: Crown, transferable: true, "
             "prices: {gems: 10}}\n  kit:")
    + "transfers: {customers: true}\n"
)  # fmt: skip
NO_PASS, COUNTED_PASS = "type: timed, duration: 6h, title: Pass,", "type: consumable, title: Pass, transferable: true,"


@pytest.fixture
async def shop(data_folder, database_url):
    """The economy, where lanterns, crowns and potions can be passed on; Ada has gems."""
    async with running_shop(data_folder, SHOP, database=database_url) as running:
        for name in ("ada", "bob"):
            await running.session(name)
        await running.bought("gems-500")
        yield running


async def pass_on(shop, *, by="ada", to="bob", sku="lantern", **more):
    return await shop.as_customer(by).post("/v1/transfers", {"to": to, "sku": sku, **more}, key=new_id("key"))


async def units(shop, name="ada", sku="lantern"):
    """Return number -> instance of what somebody has."""
    found = (await shop.as_customer(name).get("/v1/me")).json["items"]
    return {item["number"]: item["instance"] for item in found if item["sku"] == sku}


def told(shop, event):
    rows = shop.query("SELECT payload FROM events WHERE type = ?", event)
    return [json.loads(row["payload"])["instances"] for row in rows]


async def test_the_unit_that_is_named_goes_with_its_id_and_number(shop):
    await shop.bought("lantern", quantity=3)
    second = (await units(shop))[2]
    sent = await pass_on(shop, instance=second)

    named = [{"instance": second, "number": 2}]
    assert (sent.status, sent.json["instances"]) == (201, named)
    assert [(one["instance"], one["quantity"]) for one in sent.json["customer"]["changed"]["items"]] == [(second, 0)]
    assert (sorted(await units(shop)), await units(shop, "bob")) == ([1, 3], {2: second})
    assert (await shop.as_server().get(f"/v1/transfers/{sent.json['id']}")).json["instances"] == named
    assert told(shop, "transfer.sent") == told(shop, "transfer.received") == [named]

    used = await shop.as_customer("bob").post(
        "/v1/microtransactions/inventory/lantern/consume", {"instance": second}, key="u"
    )
    assert (used.status, used.json["remaining"]) == (200, 0)


async def test_without_a_name_the_oldest_go_and_what_comes_back_is_the_same(shop):
    await shop.bought("lantern", quantity=3)
    before = await units(shop)
    sent = await pass_on(shop, quantity=2)
    assert [one["number"] for one in sent.json["instances"]] == [1, 2]
    back = await pass_on(shop, by="bob", to="ada", instance=before[1])
    assert back.status == 201
    assert (await units(shop), await units(shop, "bob")) == ({1: before[1], 3: before[3]}, {2: before[2]})
    assert (await shop.buy("lantern")).status == 201
    assert sorted(await units(shop)) == [1, 3, 4], "no number is given again"


async def test_only_what_one_has_and_is_one_thing_can_be_named(shop):
    await shop.bought("lantern", quantity=2)
    await shop.bought("potion")
    first = (await units(shop))[1]
    (potion,) = (await units(shop, sku="potion")).values()
    await pass_on(shop, instance=first)
    await shop.quiet()
    before = shop.rows()
    for body, answer in (
        ({"instance": first}, (409, "not_enough_items")),
        ({"instance": "itm_nothing"}, (409, "not_enough_items")),
        ({"instance": potion, "sku": "potion"}, (409, "not_enough_items")),
        ({"instance": first, "quantity": 2}, (422, "invalid_request")),
    ):
        refused = await pass_on(shop, **body)
        assert (refused.status, refused.json["code"]) == answer
    money = {"to": "bob", "asset": "gems", "amount": 1, "instance": first}
    assert (await shop.as_customer().post("/v1/transfers", money, key="m")).status == 422
    assert shop.rows() == before


async def test_what_is_frozen_stays_and_what_is_not_goes(shop):
    disputed = await shop.bought("lantern", currency="USD")
    await shop.bought("lantern")
    first, second = (await units(shop)).values()
    await shop.sandbox.dispute(disputed)
    await shop.quiet()
    refused = await pass_on(shop, instance=first)
    assert (refused.status, refused.json["code"]) == (409, "not_enough_items")
    assert (await pass_on(shop)).json["instances"] == [{"instance": second, "number": 2}]
    assert (await pass_on(shop)).json["code"] == "not_enough_items"

    await shop.sandbox.dispute(disputed, "won")
    await shop.quiet()
    assert (await pass_on(shop, instance=first)).status == 201


async def test_who_has_one_already_gets_no_second_crown(shop):
    await shop.bought("gems-500", customer="bob")
    for name in ("ada", "bob"):
        await shop.bought("crown", customer=name)
    refused = await pass_on(shop, sku="crown")
    assert (refused.status, refused.json["code"]) == (409, "transfer_not_possible")
    by_server = {"from": "ada", "to": "bob", "sku": "crown"}
    assert (await shop.as_server().post("/v1/transfers", by_server, key="k")).json["code"] == "already_owned"
    assert (await items_of(shop), await items_of(shop, "bob")) == ({"crown": [1]}, {"crown": [2]})


async def test_a_refund_takes_no_unit_that_was_passed_on_and_one_that_came_back(shop):
    lantern = await shop.bought("lantern")
    await pass_on(shop)
    refused = await refund(shop, lantern)
    assert (refused.status, refused.json["code"]) == (409, "goods_used")
    await pass_on(shop, by="bob", to="ada")
    assert (await refund(shop, lantern, key="r2")).status == 201
    assert (await items_of(shop), await items_of(shop, "bob")) == ({}, {})


async def test_units_that_were_owned_before_there_were_numbers_go_first(shop, data_folder):
    await shop.bought("potion", quantity=2)
    await change(shop, data_folder, "title: Potion,", "title: Potion, unique: true,")
    await shop.bought("potion", quantity=2)
    sent = await pass_on(shop, sku="potion", quantity=3)
    assert [one["number"] for one in sent.json["instances"]] == [1]
    changed = sent.json["customer"]["changed"]["items"]
    assert sorted((item["number"] or 0, item["quantity"]) for item in changed) == [(0, 0), (1, 0)]
    assert await units(shop, sku="potion") == {2: (await units(shop, sku="potion"))[2]}
    theirs = (await shop.as_customer("bob").get("/v1/me")).json["items"]
    assert sorted((item["number"] or 0, item["quantity"]) for item in theirs) == [(0, 2), (1, 1)]


async def test_what_runs_out_in_time_is_not_passed_on(shop, data_folder):
    await shop.bought("pass")
    await change(shop, data_folder, NO_PASS, COUNTED_PASS)
    refused = await pass_on(shop, sku="pass")
    assert (refused.status, refused.json["code"]) == (409, "not_transferable")
    assert "runs out in time" in refused.json["detail"]


async def change(shop, folder, before, after):
    """Start the shop again with another configuration."""
    config = folder / "shop.yaml"
    assert before in config.read_text()
    await shop.stop()
    config.write_text(config.read_text().replace(before, after))
    await shop.start()


async def test_a_refund_of_a_pass_that_was_given_takes_its_time_back_where_it_is(shop):
    first = await shop.bought("pass", recipient="bob")
    await shop.bought("pass", recipient="bob")
    before = await end_of_pass(shop)
    assert (await refund(shop, first)).status == 201
    assert before - await end_of_pass(shop) == 6 * 3_600_000


async def end_of_pass(shop):
    (row,) = shop.query("SELECT expires_at FROM items WHERE sku = 'pass'")
    return row["expires_at"]
