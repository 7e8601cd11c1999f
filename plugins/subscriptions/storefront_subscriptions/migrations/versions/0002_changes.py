"""Changes of tier: what was agreed to, what is carried to the next invoice, and periods with anchors of their own."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TAKEN_OVER = ("interval", "price", "seats", "pay_with")
_NEW_OF_INVOICES = (*_TAKEN_OVER, "anchor", "anchor_period", "uncut_end", "carried", "spans", "change_id")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0"))


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=False, server_default=sa.text("''"))


def upgrade() -> None:
    """Every invoice so far is of one tier for a whole period, computed from its subscription's only anchor."""
    op.add_column("subscriptions", _number("anchor_period"))
    op.add_column("subscriptions", sa.Column("change_id", TEXT, nullable=True))
    new = (_text("interval"), _number("price"), _number("seats"), _text("pay_with"),
           sa.Column("anchor", sa.BigInteger(), nullable=True), _number("anchor_period"),
           sa.Column("uncut_end", sa.BigInteger(), nullable=True), _number("carried"),
           sa.Column("spans", TEXT, nullable=True), sa.Column("change_id", TEXT, nullable=True))  # fmt: skip
    for column in new:
        op.add_column("subscriptions_invoices", column)
    subscriptions = sa.table("subscriptions", sa.column("id"), *map(sa.column, (*_TAKEN_OVER, "anchor")))
    invoices = sa.table("subscriptions_invoices", *map(sa.column, ("subscription_id", "period", *_NEW_OF_INVOICES)))
    mine = subscriptions.c.id == invoices.c.subscription_id
    taken = {name: sa.select(subscriptions.c[name]).where(mine).scalar_subquery() for name in (*_TAKEN_OVER, "anchor")}
    op.execute(sa.update(invoices).values(taken))
    op.execute(sa.update(invoices).where(invoices.c.period < 0).values(anchor=None))
    _create_tables()


def _create_tables() -> None:
    texts = ("id", "subscription_id", "customer_id", "state", "direction", "timing", "old_sku", "sku",
             "catalog_version", "interval", "currency", "pay_with", "lines")  # fmt: skip
    numbers = ("price", "seats", "period", "at", "credit", "charge", "total", "used", "kept", "returned", "created_at")
    op.create_table(
        "subscriptions_changes",
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        *(sa.Column(name, TEXT, nullable=True) for name in ("money", "before", "after", "invoice_id", "purchase_id")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("new_end", "closed_at")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("subscriptions_changes_of", "subscriptions_changes", ["subscription_id", "id"])
    op.create_index("subscriptions_changes_by_customer", "subscriptions_changes", ["customer_id", "state"])
    op.create_table(
        "subscriptions_carried",
        *(sa.Column(name, TEXT, nullable=False) for name in ("customer_id", "family", "currency")),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "family", "currency"),
    )
    op.create_table(
        "subscriptions_carries",
        *(sa.Column(name, TEXT, nullable=False) for name in ("about", "cause", "customer_id", "family", "currency")),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("about", "cause"),
    )
    op.create_index("subscriptions_carries_of", "subscriptions_carries", ["customer_id", "family", "currency"])


def downgrade() -> None:
    """Go back as long as nobody has changed a tier: what they paid for, and what is kept for them, would be lost."""
    for table in ("subscriptions_changes", "subscriptions_carries"):
        if op.get_bind().execute(sa.select(sa.literal(1)).select_from(sa.table(table)).limit(1)).first() is not None:
            raise LedgerWouldBeLost(f"{table} has rows, which revision 0001 does not know")
    op.drop_index("subscriptions_carries_of", "subscriptions_carries")
    op.drop_table("subscriptions_carries")
    op.drop_table("subscriptions_carried")
    op.drop_index("subscriptions_changes_by_customer", "subscriptions_changes")
    op.drop_index("subscriptions_changes_of", "subscriptions_changes")
    op.drop_table("subscriptions_changes")
    for name in reversed(_NEW_OF_INVOICES):
        op.drop_column("subscriptions_invoices", name)
    op.drop_column("subscriptions", "change_id")
    op.drop_column("subscriptions", "anchor_period")
