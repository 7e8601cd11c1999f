"""The roll-ups: what entries and events come to by business day. Written by their follower alone, and never corrected:
they can be computed from nothing at any time, and are then the same."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Table

from storefront.core.tables_base import key_column, metadata, number_column, text_column

analytics_generations = Table(
    "analytics_generations",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    text_column("state"),
    number_column("commit_no"),
    number_column("counted_until"),
    number_column("folded"),
    number_column("created_at"),
    CheckConstraint("state IN ('building', 'current', 'old')", name="analytics_generation_state_known"),
    sqlite_with_rowid=False,
)
"""One computation of all roll-ups: ``current`` is read, ``building`` becomes it, ``old`` is being removed. All commits
up to ``commit_no`` are counted in it, which is ``folded`` rows (entries and events); the newest of them happened at
``counted_until`` (business ms; 0: nothing did)."""

analytics_rollups = Table(
    "analytics_rollups",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    key_column("metric"),
    key_column("asset"),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    key_column("kind"),
    key_column("key"),
    key_column("part"),
    number_column("amount"),
    number_column("count"),
    sqlite_with_rowid=False,
)
"""What a ``metric`` came to on a ``day`` (days since 1970-01-01, UTC): ``amount`` in the smallest unit of ``asset``,
and ``count`` of what it counts. ``analytics/metrics.py`` says what ``kind``, ``key`` and ``part`` are of each."""

analytics_members = Table(
    "analytics_members",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    key_column("customer_id"),
    number_column("joined_day", null=True),
    text_column("standing"),
    text_column("paid_in"),
    sqlite_with_rowid=False,
)
"""How the recurring revenue of one customer stands: ``standing`` (JSON) is ``what pays -> [asset, amount a month]``,
``paid_in`` (JSON) the assets in which there ever was any, ``joined_day`` the first day with any."""
