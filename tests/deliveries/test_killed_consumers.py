"""The reference consumer is killed at random, 50 times: every command takes effect once by its id."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .conftest import told

KILLS = 50
WAITING = 200
"""Commands that wait in the beginning, so that both servers are busy when they are killed."""
PLAYERS = [f"player-{number}" for number in range(20)]
LONGEST_LIFE_SECONDS = 0.1
NURSERY = Path(__file__).with_name("nursery.py")
ROOT = Path(__file__).parents[2]


class Nursery:
    """Starts game servers; each has a journal of its own."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, folder: Path) -> None:
        self._process = process
        self._url = url
        self.journals = [folder / f"world-{number}.journal" for number in range(2)]
        self._living: dict[int, int] = {}

    async def start(self, number: int) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps([self._url, "survival", str(self.journals[number])])
        self._process.stdin.write(line.encode() + b"\n")
        self._living[number] = int(await self._process.stdout.readline())

    def kill(self, number: int) -> None:
        os.kill(self._living.pop(number), signal.SIGKILL)

    def kill_all(self) -> None:
        for number in list(self._living):
            self.kill(number)

    def effects(self) -> list[dict[str, str]]:
        """Return what took effect in all worlds, in the order of each; a line that is being written is none yet."""
        lines = [line for path in self.journals for line in path.read_bytes().split(b"\n")[1:-1]]
        return [json.loads(line) for line in lines]


@pytest.fixture
async def nursery(shop, tmp_path) -> AsyncIterator[Nursery]:
    path = os.pathsep.join((str(ROOT / "sdk" / "python"), os.environ.get("PYTHONPATH", "")))
    process = await asyncio.create_subprocess_exec(
        sys.executable, NURSERY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    nursery = Nursery(process, shop.url, tmp_path)
    yield nursery
    nursery.kill_all()
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


async def test_two_servers_that_are_killed_50_times_run_every_command_once(shop, nursery, record_property):
    seed = random.SystemRandom().randrange(2**32)
    record_property("played", f"consumers killed {KILLS} times, seed {seed}")
    chance = random.Random(seed)
    bought: Counter[str] = Counter()
    await give_gems(shop)

    async def buy() -> None:
        player, quantity = chance.choice(PLAYERS), chance.randint(1, 9)
        await shop.bought("potion", customer=player, quantity=quantity)
        bought[player] += quantity

    await asyncio.gather(*(buy() for _ in range(WAITING)))
    for number in range(2):
        await nursery.start(number)
    for _ in range(KILLS):
        await asyncio.gather(buy(), asyncio.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS)))
        victim = chance.randrange(2)
        nursery.kill(victim)
        await nursery.start(victim)

    await told(shop)
    await shop.until(lambda: not shop.query("SELECT id FROM microtransactions_commands WHERE state <> 'done'"))
    effects = nursery.effects()
    assert Counter(one["id"] for one in effects) == Counter(
        row["id"] for row in shop.query("SELECT id FROM microtransactions_commands")
    ), f"seed {seed}"
    assert len(effects) == WAITING + KILLS
    given: Counter[str] = Counter()
    for one in effects:
        _, player, _, quantity = one["command"].split()
        given[player] += int(quantity)
    assert given == bought, f"seed {seed}"


async def give_gems(shop) -> None:
    for player in PLAYERS:
        body = {"customer": player, "asset": "gems", "amount": 2000, "reason": "a test"}
        assert (await shop.as_server().post("/v1/grants", body, key=f"gems-{player}")).status == 201


async def test_a_journal_whose_last_line_was_cut_off_goes_on_without_it(shop, nursery):
    await give_gems(shop)
    await nursery.start(0)
    await shop.bought("potion", customer=PLAYERS[0], quantity=1)
    await shop.until(lambda: shop.query("SELECT id FROM microtransactions_commands WHERE state = 'done'"))
    nursery.kill(0)
    with nursery.journals[0].open("ab") as file:
        file.write(b'{"id": "dlv_cut')
    await nursery.start(0)
    await shop.bought("potion", customer=PLAYERS[0], quantity=2)
    await shop.until(lambda: len(shop.query("SELECT id FROM microtransactions_commands WHERE state = 'done'")) == 2)
    nursery.journals[1].touch()
    assert [one["command"] for one in nursery.effects()] == ["give player-0 potion 1", "give player-0 potion 2"]
