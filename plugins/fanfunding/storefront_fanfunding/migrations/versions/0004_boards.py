"""What tips count for: sums by day and by fan, goals reached, badges, trains; and what tips gave of the game."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COUNTED, _DAYS, _FANS, _REACHED, _BADGES = (
    "fanfunding_counted", "fanfunding_days", "fanfunding_fans", "fanfunding_reached", "fanfunding_badges",
)  # fmt: skip

_GRANTS, _TRAINS = "fanfunding_grants", "fanfunding_trains"


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        _COUNTED,
        *_texts("tip_id", "currency", "creator_id", "customer_id", "factor"),
        *_numbers("is_anonymous", "day", "gross", "net", "settled", "seen"),
        sa.PrimaryKeyConstraint("tip_id", "currency"),
    )
    op.create_index("fanfunding_counted_by_fan", _COUNTED, ["creator_id", "customer_id"])
    op.create_table(
        _DAYS,
        *_texts("creator_id", "currency"),
        *_numbers("day", "gross", "net", "settled", "tips"),
        sa.PrimaryKeyConstraint("creator_id", "currency", "day"),
    )
    op.create_table(
        _FANS,
        *_texts("creator_id", "currency", "span", "customer_id"),
        *_numbers("is_anonymous", "gross"),
        sa.PrimaryKeyConstraint("creator_id", "currency", "span", "customer_id", "is_anonymous"),
    )
    op.create_index("fanfunding_fans_by_gross", _FANS, ["creator_id", "currency", "span", "gross"])
    op.create_table(
        _REACHED,
        *_texts("creator_id", "goal", "span", "currency"),
        *_numbers("stretch", "target", "amount", "reached_at"),
        sa.PrimaryKeyConstraint("creator_id", "goal", "span", "stretch"),
    )
    op.create_table(
        _BADGES,
        *_texts("customer_id", "creator_id", "badge", "reason"),
        *_numbers("is_sticky", "granted_at"),
        sa.PrimaryKeyConstraint("customer_id", "creator_id", "badge"),
    )
    op.create_index("fanfunding_badges_by_badge", _BADGES, ["creator_id", "badge"])
    op.create_table(
        _GRANTS,
        *_texts("tip_id", "sku", "creator_id", "customer_id", "state", "goods", "entries"),
        *_numbers("quantity", "day", "per_tip", "per_day", "created_at", "updated_at"),
        sa.PrimaryKeyConstraint("tip_id", "sku"),
    )
    op.create_index("fanfunding_grants_by_day", _GRANTS, ["creator_id", "sku", "day"])
    op.create_table(
        _TRAINS,
        *_texts("creator_id", "state", "currency", "levels"),
        *_numbers("number", "level", "progress", "total", "contributions", "first_tip", "last_tip", "sequence",
                  "started_at", "ends_at"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("creator_id", "number"),
    )  # fmt: skip
    # Tips that were paid before count too: this plugin is told of all events again, from the first on.
    op.execute("DELETE FROM settings WHERE key = 'cursor:fanfunding'")


def downgrade() -> None:
    """Go back, unless tips gave something of the game: what is counted can be counted anew, that cannot."""
    state: sa.ColumnClause[str] = sa.column("state")
    given = sa.select(state).select_from(sa.table(_GRANTS, state)).where(state != "refused")
    if op.get_bind().execute(given.limit(1)).first():
        raise LedgerWouldBeLost("it tells what tips gave of the game")
    op.drop_table(_GRANTS)
    for name in (_TRAINS, _BADGES, _REACHED, _FANS, _DAYS, _COUNTED):
        op.drop_table(name)
