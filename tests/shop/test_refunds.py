"""Refunds of wallet purchases: value back into the lots it came from, goods taken back, never more than was paid."""

import asyncio

import pytest

from storefront.core.clock import HOUR_MS, iso
from storefront.testing import OPERATOR_KEY, running_shop

BAZAAR = """
shop: {name: Bazaar}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: ak_sandbox_demo, kind: operator}
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}, coins: {title: Coins}}
offers:
  coins-50: {kind: currency_pack, title: 50 coins, contents: {coins: 50}, bonus: {coins: 10}, prices: {gems: 20}}
  change: {kind: currency_pack, title: 9 gems back, contents: {gems: 9}, prices: {gems: 10}}
  hat: {kind: item, type: durable, title: Hat, prices: {coins: 30}}
"""


@pytest.fixture
async def bazaar(tmp_path):
    """A shop whose offers cost gems or coins and give either; ada has 100 gems."""
    async with running_shop(tmp_path, BAZAAR) as shop:
        await give(shop, 100)
        yield shop


async def give(shop, amount, asset="gems"):
    body = {"customer": "ada", "asset": asset, "amount": amount, "reason": "for the test"}
    answer = await shop.as_server().post("/v1/grants", body, key=f"give-{asset}-{amount}")
    assert answer.status == 201, answer


async def refund(shop, purchase, *, key="r1", **more):
    body = {"reason": "a mistake", **more}
    return await shop.as_server().post(f"/v1/purchases/{purchase['id']}/refunds", body, key=key)


async def test_a_full_refund_gives_the_gems_back_and_takes_the_sword_and_its_right(shop):
    await shop.bought("gems-500")
    sword = await shop.bought("sword")

    made = await refund(shop, sword)

    assert made.status == 201
    assert (made.json["number"], made.json["amount"]) == (1, {"amount": 120, "currency": "gems"})
    assert made.json["taken_back"] == {
        "items": [{"sku": "sword", "demanded": 1, "taken": 1, "written_off": 0}],
        "credits": [],
        "entitlements": ["sword"],
    }
    changed = made.json["customer"]["changed"]
    assert changed["wallets"]["gems"]["balance"] == 500
    assert changed["items"][0]["quantity"] == 0
    assert changed["entitlements"]["sword"]["active"] is False
    me = (await shop.as_customer().get("/v1/me")).json
    assert (me["items"], me["wallets"]["gems"]["available"]) == ([], 500)
    assert (await shop.as_customer().get("/v1/entitlements/sword")).json["reason"] == "ended"
    seen = await shop.seen(sword)
    assert (seen["status"], seen["refunded"]) == ("completed", "full")
    assert [(one["number"], one["amount"]["amount"]) for one in seen["refunds"]] == [(1, 120)]
    assert shop.query("SELECT source, amount, remaining FROM lots") == [
        {"source": "purchased", "amount": 620, "remaining": 500}
    ]
    assert shop.balance("platform:sink:gems") == 0
    assert (await shop.buy("sword")).status == 201


async def test_a_refund_is_told_and_has_an_entry_that_names_what_it_reverses(shop):
    await shop.bought("gems-500")
    sword = await shop.bought("sword")
    made = (await shop.bearing(OPERATOR_KEY).post(
        f"/v1/purchases/{sword['id']}/refunds", {"reason": "goodwill"}, key="k1"
    )).json  # fmt: skip

    [entry] = shop.query("SELECT reverses, about FROM entries WHERE kind = 'refund'")
    [paid] = shop.query("SELECT entry_id FROM purchases WHERE id = ?", sword["id"])
    assert entry == {"reverses": paid["entry_id"], "about": made["id"]}
    assert shop.query("SELECT about, actor FROM audit_actions WHERE action = 'purchase.refunded'") == [
        {"about": made["id"], "actor": made["actor"]}
    ]
    told = (await shop.as_server().get("/v1/events?limit=100")).json["data"]
    [event] = [event for event in told if event["type"] == "purchase.refunded"]
    assert (event["subject"], event["data"]["refunded"], event["data"]["refund"]["number"]) == (sword["id"], "full", 1)
    history = (await shop.as_customer().get("/v1/me/wallets/gems/entries")).json["data"]
    assert [(one["kind"], one["amount"]) for one in history][:2] == [("refund", 120), ("purchase.settled", -120)]
    listed = (await shop.as_server().get(f"/v1/purchases/{sword['id']}/refunds")).json["data"]
    assert [(one["id"], one["reason"]) for one in listed] == [(made["id"], "goodwill")]


async def test_a_retry_is_answered_alike_and_refunds_nothing_more(shop):
    await shop.bought("gems-500")
    sword = await shop.bought("sword")
    first = await refund(shop, sword)
    again = await refund(shop, sword)
    other_body = await refund(shop, sword, reason="another")
    other_key = await refund(shop, sword, key="r2")

    assert (again.status, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other_body.status, other_body.json["code"]) == (422, "idempotency_key_reused")
    assert (other_key.status, other_key.json["code"]) == (409, "already_refunded")
    assert shop.balance("customer:ada:gems") == 500


