"""Many hands in one wallet: what it can pay for is sold, and not one thing more."""

import asyncio

ROUNDS = range(3)


async def test_a_wallet_that_pays_for_ten_buys_ten_of_64_at_once(arena, fund, tally):
    for turn in ROUNDS:
        name = f"ada-{turn}"
        await fund(name)

        answers = await asyncio.gather(*(arena.buy("charm", customer=name) for _ in range(64)))

        assert tally(answers) == {(201, "completed"): 10, (402, "insufficient_funds"): 54}
        assert arena.balance(f"customer:{name}:gems") == 0
        assert len({answer.json["id"] for answer in answers if answer.status == 201}) == 10
        assert (await arena.as_customer(name).get("/v1/me")).json["items"][0]["quantity"] == 10
    assert arena.balance("platform:sink:gems") == 300


async def test_a_durable_is_bought_once_by_eight_at_once(arena, fund, tally):
    await fund(*(f"ada-{turn}" for turn in range(5)))
    for turn in range(5):
        answers = await asyncio.gather(*(arena.buy("relic", customer=f"ada-{turn}") for _ in range(8)))

        assert tally(answers) == {(201, "completed"): 1, (409, "already_owned"): 7}
        assert arena.balance(f"customer:ada-{turn}:gems") == 90


async def test_the_last_charms_are_used_up_once_each_by_32_at_once(arena, fund):
    for turn in ROUNDS:
        name = f"ada-{turn}"
        await fund(name)
        assert (await arena.buy("charm", customer=name, quantity=10)).status == 201
        caller, path = arena.as_customer(name), "/v1/microtransactions/inventory/charm/consume"

        answers = await asyncio.gather(*(caller.post(path, {"quantity": 1}, key=f"use-{n}") for n in range(32)))

        assert sorted(answer.status for answer in answers) == [200] * 10 + [409] * 22
        left = sorted(answer.json["remaining"] for answer in answers if answer.status == 200)
        assert left == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        assert {answer.json["code"] for answer in answers if answer.status == 409} == {"not_enough_items"}
        assert (await caller.get("/v1/me")).json["items"] == []


async def test_buying_and_using_up_at_once_lose_no_charm(arena, fund):
    await fund("ada", packs=4)
    caller, path = arena.as_customer("ada"), "/v1/microtransactions/inventory/charm/consume"

    buys = [arena.buy("charm", customer="ada") for _ in range(40)]
    uses = [caller.post(path, {"quantity": 1}, key=f"use-{n}") for n in range(40)]
    answers = await asyncio.gather(*(one for pair in zip(buys, uses, strict=True) for one in pair))

    assert [answer.status for answer in answers[::2]] == [201] * 40
    used = sum(answer.status == 200 for answer in answers[1::2])
    items = (await caller.get("/v1/me")).json["items"]
    assert sum(item["quantity"] for item in items) == 40 - used
    assert arena.balance("customer:ada:gems") == 0


async def test_many_customers_at_once_all_get_what_they_paid_for(arena, fund, tally):
    names = [f"ada-{n}" for n in range(32)]
    await fund(*names)

    answers = await asyncio.gather(*(arena.buy("charm", customer=name) for name in names for _ in range(3)))

    assert tally(answers) == {(201, "completed"): 96}
    assert [arena.balance(f"customer:{name}:gems") for name in names] == [70] * 32
    assert sorted(amount for _, amount in await arena.sandbox.charged()) == [99] * 32
