"""The audit trail: who did what, about which object, and to what that object belongs."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, or_, select, union_all

from storefront.core.adjusting import KIND
from storefront.core.clock import iso
from storefront.core.operating.pages import read_page
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import audit_actions, customers, entries, grants, purchases, reversals
from storefront.core.tables_operators import operators


async def list_actions(
    services: Services, *, text: str | None = None, actor: str | None = None, limit: int = 50, after: str | None = None
) -> dict[str, Any]:
    """Return a page of what operators and keys did, newest first: all, by one actor, or what ``text`` finds.

    ``text`` is the id of what a row is about or of the purchase or customer that this belongs to; a customer's own id;
    or the login of an operator, who did it or to whom it was done. Each row's ``of`` says what it belongs to.
    """
    statement = select(audit_actions)
    if text is not None:
        statement = statement.where(_found_by(text))
    if actor is not None:
        statement = statement.where(audit_actions.c.actor == actor)
    by = (audit_actions.c.recorded_at, audit_actions.c.id)
    page = await read_page(services.reader, statement, by, limit=limit, after=after, shown=_shown)
    belongs = await _belonging(services, [one["about"] for one in page["data"]])
    return {**page, "data": [{**one, "of": _owner(one, belongs)} for one in page["data"]]}


def _found_by(text: str) -> Any:
    """Return the condition: rows are sealed, so what their objects belong to is looked up where the objects are."""
    customer = or_(customers.c.id == text, customers.c.external_id == text)
    theirs = select(customers.c.id).where(customer).scalar_subquery()
    operator = select(operators.c.id).where(operators.c.login == text.casefold())
    abouts = union_all(
        select(customers.c.id).where(customer),
        select(reversals.c.id).where(reversals.c.purchase_id == text),
        select(reversals.c.id).join(purchases, purchases.c.id == reversals.c.purchase_id)
        .where(purchases.c.customer_id == theirs),
        select(grants.c.id).where(grants.c.customer_id == theirs),
        select(entries.c.about).where(entries.c.anchor == theirs, entries.c.kind == KIND),
        operator,
    )  # fmt: skip
    did = select(("operator:" + operators.c.id).label("actor")).where(operators.c.login == text.casefold())
    about = audit_actions.c.about
    return or_(about == text, about.in_(abouts), audit_actions.c.actor.in_(did))


async def _belonging(services: Services, abouts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what refunds and grants of these ids belong to."""
    refunded: Select[Any] = select(
        reversals.c.id, reversals.c.purchase_id, reversals.c.customer_id, reversals.c.amount, reversals.c.currency
    ).where(reversals.c.id.in_(abouts))
    given: Select[Any] = select(grants.c.id, grants.c.customer_id).where(grants.c.id.in_(abouts))
    found = [dict(row) for statement in (refunded, given) for row in await services.reader.scan(statement)]
    return {row["id"]: row for row in found}


def _owner(one: dict[str, Any], belongs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the purchase, customer and sum of what a row is about, as far as it has them."""
    customer = one["facts"].get("customer_id")
    return belongs.get(one["about"], {} if customer is None else {"customer_id": customer})


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "actor": row["actor"],
        "action": row["action"],
        "about": row["about"],
        "facts": msgspec.json.decode(row["facts"]),
        "recorded_at": iso(row["recorded_at"]),
    }
