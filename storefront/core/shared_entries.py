"""Entries that hang under one customer and moved what is another's: gifts, transfers, what was taken back of them."""

from sqlalchemy import ColumnElement, or_, select

from storefront.core.tables import entries, shared_entries


def moved_for(customer_id: str) -> ColumnElement[bool]:
    """Return the condition on ``entries`` that one moved, or may have moved, what is this customer's."""
    shared = select(shared_entries.c.entry_id).where(shared_entries.c.customer_id == customer_id)
    return or_(entries.c.anchor == customer_id, entries.c.id.in_(shared))
