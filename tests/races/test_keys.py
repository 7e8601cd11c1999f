"""One idempotency key, many requests at the same time: one effect, and the same answer for all."""

import asyncio
from collections import Counter

import msgspec

ROUNDS = range(3)


async def test_64_identical_requests_under_one_key_are_one_purchase(arena, fund):
    for turn in ROUNDS:
        name = f"ada-{turn}"
        await fund(name)
        caller, content = arena.as_customer(name), msgspec.json.encode({"sku": "charm"})

        replies = await asyncio.gather(
            *(caller.send("POST", "/v1/purchases", content=content, key="the-key") for _ in range(64))
        )

        assert {reply.status for reply in replies} == {201}
        assert len({reply.body for reply in replies}) == 1
        assert sum(reply.headers.get("Idempotent-Replayed") == "true" for reply in replies) == 63
        assert arena.balance(f"customer:{name}:gems") == 90


async def test_64_identical_requests_to_the_gateway_open_one_checkout(arena):
    for turn in ROUNDS:
        caller = arena.as_customer(f"ada-{turn}")
        await caller.get("/v1/me")
        content = msgspec.json.encode({"sku": "gems-500"})

        replies = await asyncio.gather(
            *(caller.send("POST", "/v1/purchases", content=content, key="the-key") for _ in range(64))
        )

        assert {reply.status for reply in replies} == {202}
        assert len({reply.body for reply in replies}) == 1
        assert sum(reply.headers.get("Idempotent-Replayed") == "true" for reply in replies) == 63
    assert len((await arena.sandbox.books())["sessions"]) == len(ROUNDS)
    assert arena.query("SELECT count(*) AS n FROM purchases") == [{"n": len(ROUNDS)}]


async def test_one_key_with_two_bodies_at_once_has_one_effect(arena, fund):
    for turn in ROUNDS:
        name = f"ada-{turn}"
        await fund(name)

        answers = await asyncio.gather(
            *(arena.buy("charm", customer=name, key="the-key", quantity=1 + n % 2) for n in range(32))
        )

        assert Counter(answer.status for answer in answers) == {201: 16, 422: 16}
        won = next(answer.json for answer in answers if answer.status == 201)
        assert {answer.json["id"] for answer in answers if answer.status == 201} == {won["id"]}
        assert {answer.json["code"] for answer in answers if answer.status == 422} == {"idempotency_key_reused"}
        assert arena.balance(f"customer:{name}:gems") == 100 - 10 * won["quantity"]


async def test_one_key_with_two_bodies_at_the_gateway_opens_one_checkout(arena):
    for turn in ROUNDS:
        name = f"ada-{turn}"
        await arena.as_customer(name).get("/v1/me")

        answers = await asyncio.gather(
            *(arena.buy("gems-500", customer=name, key="the-key", quantity=1 + n % 2) for n in range(32))
        )

        assert Counter(answer.status for answer in answers) == {202: 16, 422: 16}
        assert len({answer.json["id"] for answer in answers if answer.status == 202}) == 1
        assert {answer.json["code"] for answer in answers if answer.status == 422} == {"idempotency_key_reused"}
    assert len((await arena.sandbox.books())["sessions"]) == len(ROUNDS)


async def test_two_customers_with_the_same_key_get_a_purchase_each(arena, fund):
    names = [f"ada-{n}" for n in range(8)]
    await fund(*names)

    answers = await asyncio.gather(*(arena.buy("relic", customer=name, key="the-key") for name in names))

    assert [answer.status for answer in answers] == [201] * 8
    assert len({answer.json["id"] for answer in answers}) == 8


async def test_32_sessions_of_a_new_customer_at_once_make_one_customer(arena):
    for turn in ROUNDS:
        await asyncio.gather(*(arena.session(f"ada-{turn}") for _ in range(32)))

    assert arena.query("SELECT count(*) AS n FROM customers") == [{"n": len(ROUNDS)}]
    created = "SELECT count(*) AS n FROM events WHERE type = 'customer.created'"
    assert arena.query(created) == [{"n": len(ROUNDS)}]


async def test_a_server_buying_for_one_new_customer_many_times_at_once_makes_one_customer(arena, tally):
    body = {"customer": "ada", "sku": "gems-100"}

    answers = await asyncio.gather(*(arena.as_server().post("/v1/purchases", body, key=f"key-{n}") for n in range(16)))

    assert tally(answers) == {(202, "pending"): 16}
    assert arena.query("SELECT external_id FROM customers") == [{"external_id": "ada"}]
