"""The README's story, over HTTP, on the configuration that the README ships."""

import asyncio
from pathlib import Path

from storefront.testing import HANG_SECONDS, running_shop

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


async def test_the_readme_story_holds(tmp_path):
    async with running_shop(tmp_path, EXAMPLE) as shop:
        server, ada = shop.as_server(), shop.as_customer("ada")

        session = await server.post("/v1/sessions", {"customer": "ada"})
        assert (session.status, session.json["customer"]) == (201, "ada")

        catalog = await ada.get("/v1/catalog")
        offers = {offer["sku"]: offer for offer in catalog.json["offers"]}
        assert {"amount": 499, "currency": "USD"} in offers["gems-500"]["prices"]
        assert offers["sword-of-dawn"]["prices"] == [{"amount": 120, "currency": "gems"}]

        opened = await shop.buy("gems-500", currency="USD")
        assert (opened.status, opened.json["status"]) == (202, "pending")
        assert await shop.pay(opened, card="4242 4242 4242 4242") == 303
        paid = await shop.settled(opened)
        assert (paid["status"], paid["total"]) == ("completed", {"amount": 499, "currency": "USD"})
        assert (await ada.get("/v1/me")).json["wallets"]["gems"]["balance"] == 500

        sword = await shop.buy("sword-of-dawn")
        assert (sword.status, sword.json["status"]) == (201, "completed")
        assert sword.json["customer"]["changed"]["wallets"]["gems"]["balance"] == 380
        me = (await ada.get("/v1/me")).json
        assert me["wallets"]["gems"]["balance"] == 380
        assert [(item["sku"], item["quantity"]) for item in me["items"]] == [("sword-of-dawn", 1)]

        check = await ada.get("/v1/entitlements/sword-of-dawn")
        assert (check.json["allowed"], check.json["reason"]) == (True, "paid")

        again = await shop.buy("sword-of-dawn")
        assert (again.status, again.json["code"]) == (409, "already_owned")

        crown = await shop.buy("ashen-crown")
        assert (crown.status, crown.json["code"]) == (402, "insufficient_funds")
        facts = [crown.json[name] for name in ("required", "available", "short_by")]
        assert facts == [3200, 380, 2820]
        offered = [offer["sku"] for offer in crown.json["top_up_offers"]]
        assert offered[0] == "gems-7000"  # the smallest pack that is enough comes first

        assert await shop.sandbox.charged() == [(paid["id"], 499)]
        assert shop.balance("gateway:sandbox:clearing:USD") == -499
        assert shop.balance("platform:revenue:USD") == 499
        assert shop.balance("platform:issuance:gems") == -500
        assert shop.balance("platform:sink:gems") == 120


async def test_a_server_buys_for_a_customer_who_was_never_here(shop):
    answer = await shop.as_server().post("/v1/purchases", {"customer": "bob", "sku": "gems-500"}, key="k1")
    assert answer.status == 202
    await shop.pay(answer)
    await shop.settled(answer)

    state = await shop.as_server().get("/v1/customers/bob")
    assert state.json["wallets"]["gems"]["balance"] == 500
    assert (await shop.as_server().get("/v1/entitlements/sword?customer=bob")).json["allowed"] is False


async def test_consumables_are_bought_in_numbers_and_used_up(shop):
    await shop.bought("gems-500")
    bought = await shop.buy("potion", quantity=3)
    assert (bought.status, bought.json["total"]) == (201, {"amount": 45, "currency": "gems"})

    path = "/v1/microtransactions/inventory/potion/consume"
    ada = shop.as_customer("ada")
    drunk = await ada.post(path, {"quantity": 2}, key="k1")
    again = await ada.post(path, {"quantity": 2}, key="k1")
    too_many = await ada.post(path, {"quantity": 2}, key="k2")

    assert (drunk.status, drunk.json["remaining"]) == (200, 1)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (drunk.json, "true")
    assert (too_many.status, too_many.json["code"], too_many.json["available"]) == (409, "not_enough_items", 1)
    assert shop.query("SELECT quantity FROM items WHERE sku = 'potion'") == [{"quantity": 1}]


async def test_the_wallet_history_tells_what_came_and_went(shop):
    pack = await shop.bought("gems-500")
    sword = await shop.bought("sword")

    history = await shop.as_customer("ada").get("/v1/me/wallets/gems/entries")

    told = [(entry["amount"], entry["about"]) for entry in history.json["data"]]
    assert told == [(-120, sword["id"]), (500, pack["id"])]


async def test_events_come_in_order_and_never_twice(shop):
    pack = await shop.bought("gems-500")
    sword = await shop.bought("sword")

    told, after = [], "limit=3"
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            page = (await shop.as_server().get(f"/v1/events?{after}")).json
            told += [(event["type"], event["subject"]) for event in page["data"]]
            if not page["data"] and ("purchase.completed", sword["id"]) in told:
                break  # what was just committed is told as soon as nothing older can still appear
            after = f"after={page['next']}"
    about_ada = [event for event in told if event[0].startswith("purchase.")]
    assert about_ada == [
        ("purchase.pending", pack["id"]),
        ("purchase.completed", pack["id"]),
        ("purchase.completed", sword["id"]),
    ]
