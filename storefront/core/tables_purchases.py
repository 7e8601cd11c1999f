"""What was bought and given: purchases, payments, grants, reversals, items, entitlements, and what bounds them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from storefront.core.column_types import TEXT, last4_of
from storefront.core.tables_base import key_column, metadata, number_column, text_column

# Conditions of indices over the few rows that are not over; SQLite takes such an index only for the very same words.
IS_PENDING = text("status = 'pending'")
HAS_NETWORK = text("network IS NOT NULL")
IS_GIFT = text("recipient_id IS NOT NULL")
IS_WAITING = text("state IN ('pending', 'open')")

purchases = Table(
    "purchases",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("sku"),
    text_column("kind"),
    number_column("quantity"),
    text_column("status"),
    text_column("refunded"),
    text_column("dispute"),
    text_column("pay_with"),
    text_column("payment_state"),
    text_column("currency"),
    number_column("total"),
    text_column("catalog_version"),
    text_column("lines"),
    text_column("reserved"),
    text_column("details"),
    text_column("metadata"),
    text_column("entry_id", null=True),
    text_column("reason", null=True),
    number_column("created_at"),
    number_column("updated_at"),
    number_column("completed_at", null=True),
    number_column("expires_at", null=True),
    text_column("recipient_id", null=True),
    text_column("auto_top_up", null=True),
    text_column("bill", null=True),
    CheckConstraint("quantity >= 1 AND total >= 0", name="purchase_amounts_sane"),
    Index("purchases_by_customer", "customer_id", "id"),
    Index("purchases_by_recipient", "recipient_id", "id", sqlite_where=IS_GIFT, postgresql_where=IS_GIFT),
    Index("purchases_pending", "created_at", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
    # All that a list of purchases is narrowed by, in its order: also what is rare, or not there, is found without
    # reading what was sold.
    Index(
        "purchases_as_listed",
        *("id", "status", "refunded", "dispute", "currency", "kind", "sku", "total", "created_at", "completed_at"),
    ),
)

payments = Table(
    "payments",
    metadata,
    key_column("id"),
    Column("purchase_id", TEXT, ForeignKey("purchases.id"), nullable=False, unique=True),
    text_column("customer_id"),
    text_column("gateway"),
    text_column("gateway_ref", null=True),
    text_column("gateway_payment", null=True),
    number_column("amount"),
    text_column("currency"),
    text_column("state"),
    text_column("redirect_url", null=True),
    text_column("return_url", null=True),
    number_column("lease_until"),
    number_column("asked_at", null=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    number_column("created_at"),
    text_column("method", null=True),
    Column("saves_method", Integer, nullable=False, server_default=text("0")),
    Column("card", TEXT, nullable=False, server_default=text("'{}'")),
    number_column("received_amount", default=0),
    text_column("received_currency", null=True),
    text_column("network", null=True),
    text_column("declined", null=True),
    Column("is_screened", Integer, nullable=False, server_default=text("0")),
    Column("asks_challenge", Integer, nullable=False, server_default=text("0")),
    text_column("verdict", null=True),
    number_column("authorized_until", null=True),
    Index("payments_by_gateway_ref", "gateway", "gateway_ref"),
    Index("payments_by_gateway_payment", "gateway", "gateway_payment"),
    Index("payments_by_last4", last4_of(text("card")), "purchase_id"),
    Index("payments_with_network", "created_at", sqlite_where=HAS_NETWORK, postgresql_where=HAS_NETWORK),
)

grants = Table(
    "grants",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("asset", null=True),
    number_column("amount", null=True),
    text_column("sku", null=True),
    number_column("quantity", null=True),
    text_column("reason"),
    text_column("actor"),
    text_column("entry_id", null=True),
    number_column("expires_at", null=True),
    number_column("created_at"),
    CheckConstraint("asset IS NOT NULL OR sku IS NOT NULL", name="grant_of_something"),
    Index("grants_by_customer", "customer_id", "id"),
)

reversals = Table(
    "reversals",
    metadata,
    key_column("id"),
    Column("purchase_id", TEXT, ForeignKey("purchases.id"), nullable=False),
    Column("number", Integer, nullable=False),
    text_column("customer_id"),
    text_column("cause"),
    number_column("amount"),
    text_column("currency"),
    text_column("state"),
    text_column("taken_back"),
    text_column("reason"),
    text_column("actor"),
    text_column("entry_id", null=True),
    number_column("created_at"),
    number_column("closed_at", null=True),
    text_column("gateway", null=True),
    text_column("gateway_ref", null=True),
    Column("facts", TEXT, nullable=False, server_default=text("'{}'")),
    number_column("updated_at", default=0),
    CheckConstraint("amount >= 0", name="reversal_amount_sane"),
    UniqueConstraint("purchase_id", "number", name="reversal_number_once"),
    Index("reversals_by_gateway_ref", "gateway", "gateway_ref"),
    Index("reversals_waiting", "cause", sqlite_where=IS_WAITING, postgresql_where=IS_WAITING),
)

counters = Table(
    "counters", metadata, key_column("key"), text_column("anchor"), number_column("value"), sqlite_with_rowid=False
)

claims = Table("claims", metadata, key_column("key"), text_column("about"), sqlite_with_rowid=False)

items = Table(
    "items",
    metadata,
    key_column("customer_id"),
    key_column("sku"),
    text_column("id"),
    number_column("quantity"),
    number_column("frozen", default=0),
    number_column("granted_at"),
    number_column("expires_at", null=True),
    Column("is_unique", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("quantity >= 0 AND frozen >= 0 AND frozen <= quantity", name="item_quantity_not_below_zero"),
    sqlite_with_rowid=False,
)

item_movements = Table(
    "item_movements",
    metadata,
    key_column("id"),
    number_column("commit_no"),
    text_column("customer_id"),
    text_column("sku"),
    number_column("quantity"),
    text_column("cause"),
    text_column("about"),
    text_column("bought_with", null=True),
    CheckConstraint("quantity <> 0", name="item_movement_not_zero"),
    sqlite_with_rowid=False,
)

entitlements = Table(
    "entitlements",
    metadata,
    key_column("customer_id"),
    key_column("key"),
    key_column("source_id"),
    text_column("id"),
    text_column("source_type"),
    text_column("sku", null=True),
    text_column("value"),
    number_column("granted_at"),
    number_column("expires_at", null=True),
    number_column("ended_at", null=True),
    text_column("frozen_by", null=True),
    text_column("given_by", null=True),
    sqlite_with_rowid=False,
)

catalog_versions = Table(
    "catalog_versions",
    metadata,
    key_column("hash"),
    text_column("document"),
    number_column("stored_at"),
)
