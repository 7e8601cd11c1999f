"""A1: every seal recomputes from its entries and continues the chain; the first entry that differs is named."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from storefront.core.audit.check import Check, Progressed, Violation
from storefront.core.audit.differing import first_difference, strangers, swapped_across
from storefront.core.sealing.entries import BEGINNING, Entry, Position, each_entry, is_after, is_up_to, read_entries
from storefront.core.sealing.merkle import HASH_BYTES, root_of, split
from storefront.core.sealing.seals import NOTHING_BEFORE, Seal, StoredSeal, each_seal, newest_seal

_PAGE = 500
_MOST_ADDED = 1_000
"""Entries kept beyond those that a seal should hold: more may have been added, but these show the first."""
_MOST_DIFFERING = 20
_MOST_STRANGERS = 2
"""Seals that differ, and entries of each, that are compared with each other: whoever changed more swapped nothing."""

_Differing = tuple[Seal, list[bytes], list[Entry]]


@dataclass(slots=True)
class _Before:
    """The seal before the one that is looked at."""

    number: int = 0
    entries_so_far: int = 0
    hash: bytes = NOTHING_BEFORE
    end: Position = BEGINNING


def seals_recompute(connection: Connection) -> Iterator[Violation | Progressed]:
    """A1: header, chain and root of each seal, and each entry against the leaf hash that was sealed."""
    newest = newest_seal(connection)
    total = 0 if newest is None else newest.seal.entries_so_far
    before, done = _Before(), 0
    differing: list[_Differing] = []
    for stored in each_seal(connection):
        seal = stored.seal
        for message in _faults_of_chain(stored, before):
            yield Violation("A1", (f"seal {seal.number}",), message)
        if stored.leaves is not None:
            yield from _contents(connection, seal, stored.leaves, before, differing)
        before = _Before(seal.number, seal.entries_so_far, stored.hash, seal.end)
        done += seal.entries
        yield Progressed(done, total)
    for difference in swapped_across(differing):
        yield Violation("A1", difference.ids, difference.message)


def _faults_of_chain(stored: StoredSeal, before: _Before) -> Iterator[str]:
    seal, number = stored.seal, stored.seal.number
    if number != before.number + 1:
        gone = f"seal {before.number + 1}"
        if number > before.number + 2:
            gone += f" to {number - 1}"
        yield f"{gone} is missing: the books go on with seal {number}"
    else:
        if seal.previous != before.hash:
            yield f"seal {number} does not continue the chain: it names another hash than that of seal {number - 1}"
        if seal.entries_so_far != before.entries_so_far + seal.entries:
            yield (
                f"seal {number} counts {seal.entries_so_far} entries so far, "
                f"but {before.entries_so_far} before it and {seal.entries} of its own"
            )
    if stored.hash != seal.hash:
        yield f"the header of seal {number} was changed: it does not give the seal's hash"
    if stored.leaves is None:
        yield f"the leaf hashes of seal {number} are missing"
    elif len(stored.leaves) != seal.entries * HASH_BYTES or root_of(split(stored.leaves)) != seal.root:
        yield f"the leaf hashes of seal {number} do not give its root"


def _contents(
    connection: Connection, seal: Seal, leaves: bytes, before: _Before, differing: list[_Differing]
) -> Iterator[Violation]:
    """Compare a seal's entries with its leaf hashes, and note in ``differing`` what may have come from other seals."""
    has_gap = seal.number != before.number + 1
    expected = split(leaves)
    found: list[Entry] = []
    try:
        found = _entries_of(connection, seal, before.end, len(expected), has_gap=has_gap)
        actual = [entry.leaf for entry in found]
    except DBAPIError as error:
        yield _unreadable(connection, seal, before.end, error)
        return
    if b"".join(actual) != leaves:
        difference = first_difference(connection, seal, expected, found, actual)
        yield Violation("A1", difference.ids, difference.message)
        if len(differing) < _MOST_DIFFERING:
            differing.append((seal, expected, strangers(expected, found, actual)[:_MOST_STRANGERS]))


def _entries_of(connection: Connection, seal: Seal, after: Position, expected: int, *, has_gap: bool) -> list[Entry]:
    """Read the entries of a seal's range. Behind missing seals its beginning is unknown: count from its end."""
    each = each_entry(connection, after, is_up_to(seal.end), page=min(_PAGE, expected + 1))
    if has_gap:
        return list(deque(each, maxlen=expected))
    found = []
    for entry in each:
        found.append(entry)
        if len(found) >= expected + _MOST_ADDED:
            break
    return found


def _unreadable(connection: Connection, seal: Seal, after: Position, error: DBAPIError) -> Violation:
    """Name the place of an entry whose bytes are not even text any more, by going there one by one."""
    place, last = 1, "the beginning"
    try:
        while found := read_entries(connection, is_after(after), is_up_to(seal.end), limit=1):
            after, last, place = found[0].position, found[0].id, place + 1
    except DBAPIError as again:
        error = again
    message = (
        f"entry {place} of {seal.entries} in seal {seal.number}, the one after {last}, cannot be read: {error.orig}"
    )
    return Violation("A1", (f"seal {seal.number}", last), message)


CHECKS = (Check("A1", "Every sealed entry is as it was sealed, in an unbroken chain", seals_recompute, is_deep=False),)
