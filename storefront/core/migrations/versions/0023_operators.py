"""Operators of the console: who they are, their sign-in links and sessions, and notes about customers."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operators",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("login", TEXT, nullable=False, unique=True),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("password", TEXT, nullable=True),
        sa.Column("totp", TEXT, nullable=True),
        sa.Column("totp_step", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
        sa.CheckConstraint("role IN ('owner', 'finance', 'support', 'read_only')", name="operator_role_known"),
    )
    op.create_table(
        "operator_links",
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("operator_id", TEXT, sa.ForeignKey("operators.id"), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=True),
    )
    op.create_index("operator_links_of", "operator_links", ["operator_id"])
    op.create_table(
        "console_sessions",
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("operator_id", TEXT, sa.ForeignKey("operators.id"), nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("confirmed_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
        sa.CheckConstraint("method IN ('password', 'link', 'oidc')", name="console_session_method_known"),
    )
    op.create_index("console_sessions_of", "console_sessions", ["operator_id"])
    op.create_table(
        "customer_notes",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("customer_id", TEXT, sa.ForeignKey("customers.id"), nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("customer_notes_of", "customer_notes", ["customer_id", "created_at"])


def downgrade() -> None:
    for table in ("customer_notes", "console_sessions", "operator_links", "operators"):
        op.drop_table(table)
