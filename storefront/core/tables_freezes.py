"""Tables of what reversals leave open: value and goods that are frozen, and what customers owe.

They hang under their customer's anchor, and only the steps made for them write them.
"""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, text

from storefront.core.tables_base import key_column, metadata, number_column, text_column

_WAITS = "waiting <> '[]'"

freezes = Table(
    "freezes",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("state"),
    text_column("demand"),
    text_column("parts"),
    text_column("items"),
    text_column("rights"),
    text_column("waiting"),
    text_column("actor"),
    text_column("entry_id", null=True),
    number_column("created_at"),
    number_column("closed_at", null=True),
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
    key_column("customer_id"),
    key_column("asset"),
    number_column("amount"),
    Column("repay_percent", Integer, nullable=False),
    Column("block_spending", Integer, nullable=False),
    number_column("opened_at"),
    number_column("updated_at"),
    CheckConstraint("amount >= 0", name="debt_not_below_zero"),
    CheckConstraint("repay_percent BETWEEN 1 AND 100", name="debt_repay_percent_sane"),
    sqlite_with_rowid=False,
)
"""``amount`` is the kept balance of the account ``customer:…:debt:…``: what is still owed."""
