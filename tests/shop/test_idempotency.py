"""One key, one intention: replays are the same bytes, also after a restart."""

import asyncio

import msgspec

SWORD = msgspec.json.encode({"sku": "sword"})
PACK = msgspec.json.encode({"sku": "gems-500"})


async def test_a_replay_is_the_same_bytes_also_after_a_restart(shop):
    await shop.bought("gems-500")
    ada = shop.as_customer("ada")
    first = await ada.send("POST", "/v1/purchases", content=SWORD, key="k1")
    second = await ada.send("POST", "/v1/purchases", content=SWORD, key="k1")
    await shop.restart()
    third = await ada.send("POST", "/v1/purchases", content=SWORD, key="k1")

    assert (first.status, second.status, third.status) == (201, 201, 201)
    assert first.body == second.body == third.body
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == third.headers["Idempotent-Replayed"] == "true"
    assert shop.balance("customer:ada:gems") == 380


async def test_a_checkout_replays_as_it_was_answered_even_when_it_is_paid(shop):
    ada = shop.as_customer("ada")
    first = await ada.send("POST", "/v1/purchases", content=PACK, key="k1")
    opened = msgspec.json.decode(first.body)
    assert await shop.pay(opened) == 303
    await shop.settled(opened)
    await shop.restart()

    again = await ada.send("POST", "/v1/purchases", content=PACK, key="k1")

    assert (again.status, again.body) == (202, first.body)
    assert (await shop.seen(opened))["status"] == "completed"
    assert await shop.sandbox.charged() == [(opened["id"], 499)]


async def test_a_purchase_pending_over_a_restart_completes(shop):
    await shop.sandbox.webhooks("hold")
    purchase = await shop.buy("gems-500")
    assert await shop.pay(purchase) == 303
    await shop.restart()
    await shop.sandbox.release()
    assert (await shop.settled(purchase))["status"] == "completed"
    assert shop.balance("customer:ada:gems") == 500


async def test_64_identical_requests_under_one_key_are_one_purchase(shop):
    await shop.bought("gems-500")
    ada = shop.as_customer("ada")
    replies = await asyncio.gather(*(ada.send("POST", "/v1/purchases", content=SWORD, key="k1") for _ in range(64)))

    assert {reply.status for reply in replies} == {201}
    assert len({reply.body for reply in replies}) == 1
    assert sum("Idempotent-Replayed" not in reply.headers for reply in replies) == 1
    assert shop.balance("customer:ada:gems") == 380


async def test_16_identical_checkouts_under_one_key_open_one_session(shop):
    ada = shop.as_customer("ada")
    replies = await asyncio.gather(*(ada.send("POST", "/v1/purchases", content=PACK, key="k1") for _ in range(16)))

    assert {reply.status for reply in replies} == {202}
    assert len({reply.body for reply in replies}) == 1
    assert len((await shop.sandbox.books())["sessions"]) == 1


async def test_a_key_with_another_body_is_refused(shop):
    await shop.bought("gems-500")
    assert (await shop.buy("sword", key="k1")).status == 201
    await shop.quiet()
    before = shop.rows()
    for body in ({"sku": "potion"}, {"sku": "sword", "quantity": 2}, {"sku": "sword", "metadata": {"a": "b"}}):
        answer = await shop.as_customer("ada").post("/v1/purchases", body, key="k1")
        assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
    assert shop.rows() == before


async def test_the_order_of_members_makes_no_other_body(shop):
    await shop.bought("gems-500")
    ada = shop.as_customer("ada")
    first = await ada.send("POST", "/v1/purchases", content=b'{"sku":"sword","currency":"gems"}', key="k1")
    again = await ada.send("POST", "/v1/purchases", content=b'{ "currency": "gems", "sku": "sword" }', key="k1")
    assert (first.status, again.body) == (201, first.body)


async def test_the_same_key_of_another_caller_is_another_key(shop):
    await shop.bought("gems-500")
    await shop.bought("gems-500", customer="bob")
    ada = await shop.buy("sword", key="k1")
    bob = await shop.buy("sword", key="k1", customer="bob")
    server = await shop.as_server().post("/v1/purchases", {"customer": "ada", "sku": "potion"}, key="k1")
    assert [answer.status for answer in (ada, bob, server)] == [201, 201, 201]
    assert len({answer.json["id"] for answer in (ada, bob, server)}) == 3


async def test_a_refusal_leaves_the_key_free(shop):
    refused = await shop.buy("sword", key="k1")
    assert refused.status == 402
    await shop.bought("gems-500")
    assert (await shop.buy("sword", key="k1")).status == 201
    assert shop.balance("customer:ada:gems") == 380


async def test_a_key_is_one_intention_also_on_another_operation(shop):
    await shop.bought("gems-500")
    await shop.bought("potion", quantity=2, key="k1")
    used = await shop.as_customer("ada").post(
        "/v1/microtransactions/inventory/potion/consume", {"quantity": 1}, key="k1"
    )
    assert (used.status, used.json["remaining"]) == (200, 1)
