"""The plugin's own tables; ``migrations/`` builds them."""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, UniqueConstraint

from storefront.core.column_types import TEXT

metadata = MetaData()

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("customer_id", TEXT, nullable=False),
    Column("family", TEXT, nullable=False),
    Column("sku", TEXT, nullable=False),
    Column("catalog_version", TEXT, nullable=False),
    Column("interval", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("seats", BigInteger, nullable=False),
    Column("pay_with", TEXT, nullable=False),
    Column("method", TEXT, nullable=True),
    Column("billing_state", TEXT, nullable=False),
    Column("reason", TEXT, nullable=True),
    Column("anchor", BigInteger, nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("access_until", BigInteger, nullable=True),
    Column("ends_with_period", BigInteger, nullable=False),
    Column("invoice_id", TEXT, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("next_attempt_at", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    Column("version", BigInteger, nullable=False),
    Index("subscriptions_by_customer", "customer_id", "id"),
)
"""``price``: of one seat for one interval, in minor units, as it was agreed to. ``period`` is the number of the period
that is paid last, ``period_start`` and ``period_end`` where it lies (business ms); -1 while none is paid, as in a
trial, whose time it then is. ``access_until`` is derived, and kept so that rights and readers need no rule.
``ends_with_period`` is 1 where no renewal follows. ``invoice_id`` is the newest invoice."""

current = Table(
    "subscriptions_current",
    metadata,
    Column("customer_id", TEXT, primary_key=True),
    Column("family", TEXT, primary_key=True),
    Column("subscription_id", TEXT, nullable=False),
)
"""The one subscription of a customer and family that is not over."""

invoices = Table(
    "subscriptions_invoices",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("subscription_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("sku", TEXT, nullable=False),
    Column("catalog_version", TEXT, nullable=False),
    Column("lines", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("purchase_id", TEXT, nullable=True),
    Column("failed_purchase_id", TEXT, nullable=True),
    Column("attempts", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("period_start", BigInteger, nullable=True),
    Column("period_end", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
    UniqueConstraint("subscription_id", "period", name="subscriptions_invoice_once"),
)
"""What is asked for a period: ``open``, ``paid``, ``void`` or ``uncollectible``. ``lines`` are
``[[title, amount], …]``, ``total`` their sum before tax. ``attempts`` were made to charge it; ``failed_purchase_id`` is
the last that is known to have failed, ``purchase_id`` the last that was begun. A first invoice gets its period when it
is paid."""

TABLES = (subscriptions, current, invoices)
