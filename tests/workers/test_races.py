"""Races between requests in three server processes: what one process decides, the others keep to."""

import asyncio
from collections import Counter

import msgspec

from tests.races.arena import tally

from .cluster import spread

SOLD_OUT = (409, "sold_out")


def in_turn(arena, count):
    """Give the arena as each of its processes shows it, one after the other, ``count`` times."""
    return [arena.at(number) for number in range(count)]


async def test_a_wallet_that_pays_for_ten_buys_ten_of_64_at_once(arena, fund):
    for turn in range(3):
        name = f"hammer-{turn}"
        await fund(name)

        answers = await asyncio.gather(*(arena.buy("charm", customer=name) for _ in range(64)))

        assert tally(answers) == {(201, "completed"): 10, (402, "insufficient_funds"): 54}
        assert len(spread(answers)) == 3
        assert arena.balance(f"customer:{name}:gems") == 0


async def test_the_last_one_goes_to_one_of_64_customers(arena, fund):
    names = [f"rush-{n}" for n in range(64)]
    await fund(*names)
    for sku in ("last-gem-1", "last-gem-2", "last-gem-3"):
        answers = await asyncio.gather(*(arena.buy(sku, customer=name) for name in names))

        assert tally(answers) == {(201, "completed"): 1, SOLD_OUT: 63}
        assert len(spread(answers)) == 3
        assert arena.query("SELECT quantity FROM items WHERE sku = ?", sku) == [{"quantity": 1}]


async def test_an_edition_of_twenty_goes_to_20_of_64_customers(arena, fund):
    """No event tells the contenders apart here: they have the offer's anchor in common, and nothing else."""
    names = [f"collector-{n}" for n in range(64)]
    await fund(*names)
    for sku in ("edition-1", "edition-2", "edition-3"):
        answers = await asyncio.gather(*(arena.buy(sku, customer=name) for name in names))

        assert tally(answers) == {(201, "completed"): 20, SOLD_OUT: 44}
        assert len(spread(answers)) == 3
        assert arena.query("SELECT sum(quantity) AS n FROM items WHERE sku = ?", sku) == [{"n": 20}]


async def test_the_last_one_for_money_is_reserved_by_one_of_64_customers(arena):
    names = [f"bidder-{n}" for n in range(64)]
    await asyncio.gather(*(arena.as_customer(name).get("/v1/me") for name in names))
    for sku in ("last-coin-1", "last-coin-2"):
        answers = await asyncio.gather(*(arena.buy(sku, customer=name) for name in names))

        assert tally(answers) == {(202, "pending"): 1, SOLD_OUT: 63}
        won = next(answer for answer in answers if answer.status == 202)
        assert await arena.pay(won) == 303
        assert (await arena.settled(won))["status"] == "completed"


async def test_64_identical_requests_under_one_key_are_one_purchase(arena, fund):
    for turn in range(3):
        name = f"same-{turn}"
        await fund(name)
        token = await arena.session(name)
        content = msgspec.json.encode({"sku": "charm"})

        replies = await asyncio.gather(
            *(
                shop.bearing(token).send("POST", "/v1/purchases", content=content, key="the-key")
                for shop in in_turn(arena, 3)
                for _ in range(21)
            ),
            arena.bearing(token).send("POST", "/v1/purchases", content=content, key="the-key"),
        )

        assert {reply.status for reply in replies} == {201}
        assert len({reply.body for reply in replies}) == 1
        assert sum(reply.headers.get("Idempotent-Replayed") == "true" for reply in replies) == 63
        assert len(spread(replies)) == 3
        assert arena.balance(f"customer:{name}:gems") == 90


async def test_a_server_key_used_for_different_customers_at_once_has_one_effect(arena, fund):
    """The key is the caller's, the anchors are the customers': only the record itself can tell who was first."""
    for turn in range(8):
        names = [f"disjoint-{turn}-{n}" for n in range(3)]
        await fund(*names)

        answers = await asyncio.gather(
            *(
                shop.as_server().post("/v1/purchases", {"customer": name, "sku": "charm"}, key=f"disjoint-{turn}")
                for shop, name in zip(in_turn(arena, 3), names, strict=True)
            )
        )

        assert Counter(answer.status for answer in answers) == {201: 1, 422: 2}
        assert sorted(arena.balance(f"customer:{name}:gems") for name in names) == [90, 100, 100]


async def test_a_customer_met_by_all_processes_at_once_is_one_customer(arena):
    for turn in range(3):
        name = f"newcomer-{turn}"

        answers = await asyncio.gather(*(arena.as_server().post("/v1/sessions", {"customer": name}) for _ in range(32)))

        assert {answer.status for answer in answers} == {201}
        assert len(spread(answers)) == 3
        found = arena.query("SELECT id FROM customers WHERE external_id = ?", name)
        assert len(found) == 1
        created = "SELECT count(*) AS n FROM events WHERE type = 'customer.created' AND subject = ?"
        assert arena.query(created, found[0]["id"]) == [{"n": 1}]


