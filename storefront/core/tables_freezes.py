"""Tables of what reversals leave open: value and goods that are frozen, and what customers owe.

They hang under their customer's anchor, and only the steps made for them write them.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, text

from storefront.core.column_types import TEXT
from storefront.core.tables_base import metadata

_WAITS = "waiting <> '[]'"

freezes = Table(
    "freezes",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("customer_id", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("demand", TEXT, nullable=False),
    Column("parts", TEXT, nullable=False),
    Column("items", TEXT, nullable=False),
    Column("rights", TEXT, nullable=False),
    Column("waiting", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("entry_id", TEXT, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
    CheckConstraint("state IN ('open', 'released', 'taken')", name="freeze_state_known"),
    Index("freezes_by_customer", "customer_id", "id"),
    Index("freezes_waiting", "customer_id", sqlite_where=text(_WAITS), postgresql_where=text(_WAITS)),
)
"""``parts`` is what is frozen of wallets, ``[[asset, lot, amount], …]``; ``items`` ``[[sku, quantity], …]``; ``rights``
``[entitlement key, …]``; ``waiting`` what holds pin of the demand, ``[[hold, asset, lot, amount], …]``: of an open one
what will be frozen, of a taken one what will pay its debt."""

debts = Table(
    "debts",
    metadata,
    Column("customer_id", TEXT, primary_key=True),
    Column("asset", TEXT, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("repay_percent", Integer, nullable=False),
    Column("block_spending", Integer, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    CheckConstraint("amount >= 0", name="debt_not_below_zero"),
    CheckConstraint("repay_percent BETWEEN 1 AND 100", name="debt_repay_percent_sane"),
    sqlite_with_rowid=False,
)
"""``amount`` is the kept balance of the account ``customer:…:debt:…``: what is still owed."""
