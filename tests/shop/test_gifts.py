"""Gifts: the buyer pays, the recipient receives; what goes back is taken where it is, and owed by who took it back."""

import pytest

from storefront.core.ids import new_id
from tests.shop.test_disputes import disputed


@pytest.fixture(autouse=True)
async def bob(shop):
    """Bob has been here before: customers can give to him."""
    for name in ("ada", "bob"):
        await shop.session(name)


async def me(shop, name):
    return (await shop.as_customer(name).get("/v1/me")).json


async def owned(shop, name):
    return {item["sku"]: item["quantity"] for item in (await me(shop, name))["items"]}


def debts(shop):
    rows = shop.query("SELECT c.external_id, d.amount FROM debts d JOIN customers c ON c.id = d.customer_id")
    return {row["external_id"]: row["amount"] for row in rows if row["amount"]}


async def drink(shop, quantity, *, customer="bob"):
    path = "/v1/microtransactions/inventory/potion/consume"
    answer = await shop.as_customer(customer).post(path, {"quantity": quantity}, key=new_id("key"))
    assert answer.status == 200, answer


async def refund(shop, purchase, **more):
    path = f"/v1/purchases/{purchase['id']}/refunds"
    return await shop.as_server().post(path, {"reason": "asked for", **more}, key=new_id("key"))


async def test_the_buyer_pays_and_the_recipient_receives(shop):
    await shop.bought("gems-500")
    answer = await shop.buy("sword", recipient="bob")
    assert (answer.status, answer.json["status"], answer.json["recipient"]) == (201, "completed", {"id": "bob"})
    assert list(answer.json["customer"]["changed"]) == ["wallets"]
    assert (await owned(shop, "ada"), await owned(shop, "bob")) == ({}, {"sword": 1})
    assert shop.balance("customer:ada:gems") == 380
    right = (await me(shop, "bob"))["entitlements"]["sword"]
    assert (right["active"], right["source"]["id"]) == (True, answer.json["id"])
    (row,) = shop.query("SELECT c.external_id FROM entitlements e JOIN customers c ON c.id = e.given_by")
    assert row["external_id"] == "ada"
    told = shop.query("SELECT anchor, payload FROM events WHERE type = 'gift.received'")
    assert len(told) == 1
    assert "total" not in told[0]["payload"]


async def test_currency_that_is_given_is_a_gift_on_the_terms_of_its_payment(shop):
    pack = await shop.bought("gems-500", recipient="bob")
    assert (shop.balance("customer:ada:gems"), shop.balance("customer:bob:gems")) == (0, 500)
    lots = (await shop.as_server().get("/v1/customers/bob/wallets/gems/lots")).json["data"]
    assert [(lot["source"], lot["cost"]) for lot in lots] == [("gift", {"amount": 499, "currency": "USD"})]
    assert lots[0]["payment"].startswith("pay_")
    lot = (await shop.as_server().get(f"/v1/customers/bob/wallets/gems/lots/{lots[0]['id']}")).json
    assert [(credit["about"], credit["amount"]) for credit in lot["credits"]] == [(pack["id"], 500)]
    history = (await shop.as_customer("bob").get("/v1/me/wallets/gems/entries")).json["data"]
    assert [(one["kind"], one["amount"]) for one in history] == [("purchase.settled", 500)]
    assert (await shop.as_customer("ada").get("/v1/me/wallets/gems/entries")).json["data"] == []


async def test_the_recipient_sees_the_gift_and_nothing_of_its_payment(shop):
    pack = await shop.bought("gems-500", recipient="bob")
    mine = (await shop.as_customer("bob").get("/v1/me/gifts")).json
    assert [(one["id"], one["sku"], one["from"]) for one in mine["data"]] == [(pack["id"], "gems-500", None)]
    assert set(mine["data"][0]) == {"id", "from", "sku", "quantity", "refunded", "dispute", "received_at"}
    seen = (await shop.as_server().get("/v1/customers/bob/gifts")).json
    assert seen["data"][0]["from"] == {"id": "ada"}
    assert (await shop.as_customer("ada").get("/v1/me/gifts")).json["data"] == []
    assert (await shop.as_customer("bob").get(f"/v1/purchases/{pack['id']}")).status == 404
    assert (await shop.as_customer("bob").get("/v1/purchases")).json["data"] == []


