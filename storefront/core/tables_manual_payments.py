"""The tables of payments that an operator marks by hand."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table

from storefront.core.column_types import TEXT
from storefront.core.tables_base import key_column, metadata, number_column, text_column

manual_payments = Table(
    "manual_payments",
    metadata,
    key_column("reference"),
    Column("purchase_id", TEXT, nullable=False, unique=True),
    text_column("title"),
    number_column("amount"),
    text_column("currency"),
    text_column("success_url"),
    text_column("cancel_url"),
    text_column("state"),
    number_column("refunded"),
    number_column("opened_at"),
    number_column("ended_at", null=True),
    CheckConstraint("state IN ('awaiting', 'received', 'voided')", name="manual_payment_state_known"),
    CheckConstraint("amount > 0 AND refunded BETWEEN 0 AND amount", name="manual_refund_within_payment"),
    Index("manual_payments_by_state", "state", "opened_at"),
)
"""``refunded`` is what has been asked for, sent or not: never more than the amount."""

manual_refunds = Table(
    "manual_refunds",
    metadata,
    key_column("reference"),
    Column("reversal_id", TEXT, nullable=False, unique=True),
    Column("payment", TEXT, ForeignKey("manual_payments.reference"), nullable=False),
    number_column("amount"),
    text_column("state"),
    number_column("asked_at"),
    number_column("sent_at", null=True),
    CheckConstraint("state IN ('pending', 'succeeded')", name="manual_refund_state_known"),
    CheckConstraint("amount > 0", name="manual_refund_of_something"),
    Index("manual_refunds_by_payment", "payment"),
)
