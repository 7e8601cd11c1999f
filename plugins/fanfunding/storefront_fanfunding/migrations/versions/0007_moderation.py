"""How often a sender comes on screen, whom a creator has blocked, names without messages; what goals give."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIPS, _REACHED, _GOAL_GRANTS = "fanfunding_tips", "fanfunding_reached", "fanfunding_goal_grants"


def upgrade() -> None:
    """Of tips before, all came on screen once they were paid, with their messages."""
    op.add_column(_TIPS, sa.Column("is_name_only", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column(_TIPS, sa.Column("is_settled", sa.BigInteger(), nullable=False, server_default="1"))
    op.add_column(_TIPS, sa.Column("max_per_minute", sa.BigInteger(), nullable=True))
    op.add_column(_TIPS, sa.Column("sender", TEXT, nullable=True))
    op.create_table(
        "fanfunding_paces",
        sa.Column("creator_id", TEXT, nullable=False),
        sa.Column("recent", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("creator_id"),
    )
    op.create_table(
        "fanfunding_blocks",
        sa.Column("creator_id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", "customer_id"),
    )
    _add_grants_of_goals()


def _add_grants_of_goals() -> None:
    """Goals that were reached before promised nothing."""
    for name in ("first_day", "end_day"):
        op.add_column(_REACHED, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column(_REACHED, sa.Column("grants", TEXT, nullable=False, server_default="[]"))
    texts, numbers = ("creator_id", "goal", "span", "customer_id", "state", "goods", "entries"), (
        "stretch", "quantity", "day", "per_day", "created_at", "updated_at",
    )  # fmt: skip
    op.create_table(
        _GOAL_GRANTS,
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "sku", *texts)),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        sa.PrimaryKeyConstraint("id", "sku"),
    )
    op.create_index("fanfunding_goal_grants_by_fan", _GOAL_GRANTS, ["customer_id", "creator_id"])
    op.create_index("fanfunding_goal_grants_by_goal", _GOAL_GRANTS,
                    ["creator_id", "goal", "span", "stretch", "sku", "customer_id"], unique=True)  # fmt: skip
    op.create_index("fanfunding_goal_grants_by_day", _GOAL_GRANTS, ["creator_id", "sku", "day"])


def downgrade() -> None:
    """Nobody is blocked any more; go back only as long as no goal has given anything."""
    given = sa.select(sa.literal(1)).select_from(sa.table(_GOAL_GRANTS)).limit(1)
    if op.get_bind().execute(given).first() is not None:
        raise LedgerWouldBeLost(f"{_GOAL_GRANTS} has rows, and it tells what goals gave of the game")
    op.drop_table(_GOAL_GRANTS)
    for name in ("grants", "end_day", "first_day"):
        op.drop_column(_REACHED, name)
    op.drop_table("fanfunding_blocks")
    op.drop_table("fanfunding_paces")
    for name in ("sender", "max_per_minute", "is_settled", "is_name_only"):
        op.drop_column(_TIPS, name)
