"""What a freeze and a debt look like over HTTP: seen, not used, and told why."""

import pytest

from storefront.core.commit.plan import Demand, Freeze, GrantEntitlement, LotPart, Owe, Plan, Unfreeze, WalletDemand

ADA = "SELECT id FROM customers WHERE external_id = 'ada'"


@pytest.fixture
async def disputed(shop):
    """The shop, in which ada has 500 gems, of which 200 are frozen, and a right that is frozen."""
    await shop.bought("gems-500")
    await shop.quiet()
    [ada] = [row["id"] for row in shop.query(ADA)]
    [credit] = shop.query("SELECT entry_id, lot_id FROM credits")
    wanted = WalletDemand("gems", (LotPart(credit["lot_id"], 200),), 500)
    demand = Demand(credit["entry_id"], (wanted,), {}, ("chapters",), "quest")
    plan = Plan(actor="test", anchors={ada})
    plan.add(GrantEntitlement(ada, "chapters", True, "reward", "quest"), Freeze("freeze_1", ada, demand))
    await shop.parts.services.engine.commit(plan)
    return shop, ada, demand


async def test_a_client_sees_what_is_frozen_and_cannot_use_it(disputed):
    shop, ada, demand = disputed
    caller = shop.as_customer("ada")

    wallet = (await caller.get("/v1/me")).json["wallets"]["gems"]
    assert (wallet["balance"], wallet["available"], wallet["frozen"]) == (500, 300, 200)
    right = (await caller.get("/v1/entitlements/chapters")).json
    assert (right["allowed"], right["reason"]) == (False, "frozen")

    plan = Plan(actor="test", anchors={ada})
    plan.add(Unfreeze("freeze_1", ada, demand))
    await shop.parts.services.engine.commit(plan)

    wallet = (await caller.get("/v1/me")).json["wallets"]["gems"]
    assert (wallet["balance"], wallet["available"], wallet["frozen"]) == (500, 500, 0)
    assert (await caller.get("/v1/entitlements/chapters")).json["allowed"] is True


async def test_a_hold_that_is_over_is_not_available_if_a_freeze_waits_for_it(shop):
    await shop.bought("gems-500")
    await shop.quiet()
    [ada] = [row["id"] for row in shop.query(ADA)]
    [credit] = shop.query("SELECT entry_id, lot_id FROM credits")
    body = {"customer": "ada", "asset": "gems", "amount": 400, "expires_in_seconds": 60, "reason": "auction"}
    assert (await shop.as_server().post("/v1/holds", body, key="hold-1")).status == 201
    plan = Plan(actor="test", anchors={ada})
    wanted = WalletDemand("gems", (LotPart(credit["lot_id"], 500),), 500)
    plan.add(Freeze("freeze_1", ada, Demand(credit["entry_id"], (wanted,))))
    await shop.parts.services.engine.commit(plan)

    await shop.advance("2m")

    wallet = (await shop.as_customer("ada").get("/v1/me")).json["wallets"]["gems"]
    assert (wallet["balance"], wallet["available"], wallet["held"], wallet["frozen"]) == (500, 0, 0, 500)
    refused = await shop.buy("potion")
    assert (refused.status, refused.json["code"], refused.json["available"]) == (402, "insufficient_funds", 0)


async def test_a_purchase_while_a_debt_blocks_says_what_is_owed_and_a_grant_pays_it(shop):
    await shop.bought("gems-500")
    await shop.quiet()
    [ada] = [row["id"] for row in shop.query(ADA)]
    plan = Plan(actor="test", anchors={ada})
    plan.entry("test.owed", about="rev", anchor=ada)
    plan.add(Owe("entry", ada, "gems", 30, block_spending=True))
    await shop.parts.services.engine.commit(plan)

    wallet = (await shop.as_customer("ada").get("/v1/me")).json["wallets"]["gems"]
    assert (wallet["balance"], wallet["owed"], wallet["block_spending"]) == (500, 30, True)
    refused = await shop.buy("potion")
    assert (refused.status, refused.json["code"]) == (409, "debt_open")
    assert (refused.json["asset"], refused.json["owed"]) == ("gems", 30)
    body = {"customer": "ada", "asset": "gems", "amount": 40, "reason": "a present"}
    assert (await shop.as_server().post("/v1/grants", body, key="grant-1")).status == 201
    wallet = (await shop.as_customer("ada").get("/v1/me")).json["wallets"]["gems"]
    assert (wallet["balance"], wallet["owed"], wallet["block_spending"]) == (510, 0, False)
    history = (await shop.as_customer("ada").get("/v1/me/wallets/gems/entries")).json["data"]
    told = sorted((line["kind"], line["amount"], line["owed"]) for line in history)
    assert told == [("grant", 0, -30), ("grant", 10, 0), ("purchase.settled", 500, 0), ("test.owed", 0, 30)]
    assert (await shop.buy("potion")).status == 201