async def test_part_refunds_by_quantity_add_up_to_the_price(shop):
    await shop.bought("gems-500")
    potions = await shop.bought("potion", quantity=7)  # 105 gems

    first = await refund(shop, potions, quantity=2)
    second = await refund(shop, potions, quantity=3, key="r2")
    assert (await shop.seen(potions))["refunded"] == "part"
    too_many = await refund(shop, potions, quantity=3, key="r3")
    rest = await refund(shop, potions, key="r3")

    assert [one.json["amount"]["amount"] for one in (first, second, rest)] == [30, 45, 30]
    assert (too_many.status, too_many.json["code"], too_many.json["quantity_left"]) == (409, "refund_too_large", 2)
    assert (await shop.seen(potions))["refunded"] == "full"
    assert [one["quantity"] for one in (await shop.seen(potions))["refunds"]] == [2, 3, 2]
    assert shop.balance("customer:ada:gems") == 500
    assert (await shop.as_customer().get("/v1/me")).json["items"] == []


async def test_an_amount_alone_leaves_the_goods_and_is_never_more_than_was_paid(shop):
    await shop.bought("gems-500")
    sword = await shop.bought("sword")

    goodwill = await refund(shop, sword, amount=50)
    too_much = await refund(shop, sword, amount=71, key="r2")
    assert (await shop.as_customer().get("/v1/entitlements/sword")).json["allowed"] is True
    rest = await refund(shop, sword, key="r3")

    assert goodwill.json["taken_back"] == {"items": [], "credits": [], "entitlements": []}
    assert (too_much.status, too_much.json["code"]) == (409, "refund_too_large")
    assert too_much.json["left"] == {"amount": 70, "currency": "gems"}
    assert (rest.json["amount"]["amount"], rest.json["taken_back"]["entitlements"]) == (70, ["sword"])
    assert shop.balance("customer:ada:gems") == 500


async def test_used_goods_refuse_the_refund_or_are_written_off(shop):
    await shop.bought("gems-500")
    potions = await shop.bought("potion", quantity=3)
    drink = "/v1/microtransactions/inventory/potion/consume"
    assert (await shop.as_customer().post(drink, {"quantity": 2}, key="d1")).status == 200
    await shop.quiet()
    before = shop.rows()

    refused = await refund(shop, potions)
    assert (refused.status, refused.json["code"]) == (409, "goods_used")
    assert refused.json["missing"] == [{"sku": "potion", "quantity": 2}]
    assert shop.rows() == before

    made = await refund(shop, potions, strategy="floor")
    assert made.json["taken_back"]["items"] == [{"sku": "potion", "demanded": 3, "taken": 1, "written_off": 2}]
    assert shop.balance("customer:ada:gems") == 500
    assert shop.query("SELECT quantity FROM items") == [{"quantity": 0}]


async def test_a_dry_run_shows_it_all_and_writes_nothing(shop):
    await shop.bought("gems-500")
    sword = await shop.bought("sword")
    await shop.quiet()
    before = shop.rows()

    shown = await refund(shop, sword, dry_run=True)
    assert (shown.status, shown.json["dry_run"], shown.json["id"]) == (200, True, None)
    assert shop.rows() == before
    made = await refund(shop, sword)

    told = ("amount", "taken_back", "number", "quantity")
    assert [shown.json[name] for name in told] == [made.json[name] for name in told]
    assert made.status == 201


async def test_only_servers_and_operators_refund_and_a_reason_is_needed(shop):
    await shop.bought("gems-500")
    sword = await shop.bought("sword")
    path = f"/v1/purchases/{sword['id']}/refunds"
    assert (await shop.as_customer().post(path, {"reason": "mine"}, key="k1")).status == 403
    assert (await shop.as_server().post(path, {}, key="k1")).json["errors"][0]["pointer"] == "/reason"
    missing = "/v1/purchases/pur_01k00000000000000000000000/refunds"
    assert (await shop.as_server().post(missing, {"reason": "r"}, key="k1")).status == 404
    assert shop.balance("customer:ada:gems") == 380


