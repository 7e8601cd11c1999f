"""A1-anchors: what was sent outside is a prefix of today's books."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from sqlalchemy import Connection, select

from storefront.core.audit.check import Check, NotYet, Progressed, Violation
from storefront.core.sealing.anchors import Anchor, Kept
from storefront.core.sealing.seals import StoredSeal, newest_seal
from storefront.core.sealing.witnesses import DATABASE_ID
from storefront.core.tables import seals, settings

NAME = "A1-anchors"
TITLE = "Each outside anchor is a prefix of the books"
NONE_GIVEN = NotYet(
    NAME, TITLE, "no anchor was at hand; `audit verify` compares those of the YAML and of --anchor FILE"
)
_AT_ONCE = 500


def anchors_check(kept: Sequence[Kept]) -> Check:
    """Return the check of these anchors."""
    return Check(NAME, TITLE, partial(_anchors_hold, kept=kept), is_deep=False)


def _anchors_hold(connection: Connection, *, kept: Sequence[Kept]) -> Iterator[Violation | Progressed]:
    """A1-anchors: the books hold each anchored seal, with that hash and that many entries before it."""
    ours = connection.execute(select(settings.c.value).where(settings.c.key == DATABASE_ID)).scalar()
    known = [one for one in kept if one.anchor.database == ours]
    if kept and not known:
        others = ", ".join(sorted({one.anchor.database for one in kept}))
        message = f"the anchors vouch for {others}; this database is {ours or 'without a name'}"
        yield Violation(NAME, (kept[-1].place,), message)
    newest = newest_seal(connection)
    remaining, done = iter(known), 0
    while some := list(islice(remaining, _AT_ONCE)):
        yield from _faults(connection, some, newest)
        done += len(some)
        yield Progressed(done, len(known))


def _faults(connection: Connection, kept: Iterable[Kept], newest: StoredSeal | None) -> Iterator[Violation]:
    numbers = {one.anchor.seal for one in kept}
    rows = connection.execute(select(seals).where(seals.c.number.in_(numbers))).mappings()
    found = {row["number"]: StoredSeal.of_row(row) for row in rows}
    for one in kept:
        message = _fault(one.anchor, found.get(one.anchor.seal), newest)
        if message is not None:
            sentence = f"{one.place}, of {one.anchor.sealed_at}, vouches for {message}"
            yield Violation(NAME, (one.place, f"seal {one.anchor.seal}"), sentence)


def _fault(anchor: Anchor, found: StoredSeal | None, newest: StoredSeal | None) -> str | None:
    what = f"{anchor.entries_so_far} entries up to seal {anchor.seal}"
    last = 0 if newest is None else newest.seal.number
    if found is None and anchor.seal > last:
        held = 0 if newest is None else newest.seal.entries_so_far
        return f"{what}; the books end with {held} sealed entries and seal {last}: their tail was cut off"
    if found is None:
        return f"{what}, and that seal is missing"
    if found.seal.hash.hex() != anchor.hash:
        return f"{what}, but that seal has another hash: what was booked before it is not what it was"
    if found.seal.entries_so_far != anchor.entries_so_far:
        return f"{what}, but the seal counts {found.seal.entries_so_far}"
    return None
