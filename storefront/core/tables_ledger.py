"""The ledger's tables: anchors, accounts, entries with all that hangs on them, lots, holds, and their proof."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, text

from storefront.core.column_types import TEXT
from storefront.core.tables_base import key_column, metadata, number_column, text_column

anchors = Table(
    "anchors",
    metadata,
    key_column("id"),
    number_column("version"),
    number_column("sequence"),
    text_column("merged_into", null=True),
    sqlite_with_rowid=False,
)
"""``merged_into``: this was a customer, who is another one now; no plan names the anchor any more."""

accounts = Table(
    "accounts",
    metadata,
    key_column("id"),
    text_column("owner"),
    text_column("role"),
    text_column("asset"),
    Column("guarded", Integer, nullable=False),
    number_column("balance"),
    number_column("top_up_below", null=True),
    CheckConstraint("guarded = 0 OR balance >= 0", name="guarded_account_not_below_zero"),
    sqlite_with_rowid=False,
)

entries = Table(
    "entries",
    metadata,
    key_column("id"),
    number_column("commit_no"),
    text_column("kind"),
    text_column("about"),
    text_column("anchor"),
    text_column("actor"),
    text_column("reverses", null=True),
    number_column("occurred_at"),
    number_column("recorded_at"),
    text_column("facts", null=True),
    Index("entries_by_anchor", "anchor", "id"),
    Index("entries_in_commit_order", "commit_no", "id"),
    sqlite_with_rowid=False,
)

transfers = Table(
    "transfers",
    metadata,
    Column("entry_id", TEXT, ForeignKey("entries.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    text_column("source"),
    text_column("destination"),
    text_column("asset"),
    number_column("amount"),
    CheckConstraint("amount > 0", name="transfer_amount_positive"),
    CheckConstraint("source <> destination", name="transfer_between_two_accounts"),
    sqlite_with_rowid=False,
)

draws = Table(
    "draws",
    metadata,
    Column("entry_id", TEXT, ForeignKey("entries.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("transfer", Integer, nullable=False),
    text_column("lot_id"),
    number_column("amount"),
    CheckConstraint("amount > 0", name="draw_amount_positive"),
    sqlite_with_rowid=False,
)

credits = Table(
    "credits",
    metadata,
    Column("entry_id", TEXT, ForeignKey("entries.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("transfer", Integer, nullable=False),
    text_column("lot_id"),
    number_column("amount"),
    text_column("source"),
    text_column("payment", null=True),
    number_column("cost_amount", null=True),
    text_column("cost_currency", null=True),
    number_column("priority"),
    number_column("expires_at", null=True),
    CheckConstraint("amount > 0", name="credit_amount_positive"),
    sqlite_with_rowid=False,
)

lots = Table(
    "lots",
    metadata,
    key_column("id"),
    text_column("account"),
    text_column("source"),
    text_column("payment", null=True),
    number_column("cost_amount", null=True),
    text_column("cost_currency", null=True),
    number_column("priority"),
    number_column("opened_at"),
    number_column("expires_at", null=True),
    number_column("amount"),
    number_column("remaining"),
    number_column("held", default=0),
    number_column("frozen", default=0),
    CheckConstraint("remaining >= 0 AND remaining <= amount", name="lot_remaining_within_amount"),
    CheckConstraint("held >= 0 AND frozen >= 0 AND held + frozen <= remaining", name="lot_pins_within_remaining"),
    Index("lots_open", "account", sqlite_where=text("remaining > 0"), postgresql_where=text("remaining > 0")),
    sqlite_with_rowid=False,
)

holds = Table(
    "holds",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("account"),
    text_column("asset"),
    number_column("amount"),
    number_column("captured", default=0),
    text_column("state"),
    text_column("pins"),
    text_column("reason"),
    text_column("actor"),
    text_column("entry_id", null=True),
    number_column("created_at"),
    number_column("expires_at"),
    number_column("closed_at", null=True),
    CheckConstraint("amount > 0 AND captured >= 0 AND captured <= amount", name="hold_captured_within_amount"),
    CheckConstraint("state IN ('open', 'captured', 'released', 'expired')", name="hold_state_known"),
    Index("holds_by_customer", "customer_id", "id"),
    Index("holds_open", "account", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    key_column("account"),
    number_column("balance"),
    number_column("seal"),
    sqlite_with_rowid=False,
)

seals = Table(
    "seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    number_column("first_commit_no"),
    number_column("last_commit_no"),
    text_column("last_entry_id"),
    number_column("entries"),
    number_column("entries_so_far"),
    Column("root", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    number_column("sealed_at"),
    sqlite_with_rowid=False,
)

seal_leaves = Table(
    "seal_leaves",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("leaves", LargeBinary, nullable=False),
)
