"""The plugin's own tables; their names begin with the plugin's. ``migrations/`` builds them."""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text

metadata = MetaData()

tickets = Table(
    "raffle_tickets",
    metadata,
    Column("raffle", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", Text, nullable=False),
    Column("purchase_id", Text, nullable=False),
    Column("bought_at", BigInteger, nullable=False),
    Index("raffle_tickets_by_customer", "customer_id", "bought_at"),
)

draws = Table(
    "raffle_draws",
    metadata,
    Column("raffle", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("drawn_at", BigInteger, nullable=False),
)

TABLES = (tickets, draws)
