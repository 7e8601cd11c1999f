"""Who a customer was: the ids of ours under which the books know one customer, after others were merged into them.

What is append-only keeps the id of whom it happened to; what can change carries the id of who they are now.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select

from storefront.core.tables import customers

_CUSTOMER = "customer:"
_ID_LENGTH = len("cus_") + 26


def names_of(customer_id: str | ColumnElement[str]) -> Select[Any]:
    """Select all ids of a customer, for ``in_``: their own, and those that were merged into it."""
    named = customers.alias("named")
    return select(named.c.id).where(or_(named.c.id == customer_id, named.c.merged_into == customer_id))


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
