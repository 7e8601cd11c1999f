"""The hype train: many fans within a few minutes start it, each tip drives it on, and time ends it.

A projection of ``tip.paid``: no tip waits for it, and what goes back later does not stop it, for it is over by then.
Each event of a train carries its number among the train's.

    n fans in 5 min ──► level 1 ──► … ──► level 5 ──► full     reaching a level restarts the five minutes, and what was
                           └── 5 min without a level ──► over  more than it needed counts for the next
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.clock import HOUR_MS, MINUTE_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.errors import Unavailable
from storefront.core.events import Event
from storefront.core.jobs import Again
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import board_anchor
from storefront_fanfunding.board_tables import trains
from storefront_fanfunding.counting import factors_of, worth
from storefront_fanfunding.creators import creator_name
from storefront_fanfunding.rows import OF_BLOCKED, need_tip
from storefront_fanfunding.tables import blocks, tips
from storefront_fanfunding.train_schema import CONTRIBUTIONS

TRAINS, TRAIN_END = "fanfunding_trains", "fanfunding.train_end"
WINDOW_MS, LEVEL_MS, COOLDOWN_MS = 5 * MINUTE_MS, 5 * MINUTE_MS, 2 * HOUR_MS
RUNNING, OVER, FULL = "running", "over", "full"
TIMES_DECIDED, LOOKED_AT = 5, 200
_LAST = Query(
    select(trains).where(trains.c.creator_id == bindparam("creator_id")).order_by(trains.c.number.desc()).limit(1)
)
_BEFORE = Query(
    select(tips, blocks.c.creator_id.is_not(None).label("is_blocked"))
    .join(blocks, OF_BLOCKED, isouter=True)
    .where(
        tips.c.creator_id == bindparam("creator_id"),
        tips.c.sequence <= bindparam("last"),
        tips.c.sequence > bindparam("after"),
        tips.c.paid_at > bindparam("since"),
    )
    .order_by(tips.c.sequence.desc())
    .limit(LOOKED_AT)
)


@dataclass(frozen=True, slots=True)
class Ride:
    """Where a train is: ``progress`` of what its ``level`` (1 to 5) needs, until ``ends_at`` (ms)."""

    levels: tuple[int, ...]
    level: int
    progress: int
    total: int
    ends_at: int
    state: str = RUNNING

    def driven(self, amount: int, at: int) -> "Ride":
        """Return the train after a tip: a level that is reached restarts the time and passes on what is over."""
        ride = replace(self, progress=self.progress + amount, total=self.total + amount)
        while ride.progress >= ride.levels[ride.level - 1]:
            if ride.level == len(ride.levels):
                return replace(ride, progress=ride.levels[-1], state=FULL)
            rest = ride.progress - ride.levels[ride.level - 1]
            ride = replace(ride, level=ride.level + 1, progress=rest, ends_at=at + LEVEL_MS)
        return ride


async def last_train(services: Services, creator_id: str) -> Row | None:
    """Return a creator's newest train, whether or not it still runs; None before the first."""
    return await services.reader.first(_LAST, creator_id=creator_id)


async def drive_train(services: Services, event: Event) -> None:
    """Let a tip that was paid start a creator's train or drive it on. Safe to repeat; what is long ago drives none."""
    tip = await need_tip(services, event.subject)
    creator_id = tip["creator_id"]
    name = await creator_name(services, creator_id)
    told = services.catalogs.active.creators.get(name, {}).get("train")
    if told is None or services.clock.now() - tip["paid_at"] > WINDOW_MS:
        return
    for _ in range(TIMES_DECIDED):
        last = await last_train(services, creator_id)
        if last is not None and tip["sequence"] <= last["last_tip"]:
            return
        try:
            if last is not None and last["state"] == RUNNING:
                if tip["paid_at"] < last["ends_at"]:
                    await _drive_on(services, last, tip)
                    return
                await _end(services, last)
                continue
            await _start(services, told, tip, last)
        except Stale:
            continue
        return
    raise Unavailable("This train moves too fast; ask again.")


async def end_train(services: Services, creator_id: str) -> Again | None:
    """End a creator's train if its time is over. Safe at any time, any number of times."""
    last = await last_train(services, creator_id)
    if last is None or last["state"] != RUNNING:
        return None
    if services.clock.now() < last["ends_at"]:
        return Again(last["ends_at"])
    try:
        await _end(services, last)
    except Stale:
        return Again(services.clock.now())  # a tip has just ended it, or driven it on
    return None


