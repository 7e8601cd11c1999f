"""The plugin's own tables; their names begin with the plugin's. ``migrations/`` builds them."""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, UniqueConstraint

from storefront.core.column_types import TEXT

metadata = MetaData()

seeds = Table(
    "microtransactions_seeds",
    metadata,
    Column("customer_id", TEXT, primary_key=True),
    Column("sku", TEXT, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("seed", TEXT, nullable=False),
    Column("commitment", TEXT, nullable=False),
    Column("run_key", TEXT, nullable=True),
    Column("run_times", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)
"""The secret of the next opening of one customer and container, ``number``; nothing that answers ever reads ``seed``
from here. ``run_*`` is what came up last, and how many times in a row."""

openings = Table(
    "microtransactions_openings",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("customer_id", TEXT, nullable=False),
    Column("sku", TEXT, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("seed", TEXT, nullable=False),
    Column("commitment", TEXT, nullable=False),
    Column("client_seed", TEXT, nullable=False),
    Column("odds_version", TEXT, nullable=False),
    Column("run_key", TEXT, nullable=True),
    Column("run_times", BigInteger, nullable=False),
    Column("drawn", TEXT, nullable=False),
    Column("gave", TEXT, nullable=False),
    Column("entry_id", TEXT, nullable=True),
    Column("next_commitment", TEXT, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    UniqueConstraint("customer_id", "sku", "number", name="microtransactions_opening_once"),
    Index("microtransactions_openings_by_odds", "sku", "odds_version"),
)
"""What was opened, append-only: the revealed ``seed``, what was ``drawn`` (``[[drop, left out or null], …]``) and what
that ``gave``; ``run_*`` is as it was before."""

TABLES = (seeds, openings)
