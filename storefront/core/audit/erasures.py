"""A3-erased: whoever was erased is, and nobody else was."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.privacy.blanking import erased_rows, is_touched, what_is_left
from storefront.core.privacy.core_register import core_register
from storefront.core.privacy.register import Held, Person
from storefront.core.tables import customers, erasures

NAME = "A3-erased"
_MARK = "erased:"
_KEPT_FOR_ITSELF = ("customers", "erasures")


def tombstones_stand(connection: Connection) -> Iterator[Violation]:
    """A3-erased: an erasure and its customer's tombstone belong together, and a tombstone names nobody."""
    into = customers.alias("into")
    statement = (
        select(customers.c.id, customers.c.external_id, customers.c.country, customers.c.erased_at,
               erasures.c.customer_id.label("erased"), into.c.erased_at.label("into_erased_at"))
        .select_from(customers)
        .join(erasures, erasures.c.customer_id == customers.c.id, isouter=True)
        .join(into, into.c.id == customers.c.merged_into, isouter=True)
        .where(or_(customers.c.erased_at.is_not(None), erasures.c.customer_id.is_not(None),
                   into.c.erased_at.is_not(None)))
    )  # fmt: skip
    for row in each_row(connection, statement):
        if row.erased is None and row.erased_at is None:
            yield Violation(NAME, (row.id,), f"{row.id} has a name still, but who they were merged into was erased")
        elif row.erased is None:
            yield Violation(NAME, (row.id,), f"{row.id} is marked as erased, but no erasure says so")
        elif row.erased_at is None or not row.external_id.startswith(_MARK) or row.country is not None:
            yield Violation(NAME, (row.id,), f"{row.id} was erased, and still has a name or a country")


def nothing_is_left(connection: Connection, register: Sequence[Held]) -> Iterator[Violation]:
    """A3-erased: of nobody whose erasure is done does any personal column of the register hold anything."""
    done = select(customers.c.id, customers.c.external_id, erasures.c.ended_sessions_at).join(
        erasures, erasures.c.customer_id == customers.c.id
    )
    people = connection.execute(done.where(erasures.c.state == "done")).all()
    for held in register:
        if not is_touched(held) or held.table.name in _KEPT_FOR_ITSELF:
            continue
        for customer_id, mark, erased_at in people:
            person = Person(customer_id, mark)
            for row in connection.execute(erased_rows(held, person)).mappings():
                if held.arrives and row[held.arrives] >= erased_at:
                    continue  # it came afterwards, and goes in its time
                left = what_is_left(held, dict(row))
                if left:
                    message = f"{person.id} was erased, but {held.table.name} still holds {', '.join(left)} of them"
                    yield Violation(NAME, (person.id, held.table.name), message)


def nothing_is_left_in_the_core(connection: Connection) -> Iterator[Violation]:
    """A3-erased, of the core's own tables."""
    yield from nothing_is_left(connection, core_register())


def nothing_is_left_check(register: Sequence[Held]) -> Check:
    """Return the check of the tables that plugins have."""
    return Check(NAME, "Whoever was erased has left nothing in plugins' tables",
                 lambda connection: nothing_is_left(connection, register))  # fmt: skip


CHECKS = (
    Check(NAME, "Whoever was erased has no name any more", tombstones_stand),
    Check(NAME, "Whoever was erased has left nothing personal", nothing_is_left_in_the_core),
)