async def test_the_unspent_part_of_a_currency_pack_is_taken_back(bazaar):
    packs = await bazaar.bought("coins-50", quantity=2)
    await give(bazaar, 7, asset="coins")
    await bazaar.bought("hat")  # drains what was given first: 7 + 20 of the bonus + 3 of the pack

    refused = await refund(bazaar, packs)
    assert refused.json["missing"] == [{"asset": "coins", "amount": 3}, {"asset": "coins", "amount": 20}]
    one = await refund(bazaar, packs, quantity=1, strategy="floor", key="r2")
    assert one.json["taken_back"]["credits"] == [
        {"asset": "coins", "source": "purchased", "demanded": 50, "taken": 50, "written_off": 0, "owed": 0},
        {"asset": "coins", "source": "granted", "demanded": 10, "taken": 0, "written_off": 10, "owed": 0},
    ]
    rest = await refund(bazaar, packs, strategy="floor", key="r3")

    assert [one["taken"] for one in rest.json["taken_back"]["credits"]] == [47, 0]
    assert bazaar.balance("customer:ada:coins") == 0
    assert bazaar.balance("customer:ada:gems") == 100
    assert bazaar.balance("platform:issuance:coins") == -30
    assert (await bazaar.seen(packs))["refunded"] == "full"


async def test_a_pack_in_the_currency_it_gives_is_refunded_both_ways(bazaar):
    change = await bazaar.bought("change")
    assert bazaar.balance("customer:ada:gems") == 99

    made = await refund(bazaar, change)

    assert (made.json["amount"]["amount"], made.json["taken_back"]["credits"][0]["taken"]) == (10, 9)
    assert bazaar.balance("customer:ada:gems") == 100


async def test_what_is_left_of_it_is_taken_while_the_price_goes_back_whole(bazaar):
    change = await bazaar.bought("change", quantity=10)
    assert bazaar.balance("customer:ada:gems") == 90
    await bazaar.bought("coins-50", quantity=4)

    made = await refund(bazaar, change, strategy="floor")

    assert made.json["taken_back"]["credits"] == [
        {"asset": "gems", "source": "purchased", "demanded": 90, "taken": 10, "written_off": 80, "owed": 0}
    ]
    assert bazaar.balance("customer:ada:gems") == 100


async def test_gems_that_lapsed_meanwhile_come_back_lapsed(bazaar):
    until = iso(bazaar.wall() + HOUR_MS)
    body = {"customer": "ada", "asset": "coins", "amount": 30, "reason": "r", "expires_at": until}
    await bazaar.as_server().post("/v1/grants", body, key="k1")
    hat = await bazaar.bought("hat")
    await bazaar.advance("2h")

    made = await refund(bazaar, hat)

    assert made.status == 201
    assert made.json["customer"]["changed"]["wallets"]["coins"]["available"] == 0


async def test_32_full_refunds_at_once_are_one(shop):
    await shop.bought("gems-500")
    sword = await shop.bought("sword")

    answers = await asyncio.gather(*(refund(shop, sword, key=f"r{n}") for n in range(32)))

    assert sorted(answer.status for answer in answers) == [201] + [409] * 31
    assert {answer.json["code"] for answer in answers if answer.status == 409} == {"already_refunded"}
    assert shop.balance("customer:ada:gems") == 500
    assert shop.query("SELECT count(*) AS n FROM reversals") == [{"n": 1}]


async def test_part_refunds_at_once_stay_within_the_price(shop):
    await shop.bought("gems-500")
    sword = await shop.bought("sword")

    answers = await asyncio.gather(*(refund(shop, sword, key=f"r{n}", amount=25) for n in range(16)))

    assert sorted(answer.status for answer in answers) == [201] * 4 + [409] * 12
    assert {answer.json["code"] for answer in answers if answer.status == 409} == {"refund_too_large"}
    assert shop.balance("customer:ada:gems") == 480
    numbers = [row["number"] for row in shop.query("SELECT number FROM reversals ORDER BY number")]
    assert numbers == [1, 2, 3, 4]


async def test_a_refund_against_a_use_takes_each_potion_once(shop):
    await shop.bought("gems-500")
    potions = await shop.bought("potion", quantity=5)
    drink = "/v1/microtransactions/inventory/potion/consume"

    drunk = [shop.as_customer().post(drink, {"quantity": 1}, key=f"d{n}") for n in range(5)]
    made, *drinks = await asyncio.gather(refund(shop, potions, strategy="floor"), *drunk)

    [line] = made.json["taken_back"]["items"]
    used = sum(answer.status == 200 for answer in drinks)
    assert line["taken"] + used == 5
    assert shop.query("SELECT quantity FROM items") == [{"quantity": 0}]


async def test_a_hold_that_is_over_keeps_nothing_from_a_refund(bazaar):
    """Its job may be late: whoever looks sees that its time is over."""
    packs = await bazaar.bought("coins-50")
    await bazaar.parts.jobs.stop()
    held = {"customer": "ada", "asset": "coins", "amount": 40, "expires_in_seconds": 60, "reason": "auction"}
    assert (await bazaar.as_server().post("/v1/holds", held, key="h")).status == 201
    bazaar.wall.move(61)

    made = await refund(bazaar, packs, strategy="floor")

    assert [one["written_off"] for one in made.json["taken_back"]["credits"]] == [0, 0]
    assert bazaar.balance("customer:ada:coins") == 0
