"""Tables of pay per use: ids that were seen, sums by hour and by period, what is metered and billed, and lines.

All but ``usage_ids`` hang under their customer's anchor. Quantities and costs are exact integers as text: a quantity
counts millionths, a cost 10^-12 of the asset's smallest unit, and neither has to fit into 64 bits. ``meter`` and
``charge`` are the keys of ``model_usage``: what is counted or charged otherwise keeps its sums apart.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table

from storefront.core.column_types import TEXT
from storefront.core.tables_base import key_column, metadata, number_column, text_column


def _start_column() -> Column[int]:
    return Column("start", BigInteger, primary_key=True, autoincrement=False)


usage_ids = Table(
    "usage_ids",
    metadata,
    key_column("hash"),
    number_column("received_at"),
    Index("usage_ids_by_age", "received_at"),
    sqlite_with_rowid=False,
)
"""The (source, id) of each event that counted, as a hash, for as long as ``retention.usage_ids_days`` says."""

usage_windows = Table(
    "usage_windows",
    metadata,
    key_column("customer_id"),
    key_column("meter"),
    _start_column(),
    text_column("quantity"),
    number_column("events"),
    number_column("latest_at", null=True),
    sqlite_with_rowid=False,
)
"""What a meter counted in one UTC hour; of ``unique`` the values that the period had not seen before."""

usage_periods = Table(
    "usage_periods",
    metadata,
    key_column("customer_id"),
    key_column("meter"),
    key_column("charge"),
    _start_column(),
    number_column("ends_at", null=True),
    text_column("quantity"),
    text_column("cost"),
    number_column("events"),
    number_column("latest_at", null=True),
    text_column("lined"),
    Column("lines", Integer, nullable=False),
    number_column("close_at"),
    sqlite_with_rowid=False,
)
"""What a meter counted and what that costs in one period. ``charge`` is empty where nothing is charged. ``lined`` is
what of the cost stands on ``lines`` many lines; ``close_at`` when the next one is due, 0 for never."""

usage_accounts = Table(
    "usage_accounts",
    metadata,
    key_column("customer_id"),
    key_column("charge"),
    Column("id", TEXT, nullable=False, unique=True),
    text_column("feature"),
    text_column("asset"),
    text_column("metered"),
    text_column("billed"),
    text_column("unbilled"),
    text_column("hold_id", null=True),
    number_column("drain_at"),
    Column("is_owed", Integer, nullable=False),
    Column("is_exhausted", Integer, nullable=False),
    Column("is_low", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Prepaid usage of a feature: metered = billed + unbilled + pending. What is pending is set aside in the wallet by the
hold ``hold_id``, rounded up to whole units; ``is_owed`` says that what the wallet lacks becomes a debt."""

usage_uniques = Table(
    "usage_uniques",
    metadata,
    key_column("customer_id"),
    key_column("meter"),
    _start_column(),
    key_column("value"),
    number_column("seen_at"),
    Index("usage_uniques_by_age", "seen_at"),
    sqlite_with_rowid=False,
)
"""The different values that a period has seen, as hashes."""

usage_lines = Table(
    "usage_lines",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("feature"),
    text_column("meter"),
    text_column("charge"),
    text_column("kind"),
    number_column("start"),
    number_column("ends_at"),
    number_column("number"),
    text_column("quantity"),
    text_column("cost"),
    number_column("amount"),
    text_column("currency"),
    number_column("created_at"),
    CheckConstraint("kind IN ('period', 'correction')", name="usage_line_kind_known"),
    Index("usage_lines_by_customer", "customer_id", "id"),
)
"""What a closed period of postpaid usage costs, and corrections of it; the amounts of a period's lines make up its
cost, rounded once. ``quantity`` and ``cost`` are what the line adds."""
