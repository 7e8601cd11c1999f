"""Eight clients buy without pause while the server is killed again and again; a journal outside is the judge.

What was acknowledged is there after every restart; what is unknown happened once or not at all, and its key
says which. ``STOREFRONT_KILLS=200`` kills as often, ``STOREFRONT_SEED`` repeats a run.
"""

import asyncio
import os
import random
import statistics
from collections import Counter
from dataclasses import dataclass, field

import aiohttp

from .processes import Reply, World

CLIENTS = 8
CHARM, PACK = "charm", "gems-500"
TREASURY_GEMS = 1_000_000


@dataclass(slots=True)
class Intention:
    """One thing that a client wants, under one key, and what it heard about it."""

    customer: str
    sku: str
    key: str
    answer: Reply | None = None
    times_unknown: int = 0


@dataclass(slots=True)
class Journal:
    """What clients sent and heard, written outside of the server; ``is_up`` tells them when to go on."""

    is_up: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False
    intentions: list[Intention] = field(default_factory=list)
    stored_unknown: int = 0
    lost_unknown: int = 0

    def acknowledged(self) -> set[str]:
        return {one.answer.json["id"] for one in self.intentions if one.answer is not None}


async def test_nothing_acknowledged_is_lost_and_nothing_unknown_happens_twice(mounted: World, audit, capsys):
    world, journal = mounted, Journal()
    kills = int(os.environ.get("STOREFRONT_KILLS", "3"))
    seed = int(os.environ.get("STOREFRONT_SEED", random.randrange(1_000_000)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    names = [f"ada-{number}" for number in range(CLIENTS)]
    journal.is_up.set()
    async with asyncio.TaskGroup() as clients:
        for name in names:
            clients.create_task(_shop_without_pause(world, name, journal, random.Random(chance.random())))
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.3, 0.9))  # the random moment
            await _kill_and_start(world, journal)
        journal.is_over = True

    await _assert_once_each(world, journal, names)
    await audit(world)
    with capsys.disabled():
        print(f"\n{_summary(world, journal, kills, seed)}")


async def _shop_without_pause(world: World, name: str, journal: Journal, chance: random.Random) -> None:
    """Fill a wallet, then buy charms and now and then a pack of gems, until it is over."""
    await _buy_and_pay(world, journal, Intention(name, "treasury", f"{name}-treasury"))
    number = 0
    while not journal.is_over:
        number += 1
        if chance.random() < 0.2:
            await _buy_and_pay(world, journal, Intention(name, PACK, f"{name}-{number}"))
        else:
            await _buy(world, journal, Intention(name, CHARM, f"{name}-{number}"))


async def _buy(world: World, journal: Journal, wanted: Intention) -> Reply:
    """Send one intention under its key until an answer comes."""
    journal.intentions.append(wanted)
    while True:
        await journal.is_up.wait()
        try:
            reply = await world.buy(wanted.customer, wanted.sku, key=wanted.key)
        except aiohttp.ClientError:
            wanted.times_unknown += 1
            continue
        assert reply.status == (201 if wanted.sku == CHARM else 202), reply
        wanted.answer = reply
        return reply


async def _buy_and_pay(world: World, journal: Journal, wanted: Intention) -> None:
    purchase = (await _buy(world, journal, wanted)).json
    is_paid = False
    while True:
        await journal.is_up.wait()
        try:
            if not is_paid:
                # Sent again after an unknown outcome it meets a closed checkout; the emulator's books judge.
                assert await world.pay(purchase) < 500
                is_paid = True
            finalized = await world.post(f"/v1/purchases/{purchase['id']}/finalize")
        except aiohttp.ClientError:
            continue
        assert (finalized.status, finalized.json["status"]) == (200, "completed"), finalized
        return


async def _kill_and_start(world: World, journal: Journal) -> None:
    """Kill, start, and compare the books with the journal before any client goes on."""
    journal.is_up.clear()
    world.kill()
    await world.start()
    stored = {row[0] for row in world.query("SELECT id FROM purchases")}
    assert journal.acknowledged() - stored == set(), "acknowledged and lost"
    keys = {row[0] for row in world.query("SELECT key FROM idempotency")}
    unknown = [one.key for one in journal.intentions if one.answer is None]
    journal.stored_unknown += sum(key in keys for key in unknown)
    journal.lost_unknown += sum(key not in keys for key in unknown)
    journal.is_up.set()


async def _assert_once_each(world: World, journal: Journal, names: list[str]) -> None:
    done = journal.intentions
    stored = world.query("SELECT id, status FROM purchases")
    assert {row[0] for row in stored} == journal.acknowledged()
    assert (len(stored), len(journal.acknowledged())) == (len(done), len(done))
    assert {row[1] for row in stored} == {"completed"}
    paid_for = [one.answer.json["id"] for one in done if one.sku != CHARM and one.answer is not None]
    charges = [charge["client_reference_id"] for charge in (await world.books())["charges"]]
    assert sorted(charges) == sorted(paid_for)
    bought = Counter((one.customer, one.sku) for one in done)
    for name in names:
        state = await world.get(f"/v1/customers/{name}")
        charms, packs = bought[name, CHARM], bought[name, PACK]
        assert state["wallets"]["gems"]["balance"] == TREASURY_GEMS + 500 * packs - 10 * charms
        assert sum(item["quantity"] for item in state["items"]) == charms


def _summary(world: World, journal: Journal, kills: int, seed: int) -> str:
    starts = world.server.start_seconds
    return (
        f"seed {seed}: {kills} kills, {len(journal.intentions)} acknowledged, 0 lost, 0 doubled; unknown: "
        f"{journal.stored_unknown} had happened, {journal.lost_unknown} had not; "
        f"start to ready {statistics.median(starts):.2f} s, at most {max(starts):.2f} s"
    )
