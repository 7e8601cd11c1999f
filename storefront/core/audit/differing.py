"""Says which entry of a seal is the first that differs from what was sealed, and how.

A seal keeps one hash an entry. Where hashes and entries part, their sets tell the rest: a hash that no entry
gives any more was changed or removed, an entry that no hash stands for was changed or added.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
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
    if (swapped := _swapped(seal, sealed, found, actual)) is not None:
        return swapped
    is_gone = at < len(sealed) and sealed[at] not in present
    is_new = at < len(actual) and actual[at] not in known
    if is_gone and is_new:
        return _changed(where, found[at], set(actual) - known)
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


def strangers(sealed: Sequence[bytes], found: Sequence[Entry], actual: Sequence[bytes]) -> list[Entry]:
    """Return the entries of a seal's range that were not sealed like this, in their order."""
    known = set(sealed)
    return [entry for entry, leaf in zip(found, actual, strict=True) if leaf not in known]


def swapped_across(seals: Sequence[tuple[Seal, Sequence[bytes], Sequence[Entry]]]) -> Iterator[Difference]:
    """Compare the strangers of each seal, given with its leaf hashes, with those of the seals behind it."""
    places = {
        leaf: f"entry {place} of {len(sealed)} in seal {seal.number}"
        for seal, sealed, _ in seals
        for place, leaf in enumerate(sealed, 1)
    }
    for (_, _, here), (_, _, behind) in combinations(seals, 2):
        for one, other in product(here, behind):
            for names, mine, theirs in _exchanges(one, other):
                if mine in places and theirs in places:
                    ids, sealed_as = (one.id, other.id), (places[mine], places[theirs])
                    message = (
                        f"entries {' and '.join(ids)} were swapped ({names}): sealed were {' and '.join(sealed_as)}"
                    )
                    yield Difference(ids, message)
                    break


def _swapped(seal: Seal, sealed: Sequence[bytes], found: Sequence[Entry], actual: Sequence[bytes]) -> Difference | None:
    """Tell whether the first entry that was not sealed like this exchanged something with another of the seal."""
    places = {leaf: place for place, leaf in enumerate(sealed)}
    candidates = strangers(sealed, found, actual)
    for one, other in zip(candidates[:1] * len(candidates), candidates[1:], strict=False):
        for names, mine, theirs in _exchanges(one, other):
            if mine in places and theirs in places:
                first, second = (one, other) if places[mine] < places[theirs] else (other, one)
                place = f"entry {min(places[mine], places[theirs]) + 1} of {len(sealed)} in seal {seal.number}"
                message = f"entries {first.id} and {second.id} were swapped ({names}): the first of them is {place}"
                return Difference((first.id, second.id), message)
    return None


def _exchanges(one: Entry, other: Entry) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield what two entries may have exchanged, and the leaf hashes of both once they have given it back."""
    for names in _EXCHANGED:
        mine = {**one.document, **{name: other.document[name] for name in names}}
        theirs = {**other.document, **{name: one.document[name] for name in names}}
        yield ", ".join(names), leaf_hash(canonical_json(mine)), leaf_hash(canonical_json(theirs))


def _changed(where: str, entry: Entry, changed: Set[bytes]) -> Difference:
    more = f"; {len(changed) - 1} more differ in this seal" if len(changed) > 1 else ""
    return Difference((entry.id,), f"entry {entry.id} was changed after it was sealed: it is {where}{more}")


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
