"""What goes wrong in a world while its clients trade: replies, webhooks, processes and time, as chance will have it."""

import asyncio
import random
from collections import Counter
from typing import Any

import aiohttp

from storefront.core.clock import MINUTE_MS, parse_iso
from tests.crashes.processes import SERVER_KEY, World

FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "lose_request"},
    {"fault": "lose_reply"},
    {"fault": "status", "status": 500},
    {"fault": "status", "status": 503, "after": True},
    {"fault": "rate_limit"},
    {"fault": "truncate"},
    {"fault": "delay", "seconds": 0.3},
    {"fault": "delay", "seconds": 0.3, "after": True},
)
MODES = ("normal", "normal", "drop", "duplicate", "hold", "before_reply")
LEAPS = ("3m", "20m", "40m", "5h", "1d")
PATIENCE_SECONDS = 60.0
"""A server lets time pass for half a minute at most before it answers."""
CALM_SECONDS = 5.0
HANG_SECONDS = 300.0


class Turmoil:
    """Orders faults, loses and shuffles webhooks, kills the server, and lets time leap, until it is over."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.is_over = False
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.at_work = 0
        self._closed: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._chance = chance

    async def run(self, seconds: float) -> None:
        """Go on for so long (wall time), then let all faults stop and the server run."""
        async with asyncio.TaskGroup() as group:
            for disturbing in (self._disturb, self._kill, self._leap):
                group.create_task(disturbing())
            await asyncio.sleep(seconds)  # how long it lasts is what was asked for
            self.is_over = True
        await self.world.control("misbehave", {"clear": True})
        await self.world.control("webhooks/release", {"order": "shuffled", "seed": 1, "copies": 2})

    async def calm(self, minutes: int) -> None:
        """Let so much business time pass with nothing going wrong, until the server says that all is quiet then."""
        now, is_quiet = await self._advance(1)
        until = now + minutes * MINUTE_MS
        async with asyncio.timeout(HANG_SECONDS):
            while now < until or not is_quiet:
                now, is_quiet = await self._advance(max(0, until - now) // MINUTE_MS + 1)

    async def _advance(self, minutes: int) -> tuple[int, bool]:
        """Let business time pass until it is over or the server has had enough; returns what time it is (ms), and
        whether nothing is under way then."""
        async with self.world.browser.post(
            f"{self.world.url}/sandbox/clock",
            json={"advance": f"{minutes}m"},
            headers={"Authorization": f"Bearer {SERVER_KEY}"},
            timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS),
        ) as response:
            answer = await response.json()
            assert response.status in (200, 202), answer
            return parse_iso(answer["now"]), answer["done"]

    def _close(self, why: str) -> None:
        """Let no client begin anything until every reason for that is gone."""
        self._closed.add(why)
        self.is_open.clear()

    def _open(self, why: str) -> None:
        self._closed.discard(why)
        if not self._closed:
            self.is_open.set()

    async def _disturb(self) -> None:
        while not self.is_over:
            times = self._chance.randint(1, 3)
            if self._chance.random() < 0.6:
                order = self._chance.choice(FAULTS)
                await self.world.control("misbehave", {**order, "on": "*", "times": times})
                self.counts[order["fault"]] += times
            else:
                mode = self._chance.choice(MODES)
                await self.world.control("misbehave", {"webhooks": {"mode": mode, "times": times * 3}})
                self.counts[f"webhooks {mode}"] += 1
            if self._chance.random() < 0.3:
                shuffled = {"order": "shuffled", "seed": self._chance.randrange(1000), "copies": 2}
                await self.world.control("webhooks/release", shuffled)
            await asyncio.sleep(self._chance.uniform(0.3, 1.2))  # the random moment

    async def _kill(self) -> None:
        while not self.is_over:
            await asyncio.sleep(self._chance.uniform(4, 9))  # the random moment
            self.world.server.kill()  # in the middle of whatever its clients do
            self._close("down")
            await self.world.start()
            self._open("down")
            self.counts["kills"] += 1

    async def _leap(self) -> None:
        """Let time pass while the clients hold their breath: it moves when all that is due has been done."""
        while not self.is_over:
            await asyncio.sleep(self._chance.uniform(2, 5))  # the random moment
            self._close("leaping")
            until = asyncio.get_running_loop().time() + CALM_SECONDS
            while (self.at_work or "down" in self._closed) and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            by = self._chance.choice(LEAPS)
            try:
                async with asyncio.timeout(CALM_SECONDS):  # with faults all over it may never get quiet
                    answer = await self.world.post("/sandbox/clock", {"advance": by})
                assert answer.status in (200, 202, 503), answer
                self.counts["leaps"] += 1
            except (aiohttp.ClientError, TimeoutError):
                self.counts["leaps cut short"] += 1
            self._open("leaping")
