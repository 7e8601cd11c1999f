"""Creators sign in by codes that are good once; when an overlay was connected last; tips of other services."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = {
    "fanfunding_invitations": (("created_at", "expires_at"), "used_at"),
    "fanfunding_sessions": (("created_at", "expires_at", "seen_at"), "ended_at"),
}


def upgrade() -> None:
    """Nobody was signed in before."""
    for name, (numbers, last) in _TABLES.items():
        op.create_table(
            name,
            sa.Column("digest", TEXT, nullable=False),
            sa.Column("creator_id", TEXT, nullable=False),
            *(sa.Column(number, sa.BigInteger(), nullable=False) for number in numbers),
            sa.Column(last, sa.BigInteger(), nullable=True),
            sa.PrimaryKeyConstraint("digest"),
        )
        op.create_index(f"{name}_by_creator", name, ["creator_id"])
    op.add_column("fanfunding_overlays", sa.Column("seen_at", sa.BigInteger(), nullable=True))
    op.add_column("fanfunding_tips", sa.Column("source", TEXT, nullable=True))


def downgrade() -> None:
    """Whoever is signed in signs in anew; go back only as long as nothing was given elsewhere."""
    tips = sa.table("fanfunding_tips", sa.column("source"))
    found = sa.select(sa.literal(1)).select_from(tips).where(tips.c.source.is_not(None)).limit(1)
    if op.get_bind().execute(found).first() is not None:
        raise LedgerWouldBeLost("fanfunding_tips has tips of other services, which revision 0004 does not know")
    op.drop_column("fanfunding_tips", "source")
    op.drop_column("fanfunding_overlays", "seen_at")
    for name in reversed(_TABLES):
        op.drop_index(f"{name}_by_creator", name)
        op.drop_table(name)