async def _start(services: Services, told: Mapping[str, Any], tip: Row, last: Row | None) -> None:
    """Start a train if enough fans have tipped within the window, and the one before is long enough ago."""
    (currency, levels), *_ = told["levels"].items()
    rested = 0 if last is None else last["ended_at"] + COOLDOWN_MS
    since = max(tip["paid_at"] - WINDOW_MS, rested)
    asked = {"creator_id": tip["creator_id"], "last": tip["sequence"], "after": 0 if last is None else last["last_tip"]}
    found = [(row, _worth(services, row, currency)) for row in await services.reader.all(_BEFORE, since=since, **asked)]
    drivers = [(row, amount) for row, amount in reversed(found) if amount]
    if len({row["customer_id"] for row, _ in drivers}) < told.get("contributions", CONTRIBUTIONS):
        return
    at = tip["paid_at"]
    ride = Ride(tuple(levels), 1, 0, 0, at + LEVEL_MS).driven(sum(amount for _, amount in drivers), at)
    creator_id, number = tip["creator_id"], 1 if last is None else last["number"] + 1
    anchor, is_full = board_anchor(creator_id), ride.state == FULL
    row = {
        "creator_id": creator_id,
        "number": number,
        "currency": currency,
        "levels": msgspec.json.encode(levels).decode(),
        "first_tip": drivers[0][0]["sequence"],
        "started_at": at,
        "contributions": len(drivers),
        "sequence": 2 if is_full else 1,
        **_written(ride, tip),
    }
    plan = Plan(actor="plugin:fanfunding", anchors={anchor})
    plan.add(Insert(TRAINS, (creator_id, number), anchor, row))
    _tell(plan, {**row, "sequence": 1}, "train.started")
    if is_full:
        _tell(plan, row, "train.full")
    key = f"{TRAIN_END}:{creator_id}:{number}"
    plan.schedule(TRAIN_END, anchor=anchor, unique_key=key, due_at=ride.ends_at, now=services.clock.now(),
                  payload={"creator": creator_id})  # fmt: skip
    await services.engine.commit(plan)


async def _drive_on(services: Services, last: Row, tip: Row) -> None:
    amount = _worth(services, tip, last["currency"])
    if not amount:
        return
    stands = {name: last[name] for name in ("level", "progress", "total", "ends_at")}
    before = Ride(tuple(msgspec.json.decode(last["levels"])), **stands)
    ride = before.driven(amount, tip["paid_at"])
    changes = {**_written(ride, tip), "contributions": last["contributions"] + 1, "sequence": last["sequence"] + 1}
    has_risen = ride.level > before.level
    event = "train.full" if ride.state == FULL else "train.level_reached" if has_risen else "train.driven"
    await _change(services, last, changes, event)


async def _end(services: Services, last: Row) -> None:
    changes = {"state": OVER, "ended_at": last["ends_at"], "sequence": last["sequence"] + 1}
    await _change(services, last, changes, "train.over")


async def _change(services: Services, last: Row, changes: Mapping[str, Any], event: str) -> None:
    anchor = board_anchor(last["creator_id"])
    plan, key = Plan(actor="plugin:fanfunding", anchors={anchor}), (last["creator_id"], last["number"])
    plan.add(Change(TRAINS, key, anchor, {"sequence": last["sequence"]}, changes))
    _tell(plan, {**last, **changes}, event)
    await services.engine.commit(plan)


def _written(ride: Ride, tip: Row) -> dict[str, Any]:
    return {
        "level": ride.level,
        "progress": ride.progress,
        "total": ride.total,
        "ends_at": ride.ends_at,
        "state": ride.state,
        "ended_at": tip["paid_at"] if ride.state == FULL else None,
        "last_tip": tip["sequence"],
    }


def _tell(plan: Plan, row: Mapping[str, Any], event: str) -> None:
    told = {name: row[name] for name in ("creator_id", "number", "sequence", "level", "contributions")}
    total = {"amount": row["total"], "currency": row["currency"]}
    anchor = board_anchor(row["creator_id"])
    plan.emit(event, anchor=anchor, subject=row["creator_id"], payload={**told, "total": total})


def _worth(services: Services, tip: Row, currency: str) -> int:
    """Return what a tip's amount is in a currency, by its own rates; 0 where none leads there."""
    factor = factors_of(services.catalogs.active, tip).get(currency)
    return 0 if factor is None else worth(tip["amount"], factor)


async def riders(services: Services, train: Row) -> Sequence[Row]:
    """Return the tips that drove a train, the newest first; those of the newest two hundred."""
    asked = {"creator_id": train["creator_id"], "last": train["last_tip"], "after": train["first_tip"] - 1}
    return await services.reader.all(_BEFORE, since=0, **asked)
