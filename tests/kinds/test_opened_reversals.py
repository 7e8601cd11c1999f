"""Reversals of containers: unopened ones are taken; of opened ones what they gave, as far as it is still there."""

from .conftest import items_of, open_one, refund


async def disputed(shop, purchase, status):
    """Let the bank move a dispute, and wait until the shop has taken it in."""
    await shop.sandbox.dispute(purchase, status)
    await shop.quiet()
    return await shop.seen(purchase)


async def test_unopened_containers_go_back(shop):
    await shop.bought("gems-500")
    bought = await shop.bought("sure-chest", quantity=2)
    made = await refund(shop, bought)
    assert (made.status, "openings" in made.json["taken_back"]) == (201, False)
    assert await items_of(shop) == {}


async def test_of_an_opened_one_what_it_gave_is_taken(shop):
    await shop.bought("gems-500")
    bought = await shop.bought("sure-chest", quantity=2)
    opened = (await open_one(shop, "sure-chest", key="o1")).json
    shown = await refund(shop, bought, key="dry", dry_run=True)
    made = await refund(shop, bought)

    assert made.status == 201, made
    taken = made.json["taken_back"]
    assert {one["sku"]: one["taken"] for one in taken["items"]} == {"sure-chest": 1, "lantern": 2, "pass": 1}
    assert [(one["asset"], one["taken"]) for one in taken["credits"]] == [("gems", 40)]
    assert taken["openings"] == [opened["id"]]
    assert shown.json["taken_back"] == taken
    assert await items_of(shop) == {}
    assert shop.balance("customer:ada:gems") == 500
    assert (await shop.as_customer().get("/v1/me")).json["entitlements"]["lounge"]["active"] is False


async def test_what_is_used_of_it_refuses_the_refund_or_is_written_off(shop):
    await shop.bought("gems-500")
    bought = await shop.bought("sure-chest")
    await open_one(shop, "sure-chest", key="o1")
    await shop.as_customer().post("/v1/microtransactions/inventory/lantern/consume", {}, key="u1")
    await shop.buy("arrow", quantity=5)
    await shop.buy("sword", quantity=1)
    for _ in range(3):
        await shop.buy("sword-chest", quantity=5)
    refused = await refund(shop, bought)
    made = await refund(shop, bought, key="r2", strategy="floor")

    assert (refused.status, refused.json["code"]) == (409, "goods_used")
    written_off = {one["sku"]: one["written_off"] for one in made.json["taken_back"]["items"]}
    assert written_off == {"lantern": 1, "pass": 0}


async def test_an_opening_is_taken_back_once(shop):
    await shop.bought("gems-500")
    first = await shop.bought("sure-chest")
    second = await shop.bought("sure-chest")
    opened = [(await open_one(shop, "sure-chest", key=f"o{n}")).json["id"] for n in range(2)]
    made = [await refund(shop, one, key=f"r{n}") for n, one in enumerate((first, second))]

    assert [one.status for one in made] == [201, 201]
    assert [one.json["taken_back"]["openings"] for one in made] == [[opened[1]], [opened[0]]]
    assert shop.balance("customer:ada:gems") == 500


async def test_a_dispute_takes_what_opened_containers_gave_and_a_won_one_gives_it_back(shop):
    bought = await shop.bought("sure-chest", currency="USD", quantity=2)
    await open_one(shop, "sure-chest", key="o1")
    await disputed(shop, bought, "needs_response")
    state = (await shop.as_customer().get("/v1/me")).json
    assert {item["sku"]: item["frozen"] for item in state["items"]} == {
        "sure-chest": True, "lantern": True, "pass": True,
    }  # fmt: skip
    assert (await disputed(shop, bought, "lost"))["dispute"] == "lost"
    assert await items_of(shop) == {}
    assert shop.balance("customer:ada:gems") == 0
    again = await disputed(shop, bought, "won")
    assert again["dispute"] == "won"
    assert await items_of(shop) == {"sure-chest": 1, "lantern": [1, 2], "pass": 1}
    assert shop.balance("customer:ada:gems") == 40
    assert (await shop.as_customer().get("/v1/me")).json["entitlements"]["lounge"]["active"] is True


async def test_a_charged_back_pack_undoes_containers_it_paid_for_opened_or_not(shop):
    pack = await shop.bought("gems-500")
    await shop.buy("sure-chest")
    await shop.buy("sure-chest")
    await open_one(shop, "sure-chest", key="o1")
    assert (await disputed(shop, pack, "lost"))["dispute"] == "lost"
    assert await items_of(shop) == {}
    assert shop.balance("customer:ada:gems") == 0
    assert shop.balance("customer:ada:debt:gems") == 0


async def test_of_two_purchases_of_the_same_item_one_is_undone_if_one_unit_was_used(shop):
    pack = await shop.bought("gems-500")
    await shop.buy("arrow")
    await shop.buy("arrow")
    await shop.as_customer().post("/v1/microtransactions/inventory/arrow/consume", {}, key="u1")
    assert (await disputed(shop, pack, "lost"))["dispute"] == "lost"
    assert await items_of(shop) == {}
    assert shop.balance("customer:ada:debt:gems") == 1


async def test_units_that_got_numbers_since_are_refunded_all_the_same(shop, tmp_path):
    await shop.bought("gems-500")
    counted = await shop.bought("arrow", quantity=2)
    file = tmp_path / "shop.yaml"
    file.write_text(file.read_text().replace("arrow: {kind: item,", "arrow: {kind: item, unique: true,"))
    await shop.restart()
    numbered = await shop.bought("arrow", quantity=2)
    both = [(item["number"], item["quantity"]) for item in (await shop.as_customer().get("/v1/me")).json["items"]]
    assert both == [(None, 2), (1, 1), (2, 1)]
    made = await refund(shop, counted)
    assert (made.status, await items_of(shop)) == (201, {"arrow": [1, 2]})
    assert (await refund(shop, numbered, key="r2")).status == 201
    assert await items_of(shop) == {}
