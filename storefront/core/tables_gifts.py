"""What customers give each other: transfers between them, and whose wallets an entry of another one touched."""

from sqlalchemy import CheckConstraint, Index, Table

from storefront.core.tables_base import key_column, metadata, number_column, text_column

shared_entries = Table(
    "shared_entries",
    metadata,
    key_column("customer_id"),
    key_column("entry_id"),
    sqlite_with_rowid=False,
)
"""An entry hangs under one customer; whose wallets or debts it moved besides finds it here."""

customer_transfers = Table(
    "customer_transfers",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("recipient_id"),
    text_column("asset", null=True),
    number_column("amount", null=True),
    number_column("fee", null=True),
    text_column("sku", null=True),
    number_column("quantity", null=True),
    text_column("instances", null=True),
    text_column("actor"),
    text_column("entry_id", null=True),
    number_column("created_at"),
    CheckConstraint("(asset IS NULL) <> (sku IS NULL)", name="customer_transfer_of_one_thing"),
    CheckConstraint("customer_id <> recipient_id", name="customer_transfer_between_two"),
    Index("customer_transfers_by_customer", "customer_id", "id"),
    Index("customer_transfers_by_recipient", "recipient_id", "id"),
)
"""``instances``: of items, those units that are things of their own: ``[[instance, number], …]``."""
