"""The tables of the core, for SQLite and PostgreSQL alike; ``migrations/`` builds them.

Times are integer milliseconds (UTC), amounts integers in the smallest unit, JSON is text. A table in
``APPEND_ONLY`` is guarded by triggers: the database itself refuses UPDATE, DELETE and an INSERT over an
existing id. Every row that a plan may change hangs under an anchor (``architecture``: docs/architecture.md).
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    text,
)

from storefront.core.column_types import TEXT
from storefront.core.tables_base import key_column as _key
from storefront.core.tables_base import metadata as _metadata
from storefront.core.tables_base import number_column as _number
from storefront.core.tables_base import text_column as _text
from storefront.core.tables_receipts import receipt_keys, receipts

metadata = _metadata

settings = Table("settings", metadata, _key("key"), _text("value"), sqlite_with_rowid=False)

anchors = Table(
    "anchors",
    metadata,
    _key("id"),
    _number("version"),
    _number("sequence"),
    sqlite_with_rowid=False,
)

customers = Table(
    "customers",
    metadata,
    _key("id"),
    Column("external_id", TEXT, nullable=False, unique=True),
    _text("country", null=True),
    _number("created_at"),
)

accounts = Table(
    "accounts",
    metadata,
    _key("id"),
    _text("owner"),
    _text("role"),
    _text("asset"),
    Column("guarded", Integer, nullable=False),
    _number("balance"),
    CheckConstraint("guarded = 0 OR balance >= 0", name="guarded_account_not_below_zero"),
    sqlite_with_rowid=False,
)

entries = Table(
    "entries",
    metadata,
    _key("id"),
    _number("commit_no"),
    _text("kind"),
    _text("about"),
    _text("anchor"),
    _text("actor"),
    _text("reverses", null=True),
    _number("occurred_at"),
    _number("recorded_at"),
    _text("facts", null=True),
    Index("entries_by_anchor", "anchor", "id"),
    Index("entries_in_commit_order", "commit_no", "id"),
    sqlite_with_rowid=False,
)

transfers = Table(
    "transfers",
    metadata,
    Column("entry_id", TEXT, ForeignKey("entries.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _text("source"),
    _text("destination"),
    _text("asset"),
    _number("amount"),
    CheckConstraint("amount > 0", name="transfer_amount_positive"),
    CheckConstraint("source <> destination", name="transfer_between_two_accounts"),
    sqlite_with_rowid=False,
)

lots = Table(
    "lots",
    metadata,
    _key("id"),
    _text("account"),
    _text("source"),
    _text("payment", null=True),
    _number("cost_amount", null=True),
    _text("cost_currency", null=True),
    _number("priority"),
    _number("opened_at"),
    _number("expires_at", null=True),
    _number("amount"),
    _number("remaining"),
    _number("held", default=0),
    _number("frozen", default=0),
    CheckConstraint("remaining >= 0 AND remaining <= amount", name="lot_remaining_within_amount"),
    CheckConstraint("held >= 0 AND frozen >= 0 AND held + frozen <= remaining", name="lot_pins_within_remaining"),
    Index("lots_open", "account", sqlite_where=text("remaining > 0"), postgresql_where=text("remaining > 0")),
    sqlite_with_rowid=False,
)

draws = Table(
    "draws",
    metadata,
    Column("entry_id", TEXT, ForeignKey("entries.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("transfer", Integer, nullable=False),
    _text("lot_id"),
    _number("amount"),
    CheckConstraint("amount > 0", name="draw_amount_positive"),
    sqlite_with_rowid=False,
)

credits = Table(
    "credits",
    metadata,
    Column("entry_id", TEXT, ForeignKey("entries.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("transfer", Integer, nullable=False),
    _text("lot_id"),
    _number("amount"),
    _text("source"),
    _text("payment", null=True),
    _number("cost_amount", null=True),
    _text("cost_currency", null=True),
    _number("priority"),
    _number("expires_at", null=True),
    CheckConstraint("amount > 0", name="credit_amount_positive"),
    sqlite_with_rowid=False,
)

holds = Table(
    "holds",
    metadata,
    _key("id"),
    _text("customer_id"),
    _text("account"),
    _text("asset"),
    _number("amount"),
    _number("captured", default=0),
    _text("state"),
    _text("pins"),
    _text("reason"),
    _text("actor"),
    _text("entry_id", null=True),
    _number("created_at"),
    _number("expires_at"),
    _number("closed_at", null=True),
    CheckConstraint("amount > 0 AND captured >= 0 AND captured <= amount", name="hold_captured_within_amount"),
    CheckConstraint("state IN ('open', 'captured', 'released', 'expired')", name="hold_state_known"),
    Index("holds_by_customer", "customer_id", "id"),
    Index("holds_open", "account", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

grants = Table(
    "grants",
    metadata,
    _key("id"),
    _text("customer_id"),
    _text("asset", null=True),
    _number("amount", null=True),
    _text("sku", null=True),
    _number("quantity", null=True),
    _text("reason"),
    _text("actor"),
    _text("entry_id", null=True),
    _number("expires_at", null=True),
    _number("created_at"),
    CheckConstraint("asset IS NOT NULL OR sku IS NOT NULL", name="grant_of_something"),
    Index("grants_by_customer", "customer_id", "id"),
)

reversals = Table(
    "reversals",
    metadata,
    _key("id"),
    Column("purchase_id", TEXT, ForeignKey("purchases.id"), nullable=False),
    Column("number", Integer, nullable=False),
    _text("customer_id"),
    _text("cause"),
    _number("amount"),
    _text("currency"),
    _text("state"),
    _text("taken_back"),
    _text("reason"),
    _text("actor"),
    _text("entry_id", null=True),
    _number("created_at"),
    _number("closed_at", null=True),
    CheckConstraint("amount >= 0", name="reversal_amount_sane"),
    UniqueConstraint("purchase_id", "number", name="reversal_number_once"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _key("account"),
    _number("balance"),
    _number("seal"),
    sqlite_with_rowid=False,
)

seals = Table(
    "seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _number("first_commit_no"),
    _number("last_commit_no"),
    _text("last_entry_id"),
    _number("entries"),
    _number("entries_so_far"),
    Column("root", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    _number("sealed_at"),
    sqlite_with_rowid=False,
)

seal_leaves = Table(
    "seal_leaves",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("leaves", LargeBinary, nullable=False),
)

counters = Table("counters", metadata, _key("key"), _text("anchor"), _number("value"), sqlite_with_rowid=False)

claims = Table("claims", metadata, _key("key"), _text("about"), sqlite_with_rowid=False)

idempotency = Table(
    "idempotency",
    metadata,
    _key("caller"),
    _key("operation"),
    _key("key"),
    Column("fingerprint", LargeBinary, nullable=False),
    _text("object_id", null=True),
    _text("state"),
    Column("status", Integer, nullable=True),
    Column("body", LargeBinary, nullable=True),
    _number("created_at"),
    CheckConstraint("state IN ('open', 'answered')", name="idempotency_state_known"),
)

items = Table(
    "items",
    metadata,
    _key("customer_id"),
    _key("sku"),
    _text("id"),
    _number("quantity"),
    _number("frozen", default=0),
    _number("granted_at"),
    _number("expires_at", null=True),
    CheckConstraint("quantity >= 0 AND frozen >= 0 AND frozen <= quantity", name="item_quantity_not_below_zero"),
    sqlite_with_rowid=False,
)

item_movements = Table(
    "item_movements",
    metadata,
    _key("id"),
    _number("commit_no"),
    _text("customer_id"),
    _text("sku"),
    _number("quantity"),
    _text("cause"),
    _text("about"),
    _text("bought_with", null=True),
    CheckConstraint("quantity <> 0", name="item_movement_not_zero"),
    sqlite_with_rowid=False,
)

entitlements = Table(
    "entitlements",
    metadata,
    _key("customer_id"),
    _key("key"),
    _key("source_id"),
    _text("id"),
    _text("source_type"),
    _text("sku", null=True),
    _text("value"),
    _number("granted_at"),
    _number("expires_at", null=True),
    _number("ended_at", null=True),
    sqlite_with_rowid=False,
)

purchases = Table(
    "purchases",
    metadata,
    _key("id"),
    _text("customer_id"),
    _text("sku"),
    _text("kind"),
    _number("quantity"),
    _text("status"),
    _text("refunded"),
    _text("dispute"),
    _text("pay_with"),
    _text("payment_state"),
    _text("currency"),
    _number("total"),
    _text("catalog_version"),
    _text("lines"),
    _text("reserved"),
    _text("details"),
    _text("metadata"),
    _text("entry_id", null=True),
    _text("reason", null=True),
    _number("created_at"),
    _number("updated_at"),
    _number("completed_at", null=True),
    _number("expires_at", null=True),
    CheckConstraint("quantity >= 1 AND total >= 0", name="purchase_amounts_sane"),
    Index("purchases_by_customer", "customer_id", "id"),
)

payments = Table(
    "payments",
    metadata,
    _key("id"),
    Column("purchase_id", TEXT, ForeignKey("purchases.id"), nullable=False, unique=True),
    _text("customer_id"),
    _text("gateway"),
    _text("gateway_ref", null=True),
    _text("gateway_payment", null=True),
    _number("amount"),
    _text("currency"),
    _text("state"),
    _text("redirect_url", null=True),
    _text("return_url", null=True),
    _number("lease_until"),
    _number("asked_at", null=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _number("created_at"),
    Index("payments_by_gateway_ref", "gateway", "gateway_ref"),
)

events = Table(
    "events",
    metadata,
    _key("anchor"),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _text("id"),
    _number("commit_no"),
    _text("type"),
    _text("subject"),
    _number("occurred_at"),
    _number("recorded_at"),
    _text("payload"),
    Index("events_in_commit_order", "commit_no", "anchor", "sequence"),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    metadata,
    _key("id"),
    Column("unique_key", TEXT, nullable=False, unique=True),
    _text("anchor"),
    _text("kind"),
    _text("payload"),
    _text("state"),
    _number("due_at"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _number("lease_until", default=0),
    _text("last_error", null=True),
    _number("created_at"),
    CheckConstraint("state IN ('waiting', 'dead')", name="job_state_known"),
    Index("jobs_due", "due_at", sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'")),
)

inbox = Table(
    "inbox",
    metadata,
    _key("gateway"),
    _key("account"),
    _key("event_id"),
    _text("type"),
    _text("reference", null=True),
    _text("state"),
    Column("raw", LargeBinary, nullable=False),
    _text("note", null=True),
    _number("received_at"),
    _number("processed_at", null=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    _key("id"),
    _text("kind"),
    _text("name"),
    Column("hash", LargeBinary, nullable=False),
    _text("scopes"),
    _number("created_at"),
    _number("expires_at", null=True),
    _number("revoked_at", null=True),
)

catalog_versions = Table(
    "catalog_versions",
    metadata,
    _key("hash"),
    _text("document"),
    _number("stored_at"),
)

alarms = Table(
    "alarms",
    metadata,
    _key("id"),
    _text("kind"),
    _text("about"),
    _text("facts"),
    _number("raised_at"),
)

audit_actions = Table(
    "audit_actions",
    metadata,
    _key("id"),
    _text("actor"),
    _text("action"),
    _text("about"),
    _text("facts"),
    _number("occurred_at"),
    _number("recorded_at"),
)

APPEND_ONLY = (
    entries,
    transfers,
    draws,
    credits,
    grants,
    seals,
    seal_leaves,
    item_movements,
    events,
    catalog_versions,
    alarms,
    audit_actions,
    receipt_keys,
    receipts,
)
