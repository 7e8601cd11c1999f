"""What the service needs to run: settings, customers, keys, idempotency, events, jobs, inbox, alarms, audit."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, Table, text

from storefront.core.column_types import TEXT
from storefront.core.tables_base import key_column, metadata, number_column, text_column

settings = Table("settings", metadata, key_column("key"), text_column("value"), sqlite_with_rowid=False)

IS_MERGED = text("merged_into IS NOT NULL")

customers = Table(
    "customers",
    metadata,
    key_column("id"),
    Column("external_id", TEXT, nullable=False, unique=True),
    text_column("country", null=True),
    number_column("created_at"),
    text_column("merged_into", null=True),
    number_column("merged_at", null=True),
    Index("customers_merged", "merged_into", sqlite_where=IS_MERGED, postgresql_where=IS_MERGED),
)
"""``merged_into`` names who a merged customer is now, never one that was merged too; ``merged_at`` is the machine's
clock (ms)."""

api_keys = Table(
    "api_keys",
    metadata,
    key_column("id"),
    text_column("kind"),
    text_column("name"),
    Column("hash", LargeBinary, nullable=False),
    text_column("scopes"),
    number_column("created_at"),
    number_column("expires_at", null=True),
    number_column("revoked_at", null=True),
)

idempotency = Table(
    "idempotency",
    metadata,
    key_column("caller"),
    key_column("operation"),
    key_column("key"),
    Column("fingerprint", LargeBinary, nullable=False),
    text_column("object_id", null=True),
    text_column("state"),
    Column("status", Integer, nullable=True),
    Column("body", LargeBinary, nullable=True),
    number_column("created_at"),
    CheckConstraint("state IN ('open', 'answered')", name="idempotency_state_known"),
)

# Conditions of indices over the few rows that matter; SQLite takes such an index only for the very same words.
IS_BESIDE_SALES = text("type NOT IN ('customer.created', 'purchase.pending', 'purchase.completed')")
IS_TO_DO = text("state = 'waiting'")

events = Table(
    "events",
    metadata,
    key_column("anchor"),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    text_column("id"),
    number_column("commit_no"),
    text_column("type"),
    text_column("subject"),
    number_column("occurred_at"),
    number_column("recorded_at"),
    text_column("payload"),
    Index("events_in_commit_order", "commit_no", "anchor", "sequence"),
    Index(
        "events_beside_sales",
        "occurred_at",
        "id",
        sqlite_where=IS_BESIDE_SALES,
        postgresql_where=IS_BESIDE_SALES,
    ),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    metadata,
    key_column("id"),
    Column("unique_key", TEXT, nullable=False, unique=True),
    text_column("anchor"),
    text_column("kind"),
    text_column("payload"),
    text_column("state"),
    number_column("due_at"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    number_column("lease_until", default=0),
    text_column("last_error", null=True),
    number_column("created_at"),
    CheckConstraint("state IN ('waiting', 'dead')", name="job_state_known"),
    Index("jobs_due", "due_at", sqlite_where=IS_TO_DO, postgresql_where=IS_TO_DO),
)
IS_NOT_DONE = text("state IN ('received', 'quarantined')")

inbox = Table(
    "inbox",
    metadata,
    key_column("gateway"),
    key_column("account"),
    key_column("event_id"),
    text_column("type"),
    text_column("reference", null=True),
    text_column("state"),
    Column("raw", LargeBinary, nullable=False),
    text_column("note", null=True),
    number_column("received_at"),
    number_column("processed_at", null=True),
    Index("inbox_by_time", "received_at", "event_id"),
    Index("inbox_not_done", "state", "received_at", "event_id", sqlite_where=IS_NOT_DONE, postgresql_where=IS_NOT_DONE),
)

alarms = Table(
    "alarms",
    metadata,
    key_column("id"),
    text_column("kind"),
    text_column("about"),
    text_column("facts"),
    number_column("raised_at"),
)

audit_actions = Table(
    "audit_actions",
    metadata,
    key_column("id"),
    text_column("actor"),
    text_column("action"),
    text_column("about"),
    text_column("facts"),
    number_column("occurred_at"),
    number_column("recorded_at"),
    Index("audit_actions_by_time", "recorded_at", "id"),
    Index("audit_actions_about", "about", "recorded_at", "id"),
)
