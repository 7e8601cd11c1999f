"""Who a customer was: the ids of ours under which the books know one customer, after others were merged into them.

What is append-only keeps the id of whom it happened to; what can change carries the id of who they are now.
"""

from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from storefront.core.column_types import TEXT
from storefront.core.reading import PointReader, Query
from storefront.core.tables import customers

_FORMER = Query(select(customers.c.id).where(customers.c.merged_into == bindparam("customer_id")))
_CUSTOMER = "customer:"
_ID_LENGTH = len("cus_") + 26


def names_of(customer_id: str | BindParameter[str]) -> CompoundSelect[Any]:
    """Select all ids of a customer, for ``in_``: their own, and those that were merged into it."""
    own = literal(customer_id) if isinstance(customer_id, str) else cast(customer_id, TEXT)
    former = customers.alias("former")
    return union_all(select(own.label("id")), select(former.c.id).where(former.c.merged_into == customer_id))


def is_of(column: ColumnElement[str], customer_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that one column names a customer of another, or one who was merged into them."""
    former = customers.alias("former")
    return or_(column == customer_id, column.in_(select(former.c.id).where(former.c.merged_into == customer_id)))


def owner_of(customer_id: ColumnElement[str]) -> ColumnElement[str]:
    """Return who a customer of the books is now."""
    merged = customers.alias("merged")
    into = select(merged.c.merged_into).where(merged.c.id == customer_id).scalar_subquery()
    return func.coalesce(into, customer_id)


def account_now(account: ColumnElement[str]) -> ColumnElement[str]:
    """Return the account that took over what was in this one, if its customer was merged; else this one."""
    first = len(_CUSTOMER) + 1
    owner = owner_of(func.substr(account, first, _ID_LENGTH))
    now = literal(_CUSTOMER) + owner + func.substr(account, first + _ID_LENGTH)
    return case((account.startswith(_CUSTOMER, autoescape=True), now), else_=account)


def was_merged(customer_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that somebody was merged into a customer."""
    former = customers.alias("former")
    return select(former.c.id).where(former.c.merged_into == customer_id).exists()


async def read_names(reader: PointReader, customer_id: str) -> list[str]:
    """Return all ids of a customer: their own first, then those that were merged into it."""
    return [customer_id, *(row["id"] for row in await reader.all(_FORMER, customer_id=customer_id))]
