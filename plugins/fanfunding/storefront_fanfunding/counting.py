"""What tips count for: follows their events, and keeps the sums that goals and boards are read from.

A tip's own commit waits for none of this. What is counted of a tip is worked out of its row as it is now, and the sums
move by the difference to what was counted before, in one commit: so an event may come twice, and a tip that goes back
takes exactly itself out of every sum.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.catalog import Catalog
from storefront.core.clock import DAY_MS, to_datetime
from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Insert, Key, Late, Plan, Step
from storefront.core.events import Event
from storefront.core.money import MAX_AMOUNT
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import board_anchor
from storefront_fanfunding.board_tables import COUNTED, DAYS, FANS, counted
from storefront_fanfunding.rows import PAID, REFUNDED, need_tip

COUNT = "count_tip"
ALL = "all"
COUNTED_EVENTS = frozenset({"tip.paid", "tip.frozen", "tip.refunded", "tip.restored", "tip.released"})
_BEFORE = Query(select(counted).where(counted.c.tip_id == bindparam("tip_id")))


@dataclass(frozen=True, slots=True)
class Counting:
    """One tip, as it is to be counted: ``left`` of it in its own currency, by measure; ``factors``: currency -> factor.

    ``seen`` is the commit of the event that asks for it.
    """

    tip_id: str
    creator_id: str
    customer_id: str
    is_anonymous: int
    paid_at: int
    seen: int
    left: Mapping[str, int]
    factors: Mapping[str, str]

    @property
    def anchor(self) -> str:
        return board_anchor(self.creator_id)

    @property
    def day(self) -> int:
        return self.paid_at // DAY_MS

    def counted_key(self, currency: str) -> Key:
        return Key(COUNTED, (self.tip_id, currency), self.anchor)

    def day_key(self, currency: str) -> Key:
        return Key(DAYS, (self.creator_id, currency, self.day), self.anchor)

    def fan_keys(self, currency: str) -> list[Key]:
        whose = (self.customer_id, self.is_anonymous)
        return [Key(FANS, (self.creator_id, currency, span, *whose), self.anchor) for span in spans_of(self.paid_at)]


def spans_of(time_ms: int) -> tuple[str, str, str]:
    """Return the spans of boards that an instant lies in: all, its month and its day, in UTC."""
    at = to_datetime(time_ms)
    return ALL, f"{at:%Y-%m}", f"{at:%Y-%m-%d}"


async def count_tip(services: Services, event: Event) -> None:
    """Bring the sums to where a tip stands now. Safe to repeat, and to race: what was seen later counts."""
    tip = await need_tip(services, event.subject)
    if tip["state"] not in (PAID, REFUNDED):
        return
    counting = await _counting(services, tip, event.cursor[0])
    plan = Plan(actor="plugin:fanfunding", anchors={counting.anchor})
    reads: list[Key] = []
    for code in counting.factors:
        reads += [counting.counted_key(code), counting.day_key(code), *counting.fan_keys(code)]
    plan.add(Late(f"fanfunding.{COUNT}", tuple(reads), {"counting": counting}))
    await services.engine.commit(plan)


async def _counting(services: Services, tip: Row, seen: int) -> Counting:
    before = await services.reader.all(_BEFORE, tip_id=tip["id"])
    return Counting(
        tip_id=tip["id"],
        creator_id=tip["creator_id"],
        customer_id=tip["customer_id"],
        is_anonymous=tip["is_anonymous"],
        paid_at=tip["paid_at"],
        seen=seen,
        left=left_of(tip),
        factors={**factors_of(services.catalogs.active, tip), **{row["currency"]: row["factor"] for row in before}},
    )


def factors_of(catalog: Catalog, tip: Row) -> dict[str, str]:
    """Return what a tip's currency is worth in itself and by the tip's own rates, in minor units."""
    own, found = _exponent(catalog, tip["currency"]), {tip["currency"]: "1/1"}
    rates: Mapping[str, str] = msgspec.json.decode(tip["rates"])
    for code, rate in rates.items():
        other = _exponent(catalog, code)
        if own is not None and other is not None and Fraction(rate) > 0:
            factor = Fraction(rate) * Fraction(10) ** (other - own)
            if tip["amount"] * factor <= MAX_AMOUNT:  # beyond that it is no amount any more
                found[code] = f"{factor.numerator}/{factor.denominator}"
    return found


def _exponent(catalog: Catalog, code: str) -> int | None:
    """Return a currency's number of decimals; None of one of the shop's own that is no longer in the catalog."""
    if code.isupper() or catalog.is_virtual(code):
        return catalog.asset(code).exponent
    return None


def left_of(tip: Mapping[str, Any]) -> dict[str, int]:
    """Return measure -> what is left of a tip, in its own currency. A tip that is wholly back counts nothing."""
    if tip["source"] is not None:  # its creator has all of it already
        return dict.fromkeys(("gross", "net", "settled"), int(tip["amount"]))
    total, back = int(tip["total"]), int(tip["back_amount"])
    net = int(tip["earned"]) - int(tip["back_earned"])
    return {"gross": int(tip["amount"]) * (total - back) // total, "net": net, "settled": net - int(tip["reserved"])}


def worth(amount: int, factor: str) -> int:
    """Return an amount by a factor, rounded down, in minor units."""
    exact = amount * Fraction(factor)
    return exact.numerator // exact.denominator


def count_tip_step(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: write what a tip counts for now, and move the sums by the difference to before."""
    counting: Counting = facts["counting"]
    steps: list[Step] = []
    for code, factor in counting.factors.items():
        before = view.row(counting.counted_key(code))
        if before is None or before["seen"] <= counting.seen:
            now = {name: worth(amount, factor) for name, amount in counting.left.items()}
            steps += _counted(view, counting, code, before, now)
    return steps


def _counted(
    view: LateView, counting: Counting, code: str, before: Mapping[str, Any] | None, now: Mapping[str, int]
) -> Iterator[Step]:
    key = counting.counted_key(code)
    row = {
        "tip_id": counting.tip_id,
        "currency": code,
        "creator_id": counting.creator_id,
        "customer_id": counting.customer_id,
        "is_anonymous": counting.is_anonymous,
        "day": counting.day,
        "factor": counting.factors[code],
        "seen": counting.seen,
        **now,
    }
    yield Insert(COUNTED, key.id, counting.anchor, row, replace=True)
    moved = {name: value - (0 if before is None else int(before[name])) for name, value in now.items()}
    if not any(moved.values()):
        return
    was_there = before is not None and before["gross"] > 0
    named = {"creator_id": counting.creator_id, "currency": code, "day": counting.day}
    yield _added(view, counting.day_key(code), named, {**moved, "tips": int(now["gross"] > 0) - int(was_there)})
    names = ("creator_id", "currency", "span", "customer_id", "is_anonymous")
    for fan in counting.fan_keys(code):
        yield _added(view, fan, dict(zip(names, fan.id, strict=True)), {"gross": moved["gross"]})


def _added(view: LateView, key: Key, named: Mapping[str, Any], moved: Mapping[str, int]) -> Step:
    before = view.row(key)
    values = {name: (0 if before is None else int(before[name])) + by for name, by in moved.items()}
    assert key.anchor is not None, "sums hang under their creator's boards"
    return Insert(key.table, key.id, key.anchor, {**named, **values}, replace=True)
