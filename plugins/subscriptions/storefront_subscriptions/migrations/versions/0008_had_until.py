"""How long a period was had by grace that was never paid stands on its invoice: a subscription's access may go on."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INVOICES = "subscriptions_invoices"


def upgrade() -> None:
    """Of what is closed already it was until it was closed, or until access ended with the subscription, if sooner."""
    op.add_column(_INVOICES, sa.Column("had_until", sa.BigInteger(), nullable=True))
    invoices, known = _worked_out()
    op.execute(sa.update(invoices).values(had_until=known))


def downgrade() -> None:
    """Go back as long as that is what the column says: else what is owed would be worked out anew, and otherwise."""
    invoices, known = _worked_out()
    differs = sa.func.coalesce(invoices.c.had_until, -1) != sa.func.coalesce(known, -1)
    if (
        op.get_bind().execute(sa.select(sa.literal(1)).select_from(invoices).where(differs).limit(1)).first()
        is not None
    ):
        raise LedgerWouldBeLost(f"{_INVOICES} has periods that were had otherwise than revision 0007 knows")
    op.drop_column(_INVOICES, "had_until")


def _worked_out() -> tuple[sa.TableClause, sa.ColumnElement[int]]:
    """Return the invoices, and until when each was had as revision 0007 knows it; none of what is open or paid."""
    invoices = sa.table(
        _INVOICES, *(sa.column(name) for name in ("subscription_id", "state", "closed_at", "had_until"))
    )
    subscriptions = sa.table("subscriptions", *(sa.column(name) for name in ("id", "ended_at", "access_until")))
    ended = (
        sa.select(subscriptions.c.access_until)
        .where(subscriptions.c.id == invoices.c.subscription_id, subscriptions.c.ended_at.is_not(None))
        .scalar_subquery()
    )
    sooner = sa.case((ended < invoices.c.closed_at, ended), else_=invoices.c.closed_at)
    void, given_up = (invoices.c.state == state for state in ("void", "uncollectible"))
    return invoices, sa.case((void, sooner), (given_up, ended), else_=None)
