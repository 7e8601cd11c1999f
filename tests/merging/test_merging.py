"""Merging two customers: what one had the other has, to the last gem, and their id goes on as a name of the other."""

import asyncio
import json

import pytest

from storefront.core.accounts import issuance
from storefront.core.commit.outcome import CustomerMerged
from storefront.core.commit.plan import Deposit, Insert, LotTerms, MergeCustomer, Plan
from storefront.core.ids import new_id
from storefront.core.merging.moves import CORE_MOVES, KEPT
from storefront.core.privileged import record_action
from storefront.core.tables import APPEND_ONLY, metadata
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


def balances(shop, *names):
    return [shop.balance(f"customer:{name}:gems") for name in names]


async def cancel_all(shop):
    for purchase in shop.query("SELECT id FROM purchases WHERE status = 'pending'"):
        answer = await shop.as_server().post(f"/v1/purchases/{purchase['id']}/cancel", {}, key=new_id("key"))
        assert answer.status == 200, answer


async def test_what_the_source_had_the_target_has(shop):
    await lived(shop, "guest")
    await lived(shop, "ada")
    await cancel_all(shop)
    lots = "SELECT id, source, payment, cost_amount, opened_at, expires_at, remaining FROM lots ORDER BY id"
    before, (guests, adas) = shop.query(lots), balances(shop, "guest", "ada")
    answer = await merge(shop)
    assert answer.status == 200, answer
    assert (answer.json["wallets"], answer.json["items"]) == ({"gems": guests}, {"potion": 1, "sword": 1})
    assert shop.query(lots) == before
    assert balances(shop, "guest", "ada") == [0, guests + adas]
    state = await me(shop, "guest")
    assert (state["customer"], state["wallets"]["gems"]["balance"]) == ("ada", guests + adas)
    assert {item["sku"]: item["quantity"] for item in state["items"]} == {"potion": 2, "sword": 2}
    bought = (await shop.as_server().get("/v1/purchases?customer=guest&limit=50")).json["data"]
    assert {one["customer"]["id"] for one in bought} == {"ada"}
    history = (await shop.as_customer("ada").get("/v1/me/wallets/gems/entries?limit=100")).json["data"]
    assert sum(one["amount"] for one in history) == guests + adas


async def test_what_was_bought_before_is_refunded_from_who_they_are_now(shop):
    bought = await lived(shop, "guest")
    await lived(shop, "ada")
    await cancel_all(shop)
    await merge(shop)
    (gems,) = balances(shop, "ada")
    back = await refund(shop, bought["sword"])
    assert (back.status, balances(shop, "guest", "ada")) == (201, [0, gems + 120]), back
    owned = {item["sku"]: item["quantity"] for item in (await me(shop, "ada"))["items"]}
    assert owned == {"potion": 2, "sword": 1}
    taken = await refund(shop, await shop.bought("gems-500", customer="guest"))
    assert (taken.status, balances(shop, "guest", "ada")) == (201, [0, gems + 120]), taken


async def test_money_back_for_a_pack_takes_the_gems_from_who_they_are_now(shop):
    pack = await shop.bought("gems-500", customer="guest")
    await merge(shop)
    assert (await refund(shop, pack)).status in (200, 201, 202)
    await shop.quiet()
    assert balances(shop, "guest", "ada") == [0, 0]


async def test_a_retry_is_the_same_merge_and_a_second_one_is_refused(shop):
    await shop.bought("gems-500", customer="guest")
    first, again = await merge(shop, key="once"), await merge(shop, key="once")
    assert (again.status, again.json) == (200, first.json)
    assert (await merge(shop)).json["code"] == "already_merged"
    assert (await merge(shop, "ada", "guest")).json["code"] == "already_merged"
    assert (await merge(shop, "ada", "ada")).status == 422
    assert (await merge(shop, "nobody", "ada")).status == 404
    assert balances(shop, "guest", "ada") == [0, 500]


async def test_a_chain_of_merges_has_one_end(shop):
    for name in ("guest", "ada", "bob"):
        await shop.bought("gems-500", customer=name)
    token = shop.as_customer("guest")
    assert (await merge(shop, "guest", "ada")).status == 200
    assert (await merge(shop, "ada", "bob")).status == 200
    assert balances(shop, "guest", "ada", "bob") == [0, 0, 1500]
    for name in ("guest", "ada", "bob"):
        assert (await me(shop, name))["wallets"]["gems"]["balance"] == 1500
    assert (await token.get("/v1/me")).json["customer"] == "bob"
    await shop.restart()
    assert (await me(shop, "guest"))["customer"] == "bob"
    assert (await token.get("/v1/me")).json["customer"] == "bob"


