"""One hold, many hands: exactly one of capture, release and expiry happens, and funds are held once."""

import asyncio
from collections import Counter

from storefront.core.clock import SECOND_MS

ROUNDS = 12


async def hold(arena, name, amount, *, seconds=300, key="hold"):
    body = {"customer": name, "asset": "gems", "amount": amount, "expires_in_seconds": seconds, "reason": "race"}
    return await arena.as_server().post("/v1/holds", body, key=f"{name}-{key}")


async def gems(arena, name):
    wallet = (await arena.as_customer(name).get("/v1/me")).json["wallets"]["gems"]
    return wallet["balance"], wallet["available"], wallet["held"]


async def after(turns, work):
    """Begin some turns of the loop later, so that rounds meet in different ways."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return await work


async def test_of_captures_and_releases_one_happens(arena, fund):
    names = [f"ada-{turn}" for turn in range(ROUNDS)]
    await fund(*names)
    ends = Counter()
    for turn, name in enumerate(names):
        path = f"/v1/holds/{(await hold(arena, name, 60)).json['id']}"
        server = arena.as_server()
        acts = [server.post(f"{path}/capture", {"amount": 10 + n}, key=f"{name}-c{n}") for n in range(4)]
        acts += [after(turn // 3, server.post(f"{path}/release", key=f"{name}-r{n}")) for n in range(4)]
        answers = await asyncio.gather(*acts)

        (done,) = [answer.json for answer in answers if answer.status == 200]
        refused = [answer.json for answer in answers if answer.status == 409]
        assert {(one["code"], one["state"], one["captured"]) for one in refused} == {
            ("hold_not_open", done["state"], done["captured"])
        }
        assert len(refused) == 7
        left = 100 - done["captured"]
        assert await gems(arena, name) == (left, left, 0)
        ends[done["state"]] += 1
    assert sum(ends.values()) == ROUNDS
    events = arena.query("SELECT type, count(*) AS n FROM events WHERE type LIKE 'hold.%' GROUP BY type")
    assert {event["type"]: event["n"] for event in events} == {"hold.placed": ROUNDS} | {
        f"hold.{state}": count for state, count in ends.items()
    }


async def test_of_capture_release_and_expiry_one_happens(arena, fund):
    """Expiry strikes as the clock moves under way: by its job, and by whoever needs the funds."""
    names = [f"ada-{turn}" for turn in range(ROUNDS)]
    await fund(*names)
    for turn, name in enumerate(names):
        held = await hold(arena, name, 95, seconds=300)
        path, server = f"/v1/holds/{held.json['id']}", arena.as_server()

        async def expire():
            arena.parts.services.clock.offset_ms += 300 * SECOND_MS
            arena.parts.jobs.wake()
            return await arena.buy("charm", customer=name)  # noqa: B023 awaited before the next turn

        acts = [
            server.post(f"{path}/capture", {"amount": 50}, key=f"{name}-c"),
            after(turn % 4, server.post(f"{path}/release", key=f"{name}-r")),
        ]
        *ended, bought = await asyncio.gather(*acts, after(2 * turn, expire()))
        await arena.quiet()

        shown = (await server.get(path)).json
        assert [answer.status for answer in ended].count(200) == (shown["state"] != "expired")
        assert shown["captured"] == (50 if shown["state"] == "captured" else 0)
        assert bought.status == 201, "whatever ended it, 10 gems were free"
        left = 90 - shown["captured"]
        assert await gems(arena, name) == (left, left, 0)
        ends = arena.query("SELECT type FROM events WHERE subject = ? AND type <> 'hold.placed'", shown["id"])
        assert ends == [{"type": f"hold.{shown['state']}"}]


async def test_a_wallet_that_covers_ten_holds_gets_ten_of_32_at_once(arena, fund, tally):
    for turn in range(3):
        name = f"ada-{turn}"
        await fund(name)

        answers = await asyncio.gather(*(hold(arena, name, 10, key=f"h{n}") for n in range(32)))

        codes = Counter(answer.json.get("code") or answer.json["state"] for answer in answers)
        assert codes == {"open": 10, "insufficient_funds": 22}
        assert await gems(arena, name) == (100, 0, 100)


async def test_holds_and_purchases_share_what_there_is(arena, fund):
    for turn in range(3):
        name = f"ada-{turn}"
        await fund(name)

        holds = [hold(arena, name, 10, key=f"h{n}") for n in range(16)]
        buys = [arena.buy("charm", customer=name) for _ in range(16)]
        answers = await asyncio.gather(*(one for pair in zip(holds, buys, strict=True) for one in pair))

        held = sum(answer.status == 201 for answer in answers[::2])
        bought = sum(answer.status == 201 for answer in answers[1::2])
        assert held + bought == 10
        assert {answer.status for answer in answers} == {201, 402}
        assert await gems(arena, name) == (100 - 10 * bought, 0, 10 * held)


async def test_one_capture_sent_by_sixteen_is_one_capture(arena, fund):
    await fund("ada")
    path = f"/v1/holds/{(await hold(arena, 'ada', 60)).json['id']}/capture"
    content = b'{"amount": 25}'
    answers = await asyncio.gather(
        *(arena.as_server().send("POST", path, content=content, key="one") for _ in range(16))
    )
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    assert await gems(arena, "ada") == (75, 75, 0)
