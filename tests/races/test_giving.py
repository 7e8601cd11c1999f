"""Gifts and transfers under a rush: one winner each, nothing doubled, and nobody waits for ever."""

import asyncio
from collections import Counter

import pytest

from storefront.testing import running_shop

from .arena import ARENA

ROUNDS = range(5)
GIVING = (
    ARENA.replace("title: Charm,", "title: Charm, transferable: true,").replace(
        "title: Lantern,", "title: Lantern, transferable: true,"
    )
    + """
gifts: {per_day: 3}
transfers: {customers: true, assets: {gems: {per_day: 60}}}
"""
)


@pytest.fixture
async def arena(data_folder, database_url):
    """The arena, where charms and gems can be passed on; its books are audited when the race is over."""
    async with running_shop(data_folder, GIVING, database=database_url) as shop:
        yield shop


async def refund(arena, purchase, number):
    path = f"/v1/purchases/{purchase['id']}/refunds"
    return await arena.as_server().post(path, {"reason": "a race"}, key=f"refund-{purchase['id']}-{number}")


async def consume(arena, name, number):
    path = "/v1/microtransactions/inventory/charm/consume"
    return await arena.as_customer(name).post(path, {"quantity": 1}, key=f"use-{name}-{number}")


async def use_lantern(arena, name, instance, number):
    path = "/v1/microtransactions/inventory/lantern/consume"
    return await arena.as_customer(name).post(path, {"instance": instance}, key=f"use-{name}-{number}")


async def pass_on(arena, name, to, number, **what):
    return await arena.as_customer(name).post("/v1/transfers", {"to": to, **what}, key=f"pass-{name}-{number}")


async def owned(arena, *names):
    states = [(await arena.as_customer(name).get("/v1/me")).json["items"] for name in names]
    return [sum(item["quantity"] for item in items) for items in states]


async def test_a_given_charm_is_used_or_passed_on_or_refunded_once_by_32_at_once(arena, fund):
    """Gift ‖ consume ‖ refund: Bob has one charm of Ada's; of all who want it, one gets it."""
    for turn in ROUNDS:
        giver, bob, cleo = f"ada-{turn}", f"bob-{turn}", f"cleo-{turn}"
        await fund(giver)
        for name in (bob, cleo):
            await arena.session(name)
        charm = (await arena.buy("charm", customer=giver, recipient=bob)).json
        assert charm["status"] == "completed"

        ways = (
            lambda n, bob=bob: consume(arena, bob, n),
            lambda n, charm=charm: refund(arena, charm, n),
            lambda n, bob=bob, cleo=cleo: pass_on(arena, bob, cleo, n, sku="charm"),
        )
        answers = await asyncio.gather(*(ways[n % 3](n) for n in range(32)))

        won = [answer for answer in answers if answer.status in (200, 201)]
        lost = {answer.json["code"] for answer in answers if answer.status not in (200, 201)}
        assert len(won) == 1, Counter(answer.status for answer in answers)
        assert lost <= {"not_enough_items", "goods_used", "already_refunded"}
        is_refund, is_transfer = "taken_back" in won[0].json, "to" in won[0].json
        assert await owned(arena, bob, cleo) == [0, int(is_transfer)]
        assert arena.balance(f"customer:{giver}:gems") == (100 if is_refund else 90)


async def test_three_gifts_a_day_are_three_of_32_at_once(arena, fund, tally):
    for turn in ROUNDS:
        giver, bob = f"ada-{turn}", f"bob-{turn}"
        await fund(giver, packs=4)
        await arena.session(bob)
        answers = await asyncio.gather(*(arena.buy("charm", customer=giver, recipient=bob) for _ in range(32)))
        assert tally(answers) == {(201, "completed"): 3, (409, "too_many_gifts"): 29}
        assert await owned(arena, giver, bob) == [0, 3]


async def test_a_durable_is_given_once_by_8_givers_who_try_four_times_at_once(arena, fund, tally):
    for turn in ROUNDS:
        givers, bob = [f"ada-{turn}-{n}" for n in range(8)], f"bob-{turn}"
        await fund(*givers)
        await arena.session(bob)
        answers = await asyncio.gather(*(arena.buy("relic", customer=name, recipient=bob) for name in givers * 4))
        assert tally(answers) == {(201, "completed"): 1, (409, "gift_not_possible"): 31}
        assert sum(arena.balance(f"customer:{name}:gems") for name in givers) == 8 * 100 - 10


