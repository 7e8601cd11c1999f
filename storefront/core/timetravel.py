"""Moving a sandbox's business time forward, in steps: to where the next things are due, until all is quiet, and so
on to the target. The offset is a row of the database and survives a restart.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from storefront.core.clock import MINUTE_MS, Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import SHOP_ANCHOR, Insert, Plan

SETTING = "clock_offset_ms"
QUIET_WITHIN_SECONDS = 25.0
MOST_GRAINS, LARGEST_GRAIN_MS = 500, 5 * MINUTE_MS
"""What is due within one grain of a journey is done in one step, a little late, as by a server that has much to do."""


@dataclass(frozen=True, slots=True)
class RemoteClock:
    """The emulator's clock: when it next has something due (business ms), and whether it is quiet."""

    next_due_ms: int | None
    is_idle: bool


class Due(Protocol):
    """Something that does work when it is due: jobs, deliveries of webhooks. Both are asked of the database."""

    async def is_idle(self) -> bool:
        """Tell whether nothing is due and nothing runs."""
        ...

    async def next_due_at(self) -> int | None:
        """Return when something is due next (business ms), also what is due already."""
        ...

    def wake(self) -> None:
        """Look again now: the clock was moved."""
        ...


class EmulatorClock(Protocol):
    """The part of the emulator that time travel needs, over HTTP."""

    async def read(self) -> RemoteClock: ...

    async def set(self, now_ms: int) -> None: ...


class Emulator(Protocol):
    """The emulator, to connect to for a journey."""

    def connect(self) -> AbstractAsyncContextManager[EmulatorClock]: ...


class _NoClock:
    """Stands for the emulator's clock where there is none: nothing is ever due there."""

    async def read(self) -> RemoteClock:
        return RemoteClock(next_due_ms=None, is_idle=True)

    async def set(self, now_ms: int) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Journey:
    """How far a journey got: business time now, steps taken, and whether the target was reached and all is quiet."""

    now: int
    steps: int
    is_there: bool


async def travel(
    clock: Clock,
    engine: CommitEngine,
    works: Sequence[Due],
    emulator: Emulator | None,
    target: int,
    *,
    within_seconds: float = QUIET_WITHIN_SECONDS,
) -> Journey:
    """Advance business time to ``target`` (ms); forward only. What is due on the way is done before it goes on.

    It is over when the target is reached and all is quiet there, or after ``within_seconds`` and one step at least.
    """
    async with nullcontext(_NoClock()) if emulator is None else emulator.connect() as remote:
        return await _travel(clock, engine, works, remote, target, within_seconds=within_seconds)


async def _travel(
    clock: Clock,
    engine: CommitEngine,
    works: Sequence[Due],
    emulator: EmulatorClock,
    target: int,
    *,
    within_seconds: float,
) -> Journey:
    loop = asyncio.get_running_loop()
    grain = min(max(target - clock.now(), 0) // MOST_GRAINS, LARGEST_GRAIN_MS)
    until = loop.time() + within_seconds
    steps = 0
    while True:
        quiet = await _quieten(works, emulator, until)
        now = clock.now()
        if now >= target or quiet is None or (steps and loop.time() >= until):
            return Journey(now, steps, is_there=quiet is not None and now >= target)
        instants = [quiet.next_due_ms, *[await work.next_due_at() for work in works]]
        due = [instant for instant in instants if instant is not None and instant > now]
        await _move(clock, engine, min([target, *(instant + grain for instant in due)]))
        await emulator.set(clock.now())
        for work in works:
            work.wake()
        steps += 1


async def _move(clock: Clock, engine: CommitEngine, to: int) -> None:
    offset = max(clock.offset_ms, to - clock.wall())
    plan = Plan(actor="clock", anchors={SHOP_ANCHOR})
    plan.add(Insert("settings", (SETTING,), SHOP_ANCHOR, {"key": SETTING, "value": str(offset)}, replace=True))
    plan.emit("clock.moved", anchor=SHOP_ANCHOR, subject=SHOP_ANCHOR, payload={"offset_ms": offset})
    await engine.commit(plan)
    clock.offset_ms = offset


async def _quieten(works: Sequence[Due], emulator: EmulatorClock, until: float) -> RemoteClock | None:
    """Wait until nothing is due or running and the emulator has delivered what it has.

    Return its clock then, which nothing is left to change; None if it did not come to that.
    """
    loop = asyncio.get_running_loop()
    while True:
        if await _are_idle(works):
            remote = await emulator.read()
            if remote.is_idle and await _are_idle(works):
                return remote
        if loop.time() >= until:
            return None
        await asyncio.sleep(0.005)


async def _are_idle(works: Sequence[Due]) -> bool:
    for work in works:
        if not await work.is_idle():
            return False
    return True
