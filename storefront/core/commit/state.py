"""What a batch has loaded, and the draft that one plan makes of it.

A ``Draft`` lies over the ``State``: it is kept when its plan succeeds and thrown away when it is refused,
so a refused plan leaves no trace. Rows are never changed in place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from storefront.core.commit.merging import Search
from storefront.core.commit.steps import Group, Key

Row = Mapping[str, Any]
Address = tuple[str, tuple[str | int, ...]]


class NotNamed(Exception):
    """A step needs a row, or touches an anchor, that its plan did not name: an error of the plan's author."""


@dataclass(slots=True)
class Writes:
    """What a batch has to write: rows by table; ``updates`` carry whole rows, ``deletes`` primary keys."""

    inserts: dict[str, list[Row]] = field(default_factory=dict)
    updates: dict[str, list[Row]] = field(default_factory=dict)
    deletes: dict[str, list[tuple[str | int, ...]]] = field(default_factory=dict)
    anchors: dict[str, tuple[int, int]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.inserts or self.updates or self.deletes)


@dataclass(slots=True)
class State:
    """The loaded rows of one batch, and what its plans have made of them so far.

    ``rows`` maps an address to its row, or None where the database has none; ``anchors`` maps an anchor
    to (version, sequence); ``open_accounts`` are the open accounts known to exist; ``merged`` maps the anchor of
    a customer that was merged to who they are now; ``found`` is what searches found.
    """

    rows: dict[Address, Row | None] = field(default_factory=dict)
    groups: dict[tuple[str, tuple[str, ...]], list[Address]] = field(default_factory=dict)
    anchors: dict[str, tuple[int, int]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    found: dict[Search, list[Address]] = field(default_factory=dict)
    open_accounts: set[str] = field(default_factory=set)
    stored: set[Address] = field(default_factory=set)
    dirty: dict[Address, None] = field(default_factory=dict)
    appended: list[tuple[str, Row]] = field(default_factory=list)
    moved_anchors: dict[str, None] = field(default_factory=dict)

    def writes(self) -> Writes:
        """Collect the differences to what was loaded."""
        writes = Writes()
        for table, row in self.appended:
            writes.inserts.setdefault(table, []).append(row)
        for address in self.dirty:
            table, identity = address
            current = self.rows[address]
            if current is None:
                if address in self.stored:
                    writes.deletes.setdefault(table, []).append(identity)
            elif address in self.stored:
                writes.updates.setdefault(table, []).append(current)
            else:
                writes.inserts.setdefault(table, []).append(current)
        writes.anchors = {anchor: self.anchors[anchor] for anchor in self.moved_anchors}
        writes.merged = self.merged
        return writes


class Draft:
    """One plan's changes over the state; ``keep`` makes them part of it."""

    __slots__ = (
        "anchors",
        "appended",
        "members",
        "merged",
        "named",
        "open_accounts",
        "rows",
        "sequences",
        "state",
        "touched",
    )

    def __init__(self, state: State, anchors: set[str]) -> None:
        self.state = state
        self.named = anchors
        self.clear()

    def clear(self) -> None:
        """Forget everything: the plan was refused."""
        self.rows: dict[Address, Row | None] = {}
        self.members: dict[tuple[str, tuple[str, ...]], list[Address]] = {}
        self.appended: list[tuple[str, Row]] = []
        self.sequences: dict[str, int] = {}
        self.touched: dict[str, None] = {}
        self.open_accounts: list[str] = []
        self.merged: dict[str, str] = {}

    def row(self, key: Key) -> Row | None:
        """Return a named row, or None where there is none."""
        address = (key.table, key.id)
        if address in self.rows:
            return self.rows[address]
        try:
            return self.state.rows[address]
        except KeyError:
            raise NotNamed(f"row {address} was not named by the plan") from None

    def group(self, group: Group) -> Iterator[tuple[Address, Row]]:
        """Yield the rows of a group, with what this batch added to it."""
        name = (group.table, group.id)
        if name not in self.state.groups:
            raise NotNamed(f"group {name} was not named by the plan")
        for address in (*self.state.groups[name], *self.members.get(name, ())):
            row = self.rows.get(address) or self.state.rows[address]
            if row is not None:
                yield address, row

    def has_group(self, group: Group) -> bool:
        """Tell whether the plans of the batch named a group."""
        return (group.table, group.id) in self.state.groups

    def found(self, search: Search) -> list[tuple[Address, Row]]:
        """Return the rows that a search has found, as they are now."""
        if search not in self.state.found:
            raise NotNamed(f"search {search} was not named by the plan")
        rows = ((address, self.rows.get(address, self.state.rows[address])) for address in self.state.found[search])
        return [(address, row) for address, row in rows if row is not None]

    def put(self, key: Key, row: Row | None) -> None:
        """Set a row under an anchor of the plan (or an insert-only one under none)."""
        if key.anchor is not None and key.anchor not in self.named:
            raise NotNamed(f"{key.table} {key.id} hangs under {key.anchor}, which the plan did not name")
        self.rows[(key.table, key.id)] = row

    def put_member(self, group: Group, key: Key, row: Row) -> None:
        """Add a new row to a group."""
        self.put(key, row)
        self.members.setdefault((group.table, group.id), []).append((key.table, key.id))

    def append(self, table: str, row: Row) -> None:
        """Add a row to an append-only table."""
        self.appended.append((table, row))

    def touch(self, anchor: str) -> None:
        """Say that something the anchor's owner can see has changed: its version moves."""
        if anchor not in self.named:
            raise NotNamed(f"anchor {anchor} was not named by the plan")
        self.touched[anchor] = None

    def next_sequence(self, anchor: str) -> int:
        """Return the next number in the anchor's event sequence."""
        self.touch(anchor)
        last = self.sequences.get(anchor)
        if last is None:
            last = self.state.anchors[anchor][1]
        self.sequences[anchor] = last + 1
        return last + 1

    def know_account(self, account_id: str) -> bool:
        """Tell whether an open account is known to exist; from now on it is."""
        if account_id in self.state.open_accounts or account_id in self.open_accounts:
            return True
        self.open_accounts.append(account_id)
        return False

    def versions(self) -> dict[str, tuple[int, int]]:
        """Return ``anchor -> (version before, version after)`` for the anchors that were touched."""
        before = self.state.anchors
        return {anchor: (before[anchor][0], before[anchor][0] + 1) for anchor in self.touched}

    def keep(self) -> None:
        """Make the draft part of the state."""
        state = self.state
        state.rows.update(self.rows)
        state.dirty.update(dict.fromkeys(self.rows))
        state.appended.extend(self.appended)
        state.open_accounts.update(self.open_accounts)
        state.merged.update(self.merged)
        for name, addresses in self.members.items():
            state.groups[name].extend(addresses)
        for anchor in self.touched:
            version, sequence = state.anchors[anchor]
            state.anchors[anchor] = (version + 1, self.sequences.get(anchor, sequence))
        state.moved_anchors.update(self.touched)
