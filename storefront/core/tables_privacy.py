"""The table of erasures: which customers' personal data was taken away, and how far that has come."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, text

from storefront.core.column_types import TEXT
from storefront.core.tables_base import metadata, number_column, text_column

# Of the few that are not over; SQLite takes such an index only for the very same words.
IS_ERASING = text("state = 'erasing'")

erasures = Table(
    "erasures",
    metadata,
    Column("customer_id", TEXT, ForeignKey("customers.id"), primary_key=True),
    text_column("state"),
    text_column("actor"),
    text_column("request", null=True),
    text_column("words", null=True),
    text_column("last_error", null=True),
    number_column("begun_at"),
    number_column("ended_sessions_at"),
    number_column("done_at", null=True),
    CheckConstraint("state IN ('erasing', 'done')", name="erasure_state_known"),
    CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="erasure_done_when_over"),
    CheckConstraint("state = 'erasing' OR words IS NULL", name="erasure_forgets_its_words"),
    Index("erasures_by_request", "request"),
    Index("erasures_under_way", "state", sqlite_where=IS_ERASING, postgresql_where=IS_ERASING),
)
"""The row is the tombstone: from its commit on nothing begins for the customer any more. ``words`` (JSON)
maps our ids of them to the names that are still looked for in texts: their own, and of those who were merged into
them, who have a row each without. It goes when nothing is left to do. While a row says ``erasing``, the guards of
append-only tables let texts about its customer be written over. ``request`` is the hash of the key under which it was
asked for; ``ended_sessions_at`` is by the machine's clock."""
