"""The plugin's own tables; ``migrations/`` builds them."""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table

from storefront.core.column_types import TEXT

metadata = MetaData()

decisions = Table(
    "fraud_decisions",
    metadata,
    Column("purchase_id", TEXT, primary_key=True),
    Column("stage", TEXT, primary_key=True),
    Column("customer_id", TEXT, nullable=False),
    Column("verdict", TEXT, nullable=False),
    Column("decided_by", TEXT, nullable=False),
    Column("outcome", TEXT, nullable=False),
    Column("matches", TEXT, nullable=False),
    Column("attributes", TEXT, nullable=False),
    Column("counted", TEXT, nullable=False),
    Column("to_count", TEXT, nullable=False),
    Column("identity", TEXT, nullable=False),
    Column("amount", BigInteger, nullable=True),
    Column("errors", BigInteger, nullable=False),
    Column("rules_version", TEXT, nullable=False),
    Column("catalog_version", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("fraud_decisions_by_time", "created_at", "purchase_id"),
)
"""What was decided of a purchase (``stage``: purchase, or payment); hangs under its customer, and never changes but for
``to_count``. ``verdict``: allow, challenge, review or block; ``decided_by``: the phase that decided, fail or none.
``outcome``: passed, review, or refused (by us, or by anything else). ``matches``, ``attributes``: JSON of all that
matched and all that was read. ``identity``: JSON, dimension -> value, of what velocity could count it by; ``counted``:
those that it is counted by, ``to_count``: those that a job still counts it by. ``amount``: in the reference currency.
"""

counters = Table(
    "fraud_counters",
    metadata,
    Column("dimension", TEXT, primary_key=True),
    Column("value", TEXT, primary_key=True),
    Column("buckets", TEXT, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Ring buckets (``rings.py``) of a dimension's value; hangs under the customer, or ``fraud:<dimension>:<value>``."""

list_entries = Table(
    "fraud_list_entries",
    metadata,
    Column("list", TEXT, primary_key=True),
    Column("value", TEXT, primary_key=True),
    Column("reason", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=True),
    Index("fraud_list_entries_by_end", "expires_at"),
)
"""What was put on a list while the shop runs; hangs under ``fraud:list:<list>``. ``expires_at``: from then on it is not
on it any more; None: until it is removed."""

TABLES = (decisions, counters, list_entries)
DECISIONS, COUNTERS, LIST_ENTRIES = decisions.name, counters.name, list_entries.name
