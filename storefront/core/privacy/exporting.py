"""Everything that a shop holds about one customer, as one JSON document, table by table.

``{"customer": …, "exported_at": …, "sections": {"purchases": [{…}], …}}``: each row as it is held, without what the
register withholds; times are RFC 3339. Rows come from one statement a table; a table without any is an empty list, so
that it is said that nothing is held there. Pages are small, however much there is.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, select

from storefront.core.clock import iso
from storefront.core.commit.plan import SHOP_ANCHOR, Plan
from storefront.core.errors import NotFound
from storefront.core.privacy.register import Held, Person, rows_about
from storefront.core.privileged import record_action
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import customers

EXPORTED = "customer.exported"
ROWS_AT_ONCE = 200
_CUSTOMER = Query(select(customers).where(customers.c.id == bindparam("id")))
_FORMER = Query(select(customers).where(customers.c.merged_into == bindparam("id")).order_by(customers.c.id))


async def find_person(services: Services, named: str) -> Person:
    """Return whom an operator means by the game's id or by ours, under all their names; raises ``NotFound``.

    Whoever was merged is who they are now. Who was erased is known by our id alone.
    """
    customer_id = await services.customers.find(named) or named
    row = await services.reader.first(_CUSTOMER, id=customer_id)
    if row is not None and row["merged_into"] is not None:
        row = await services.reader.first(_CUSTOMER, id=row["merged_into"])
    if row is None or (row["erased_at"] is not None and named != row["id"]):
        raise NotFound("There is no such customer.")
    former = await services.reader.all(_FORMER, id=row["id"])
    return Person(row["id"], row["external_id"], tuple(Person(one["id"], one["external_id"]) for one in former))


async def export_customer(services: Services, named: str, *, actor: str) -> dict[str, Any]:
    """Return the whole document, for a shell; raises ``NotFound``."""
    person = await find_person(services, named)
    pieces = [piece async for piece in stream_customer(services, person, actor=actor)]
    document: dict[str, Any] = msgspec.json.decode(b"".join(pieces))
    return document


async def stream_customer(services: Services, person: Person, *, actor: str) -> AsyncGenerator[bytes, None]:
    """Yield the document piece by piece. That it is handed out stands in the audit trail before its first byte."""
    now = services.clock.now()
    await _record(services, person, actor, now)
    head = msgspec.json.encode({"customer": person.external_id, "id": person.id, "exported_at": iso(now)})
    yield head[:-1] + b',"sections":{'
    separator = b""
    for held in services.personal_data:
        if held.whose is None:
            continue
        yield separator + msgspec.json.encode(str(held.table.name)) + b":["
        async for page in _pages(services, held, person):
            yield page
        yield b"]"
        separator = b","
    yield b"}}"


async def _pages(services: Services, held: Held, person: Person) -> AsyncIterator[bytes]:
    between = b""
    async with (
        services.reader.connect() as connection,
        connection.stream(rows_of(held, person), execution_options={"yield_per": ROWS_AT_ONCE}) as found,
    ):
        async for page in found.mappings().partitions():
            yield between + b",".join(msgspec.json.encode(_shown(row)) for row in page)
            between = b","


def rows_of(held: Held, person: Person) -> Select[Any]:
    """Select what an export shows of a table's rows about a customer, in the order of their keys."""
    assert held.whose is not None, "only tables with rows about customers are asked"
    shown = [held.table.c[name] for name in held.shown]
    return select(*shown).where(rows_about(held.whose, held.table, person)).order_by(*held.table.primary_key.columns)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): _readable(name, value) for name, value in row.items()}


def _readable(name: str, value: Any) -> Any:
    if isinstance(value, bytes):  # a request or an answer as it went over the wire
        return value.decode(errors="backslashreplace")
    return iso(value) if name.endswith("_at") and isinstance(value, int) else value


async def _record(services: Services, person: Person, actor: str, now: int) -> None:
    plan = Plan(actor=actor, anchors={SHOP_ANCHOR})
    record_action(plan, EXPORTED, actor=actor, about=person.id, facts={}, now=now, wall=services.clock.wall())
    await services.engine.commit(plan)