async def test_a_paid_purchase_settles_once_whoever_comes_first(arena):
    await arena.sandbox.webhooks("hold")
    for turn in range(3):
        name = f"payer-{turn}"
        purchase = await arena.buy("gems-500", customer=name)
        assert await arena.pay(purchase) == 303
        token, path = await arena.session(name), f"/v1/purchases/{purchase.json['id']}"

        answers = await asyncio.gather(
            *(shop.bearing(token).post(f"{path}/finalize") for shop in in_turn(arena, 6)),
            *(shop.bearing(token).post(f"{path}/cancel") for shop in in_turn(arena, 6)),
            arena.sandbox.release("shuffled", copies=3),
            arena.advance("2m"),
        )

        assert {answer.json["status"] for answer in answers[:12]} == {"completed"}
        await arena.quiet()
        assert arena.balance(f"customer:{name}:gems") == 500
        story = arena.query("SELECT type FROM events WHERE subject = ? ORDER BY sequence", purchase.json["id"])
        assert [event["type"] for event in story] == ["purchase.pending", "purchase.completed"]
    await arena.sandbox.webhooks("normal")
    charged = [purchase_id for purchase_id, _ in await arena.sandbox.charged()]
    assert len(charged) == len(set(charged))


async def test_what_one_process_sold_the_others_know_at_once_by_the_version(arena, fund):
    """Asked in the very moment of the answer, before any notice of the commit has gone round."""
    await fund("reader", packs=2)
    token = await arena.session("reader")
    everywhere = [shop.bearing(token) for shop in in_turn(arena, 3)]
    for turn in range(20):
        known = [(await caller.get("/v1/me")).json for caller in everywhere]
        version = str(max(state["version"] for state in known) + 1)

        bought = await everywhere[turn % 3].post("/v1/purchases", {"sku": "charm"}, key=f"buy-{turn}")

        asked = (caller.get("/v1/me", **{"X-Customer-Version": version}) for caller in everywhere)
        seen = [answer.json["wallets"]["gems"]["available"] for answer in await asyncio.gather(*asked)]
        assert (bought.status, seen) == (201, [190 - 10 * turn] * 3)


async def test_without_a_version_the_others_know_within_a_moment(arena, fund):
    await fund("patient")
    token = await arena.session("patient")
    callers = [shop.bearing(token) for shop in in_turn(arena, 3)]
    for caller in callers:
        await caller.get("/v1/me")

    assert (await callers[0].post("/v1/purchases", {"sku": "charm"}, key="once")).status == 201

    for caller in callers:
        async with asyncio.timeout(20):
            while (await caller.get("/v1/me")).json["wallets"]["gems"]["available"] != 90:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_of_capture_release_and_expiry_one_happens(arena, fund):
    """Each comes to a process of its own; time runs out while they are under way."""
    names = [f"holder-{turn}" for turn in range(3)]
    await fund(*names)
    ends = Counter()
    for name in names:
        wanted = {"customer": name, "asset": "gems", "amount": 60, "expires_in_seconds": 300, "reason": "race"}
        held = (await arena.as_server().post("/v1/holds", wanted, key=f"{name}-hold")).json
        capturing, releasing, expiring = in_turn(arena, 3)
        path = f"/v1/holds/{held['id']}"

        answers = await asyncio.gather(
            *(capturing.as_server().post(f"{path}/capture", {"amount": 25}, key=f"{name}-c{n}") for n in range(4)),
            *(releasing.as_server().post(f"{path}/release", key=f"{name}-r{n}") for n in range(4)),
            expiring.advance("301s"),
        )

        shown = (await arena.as_server().get(path)).json
        assert [answer.status for answer in answers[:8]].count(200) == (shown["state"] != "expired")
        assert shown["captured"] == (25 if shown["state"] == "captured" else 0)
        assert arena.balance(f"customer:{name}:gems") == 100 - shown["captured"]
        ended = arena.query("SELECT type FROM events WHERE subject = ? AND type <> 'hold.placed'", held["id"])
        assert ended == [{"type": f"hold.{shown['state']}"}]
        ends[shown["state"]] += 1
    assert sum(ends.values()) == 3


async def test_a_purchase_is_refunded_once_by_32_who_refund_it_all(arena, fund):
    for turn in range(3):
        name = f"returner-{turn}"
        await fund(name)
        bought = (await arena.buy("charm", customer=name, quantity=4)).json
        path, wanted = f"/v1/purchases/{bought['id']}/refunds", {"reason": "a mistake"}

        answers = await asyncio.gather(
            *(shop.as_server().post(path, wanted, key=f"{name}-{n}") for n, shop in enumerate(in_turn(arena, 32)))
        )

        codes = Counter(answer.json.get("code") or answer.status for answer in answers)
        assert codes == {201: 1, "already_refunded": 31}
        assert arena.balance(f"customer:{name}:gems") == 100
        assert (await arena.as_server().get(f"/v1/purchases/{bought['id']}")).json["refunded"] == "full"


async def test_parts_that_are_refunded_at_once_never_pass_the_whole(arena, fund):
    await fund("parter")
    bought = (await arena.buy("charm", customer="parter", quantity=8)).json
    path, wanted = f"/v1/purchases/{bought['id']}/refunds", {"quantity": 3, "reason": "a mistake"}

    answers = await asyncio.gather(
        *(shop.as_server().post(path, wanted, key=f"part-{n}") for n, shop in enumerate(in_turn(arena, 16)))
    )

    codes = Counter(answer.json.get("code") or answer.status for answer in answers)
    assert codes == {201: 2, "refund_too_large": 14}
    assert arena.balance("customer:parter:gems") == 100 - 80 + 60
