"""Payments for real: saved methods, what takes money back at a gateway, and a copy of the gateway's own books."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost, append_only_triggers
from storefront.core.column_types import TEXT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PAYMENT_COLUMNS = (
    lambda: sa.Column("method", TEXT, nullable=True),
    lambda: sa.Column("saves_method", sa.Integer(), nullable=False, server_default=sa.text("0")),
    lambda: sa.Column("card", TEXT, nullable=False, server_default=sa.text("'{}'")),
    lambda: sa.Column("received_amount", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    lambda: sa.Column("received_currency", TEXT, nullable=True),
)
_REVERSAL_COLUMNS = (
    lambda: sa.Column("gateway", TEXT, nullable=True),
    lambda: sa.Column("gateway_ref", TEXT, nullable=True),
    lambda: sa.Column("facts", TEXT, nullable=False, server_default=sa.text("'{}'")),
    lambda: sa.Column("updated_at", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
)


def upgrade() -> None:
    for column in _PAYMENT_COLUMNS:
        op.add_column("payments", column())
    for column in _REVERSAL_COLUMNS:
        op.add_column("reversals", column())
    op.execute("UPDATE reversals SET updated_at = created_at")
    op.execute(
        "UPDATE payments SET received_amount = amount, received_currency = currency WHERE state = 'received'"
    )
    op.create_index("payments_by_gateway_payment", "payments", ["gateway", "gateway_payment"])
    op.create_index("reversals_by_gateway_ref", "reversals", ["gateway", "gateway_ref"])
    _create_methods()
    _create_gateway_books()
    for statement in append_only_triggers(op.get_context().dialect.name, "gateway_movements", ("gateway", "id")):
        op.execute(statement)


def downgrade() -> None:
    """Go back while no money of a gateway was reversed or settled: revision 0003 has no place for either."""
    connection = op.get_bind()
    for told in ("SELECT 1 FROM gateway_movements LIMIT 1", "SELECT 1 FROM reversals WHERE gateway IS NOT NULL LIMIT 1"):
        if connection.execute(sa.text(told)).first() is not None:
            raise LedgerWouldBeLost("the books say what a gateway moved, and revision 0003 has no place for that")
    for table in ("gateway_books", "gateway_movements", "setups", "payment_methods", "payers"):
        op.drop_table(table)
    op.drop_index("reversals_by_gateway_ref", "reversals")
    op.drop_index("payments_by_gateway_payment", "payments")
    for name in ("updated_at", "facts", "gateway_ref", "gateway"):
        op.drop_column("reversals", name)
    for name in ("received_currency", "received_amount", "card", "saves_method", "method"):
        op.drop_column("payments", name)


def _create_methods() -> None:
    op.create_table(
        "payers",
        sa.Column("customer_id", TEXT, primary_key=True),
        sa.Column("gateway", TEXT, primary_key=True),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "payment_methods",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("brand", TEXT, nullable=True),
        sa.Column("last4", TEXT, nullable=True),
        sa.Column("expires", TEXT, nullable=True),
        sa.Column("fingerprint", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("forgotten_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("gateway", "reference", name="payment_method_once"),
    )
    op.create_index("payment_methods_by_customer", "payment_methods", ["customer_id", "id"])
    op.create_table(
        "setups",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("gateway_ref", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("redirect_url", TEXT, nullable=True),
        sa.Column("method_id", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'saved', 'closed')", name="setup_state_known"),
    )
    op.create_index("setups_by_gateway_ref", "setups", ["gateway", "gateway_ref"])


def _create_gateway_books() -> None:
    op.create_table(
        "gateway_movements",
        sa.Column("gateway", TEXT, primary_key=True),
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("presented_amount", sa.BigInteger(), nullable=True),
        sa.Column("presented_currency", TEXT, nullable=True),
        sa.Column("exchange_rate", TEXT, nullable=True),
        sa.Column("source", TEXT, nullable=True),
        sa.Column("payment", TEXT, nullable=True),
        sa.Column("about", TEXT, nullable=True),
        sa.Column("entry_id", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("gateway_movements_by_payment", "gateway_movements", ["gateway", "payment"])
    op.create_index("gateway_movements_by_source", "gateway_movements", ["gateway", "source"])
    op.create_table(
        "gateway_books",
        sa.Column("gateway", TEXT, primary_key=True),
        sa.Column("cursor", TEXT, nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("followed_at", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=True),
        sa.Column("told", TEXT, nullable=True),
        sa.Column("reconciled_at", sa.BigInteger(), nullable=True),
        sa.Column("report", TEXT, nullable=True),
    )
