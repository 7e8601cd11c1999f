"""Many lives at once in one shop, moment by moment; what the gateway tells of each arrives as chance will have it."""

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from storefront.core.up_to_date import bring_up_to_date
from storefront.testing import Shop
from tests.stories.end_states import end_states
from tests.stories.lives import Life, ids_in
from tests.stories.plots import HOURS, MINUTES, TIMELINE

MOST_COPIES = 3
SHARE_MISSING = 0.1
SHARE_AT_ONCE = 0.8
MOST_TOGETHER = 3
AT_ONCE = 8
OF_NOBODY = frozenset({"balance.available", "account.updated"})
LONGEST_FOLLOW_PAUSE = 6 * HOURS + MINUTES


def seed() -> int:
    """Return the seed of this run, ``STOREFRONT_SEED`` if it is given."""
    return int(os.environ.get("STOREFRONT_SEED", random.randrange(1_000_000)))


@dataclass(slots=True)
class Mailbag:
    """What has been told of one life and is still on its way: event ids, as often as they will arrive."""

    now: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)

    def put(self, life: Life, event: dict[str, Any]) -> bool:
        """Decide by chance how often and when an event arrives; False if it never does."""
        named = life.name(event)
        if life.is_backwards:
            self.now.append(event["id"])
            return True
        is_missing = named in life.missing or life.chance.random() < SHARE_MISSING
        if is_missing or not life.is_told:
            return False
        for _ in range(life.chance.randint(1, MOST_COPIES)):
            (self.now if life.chance.random() < SHARE_AT_ONCE else self.later).append(event["id"])
        return True

    def rounds(self, life: Life, *, all_of_it: bool) -> list[list[str]]:
        """Return what arrives at this moment, in any order: a few together, then the next when they are done with."""
        if life.is_backwards:
            backwards, self.now = self.now[::-1], []
            return [[one] for one in backwards]
        going = self.now + (self.later if all_of_it else [one for one in self.later if life.chance.random() < 0.5])
        for one in going[len(self.now) :]:
            self.later.remove(one)
        self.now = []
        life.chance.shuffle(going)
        grouped: list[list[str]] = []
        while going:
            size = life.chance.randint(1, MOST_TOGETHER)
            grouped.append(going[:size])
            del going[:size]
        return grouped


async def live(shop: Shop, lives: Sequence[Life]) -> int:
    """Let all lives go through all moments; return how many webhooks were posted."""
    return await _Telling(shop, lives).tell()


async def pass_time(shop: Shop, seconds: int) -> None:
    """Jump ahead, shop and gateway together, and wait until all that fell due is done."""
    await shop.quiet()
    shop.wall.move(seconds)
    await shop.sandbox.is_idle()  # whoever asks the emulator anything lets it do what fell due first
    shop.parts.jobs.wake()
    await shop.quiet()


class _Telling:
    """The lives of one shop, what was told of them, and what has been looked at of that."""

    def __init__(self, shop: Shop, lives: Sequence[Life]) -> None:
        self._shop = shop
        self._lives = lives
        self._bags = {life.customer: Mailbag() for life in lives}
        self._looked_at: set[str] = set()
        self._posted = 0

    async def tell(self) -> int:
        await self._shop.sandbox.webhooks("hold")
        for moment, seconds in TIMELINE.items():
            await _all(life.act(moment) for life in self._lives)
            await self._deliver(all_of_it=False)
            await self._ask()
            await pass_time(self._shop, seconds)
        for _ in range(3):  # what came with the last ones may have consequences
            await self._deliver(all_of_it=True)
            await pass_time(self._shop, LONGEST_FOLLOW_PAUSE)
        return self._posted

    async def _deliver(self, *, all_of_it: bool) -> None:
        await self._shop.quiet()
        await self._collect()
        rounds = [self._bags[life.customer].rounds(life, all_of_it=all_of_it) for life in self._lives]
        while any(rounds):
            together = [one for waiting in rounds if waiting for one in waiting.pop(0)]
            sent = await self._shop.sandbox.deliver(together)
            assert {one["answer"] for one in sent} == {"200"}, sent
            self._posted += len(sent)
            await self._shop.quiet()

    async def _ask(self) -> None:
        """Who has been told everything, in whatever order, stands where asking the gateway would bring them."""
        told = [life for life in self._lives if life.is_backwards]
        before = await end_states(self._shop, self._lives, only=told)
        services = self._shop.parts.services
        await _all(bring_up_to_date(services, one["id"]) for life in told for one in life.purchases)
        after = await end_states(self._shop, self._lives, only=told)
        for life in told:
            assert before[life.customer] == after[life.customer], f"{life.customer}: events said something else"

    async def _collect(self) -> None:
        """Put what is held into its life's bag; what is about nobody is lost."""
        dropped = []
        for event in await self._shop.sandbox.held():
            if event["id"] in self._looked_at:
                continue
            self._looked_at.add(event["id"])
            ids = ids_in(event["data"]["object"])
            life = next((life for life in self._lives if life.adopt(ids)), None)
            assert life is not None or event["type"] in OF_NOBODY, event
            if life is None or not self._bags[life.customer].put(life, event):
                dropped.append(event["id"])
        if dropped:
            await self._shop.sandbox.deliver([], dropped=dropped)


async def _all(acts: Any) -> None:
    """Do everything, a few at once."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(act: Any) -> None:
        async with room:
            await act

    async with asyncio.TaskGroup() as group:
        for act in acts:
            group.create_task(one(act))