async def test_a_customer_learns_nothing_of_a_stranger(shop):
    await shop.bought("gems-500")
    await shop.bought("sword", recipient="bob")
    answers = [await shop.buy("sword", recipient=name) for name in ("bob", "nobody")]
    told = [{**one.json, "request_id": None} for one in answers]
    assert [one.status for one in answers] == [409, 409]
    assert told[0] == told[1]
    assert told[0]["code"] == "gift_not_possible"
    as_server = {"sku": "sword", "customer": "ada", "recipient": "bob"}
    assert (await shop.as_server().post("/v1/purchases", as_server, key="k")).json["code"] == "already_owned"
    new = {"sku": "sword", "customer": "ada", "recipient": "a new one"}
    assert (await shop.as_server().post("/v1/purchases", new, key="k2")).status == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"recipient": "ada"}, 422, "invalid_request"),
        ({"recipient": ""}, 422, "invalid_request"),
        ({"recipient": 7}, 422, "invalid_request"),
        ({"recipient": "bob", "sku": "unheard-of"}, 422, "unknown_offer"),
    ],
)
async def test_what_is_no_gift_is_refused(shop, body, status, code):
    before = shop.rows()
    answer = await shop.buy(**{"sku": "sword", **body})
    assert (answer.status, answer.json["code"]) == (status, code)
    assert shop.rows() == before


async def test_a_limit_per_customer_counts_the_buyer(shop):
    for name in ("ada", "cleo"):
        await shop.bought("pass", customer=name, recipient="bob")
    refused = await shop.buy("pass", recipient="bob")
    assert (refused.status, refused.json["code"]) == (409, "limit_reached")
    assert await owned(shop, "bob") == {"pass": 2}


async def test_twenty_gifts_a_day_and_again_tomorrow(shop):
    await shop.bought("gems-500")
    for _ in range(20):
        await shop.bought("potion", recipient="bob")
    refused = await shop.buy("potion", recipient="bob")
    assert (refused.status, refused.json["code"], refused.json["at_most"]) == (409, "too_many_gifts", 20)
    assert (await shop.buy("potion")).status == 201
    await shop.advance("1d")
    assert (await shop.buy("potion", recipient="bob")).status == 201


async def test_the_same_key_gives_once(shop):
    await shop.bought("gems-500")
    first, again = [await shop.buy("potion", recipient="bob", key="k") for _ in range(2)]
    assert (first.status, again.json) == (201, first.json)
    other = await shop.buy("potion", recipient="bob", key="k", quantity=2)
    assert other.json["code"] == "idempotency_key_reused"
    assert await owned(shop, "bob") == {"potion": 1}


async def test_a_refund_takes_the_gift_from_the_recipient_and_gives_the_buyer_the_price(shop):
    await shop.bought("gems-500")
    sword = await shop.bought("sword", recipient="bob")
    shown = await refund(shop, sword, dry_run=True)
    assert shown.json["taken_back"]["items"] == [{"sku": "sword", "demanded": 1, "taken": 1, "written_off": 0}]
    made = await refund(shop, sword)
    assert (made.status, made.json["taken_back"]) == (201, shown.json["taken_back"])
    assert made.json["customer"]["id"] == "ada"
    assert (shop.balance("customer:ada:gems"), await owned(shop, "bob")) == (500, {})
    assert (await shop.as_customer("bob").get("/v1/entitlements/sword")).json["allowed"] is False
    assert len(shop.query("SELECT 1 AS n FROM events WHERE type = 'gift.taken_back'")) == 1


async def test_a_refund_of_used_gifts_follows_its_strategy(shop):
    await shop.bought("gems-500")
    potions = await shop.bought("potion", quantity=4, recipient="bob")
    await drink(shop, 3)
    assert (await refund(shop, potions)).json["code"] == "goods_used"
    made = await refund(shop, potions, strategy="floor")
    assert made.json["taken_back"]["items"] == [{"sku": "potion", "demanded": 4, "taken": 1, "written_off": 3}]
    assert (shop.balance("customer:ada:gems"), await owned(shop, "bob")) == (500, {})


@pytest.mark.parametrize(("strategy", "owes"), [("floor", {}), ("debt", {"ada": 120})])
async def test_a_refunded_pack_is_taken_where_it_is_and_owed_by_its_buyer(shop, strategy, owes):
    pack = await shop.bought("gems-500", recipient="bob")
    await shop.bought("sword", customer="bob")
    made = await refund(shop, pack, strategy=strategy)
    (credit,) = made.json["taken_back"]["credits"]
    assert (credit["demanded"], credit["taken"], credit["owed"]) == (500, 380, owes.get("ada", 0))
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (0, owes)
    assert await owned(shop, "bob") == {"sword": 1}


async def test_an_open_dispute_freezes_the_gift_and_one_that_is_won_gives_back_exactly_that(shop):
    pack = await shop.bought("gems-500", recipient="bob")
    await shop.bought("potion", customer="bob", quantity=2)
    before = (await me(shop, "bob"))["wallets"]
    await disputed(shop, pack)
    wallet = (await me(shop, "bob"))["wallets"]["gems"]
    assert (wallet["balance"], wallet["frozen"], wallet["available"]) == (470, 470, 0)
    await disputed(shop, pack, "won")
    assert (await me(shop, "bob"))["wallets"] == before
    assert debts(shop) == {}


