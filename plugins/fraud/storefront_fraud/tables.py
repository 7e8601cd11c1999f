"""The plugin's own tables; ``migrations/`` builds them."""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, text

from storefront.core.column_types import TEXT

metadata = MetaData()
IS_TO_LEARN = text("to_learn > 0")

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
    Column("behaviour", TEXT, nullable=True),
    Column("anomaly", TEXT, nullable=True),
    Column("to_learn", BigInteger, nullable=False, server_default=text("0")),
    Index("fraud_decisions_by_time", "created_at", "purchase_id"),
    Index("fraud_decisions_to_learn", "to_learn", "created_at", sqlite_where=IS_TO_LEARN, postgresql_where=IS_TO_LEARN),
)
"""What was decided of a purchase (``stage``: purchase, or payment); hangs under its customer, and never changes but for
``to_count`` and ``to_learn``. ``verdict``: allow, challenge, review or block; ``decided_by``: the phase that decided,
fail or none. ``outcome``: passed, review, or refused (by us, or by anything else). ``matches``, ``attributes``: JSON of
all that matched and all that was read. ``identity``: JSON, dimension -> value, of what velocity could count it by;
``counted``: those that it is counted by, ``to_count``: those that a job still counts it by. ``amount``: in the
reference currency. ``behaviour``: JSON of what the anomaly score was asked of, ``anomaly``: JSON of what it said and
why; without rules that read it both are none. ``to_learn``: 1 until the attempt is noted, 2 while it may still be
completed, then 0.
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
"""Ring buckets (``rings.py``) of a dimension's value; hangs under the customer, or ``fraud:<dimension>:<value>``.
``updated_at``: when the newest attempt in it was made."""

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

profiles = Table(
    "fraud_profiles",
    metadata,
    Column("customer_id", TEXT, primary_key=True),
    Column("profile", TEXT, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("fraud_profiles_by_age", "updated_at"),
    sqlite_with_rowid=False,
)
"""What the anomaly score remembers of a customer (``anomaly.Profile.row``: numbers and salted hashes). It hangs under
``fraud:scores``, as the two that follow: one learns for all."""

shared = Table(
    "fraud_shared",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("salt", TEXT, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("world", TEXT, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
"""What it remembers of all customers together (``anomaly.World.text``, packed), in one row, ``shop``."""

meters = Table(
    "fraud_meters",
    metadata,
    Column("customer_id", TEXT, primary_key=True),
    Column("meter", TEXT, primary_key=True),
    Column("profile", TEXT, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("score", BigInteger, nullable=True),
    Column("highest", BigInteger, nullable=True),
    Column("highest_at", BigInteger, nullable=True),
    Column("reasons", TEXT, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What is usual of a meter and customer (``anomaly.MeterProfile.row``); without a customer, of the meter: its week.
Hours before ``until`` are learned. ``score``: of the last one, in ten-thousandths; ``highest``: of the last seven days,
with its ``reasons`` (JSON)."""

TABLES = (decisions, counters, list_entries, profiles, shared, meters)
DECISIONS, COUNTERS, LIST_ENTRIES = decisions.name, counters.name, list_entries.name
PROFILES, SHARED, METERS = profiles.name, shared.name, meters.name
