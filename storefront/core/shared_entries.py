"""Entries that hang under one customer and moved what is another's: gifts, transfers, what was taken back of them."""

from sqlalchemy import ColumnElement, or_, select

from storefront.core.names import names_of
from storefront.core.tables import entries, shared_entries


def moved_for(customer_id: str) -> ColumnElement[bool]:
    """Return the condition on ``entries`` that one moved, or may have moved, what is this customer's.

    What moved for those who were merged into them was theirs as well.
    """
    names = names_of(customer_id)
    shared = select(shared_entries.c.entry_id).where(shared_entries.c.customer_id.in_(names))
    return or_(entries.c.anchor.in_(names), entries.c.id.in_(shared))
