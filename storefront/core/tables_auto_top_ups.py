"""Automatic top-ups: what customers have agreed to, and each time that a wallet fell below what was agreed."""

from sqlalchemy import CheckConstraint, Index, Table, text

from storefront.core.tables_base import key_column, metadata, number_column, text_column

IS_OPEN = text("state IN ('due', 'charging', 'action_required')")

auto_top_ups = Table(
    "auto_top_ups",
    metadata,
    key_column("customer_id"),
    key_column("asset"),
    text_column("id"),
    text_column("state"),
    text_column("reason", null=True),
    number_column("below"),
    text_column("sku"),
    number_column("quantity"),
    text_column("method"),
    text_column("gateway"),
    text_column("currency"),
    number_column("at_most"),
    number_column("daily_cap"),
    number_column("failures"),
    number_column("retry_at", null=True),
    number_column("agreed_at"),
    text_column("agreed_text"),
    text_column("agreed_by"),
    number_column("created_at"),
    number_column("updated_at"),
    number_column("version"),
    CheckConstraint("state IN ('on', 'waiting', 'paused', 'off')", name="auto_top_up_state_known"),
    CheckConstraint(
        "below >= 1 AND quantity >= 1 AND at_most >= 1 AND daily_cap >= at_most", name="auto_top_up_terms_sane"
    ),
    sqlite_with_rowid=False,
)

auto_top_up_runs = Table(
    "auto_top_up_runs",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("asset"),
    text_column("state"),
    number_column("below"),
    number_column("available"),
    text_column("purchase_id", null=True),
    number_column("amount"),
    text_column("currency", null=True),
    text_column("reason", null=True),
    number_column("created_at"),
    number_column("updated_at"),
    number_column("closed_at", null=True),
    CheckConstraint(
        "state IN ('due', 'charging', 'action_required', 'completed', 'failed')", name="auto_top_up_run_state_known"
    ),
    Index("auto_top_up_runs_by_wallet", "customer_id", "asset", "id"),
    Index("auto_top_up_open_once", "customer_id", "asset", unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
)