async def test_a_dry_run_shows_and_writes_nothing(shop):
    await shop.bought("gems-500", customer="guest")
    shown = await merge(shop, dry_run=True)
    assert (shown.status, shown.json["id"], shown.json["wallets"]) == (200, None, {"gems": 500})
    assert balances(shop, "guest", "ada") == [500, 0]
    assert (await me(shop, "guest"))["customer"] == "guest"
    assert shop.query("SELECT 1 FROM events WHERE type = 'customer.merged'") == []


async def test_what_is_under_way_is_named_with_its_end(shop):
    await shop.bought("gems-500", customer="guest")
    pending = (await shop.buy("gems-500", customer="ada")).json
    hold = {"customer": "guest", "asset": "gems", "amount": 10, "reason": "a match", "expires_in_seconds": 600}
    held = (await shop.as_server().post("/v1/holds", hold, key=new_id("key"))).json
    refused = await merge(shop)
    assert (refused.status, refused.json["code"]) == (409, "merge_not_possible")
    found = {(one["what"], one["id"], one["of"]) for one in refused.json["hindrances"]}
    assert found == {("purchase.pending", pending["id"], "target"), ("hold", held["id"], "source")}
    assert all(one["how"] for one in refused.json["hindrances"])
    assert balances(shop, "guest", "ada") == [500, 0]
    await cancel_all(shop)
    await shop.as_server().post(f"/v1/holds/{held['id']}/release", {}, key=new_id("key"))
    assert (await merge(shop)).status == 200


async def test_the_keys_of_the_source_are_answered_as_before(shop):
    await shop.bought("gems-500", customer="guest")
    guest = shop.as_customer("guest")
    first = await guest.post("/v1/purchases", {"sku": "sword"}, key="sword-1")
    await merge(shop)
    again = await guest.post("/v1/purchases", {"sku": "sword"}, key="sword-1")
    assert (again.status, again.json["id"]) == (201, first.json["id"])
    assert balances(shop, "ada") == [380]


async def test_it_is_told_and_recorded_with_its_reason(shop):
    await shop.bought("gems-500", customer="guest")
    merged = (await merge(shop)).json
    (event,) = shop.query("SELECT payload FROM events WHERE type = 'customer.merged'")
    told = json.loads(event["payload"])
    assert (told["id"], told["source"]["id"], told["target"]["id"]) == (merged["id"], "guest", "ada")
    (record,) = shop.query("SELECT actor, facts FROM audit_actions WHERE action = 'customer.merged'")
    assert json.loads(record["facts"])["reason"] == "one player"


async def test_a_debt_goes_along_and_is_paid_by_what_comes_next(shop):
    pack = await shop.bought("gems-500", customer="guest")
    await shop.bought("sword", customer="guest")
    assert (await refund(shop, pack, strategy="debt")).status in (200, 201, 202)
    await shop.quiet()
    merged = (await merge(shop)).json
    assert (merged["wallets"], merged["debts"]) == ({}, {"gems": 120})
    await shop.bought("gems-500", customer="ada")
    assert balances(shop, "guest", "ada") == [0, 380]


async def test_everything_that_names_a_customer_says_what_becomes_of_it(shop):
    said = {moves.table.name for moves in CORE_MOVES} | {table.name for table in (*KEPT, *APPEND_ONLY)}
    done_by_the_step = {"lots", "accounts", "debts", "customers", "analytics_members"}
    named = {
        table.name
        for table in metadata.tables.values()
        if {"customer_id", "recipient_id", "account", "owner"} & set(table.columns.keys())
    }
    assert named - said - done_by_the_step == {"inbox", "checkpoints"}


async def test_who_was_merged_cannot_be_written_about(shop):
    """Whatever was decided about the source before, and committed after, is refused and decided again."""
    await shop.bought("gems-500", customer="guest")
    outcomes = await asyncio.gather(
        merge(shop), *(shop.buy("potion", customer="guest", key=f"potion-{n}") for n in range(8))
    )
    assert outcomes[0].status == 200, outcomes[0]
    assert {answer.status for answer in outcomes[1:]} <= {201, 402, 503}
    bought = sum(answer.status == 201 for answer in outcomes[1:])
    assert balances(shop, "guest", "ada") == [0, 500 - 15 * bought]


