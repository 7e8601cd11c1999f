"""Says which entry of a seal is the first that differs from what was sealed, and how.

A seal keeps one hash an entry. Where hashes and entries part, their sets tell the rest: a hash that no entry
gives any more was changed or removed, an entry that no hash stands for was changed or added.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, select, union

from storefront.core.sealing.canonical import canonical_json
from storefront.core.sealing.entries import Entry
from storefront.core.sealing.merkle import leaf_hash
from storefront.core.sealing.seals import Seal
from storefront.core.tables import credits, draws, entries, grants, holds, purchases, reversals, transfers

_MOST_NAMED = 3
# What two entries may have exchanged with each other.
_EXCHANGED: tuple[tuple[str, ...], ...] = (
    ("id",),
    ("commit_no",),
    ("transfers",),
    ("draws",),
    ("credits",),
    ("transfers", "draws"),
    ("transfers", "credits"),
    ("transfers", "draws", "credits"),
    ("kind", "about", "anchor", "actor", "reverses", "occurred_at", "recorded_at", "facts"),
)
_REFERRING: tuple[Table, ...] = (transfers, draws, credits, purchases, grants, holds, reversals)


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs first: the ids it is about, and a sentence."""

    ids: tuple[str, ...]
    message: str


def first_difference(
    connection: Connection, seal: Seal, sealed: Sequence[bytes], found: Sequence[Entry], actual: Sequence[bytes]
) -> Difference:
    """Compare the leaf hashes that were sealed with those of the entries found in the seal's range."""
    known, present = set(sealed), set(actual)
    at = _first_unequal(sealed, actual)
    where = f"entry {at + 1} of {len(sealed)} in seal {seal.number}"
    is_gone = at < len(sealed) and sealed[at] not in present
    is_new = at < len(actual) and actual[at] not in known
    if is_gone and is_new:
        return _changed(where, at, sealed, found, actual)
    if is_gone:
        return _missing(connection, where, at, found)
    entry = found[at].id
    if is_new:
        message = f"entry {entry} was added behind {_name(found, at - 1)}: seal {seal.number} does not hold it"
        return Difference((entry,), message)
    message = f"entry {entry} stands in another place than it was sealed at: it is where {where} should be"
    return Difference((entry,), message)


def _first_unequal(sealed: Sequence[bytes], actual: Sequence[bytes]) -> int:
    for at, (one, other) in enumerate(zip(sealed, actual, strict=False)):
        if one != other:
            return at
    return min(len(sealed), len(actual))


def _changed(
    where: str, at: int, sealed: Sequence[bytes], found: Sequence[Entry], actual: Sequence[bytes]
) -> Difference:
    known = set(sealed)
    entry = found[at]
    for other, leaf in zip(found, actual, strict=True):
        if leaf in known or other is entry:
            continue
        for names in _exchanges(entry, other, known):
            message = f"entries {entry.id} and {other.id} were swapped ({names}): the first of them is {where}"
            return Difference((entry.id, other.id), message)
    changed = len(set(actual) - known)
    more = f"; {changed - 1} more differ in this seal" if changed > 1 else ""
    return Difference((entry.id,), f"entry {entry.id} was changed after it was sealed: it is {where}{more}")


def _exchanges(one: Entry, other: Entry, known: set[bytes]) -> Iterator[str]:
    """Yield what two entries have exchanged, if giving it back makes both of them what was sealed."""
    for names in _EXCHANGED:
        mine = {**one.document, **{name: other.document[name] for name in names}}
        theirs = {**other.document, **{name: one.document[name] for name in names}}
        if {leaf_hash(canonical_json(document)) for document in (mine, theirs)} <= known:
            yield ", ".join(names)


def _missing(connection: Connection, where: str, at: int, found: Sequence[Entry]) -> Difference:
    before, after = _name(found, at - 1), _name(found, at)
    gone = _referred_to_but_gone(connection)
    hint = f"; the books still refer to {', '.join(gone)}" if gone else ""
    ids = gone or tuple(entry.id for entry in found[max(at - 1, 0) : at + 1])
    return Difference(ids, f"{where} is missing: it stood between {before} and {after}{hint}")


@cache
def _select_referred_to_but_gone() -> Select[Any]:
    named = union(*(select(table.c.entry_id.label("id")).where(table.c.entry_id.is_not(None)) for table in _REFERRING))
    referred = named.subquery("referred")
    statement = select(referred.c.id).where(~select(entries.c.id).where(entries.c.id == referred.c.id).exists())
    return statement.order_by(referred.c.id).limit(_MOST_NAMED)


def _referred_to_but_gone(connection: Connection) -> tuple[str, ...]:
    """Return ids of entries that other rows name and that do not exist: candidates for what was removed."""
    return tuple(connection.execute(_select_referred_to_but_gone()).scalars())


def _name(found: Sequence[Entry], at: int) -> str:
    if at < 0:
        return "the beginning of the seal"
    return found[at].id if at < len(found) else "the end of the seal"
