"""How a customer's recurring revenue stands, and what a change of it counts as. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import msgspec

from storefront.core.analytics.metrics import (
    CAME_BACK,
    CHURN,
    CONTRACTION,
    EXPANSION,
    JOINED,
    LEFT,
    MEMBERS,
    NEW,
    REACTIVATION,
    RECURRING,
    RollupKey,
    Standing,
)

EPOCH = date(1970, 1, 1)


def date_of(day: int) -> date:
    """Return the date of a day that is counted from 1970-01-01 on."""
    return EPOCH + timedelta(days=day)


def month_of(day: int) -> str:
    """Return the month of a day: ``2026-11``."""
    return f"{date_of(day):%Y-%m}"


@dataclass(slots=True)
class Member:
    """What one customer pays a month: ``what pays -> (asset, amount)``; ``paid_in``: assets in which there ever was."""

    joined_day: int | None = None
    standing: dict[str, tuple[str, int]] = field(default_factory=dict)
    paid_in: set[str] = field(default_factory=set)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Member":
        standing = msgspec.json.decode(row["standing"], type=dict[str, tuple[str, int]])
        return cls(row["joined_day"], standing, set(msgspec.json.decode(row["paid_in"], type=list[str])))

    def to_row(self, generation: int, customer_id: str) -> dict[str, Any]:
        return {
            "generation": generation,
            "customer_id": customer_id,
            "joined_day": self.joined_day,
            "standing": msgspec.json.encode(dict(sorted(self.standing.items()))).decode(),
            "paid_in": msgspec.json.encode(sorted(self.paid_in)).decode(),
        }

    def totals(self) -> dict[str, int]:
        """Return ``asset -> amount a month``; those in which nothing is paid are left out."""
        found: dict[str, int] = {}
        for asset, amount in self.standing.values():
            found[asset] = found.get(asset, 0) + amount
        return found

    def take(self, told: Standing) -> None:
        """Let one thing stand as it is told; call ``movements`` after all that one commit told."""
        if told.monthly > 0:
            self.standing[told.subject] = (told.asset, told.monthly)
        else:
            self.standing.pop(told.subject, None)

    def take_over(self, other: "Member") -> None:
        """Become another member as well, who pays nothing any more: whatever they pay, they go on paying."""
        self.standing |= other.standing
        self.paid_in |= other.paid_in
        days = [day for day in (self.joined_day, other.joined_day) if day is not None]
        self.joined_day = min(days, default=None)
        other.standing, other.paid_in = {}, set()

    def movements(self, before: Mapping[str, int], day: int) -> Iterator[tuple[RollupKey, int]]:
        """Yield what the change from ``before`` (``totals()``) counts as, with its amount; joining is noted."""
        after = self.totals()
        if not before and not after:
            return
        was_ever = self.joined_day is not None
        if self.joined_day is None:
            self.joined_day = day
        cohort = month_of(self.joined_day)
        if bool(before) != bool(after):
            kind = LEFT if before else CAME_BACK if was_ever else JOINED
            yield RollupKey(MEMBERS, "", day, kind, cohort), 0
        for asset in sorted({*before, *after}):
            moved = after.get(asset, 0) - before.get(asset, 0)
            if moved:
                yield RollupKey(RECURRING, asset, day, self._kind(asset, before, after), cohort), moved
        self.paid_in |= set(after)

    def _kind(self, asset: str, before: Mapping[str, int], after: Mapping[str, int]) -> str:
        if asset not in after:
            return CHURN
        if asset not in before:
            return REACTIVATION if asset in self.paid_in else NEW
        return EXPANSION if after[asset] > before[asset] else CONTRACTION