async def test_two_who_are_merged_into_each_other_at_once_become_one(shop):
    for name in ("guest", "ada"):
        await shop.bought("gems-500", customer=name)
    answers = await asyncio.gather(merge(shop, "guest", "ada"), merge(shop, "ada", "guest"))
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert sorted(balances(shop, "guest", "ada")) == [0, 1000]


async def test_a_refund_at_the_same_time_happens_once(shop):
    pack = await shop.bought("gems-500", customer="guest")
    _, back = await asyncio.gather(merge(shop), refund(shop, pack))
    await shop.quiet()
    if back.status == 503:
        back = await refund(shop, pack)
        await shop.quiet()
    assert back.status in (200, 201, 202), back
    if not shop.query("SELECT 1 FROM customers WHERE merged_into IS NOT NULL"):
        assert (await merge(shop)).status == 200
    assert balances(shop, "guest", "ada") == [0, 0]


async def test_the_session_of_the_source_is_one_of_the_target(shop):
    guest = shop.as_customer("guest")
    assert (await guest.get("/v1/me")).json["customer"] == "guest"
    await merge(shop)
    assert (await guest.get("/v1/me")).json["customer"] == "ada"
    await shop.bought("gems-500", customer="guest")
    assert balances(shop, "guest", "ada") == [0, 500]


async def test_a_purchase_decided_before_the_merge_is_decided_again(shop):
    """A plan that was made for the source, and is committed after the merge, leaves no trace."""
    await shop.bought("gems-500", customer="guest")
    (guest,) = shop.query("SELECT id FROM customers WHERE external_id = 'guest'")
    engine = shop.parts.services.engine
    plan = Plan(actor="test", anchors={guest["id"]})
    plan.entry("grant", about="test", anchor=guest["id"])
    plan.add(Deposit("entry", guest["id"], "gems", 5, issuance("gems"), LotTerms(source="granted")))
    await merge(shop)
    with pytest.raises(CustomerMerged):
        await engine.commit(plan)
    assert balances(shop, "guest", "ada") == [0, 500]


async def test_a_refund_fills_a_lot_that_was_used_up_before_the_merge(shop):
    grant = {"customer": "guest", "asset": "gems", "amount": 120, "reason": "a prize"}
    assert (await shop.as_server().post("/v1/grants", grant, key="grant")).status == 201
    sword = await shop.bought("sword", customer="guest")
    (lot,) = shop.query("SELECT id, remaining FROM lots")
    assert lot["remaining"] == 0
    await merge(shop)
    back = await refund(shop, sword)
    assert (back.status, balances(shop, "guest", "ada")) == (201, [0, 120]), back
    assert shop.query("SELECT id, remaining FROM lots") == [{"id": lot["id"], "remaining": 120}]


async def test_what_is_committed_beside_a_merge_is_found_by_it(shop):
    """A credit and a merge that wait for the same batch: the merge, which searches, is one of its own."""
    guest, ada = (
        shop.query("SELECT id FROM customers WHERE external_id = ?", name)[0]["id"] for name in ("guest", "ada")
    )
    engine = shop.parts.services.engine
    grant = {"customer": "guest", "asset": "gems", "amount": 30, "reason": "a prize"}
    assert (await shop.as_server().post("/v1/grants", grant, key="grant")).status == 201
    note = Plan(actor="test", anchors={guest})
    row = {"id": "note_1", "customer_id": guest, "author": "test", "note": "seen", "created_at": 1}
    note.add(Insert("customer_notes", ("note_1",), guest, row))
    merging = Plan(actor="test", anchors={guest, ada}, is_alone=True)
    merging.entry("merge", about="mrg_1", anchor=ada)
    merging.add(MergeCustomer("entry", "mrg_1", guest, ada, CORE_MOVES))
    told = {"source": {"customer_id": guest}, "target": {"customer_id": ada}}
    merging.emit("customer.merged", anchor=ada, subject=guest, payload=told)
    record_action(
        merging, "customer.merged", actor="test", about=ada, facts={"source": guest, "target": ada}, now=1, wall=1
    )
    await asyncio.gather(engine.commit(note), engine.commit(merging))
    assert shop.query("SELECT customer_id FROM customer_notes") == [{"customer_id": ada}]
    assert balances(shop, "guest", "ada") == [0, 30]
