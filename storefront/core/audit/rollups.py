"""R1-rollups: the roll-ups of analytics, against all that they were computed from, up to where they have come."""

from collections.abc import Iterator
from functools import partial

from sqlalchemy import Connection, select

from storefront.core.analytics.batches import read_batch
from storefront.core.analytics.folding import Sums, customers_of, fold
from storefront.core.analytics.generations import BEFORE_ALL, CURRENT, read_rollups
from storefront.core.analytics.members import Member
from storefront.core.analytics.metrics import AllFigures, RollupKey
from storefront.core.audit.check import Check, NotYet, Progressed, Violation
from storefront.core.tables import analytics_generations, analytics_members

NAME = "R1-rollups"
TITLE = "Roll-ups are what entries and events come to"
NONE_GIVEN = NotYet(NAME, TITLE, "no figures were at hand; `audit verify` asks those of the shop's plugins")
_PAGE = 2_000


def rollups_check(figures: AllFigures) -> Check:
    """Return the check that counts again, by these figures."""
    return Check(NAME, TITLE, partial(_rollups_are_what_was_counted, figures=figures))


def _rollups_are_what_was_counted(connection: Connection, *, figures: AllFigures) -> Iterator[Violation | Progressed]:
    table = analytics_generations
    current = connection.execute(select(table).where(table.c.state == CURRENT)).mappings().all()
    if len(current) > 1:
        yield Violation(NAME, tuple(str(row["generation"]) for row in current), "several roll-ups are said to be read")
    for row in current:
        sums = Sums()
        members: dict[str, Member] = {}
        yield from _count_again(connection, figures, row["commit_no"], row["folded"], sums=sums, members=members)
        yield from _of_cursor(row["generation"], row["folded"], row["counted_until"], sums)
        yield from _differing_sums(connection, row["generation"], sums)
        yield from _differing_members(connection, row["generation"], members)


def _count_again(
    connection: Connection, figures: AllFigures, last: int, total: int, *, sums: Sums, members: dict[str, Member]
) -> Iterator[Progressed]:
    after = BEFORE_ALL
    while batch := read_batch(connection, after, last + 1, figures.event_types, page=_PAGE):
        for customer_id in customers_of(batch, figures):
            members.setdefault(customer_id, Member())
        fold(batch, figures, members, sums)
        after = batch.commit_no
        yield Progressed(sums.folded, total)


def _of_cursor(generation: int, folded: int, until: int, sums: Sums) -> Iterator[Violation]:
    if (folded, until) != (sums.folded, sums.counted_until):
        message = (
            f"roll-ups {generation} say that they know {folded} entries and events up to {until}; "
            f"there are {sums.folded} up to {sums.counted_until}"
        )
        yield Violation(NAME, (str(generation),), message)


def _differing_sums(connection: Connection, generation: int, sums: Sums) -> Iterator[Violation]:
    wanted: dict[RollupKey, list[int]] = dict(sums.added)
    for key, amount, count in read_rollups(connection, generation):
        found = wanted.pop(key, [0, 0])
        if [amount, count] != found:
            yield _differs(key, [amount, count], found)
    for key, found in wanted.items():
        yield _differs(key, [0, 0], found)


def _differs(key: RollupKey, stored: list[int], found: list[int]) -> Violation:
    name = ":".join(str(part) for part in key)
    message = f"the roll-up {name} says {stored[0]} in {stored[1]}, the books come to {found[0]} in {found[1]}"
    return Violation(NAME, (name,), message)


def _differing_members(connection: Connection, generation: int, members: dict[str, Member]) -> Iterator[Violation]:
    table, wanted = analytics_members, dict(members)
    for row in connection.execute(select(table).where(table.c.generation == generation)).mappings():
        member = wanted.pop(row["customer_id"], None)
        if member is None or member.to_row(generation, row["customer_id"]) != dict(row):
            message = f"what {row['customer_id']} pays a month is not what their events say"
            yield Violation(NAME, (row["customer_id"],), message)
    for customer_id in wanted:
        yield Violation(NAME, (customer_id,), f"roll-ups know nothing of what {customer_id} pays a month")