async def test_two_who_pass_on_to_each_other_at_once_do_not_block_each_other(arena, fund):
    """A → B ‖ B → A, 16 each way: nothing is lost or doubled, and the day's cap of 60 holds."""
    for turn in ROUNDS:
        ada, bob = f"ada-{turn}", f"bob-{turn}"
        await fund(ada, bob)
        ways = [
            one
            for n in range(16)
            for one in (
                pass_on(arena, ada, bob, n, asset="gems", amount=10),
                pass_on(arena, bob, ada, n, asset="gems", amount=10),
            )
        ]
        answers = await asyncio.gather(*ways)
        for way in (answers[::2], answers[1::2]):
            assert Counter(answer.status for answer in way) == {201: 6, 409: 10}
        assert [arena.balance(f"customer:{name}:gems") for name in (ada, bob)] == [100, 100]


async def test_passing_on_spending_and_holding_at_once_never_use_a_gem_twice(arena, fund):
    for turn in ROUNDS:
        ada, bob = f"ada-{turn}", f"bob-{turn}"
        await fund(ada)
        await arena.session(bob)
        hold = {"customer": ada, "asset": "gems", "amount": 10, "expires_in_seconds": 600, "reason": "a race"}
        ways = (
            lambda n, ada=ada: arena.buy("charm", customer=ada),
            lambda n, ada=ada, bob=bob: pass_on(arena, ada, bob, n, asset="gems", amount=10),
            lambda n, ada=ada, hold=hold: arena.as_server().post("/v1/holds", hold, key=f"hold-{ada}-{n}"),
        )
        answers = await asyncio.gather(*(ways[n % 3](n) for n in range(32)))
        assert sum(answer.status == 201 for answer in answers) == 10
        assert {answer.json["code"] for answer in answers if answer.status != 201} <= {
            "insufficient_funds",
            "transfer_limit_reached",
        }
        wallet = (await arena.as_customer(ada).get("/v1/me")).json["wallets"]["gems"]
        assert wallet["available"] == 0
        bought = (await owned(arena, ada))[0] * 10
        assert arena.balance(f"customer:{bob}:gems") + bought + wallet["held"] == 100


async def numbers(arena, *names):
    """Return who has which units: one list of numbers for each name."""
    states = [(await arena.as_customer(name).get("/v1/me")).json["items"] for name in names]
    return [[item["number"] for item in items if item["number"] is not None] for items in states]


async def test_one_lantern_is_passed_on_or_used_by_one_of_32_at_once(arena, fund):
    """Ada has two lanterns: all want the first, each for another; it goes once, and the second stays where it is."""
    for turn in ROUNDS:
        ada, bob, cleo = f"ada-{turn}", f"bob-{turn}", f"cleo-{turn}"
        await fund(ada)
        for name in (bob, cleo):
            await arena.session(name)
        assert (await arena.buy("lantern", customer=ada, quantity=2)).status == 201
        first, _ = [item["instance"] for item in (await arena.as_customer(ada).get("/v1/me")).json["items"]]
        what = {"sku": "lantern", "instance": first}
        ways = (
            lambda n, ada=ada, bob=bob, what=what: pass_on(arena, ada, bob, n, **what),
            lambda n, ada=ada, cleo=cleo, what=what: pass_on(arena, ada, cleo, n, **what),
            lambda n, ada=ada, first=first: use_lantern(arena, ada, first, n),
        )
        answers = await asyncio.gather(*(ways[n % 3](n) for n in range(32)))

        won = [answer.json for answer in answers if answer.status in (200, 201)]
        assert len(won) == 1, Counter(answer.status for answer in answers)
        assert {answer.json["code"] for answer in answers if answer.status >= 400} == {"not_enough_items"}
        got = won[0]["to"]["id"] if "to" in won[0] else None
        old, new = 2 * turn + 1, 2 * turn + 2
        found = await numbers(arena, ada, bob, cleo)
        assert found == [[new], [old] if got == bob else [], [old] if got == cleo else []]


async def test_lanterns_that_go_to_and_fro_at_once_are_the_same_in_the_end(arena, fund):
    for turn in ROUNDS:
        pair = (f"ada-{turn}", f"bob-{turn}")
        await fund(*pair)
        for name in pair:
            assert (await arena.buy("lantern", customer=name, quantity=3)).status == 201
        ways = [
            pass_on(arena, *(pair if n % 2 else pair[::-1]), n, sku="lantern", quantity=1 + n % 3) for n in range(32)
        ]
        answers = await asyncio.gather(*ways)

        assert {answer.status for answer in answers} <= {201, 409}
        assert any(answer.status == 201 for answer in answers)
        found = await numbers(arena, *pair)
        assert sorted(found[0] + found[1]) == list(range(6 * turn + 1, 6 * turn + 7))
