"""Creators, tips, the queue of alerts, and what reversals take of creators' shares."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIPS = "fanfunding_tips"
_WAITING = "state IN ('queued', 'shown')"


def _texts(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=null) for name in names]


def _numbers(*names: str, null: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=null) for name in names]


def upgrade() -> None:
    op.create_table("fanfunding_creators", *_texts("name", "id"), *_numbers("created_at"),
                    sa.PrimaryKeyConstraint("name"))  # fmt: skip
    op.create_index("fanfunding_creators_by_id", "fanfunding_creators", ["id"], unique=True)
    op.create_table(
        _TIPS,
        *_texts("id", "creator_id", "customer_id", "purchase_id", "name", "message", "currency", "rates", "state"),
        *_texts("held_for", "tier", null=True),
        *_numbers("is_anonymous", "is_held", "amount", "total", "share", "hold_ms", "earned", "reserved", "back_amount",
                  "returned", "back_earned", "created_at", "updated_at"),
        *_numbers("sequence", "paid_at", "release_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("fanfunding_tips_by_creator", _TIPS, ["creator_id", "sequence"], unique=True)
    op.create_index("fanfunding_tips_by_purchase", _TIPS, ["purchase_id"], unique=True)
    op.create_index("fanfunding_tips_by_customer", _TIPS, ["customer_id"])
    op.create_table(
        "fanfunding_alerts",
        *_texts("creator_id", "state"),
        *_texts("tip_id", null=True),
        *_numbers("sequence", "is_test", "created_at", "updated_at"),
        *_numbers("shown_at", "done_at", null=True),
        sa.PrimaryKeyConstraint("creator_id", "sequence"),
    )
    op.create_index("fanfunding_alerts_waiting", "fanfunding_alerts", ["creator_id", "sequence"],
                    sqlite_where=sa.text(_WAITING), postgresql_where=sa.text(_WAITING))  # fmt: skip
    op.create_index("fanfunding_alerts_by_tip", "fanfunding_alerts", ["tip_id"])
    op.create_table(
        "fanfunding_reversals",
        *_texts("id", "tip_id", "customer_id", "stage"),
        *_numbers("amount", "wanted", "from_reserve", "from_payable", "owed", "created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("fanfunding_reversals_by_tip", "fanfunding_reversals", ["tip_id"])


def downgrade() -> None:
    """Go back as long as nobody was tipped."""
    found = sa.select(sa.literal(1)).select_from(sa.table(_TIPS)).limit(1)
    if op.get_bind().execute(found).first() is not None:
        raise LedgerWouldBeLost(f"{_TIPS} has rows, which no earlier revision knows")
    for name in ("fanfunding_reversals", "fanfunding_alerts", _TIPS, "fanfunding_creators"):
        op.drop_table(name)
