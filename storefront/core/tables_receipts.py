"""Receipts and credit notes as they were signed, and the public keys that prove them."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table

from storefront.core.column_types import TEXT
from storefront.core.tables_base import key_column, metadata, number_column, text_column

receipt_keys = Table(
    "receipt_keys",
    metadata,
    key_column("kid"),
    text_column("jwk"),
    number_column("first_used_at"),
    sqlite_with_rowid=False,
)

receipts = Table(
    "receipts",
    metadata,
    key_column("series"),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    text_column("kind"),
    # The purchase that a receipt is for, the reversal that a credit note is for: each gets one.
    Column("about", TEXT, nullable=False, unique=True),
    text_column("purchase_id"),
    text_column("customer_id"),
    # Of the event that called for it: numbers follow commit order.
    number_column("commit_no"),
    number_column("issued_at"),
    text_column("kid"),
    text_column("jws"),
    CheckConstraint("number > 0", name="receipt_number_positive"),
    CheckConstraint("kind IN ('receipt', 'credit_note')", name="receipt_kind_known"),
    Index("receipts_by_purchase", "purchase_id"),
)
