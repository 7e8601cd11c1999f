"""The proof that one entry stands in the books as it was sealed, for a stranger who trusts nobody.

It holds the entry, the hashes that lead from it to its seal's root, that seal's header and the headers after
it. ``docs/verify_proof.py`` checks it with nothing but Python; the format is described in docs/proof.md.
"""

from typing import Any

from sqlalchemy import Connection, func, select

from storefront.core.errors import Conflict, NotFound, StorefrontError
from storefront.core.sealing.entries import Entry, Position, is_after, is_up_to, read_entries
from storefront.core.sealing.merkle import path_to, root_by_path, split
from storefront.core.sealing.seals import StoredSeal, each_seal_after, end_of, newest_seal, seal_over
from storefront.core.tables import entries, seals

FORMAT = "storefront-proof/1"


class NotSealedYet(Conflict):
    code = "not_sealed_yet"
    title = "The entry is not sealed yet"


class CannotBeProved(StorefrontError):
    code = "cannot_be_proved"
    title = "The entry is not what was sealed"


def prove(connection: Connection, entry_id: str, *, to_seal: int | None = None) -> dict[str, Any]:
    """Return the proof of an entry, with the headers up to the newest seal or to ``to_seal``.

    Raises:
        NotFound: there is no such entry, or no such seal at or after the entry's.
        NotSealedYet: no seal holds it yet.
        CannotBeProved: it does not give the hash that was sealed; ``audit verify`` says more.
    """
    entry = _entry(connection, entry_id)
    stored = _seal_of(connection, entry)
    leaves = split(stored.leaves or b"")
    index = _entries_before(connection, stored, entry)
    path = path_to(index, leaves) if index < len(leaves) else []
    if root_by_path(entry.leaf, index, stored.seal.entries, path) != stored.seal.root:
        raise CannotBeProved(
            f"{entry_id} does not give what seal {stored.seal.number} holds. `storefront audit verify` names "
            "the first entry that differs."
        )
    later = _later_headers(connection, stored, to_seal)
    return {
        "format": FORMAT,
        "entry": entry.document,
        "index": index,
        "path": [one.hex() for one in path],
        "seal": stored.seal.header,
        "later": [one.seal.header for one in later],
        "hash": (later[-1] if later else stored).seal.hash.hex(),
    }


def _entry(connection: Connection, entry_id: str) -> Entry:
    found = read_entries(connection, entries.c.id == entry_id, limit=1)
    if not found:
        raise NotFound(f"There is no entry {entry_id}.")
    return found[0]


def _seal_of(connection: Connection, entry: Entry) -> StoredSeal:
    row = connection.execute(seal_over(entry.position)).mappings().first()
    if row is None:
        raise NotSealedYet(f"{entry.id} is not sealed yet. A running server seals within seconds; ask again then.")
    return StoredSeal.of_row(row)


def _entries_before(connection: Connection, stored: StoredSeal, entry: Entry) -> int:
    """Count the entries of its seal that stand before an entry."""
    before = (
        connection.execute(
            select(seals).where(seals.c.number < stored.seal.number).order_by(seals.c.number.desc()).limit(1)
        )
        .mappings()
        .first()
    )
    start: Position = end_of(None if before is None else StoredSeal.of_row(before))
    counted = select(func.count()).where(is_after(start), is_up_to(entry.position))
    return int(connection.execute(counted).scalar_one()) - 1


def _later_headers(connection: Connection, stored: StoredSeal, to_seal: int | None) -> list[StoredSeal]:
    newest = newest_seal(connection)
    assert newest is not None, "there is a seal"
    last = newest.seal.number if to_seal is None else to_seal
    if not stored.seal.number <= last <= newest.seal.number:
        raise NotFound(
            f"The entry is in seal {stored.seal.number} and the newest is {newest.seal.number}; "
            f"the proof cannot end with seal {last}."
        )
    later = []
    if last > stored.seal.number:
        for one in each_seal_after(connection, stored.seal.number):
            later.append(one)
            if one.seal.number == last:
                break
    return later
