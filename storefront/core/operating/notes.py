"""What operators note about a customer, for each other; the customer never sees it, and erasing takes it away."""

from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.commit.outcome import Answer
from storefront.core.commit.plan import IdempotencyKey, Insert, Plan
from storefront.core.errors import FieldError, Invalid
from storefront.core.ids import new_id
from storefront.core.operators.people import list_operators
from storefront.core.privileged import record_action
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import customer_notes

OPERATION = "console: note about a customer"
LONGEST = 2_000
_NOTES = Query(
    select(customer_notes)
    .where(customer_notes.c.customer_id == bindparam("customer_id"))
    .order_by(customer_notes.c.created_at.desc(), customer_notes.c.id.desc())
    .limit(50)
)


async def list_notes(services: Services, customer_id: str) -> list[dict[str, Any]]:
    """Return the newest notes about a customer: ``[{note, by, at}]``; ``by`` is a login where we know one."""
    logins = {one.caller: one.login for one in await list_operators(services)}
    rows = await services.reader.all(_NOTES, customer_id=customer_id)
    return [
        {"note": row["note"], "by": logins.get(row["author"], row["author"]), "at": iso(row["created_at"])}
        for row in rows
    ]


async def add_note(services: Services, key: IdempotencyKey, customer_id: str, note: str) -> None:
    """Note something about a customer, once per key and in the name of its caller; raises ``NotFound``, ``Invalid``."""
    await services.customers.external_id(customer_id)
    if not 1 <= len(note) <= LONGEST:
        message = f"must have 1 to {LONGEST} characters"
        raise Invalid("This is no note.", errors=[FieldError("/note", message)])
    now, wall, note_id, author = services.clock.now(), services.clock.wall(), new_id("note"), key.caller
    plan = Plan(actor=author, anchors={customer_id}, idempotency=key, object_id=note_id)
    row = {"id": note_id, "customer_id": customer_id, "author": author, "note": note, "created_at": wall}
    plan.add(Insert("customer_notes", (note_id,), customer_id, row))
    record_action(plan, "customer.noted", actor=author, about=customer_id, facts={}, now=now, wall=wall)
    plan.answer = lambda _: Answer(200, b"{}")
    await services.engine.commit(plan)
