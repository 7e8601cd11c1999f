"""How long a period was had by grace that was never paid stands on its invoice: a subscription's access may go on."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INVOICES = "subscriptions_invoices"


def upgrade() -> None:
    """Of what is closed already it was until it was closed, or until access ended with the subscription, if sooner."""
    op.add_column(_INVOICES, sa.Column("had_until", sa.BigInteger(), nullable=True))
    invoices = sa.table(
        _INVOICES, *(sa.column(name) for name in ("subscription_id", "state", "closed_at", "had_until"))
    )
    subscriptions = sa.table("subscriptions", *(sa.column(name) for name in ("id", "ended_at", "access_until")))
    ended = (
        sa.select(subscriptions.c.access_until)
        .where(subscriptions.c.id == invoices.c.subscription_id, subscriptions.c.ended_at.is_not(None))
        .scalar_subquery()
    )
    void, given_up = (invoices.c.state == state for state in ("void", "uncollectible"))
    sooner = sa.case((ended < invoices.c.closed_at, ended), else_=invoices.c.closed_at)
    op.execute(sa.update(invoices).where(void).values(had_until=sooner))
    op.execute(sa.update(invoices).where(given_up).values(had_until=ended))


def downgrade() -> None:
    """Revision 0007 works it out anew."""
    op.drop_column(_INVOICES, "had_until")
