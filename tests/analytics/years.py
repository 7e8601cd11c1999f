"""Two years of a shop, by chance: people who buy, give, use, subscribe, pay late, and want their money back."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any

from storefront.testing import OPERATOR_KEY
from tests.analytics.acts import Acts, Player

DAY = 86_400
YEARS_DAYS = 730
AT_ONCE = 6
"""So many people act at the same time."""
FIVE_DAYS = 5
_ALL = ((1, 0.02),)
_CROWD = ((70, 0.002), (25, 0.008), (5, 0.02))
"""How many of a hundred act with which chance a day: of a crowd, most come once or twice and are not seen again."""
_SMALL = 1_000
_KEYS = count(1)


class Years:
    """Plays ``players`` people over two years, some days at a time; the same seed makes the same choices."""

    def __init__(self, shop: Any, *, players: int, leap: int, seed: int) -> None:
        self._shop, self._leap, self._random = shop, leap, Random(seed)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._players = [self._player(n, seed, _ALL if players < _SMALL else _CROWD) for n in range(players)]
        self._acts = Acts(shop, [player.name for player in self._players])

    def _player(self, number: int, seed: int, paces: Sequence[tuple[int, float]]) -> Player:
        random = Random(f"{seed}:{number}")
        (pace,) = random.choices([pace for _, pace in paces], [weight for weight, _ in paces])
        return Player(f"player-{number}", random, self._random.randrange(YEARS_DAYS - 60), pace)

    async def play(self) -> None:
        for day in range(0, YEARS_DAYS, self._leap):
            await asyncio.gather(*(self._join(one) for one in self._players if day <= one.joins_at < day + self._leap))
            busy = [one for one in self._players if one.joins_at <= day and one.random.random() < one.pace * self._leap]
            await asyncio.gather(*(self._act(one) for one in busy))
            await self.pass_days(self._leap)
            if day % 90 < self._leap:
                await self._pay_out()

    async def _join(self, player: Player) -> None:
        async with self._room:
            await self._acts.join(player)

    async def _act(self, player: Player) -> None:
        async with self._room:
            await self._acts.any_of(player)

    async def pass_days(self, days: int) -> None:
        """Let time pass, five days at most in one go: what is authorised is captured or lapses, banks decide."""
        await self._quiet()  # what is committed after a leap was decided before it
        for first in range(0, days, FIVE_DAYS):
            self._shop.wall.move(min(FIVE_DAYS, days - first) * DAY)
            self._shop.parts.jobs.wake()
            await self._quiet()
            await self._acts.decide_disputes()
            await self._review()
            await self._quiet()

    async def _quiet(self) -> None:
        while True:
            with suppress(TimeoutError):  # of a crowd, more falls due than is done within its patience
                await self._shop.quiet()
                return

    async def _review(self) -> None:
        """Let through two of three purchases that wait for a person."""
        by = self._shop.bearing(OPERATOR_KEY)
        waiting = (await by.get("/v1/reviews?limit=100")).json["data"]
        for one in waiting:
            verb = self._random.choice(["approve", "approve", "reject"])
            path = f"/v1/reviews/{one['purchase']}/{verb}"
            await by.post(path, {"reason": "looked at"}, key=f"see-{next(_KEYS)}")

    async def _pay_out(self) -> None:
        """Pay Luna all that can be paid, by hand; each third time the bank sends it back."""
        for currency in ("USD", "EUR"):
            await self._acts.pay_out(currency, comes_back=self._random.random() < 0.3)
