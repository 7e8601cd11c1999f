"""The tables of payments that an operator marks by hand."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table

from storefront.core.column_types import TEXT
from storefront.core.tables_base import metadata

manual_payments = Table(
    "manual_payments",
    metadata,
    Column("reference", TEXT, primary_key=True),
    Column("purchase_id", TEXT, nullable=False, unique=True),
    Column("title", TEXT, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("success_url", TEXT, nullable=False),
    Column("cancel_url", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    CheckConstraint("state IN ('awaiting', 'received', 'voided')", name="manual_payment_state_known"),
    CheckConstraint("amount > 0 AND refunded BETWEEN 0 AND amount", name="manual_refund_within_payment"),
    Index("manual_payments_by_state", "state", "opened_at"),
)
"""``refunded`` is what has been asked for, sent or not: never more than the amount."""

manual_refunds = Table(
    "manual_refunds",
    metadata,
    Column("reference", TEXT, primary_key=True),
    Column("reversal_id", TEXT, nullable=False, unique=True),
    Column("payment", TEXT, ForeignKey("manual_payments.reference"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=True),
    CheckConstraint("state IN ('pending', 'succeeded')", name="manual_refund_state_known"),
    CheckConstraint("amount > 0", name="manual_refund_of_something"),
    Index("manual_refunds_by_payment", "payment"),
)
