"""The seam between the engine and a database: load what the plans name, write the differences, commit.

The engine decides nothing about SQL, a store nothing about money. ``transact`` runs one batch in one
transaction; ``decide`` is called inside it with the loaded state and returns what to write.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from storefront.core.commit.merging import Search
from storefront.core.commit.state import State, Writes
from storefront.core.commit.steps import Group, Key


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a batch needs: the anchors to lock (sorted) and the rows, groups and findings to load."""

    anchors: tuple[str, ...]
    keys: tuple[Key, ...]
    groups: tuple[Group, ...]
    searches: tuple[Search, ...] = ()

    @classmethod
    def of(cls, anchors: Iterable[str], reads: Iterable[Key | Group], searches: Iterable[Search] = ()) -> "Wanted":
        keys: dict[tuple[str, tuple[str | int, ...]], Key] = {}
        groups: dict[Group, None] = {}
        for read in reads:
            if isinstance(read, Group):
                groups[read] = None
            else:
                keys[(read.table, read.id)] = read
        return cls(tuple(sorted(set(anchors))), tuple(keys.values()), tuple(groups), tuple(dict.fromkeys(searches)))


EPOCH_BITS = 48
"""A commit number is the database's epoch and, in its lower bits, a number that rises within it. What was lost with
an epoch (books restored from a backup, a move to another cluster) can never lie above what comes after it."""

GROUP_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "lots": ("account",),
    "entitlements": ("customer_id", "key"),
    "holds": ("account",),
    "freezes": ("customer_id",),
    "item_instances": ("customer_id", "sku"),
}
"""Which columns of a table its groups are asked by."""
GROUP_CONDITION: Mapping[str, str] = {"lots": "remaining > 0", "holds": "state = 'open'",
                                      "freezes": "waiting <> '[]'", "item_instances": "taken_at IS NULL"}  # fmt: skip
"""What else makes a row part of a group: others care for a freeze only while it waits for what a hold gives back."""

Decide = Callable[[State, int], Writes]


class Store(Protocol):
    """A database that can run a batch: ``sqlite.py`` and ``postgres.py``."""

    @property
    def lanes(self) -> int:
        """How many batches may be under way at once, with anchors of their own each."""
        ...

    async def transact(self, wanted: Wanted, decide: Decide) -> int:
        """Run one batch and return its commit number, once it is durable.

        ``decide(state, commit_no)`` may be called more than once (another process was first): it must
        be pure. Empty writes commit nothing.

        Raises:
            DatabaseAway: the database did not take the batch; nothing was written.
        """
        ...
