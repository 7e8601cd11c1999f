"""The table of reviews: purchases that a person is to look at before anything is given for them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, text

from storefront.core.column_types import TEXT
from storefront.core.tables_base import metadata, number_column, text_column

# Of the few that are not over; SQLite takes such an index only for the very same words.
IS_WAITING = text("state IN ('open', 'deciding')")

reviews = Table(
    "reviews",
    metadata,
    Column("purchase_id", TEXT, ForeignKey("purchases.id"), primary_key=True),
    text_column("customer_id"),
    text_column("state"),
    text_column("money"),
    text_column("hold_id", null=True),
    text_column("reasons"),
    text_column("decision", null=True),
    text_column("decided_by", null=True),
    text_column("decided_why", null=True),
    number_column("decided_at", null=True),
    number_column("opened_at", null=True),
    number_column("expires_at", null=True),
    number_column("closed_at", null=True),
    number_column("created_at"),
    number_column("updated_at"),
    CheckConstraint("state IN ('awaiting', 'open', 'deciding', 'closed')", name="review_state_known"),
    CheckConstraint("money IN ('none', 'hold', 'authorized', 'received')", name="review_money_known"),
    CheckConstraint(
        "decision IS NULL OR decision IN ('approved', 'rejected', 'expired', 'canceled')",
        name="review_decision_known",
    ),
    Index("reviews_by_time", "created_at", "purchase_id"),
    Index("reviews_waiting", "created_at", sqlite_where=IS_WAITING, postgresql_where=IS_WAITING),
)
