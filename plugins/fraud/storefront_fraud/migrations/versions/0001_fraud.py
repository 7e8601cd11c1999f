"""Decisions, velocity counters, and what is put on lists while the shop runs."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _numbers(*names: str, null: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=null) for name in names]


def upgrade() -> None:
    op.create_table(
        "fraud_decisions",
        *_texts("purchase_id", "stage", "customer_id", "verdict", "decided_by", "outcome", "matches", "attributes",
                "counted", "to_count", "identity"),
        *_numbers("amount", null=True),
        *_numbers("errors"),
        *_texts("rules_version", "catalog_version"),
        *_numbers("created_at"),
        sa.PrimaryKeyConstraint("purchase_id", "stage"),
    )  # fmt: skip
    op.create_index("fraud_decisions_by_time", "fraud_decisions", ["created_at", "purchase_id"])
    op.create_table("fraud_counters", *_texts("dimension", "value", "buckets"), *_numbers("updated_at"),
                    sa.PrimaryKeyConstraint("dimension", "value"), sqlite_with_rowid=False)  # fmt: skip
    op.create_table("fraud_list_entries", *_texts("list", "value", "reason", "actor"), *_numbers("created_at"),
                    *_numbers("expires_at", null=True), sa.PrimaryKeyConstraint("list", "value"))  # fmt: skip
    op.create_index("fraud_list_entries_by_end", "fraud_list_entries", ["expires_at"])


def downgrade() -> None:
    """Go back: what was decided and counted is forgotten; no money hangs on it."""
    for name in ("fraud_list_entries", "fraud_counters", "fraud_decisions"):
        op.drop_table(name)
