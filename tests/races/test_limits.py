"""Limited offers under a rush: never one more than there are, from the wallet and through the gateway."""

import asyncio

SOLD_OUT = (409, "sold_out")


async def test_the_last_one_for_gems_goes_to_one_of_64_customers(arena, fund, tally):
    names = [f"ada-{n}" for n in range(64)]
    await fund(*names)
    for sku in ("last-gem-1", "last-gem-2", "last-gem-3"):
        answers = await asyncio.gather(*(arena.buy(sku, customer=name) for name in names))

        assert tally(answers) == {(201, "completed"): 1, SOLD_OUT: 63}
    assert arena.balance("platform:sink:gems") == 30
    assert arena.query("SELECT sku, quantity FROM items ORDER BY sku") == [
        {"sku": "last-gem-1", "quantity": 1},
        {"sku": "last-gem-2", "quantity": 1},
        {"sku": "last-gem-3", "quantity": 1},
    ]


async def test_the_last_one_for_money_is_reserved_by_one_of_64_customers(arena, tally):
    names = [f"ada-{n}" for n in range(64)]
    await asyncio.gather(*(arena.as_customer(name).get("/v1/me") for name in names))
    for sku in ("last-coin-1", "last-coin-2", "last-coin-3"):
        answers = await asyncio.gather(*(arena.buy(sku, customer=name) for name in names))

        assert tally(answers) == {(202, "pending"): 1, SOLD_OUT: 63}
        won = next(answer for answer in answers if answer.status == 202)
        assert await arena.pay(won) == 303
        assert (await arena.settled(won))["status"] == "completed"
    assert arena.balance("platform:revenue:USD") == 7500
    assert len((await arena.sandbox.books())["sessions"]) == 3


async def test_a_reservation_given_back_goes_to_one_other_customer(arena, tally):
    names = [f"ada-{n}" for n in range(16)]
    await asyncio.gather(*(arena.as_customer(name).get("/v1/me") for name in names))
    holder = await arena.buy("last-coin-1", customer="bob")
    cancel = f"/v1/purchases/{holder.json['id']}/cancel"

    rush = [arena.buy("last-coin-1", customer=name) for name in names]
    canceled, *answers = await asyncio.gather(arena.as_customer("bob").post(cancel), *rush)
    answers.append(await arena.buy("last-coin-1", customer="cleo"))

    assert canceled.json["status"] == "canceled"
    assert tally(answers) == {(202, "pending"): 1, SOLD_OUT: 16}


async def test_a_limit_per_customer_holds_against_32_at_once(arena, fund, tally):
    names = [f"ada-{turn}" for turn in range(3)]
    await fund(*names)
    for name in names:
        answers = await asyncio.gather(*(arena.buy("token", customer=name) for _ in range(32)))

        assert tally(answers) == {(201, "completed"): 3, (409, "limit_reached"): 29}
        assert arena.balance(f"customer:{name}:gems") == 97


async def test_a_limit_per_customer_counts_quantities_that_race(arena, fund, tally):
    await fund("ada")

    answers = await asyncio.gather(*(arena.buy("token", customer="ada", quantity=2) for _ in range(16)))

    assert tally(answers) == {(201, "completed"): 1, (409, "limit_reached"): 15}
    assert arena.balance("customer:ada:gems") == 98