async def test_a_lost_dispute_takes_what_the_recipient_has_left_and_the_buyer_owes_the_rest(shop):
    pack = await shop.bought("gems-500", recipient="bob")
    await shop.bought("sword", customer="bob")
    await shop.bought("potion", customer="bob", quantity=4)
    await drink(shop, 1)
    await disputed(shop, pack, "lost")
    # 320 were left; the sword (120) is undone; one potion of four is drunk: 60 gems are Ada's to pay.
    assert (shop.balance("customer:bob:gems"), await owned(shop, "bob")) == (0, {"potion": 3})
    assert debts(shop) == {"ada": 60}
    assert (await me(shop, "bob"))["wallets"]["gems"]["owed"] == 0
    await disputed(shop, pack, "won")
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (440, {})


async def test_what_the_buyer_has_repaid_comes_back_to_them_and_is_asked_for_again(shop):
    pack = await shop.bought("gems-500", recipient="bob")
    await shop.bought("potion", customer="bob", quantity=10)
    await drink(shop, 10)
    await disputed(shop, pack, "lost")
    assert debts(shop) == {"ada": 150}
    await shop.bought("gems-500")
    assert (shop.balance("customer:ada:gems"), debts(shop)) == (350, {})
    await disputed(shop, pack, "won")
    assert (shop.balance("customer:ada:gems"), shop.balance("customer:bob:gems")) == (500, 350)
    await disputed(shop, pack, "lost")
    assert (shop.balance("customer:ada:gems"), shop.balance("customer:bob:gems"), debts(shop)) == (350, 0, {})
    await disputed(shop, pack, "won")
    assert (shop.balance("customer:ada:gems"), shop.balance("customer:bob:gems")) == (500, 350)


async def test_a_gift_bought_with_disputed_gems_is_taken_from_its_recipient(shop):
    pack = await shop.bought("gems-500")
    sword = await shop.bought("sword", recipient="bob")
    await shop.bought("potion", recipient="bob", quantity=2)
    await drink(shop, 1)
    await disputed(shop, pack, "lost")
    assert (await shop.seen(sword))["refunded"] == "full"
    assert (await owned(shop, "bob"), debts(shop)) == ({"potion": 1}, {"ada": 30})
    assert (await shop.as_customer("bob").get("/v1/entitlements/sword")).json["allowed"] is False


async def test_what_a_hold_of_the_recipient_pins_is_owed_by_the_buyer_and_stays_the_recipients(shop):
    pack = await shop.bought("gems-500", recipient="bob")
    body = {"customer": "bob", "asset": "gems", "amount": 200, "expires_in_seconds": 600, "reason": "auction 1"}
    hold = (await shop.as_server().post("/v1/holds", body, key="hold")).json
    await disputed(shop, pack, "lost")
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (200, {"ada": 200})
    assert (await shop.as_server().post(f"/v1/holds/{hold['id']}/release", key="release")).status == 200
    assert ((await me(shop, "bob"))["wallets"]["gems"]["available"], debts(shop)) == (200, {"ada": 200})


async def test_a_hold_that_ends_while_the_dispute_is_open_is_frozen(shop):
    pack = await shop.bought("gems-500", recipient="bob")
    body = {"customer": "bob", "asset": "gems", "amount": 200, "expires_in_seconds": 600, "reason": "auction 1"}
    hold = (await shop.as_server().post("/v1/holds", body, key="hold")).json
    await disputed(shop, pack)
    assert (await shop.as_server().post(f"/v1/holds/{hold['id']}/release", key="release")).status == 200
    assert (await me(shop, "bob"))["wallets"]["gems"]["frozen"] == 500
    await disputed(shop, pack, "lost")
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (0, {})


async def test_a_debt_that_a_stolen_gift_paid_off_is_owed_again_by_whose_it_was(shop):
    first = await shop.bought("gems-500", customer="bob")
    await shop.bought("potion", customer="bob", quantity=8)
    await drink(shop, 8)
    await disputed(shop, first, "lost")
    assert debts(shop) == {"bob": 120}
    gift = await shop.bought("gems-500", recipient="bob")
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (380, {})
    await shop.bought("potion", customer="bob", quantity=2)
    await drink(shop, 2)
    await disputed(shop, gift, "lost")
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (0, {"ada": 30, "bob": 120})
    await disputed(shop, gift, "won")
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (350, {})


