"""Payouts, and the lines of each creator's statements; what has moved before is written into them."""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PAYOUTS, _LINES = "fanfunding_payouts", "fanfunding_lines"
_TEXTS = ("creator_id", "currency", "state", "pay_with", "created_by")
_TEXTS_OR_NULL = ("account", "reference", "reason", "approved_by")
_NUMBERS = ("amount", "returned", "four_eyes", "since", "line", "created_at", "updated_at")
_NUMBERS_OR_NULL = ("approved_at", "paid_at", "failed_at")
_MOVED = sa.text(
    "SELECT e.id, e.commit_no, e.kind, e.about, e.occurred_at, t.source, t.destination, t.amount FROM entries e "
    "JOIN transfers t ON t.entry_id = e.id WHERE t.source LIKE 'creator:%' OR t.destination LIKE 'creator:%' "
    "ORDER BY e.commit_no, e.id, t.position"
)


def upgrade() -> None:
    op.create_table(
        _PAYOUTS,
        sa.Column("id", TEXT, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in _TEXTS),
        *(sa.Column(name, TEXT, nullable=True) for name in _TEXTS_OR_NULL),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _NUMBERS),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in _NUMBERS_OR_NULL),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("fanfunding_payouts_by_creator", _PAYOUTS, ["creator_id", "currency", "line"], unique=True)
    op.create_index("fanfunding_payouts_by_time", _PAYOUTS, ["created_at", "id"])
    op.create_index("fanfunding_payouts_by_reference", _PAYOUTS, ["pay_with", "reference"])
    op.create_table(
        _LINES,
        sa.Column("creator_id", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("entry_id", "kind", "about")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("amount", "owed", "balance", "debt")),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", "currency", "sequence"),
    )
    _write_what_has_moved()


def _write_what_has_moved() -> None:
    """Give each entry that moved what a creator can be paid, or owes, its line."""
    moved: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    heads: dict[str, Any] = {}
    connection = op.get_bind()
    for row in connection.execute(_MOVED):
        heads[row.id] = row
        for account, amount in ((row.destination, row.amount), (row.source, -row.amount)):
            owner, creator_id, role, currency = [*account.split(":"), "", "", ""][:4]
            if owner == "creator" and role in ("payable", "debt"):
                moved[creator_id, currency, row.id][role] += amount
    stands: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    lines = sa.table(_LINES, *(sa.column(name) for name in (
        "creator_id", "currency", "sequence", "entry_id", "kind", "about", "amount", "owed", "balance", "debt",
        "created_at")))  # fmt: skip
    for (creator_id, currency, entry_id), parts in moved.items():
        amount, owed = parts["payable"], parts["debt"]
        if not amount and not owed:
            continue
        stand, head = stands[creator_id, currency], heads[entry_id]
        stand[:] = stand[0] + 1, stand[1] + amount, stand[2] + owed
        connection.execute(lines.insert().values(
            creator_id=creator_id, currency=currency, sequence=stand[0], entry_id=entry_id, kind=head.kind,
            about=head.about, amount=amount, owed=owed, balance=stand[1], debt=stand[2], created_at=head.occurred_at,
        ))  # fmt: skip
    counters = sa.table("counters", *(sa.column(name) for name in ("key", "anchor", "value")))
    for (creator_id, currency), (count, _, _) in stands.items():
        key = f"fanfunding:lines:{creator_id}:{currency}"
        connection.execute(counters.insert().values(key=key, anchor=f"creator:{creator_id}", value=count))


def downgrade() -> None:
    """Go back as long as nobody was paid out; lines are written anew from the ledger."""
    found = sa.select(sa.literal(1)).select_from(sa.table(_PAYOUTS)).limit(1)
    if op.get_bind().execute(found).first() is not None:
        raise LedgerWouldBeLost(f"{_PAYOUTS} has rows, which no earlier revision knows")
    op.drop_table(_LINES)
    op.drop_table(_PAYOUTS)
    op.execute("DELETE FROM counters WHERE key LIKE 'fanfunding:lines:%' OR key LIKE 'fanfunding:stated:%'")
