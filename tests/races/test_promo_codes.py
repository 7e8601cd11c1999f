"""Promo codes under a rush: single use and per customer, from the wallet and through the gateway; given back once."""

import asyncio

USED_UP, USED_BY_YOU = (409, "promo_code_invalid"), (409, "promo_code_invalid")
COUNTS = "SELECT coalesce(sum(value), 0) AS n FROM counters WHERE key LIKE 'promo_%' AND key LIKE ?"


async def test_a_single_use_code_for_gems_goes_to_one_of_32_customers(arena, fund, tally):
    names = [f"ada-{n}" for n in range(32)]
    await fund(*names)
    for turn in range(5):
        answers = await asyncio.gather(
            *(arena.buy("charm", customer=name, promo_code=f"ONCE-{turn}") for name in names)
        )

        assert tally(answers) == {(201, "completed"): 1, USED_UP: 31}
        assert {answer.json["reason"] for answer in answers if answer.status == 409} == {"used_up"}
    assert arena.balance("platform:sink:gems") == 5 * 5
    assert arena.query("SELECT count(*) AS n FROM redemptions")[0]["n"] == 5


async def test_a_single_use_code_for_money_is_reserved_by_one_of_32_customers(arena, tally):
    names = [f"ada-{n}" for n in range(32)]
    await asyncio.gather(*(arena.as_customer(name).get("/v1/me") for name in names))
    for turn in range(5):
        answers = await asyncio.gather(
            *(arena.buy("gems-500", customer=name, promo_code=f"ONCE-{turn}") for name in names)
        )

        assert tally(answers) == {(202, "pending"): 1, USED_UP: 31}
        won = next(answer for answer in answers if answer.status == 202)
        assert await arena.pay(won) == 303
        assert (await arena.settled(won))["status"] == "completed"
    assert arena.balance("platform:revenue:USD") == 5 * 249
    assert len((await arena.sandbox.books())["sessions"]) == 5


async def test_a_limit_per_customer_holds_for_gems_against_32_at_once(arena, fund, tally):
    names = [f"ada-{turn}" for turn in range(5)]
    await fund(*names)
    for name in names:
        answers = await asyncio.gather(*(arena.buy("charm", customer=name, promo_code="twice") for _ in range(32)))

        assert tally(answers) == {(201, "completed"): 2, USED_BY_YOU: 30}
        assert arena.balance(f"customer:{name}:gems") == 90


async def test_a_limit_per_customer_holds_for_money_against_32_at_once(arena, tally):
    for turn in range(5):
        name = f"ada-{turn}"
        await arena.as_customer(name).get("/v1/me")

        answers = await asyncio.gather(*(arena.buy("gems-500", customer=name, promo_code="twice") for _ in range(32)))

        assert tally(answers) == {(202, "pending"): 2, USED_BY_YOU: 30}
        reserved = arena.query("SELECT count(*) AS n FROM redemptions WHERE state = 'reserved'")
        assert reserved[0]["n"] == 2 * (turn + 1)


async def test_a_first_purchase_code_is_used_once_however_many_codes_there_are(arena, tally):
    for turn in range(5):
        name = f"ada-{turn}"
        await arena.as_customer(name).get("/v1/me")

        answers = await asyncio.gather(
            *(arena.buy("gems-500", customer=name, promo_code=f"first-{n % 2}") for n in range(32))
        )

        assert tally(answers) == {(202, "pending"): 1, (409, "promo_code_invalid"): 31}


async def test_cancel_expiry_and_the_next_buyer_give_a_use_back_exactly_once(arena):
    for turn in range(5):
        name = f"ada-{turn}"
        held = await arena.buy("gems-500", customer=name, promo_code="ONCE-0")
        assert held.status == 202, held
        caller, path = arena.as_customer(name), f"/v1/purchases/{held.json['id']}"

        *_, rush = await asyncio.gather(
            *(caller.post(f"{path}/cancel") for _ in range(8)),
            *(caller.post(f"{path}/finalize") for _ in range(8)),
            arena.advance("40m"),
            asyncio.gather(
                *(arena.buy("gems-500", customer=f"bob-{turn}-{n}", promo_code="ONCE-0") for n in range(16))
            ),
        )
        await arena.quiet()

        assert (await arena.seen(held))["status"] in ("canceled", "expired")
        told = arena.query("SELECT type FROM events WHERE subject = ? AND type LIKE 'promo_code.%' ORDER BY sequence",
                           held.json["id"])  # fmt: skip
        assert [one["type"] for one in told] == ["promo_code.reserved", "promo_code.given_back"]
        begun = [answer for answer in rush if answer.status == 202]
        assert len(begun) <= 1
        for answer in begun:
            buyer = arena.as_customer(answer.json["customer"]["id"])
            await buyer.post(f"/v1/purchases/{answer.json['id']}/cancel")
        await arena.quiet()
        assert arena.query(COUNTS, "promo_uses:%")[0]["n"] == 0


async def test_paying_and_canceling_with_a_code_at_once_redeem_it_or_give_it_back(arena):
    for turn in range(5):
        code, name = f"ONCE-{turn}", f"ada-{turn}"
        held = await arena.buy("gems-500", customer=name, promo_code=code)
        caller, path = arena.as_customer(name), f"/v1/purchases/{held.json['id']}"

        await asyncio.gather(
            arena.pay(held), *(caller.post(f"{path}/{act}") for act in ("cancel", "finalize") for _ in range(4))
        )
        await arena.quiet()

        status = (await arena.seen(held))["status"]
        state = arena.query("SELECT state FROM redemptions WHERE purchase_id = ?", held.json["id"])[0]["state"]
        assert (status, state) in (("completed", "redeemed"), ("canceled", "given_back"))
        used = arena.query(COUNTS, f"promo_uses:ONCE{turn}")[0]["n"]
        assert used == (1 if status == "completed" else 0)