async def test_a_real_money_gift_is_frozen_taken_and_given_again_with_its_right(shop):
    chest = await shop.bought("chest", recipient="bob")
    assert (await disputed(shop, chest))["dispute"] == "open"
    assert (await shop.as_customer("bob").get("/v1/entitlements/chapters")).json["allowed"] is False
    await disputed(shop, chest, "lost")
    assert await owned(shop, "bob") == {}
    await disputed(shop, chest, "won")
    assert await owned(shop, "bob") == {"chest": 1}
    assert (await shop.as_customer("bob").get("/v1/entitlements/chapters")).json["allowed"] is True
    kinds = [row["type"] for row in shop.query("SELECT type FROM events WHERE type LIKE 'gift.%' ORDER BY sequence")]
    assert kinds == ["gift.received", "gift.frozen", "gift.taken_back", "gift.given_again"]


async def test_an_early_fraud_warning_takes_the_gift(shop):
    pack = await shop.bought("gems-500", recipient="bob")
    await shop.sandbox.warn_of_fraud(pack)
    await shop.quiet()
    assert (await shop.seen(pack))["refunded"] == "full"
    assert (shop.balance("customer:bob:gems"), debts(shop)) == (0, {})


async def test_a_recipient_who_got_it_meanwhile_lets_the_money_wait_for_an_operator(shop):
    pending = await shop.buy("chest", recipient="bob")
    await shop.bought("chest", customer="bob")
    assert await shop.pay(pending) == 303
    seen = await shop.settled(pending)
    assert (seen["status"], seen["recipient"]) == ("paid", {"id": "bob"})
    assert shop.balance("customer:ada:unapplied:USD") == 1499
    assert (await refund(shop, seen)).status == 201
    assert (await shop.seen(pending))["status"] == "canceled"


async def loss_of(shop, path):
    answer = await shop.bearing("ak_sandbox_demo").get(path)
    assert answer.status == 200, answer
    return answer.json


async def dispute_of(shop, purchase):
    (row,) = shop.query("SELECT id FROM reversals WHERE purchase_id = ? AND cause = 'dispute'", purchase["id"])
    return row["id"]


async def test_a_dry_run_shows_what_a_lost_dispute_then_takes(shop):
    """Gems went into a sword, a gift, and potions of which one is drunk: from where, what is undone, who owes."""
    pack = await shop.bought("gems-500")
    sword = await shop.bought("sword")
    key = await shop.bought("key", recipient="bob")
    await shop.bought("potion", quantity=4)
    await drink(shop, 1, customer="ada")
    (lot,) = shop.query("SELECT id FROM lots")
    await shop.quiet()
    before = shop.rows()

    possible = await loss_of(shop, f"/v1/purchases/{pack['id']}/loss")
    assert shop.rows() == before
    assert possible["lots"] == [{"lot": lot["id"], "customer": {"id": "ada"}, "source": "purchased", "amount": 280}]
    assert {one["purchase"] for one in possible["undone"]} == {sword["id"], key["id"]}
    assert possible["owed"] == [{"customer": {"id": "ada"}, "asset": "gems", "amount": 60}]
    (credit,) = possible["taken_back"]["credits"]
    assert (credit["demanded"], credit["taken"], credit["owed"], credit["written_off"]) == (500, 440, 60, 0)

    await disputed(shop, pack)
    path = f"/v1/disputes/{await dispute_of(shop, pack)}"
    shown = await loss_of(shop, f"{path}/loss")
    same = ("amount", "strategy", "quantity", "taken_back", "lots", "owed", "undone")
    assert [shown[name] for name in same] == [possible[name] for name in same]

    await disputed(shop, pack, "lost")
    assert (await loss_of(shop, path))["taken_back"] == shown["taken_back"]
    refunded = shop.query("SELECT id FROM purchases WHERE refunded = 'full' ORDER BY id")
    assert {row["id"] for row in refunded} == {one["purchase"] for one in shown["undone"]}
    assert (shop.balance("customer:ada:gems"), debts(shop)) == (0, {"ada": 60})
    over = await shop.bearing("ak_sandbox_demo").get(f"{path}/loss")
    assert (over.status, over.json["code"]) == (409, "dispute_decided")
    none = await shop.bearing("ak_sandbox_demo").get(f"/v1/purchases/{sword['id']}/loss")
    assert (none.status, none.json["code"]) == (409, "nothing_to_dispute")


async def test_a_dispute_won_restores_exactly_what_was_frozen(shop):
    pack = await shop.bought("gems-500")
    chest = await shop.bought("chest", recipient="bob")
    await shop.bought("sword")
    before = [(await me(shop, name)) for name in ("ada", "bob")]
    await disputed(shop, pack)
    await disputed(shop, chest)
    for purchase in (pack, chest):
        await disputed(shop, purchase, "won")
    for seen, name in zip(before, ("ada", "bob"), strict=True):
        now = await me(shop, name)
        assert {part: now[part] for part in ("wallets", "items")} == {part: seen[part] for part in ("wallets", "items")}
        assert {k: v["active"] for k, v in now["entitlements"].items()} == {
            k: v["active"] for k, v in seen["entitlements"].items()
        }
