"""Generations of the roll-ups: the one that is read, one that is being computed anew, and what is left of old ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from storefront.core.analytics.members import Member
from storefront.core.analytics.metrics import RollupKey
from storefront.core.commit.plan import Key
from storefront.core.reading import PointReader, Query, Row
from storefront.core.tables import analytics_generations, analytics_members, analytics_rollups

ANCHOR = "analytics"
CURRENT, BUILDING, OLD = "current", "building", "old"
GENERATIONS, ROLLUPS, MEMBERS = "analytics_generations", "analytics_rollups", "analytics_members"
BEFORE_ALL = -(2**63)
_AT_ONCE = 500
_CURRENT = Query(select(analytics_generations).where(analytics_generations.c.state == CURRENT))
_ALL = Query(select(analytics_generations).order_by(analytics_generations.c.generation))


@dataclass(frozen=True, slots=True)
class Generation:
    """How far one computation of the roll-ups has come; ``is_new``: it has no row yet."""

    number: int
    state: str = CURRENT
    commit_no: int = BEFORE_ALL
    counted_until: int = 0
    folded: int = 0
    created_at: int = 0
    is_new: bool = False

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Generation":
        names = ("state", "commit_no", "counted_until", "folded", "created_at")
        return cls(row["generation"], *(row[name] for name in names))

    @property
    def key(self) -> Key:
        return generation_key(self.number)

    def to_row(self) -> dict[str, Any]:
        return {
            "generation": self.number,
            "state": self.state,
            "commit_no": self.commit_no,
            "counted_until": self.counted_until,
            "folded": self.folded,
            "created_at": self.created_at,
        }


def generation_key(number: int) -> Key:
    return Key(GENERATIONS, (number,), ANCHOR)


def rollup_key(generation: int, key: RollupKey) -> Key:
    return Key(ROLLUPS, (generation, key.metric, key.asset, key.day, key.kind, key.key, key.part), ANCHOR)


def member_key(generation: int, customer_id: str) -> Key:
    return Key(MEMBERS, (generation, customer_id), ANCHOR)


def rollup_row(generation: int, key: RollupKey, amount: int, count: int) -> dict[str, Any]:
    return {"generation": generation, **key._asdict(), "amount": amount, "count": count}


async def find_current(reader: PointReader) -> Generation | None:
    """Return the generation that is read; None before anything was counted."""
    row: Row | None = await reader.first(_CURRENT)
    return None if row is None else Generation.of_row(row)


async def all_generations(reader: PointReader) -> Sequence[Generation]:
    """Return all generations, the oldest first."""
    return [Generation.of_row(row) for row in await reader.all(_ALL)]


def read_members(connection: Connection, generation: int, customers: Iterable[str]) -> dict[str, Member]:
    """Return how these customers stand in a generation; of one who never paid, that nothing is paid."""
    wanted, table = sorted(customers), analytics_members
    found = {customer_id: Member() for customer_id in wanted}
    statement = select(table).where(
        table.c.generation == generation, table.c.customer_id.in_(bindparam("customers", expanding=True))
    )
    for first in range(0, len(wanted), _AT_ONCE):
        for row in connection.execute(statement, {"customers": wanted[first : first + _AT_ONCE]}).mappings():
            found[row["customer_id"]] = Member.of_row(dict(row))
    return found


def read_rollups(connection: Connection, generation: int) -> Iterable[tuple[RollupKey, int, int]]:
    """Yield all roll-ups of a generation."""
    table = analytics_rollups
    for row in connection.execute(select(table).where(table.c.generation == generation)).mappings():
        yield RollupKey(*(row[name] for name in RollupKey._fields)), row["amount"], row["count"]
