"""Prices of their own catalog version, where a newer one reaches whoever has subscribed; and lines of usage."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PRICED = ("subscriptions", "subscriptions_invoices")
_USAGE = "subscriptions_usage"


def upgrade() -> None:
    """Every price was that of the tier's own catalog version before, and no usage was billed."""
    for table in _PRICED:
        op.add_column(table, sa.Column("priced_by", TEXT, nullable=True))
    usage = sa.Column("usage", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    op.add_column("subscriptions_invoices", usage)
    texts = ("id", "subscription_id", "customer_id", "invoice_id", "feature", "meter", "sku", "catalog_version",
             "kind", "quantity", "cost", "currency")  # fmt: skip
    numbers = ("period", "starts_at", "ends_at", "included", "number", "amount", "created_at")
    op.create_table(
        _USAGE,
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subscription_id", "feature", "starts_at", "number", name="subscriptions_usage_once"),
    )
    op.create_index("subscriptions_usage_by_invoice", _USAGE, ["invoice_id"])


def downgrade() -> None:
    """Go back as long as no price has moved and no usage was billed: by what it was asked would be lost."""
    for table in _PRICED:
        _refuse(table, sa.column("priced_by").is_not(None), "prices of another catalog version")
    _refuse(_USAGE, sa.true(), "rows")
    op.drop_index("subscriptions_usage_by_invoice", _USAGE)
    op.drop_table(_USAGE)
    op.drop_column("subscriptions_invoices", "usage")
    for table in _PRICED:
        op.drop_column(table, "priced_by")


def _refuse(table: str, holds: sa.ColumnElement[bool], what: str) -> None:
    found = sa.select(sa.literal(1)).select_from(sa.table(table)).where(holds).limit(1)
    if op.get_bind().execute(found).first() is not None:
        raise LedgerWouldBeLost(f"{table} has {what}, which revision 0005 does not know")
