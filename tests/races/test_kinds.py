"""One container and one item under a rush: opened once, used once, numbers given once."""

import asyncio

from storefront_microtransactions.chi_square import p_value

ROUNDS, AT_ONCE = 5, 32
NONE_LEFT = (409, "not_enough_items")


async def test_one_container_is_opened_once_by_32_at_once(arena, fund, tally):
    names = [f"ada-{turn}" for turn in range(ROUNDS)]
    await fund(*names)
    for name in names:
        await arena.buy("coffer", customer=name)
        path = "/v1/microtransactions/containers/coffer/open"
        answers = await asyncio.gather(
            *(arena.as_customer(name).post(path, {"client_seed": f"c{n}"}, key=f"open-{n}") for n in range(AT_ONCE))
        )

        assert tally(answers) == {(201, None): 1, NONE_LEFT: AT_ONCE - 1}
        winner = next(answer for answer in answers if answer.status == 201)
        assert (winner.json["number"], winner.json["remaining"]) == (1, 0)
    opened = arena.query("SELECT customer_id, number, commitment FROM microtransactions_openings")
    assert len(opened) == len({row["commitment"] for row in opened}) == ROUNDS


async def test_containers_that_are_opened_at_once_draw_by_seeds_of_their_own(arena, fund, tally):
    await fund("ada", packs=4)
    await arena.buy("coffer", quantity=AT_ONCE)
    path = "/v1/microtransactions/containers/coffer/open"
    answers = await asyncio.gather(
        *(arena.as_customer("ada").post(path, {}, key=f"open-{n}") for n in range(AT_ONCE + 4))
    )

    assert tally(answers) == {(201, None): AT_ONCE, NONE_LEFT: 4}
    won = [answer.json for answer in answers if answer.status == 201]
    assert sorted(one["number"] for one in won) == list(range(1, AT_ONCE + 1))
    assert len({one["seed"] for one in won}) == AT_ONCE
    drops = [one["drawn"][0]["drop"] for one in won]
    assert p_value([drops.count(0), drops.count(1)], [1, 1]) > 1e-9


async def test_one_item_is_used_once_by_32_at_once(arena, fund, tally):
    names = [f"bob-{turn}" for turn in range(ROUNDS)]
    await fund(*names)
    for name in names:
        for sku in ("charm", "lantern"):
            await arena.buy(sku, customer=name)
            path = f"/v1/microtransactions/inventory/{sku}/consume"
            answers = await asyncio.gather(
                *(arena.as_customer(name).post(path, {}, key=f"{sku}-{n}") for n in range(AT_ONCE))
            )

            assert tally(answers) == {(200, None): 1, NONE_LEFT: AT_ONCE - 1}
    assert arena.query("SELECT count(*) AS n FROM item_movements WHERE cause = 'consumed'") == [{"n": 2 * ROUNDS}]


async def test_numbers_are_given_once_to_32_buyers_at_once(arena, fund, tally):
    names = [f"cleo-{n}" for n in range(AT_ONCE)]
    await fund(*names)
    for turn in range(ROUNDS):
        answers = await asyncio.gather(*(arena.buy("lantern", customer=name) for name in names))
        assert tally(answers) == {(201, "completed"): AT_ONCE}
        numbers = arena.query("SELECT number FROM item_instances ORDER BY number")
        assert [row["number"] for row in numbers] == list(range(1, AT_ONCE * (turn + 1) + 1))
