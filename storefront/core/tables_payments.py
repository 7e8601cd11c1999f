"""The tables of what gateways keep for us: payers, saved methods, and a copy of each gateway's own books."""

from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint

from storefront.core.tables_base import key_column, metadata, number_column, text_column

payers = Table(
    "payers",
    metadata,
    key_column("customer_id"),
    key_column("gateway"),
    text_column("reference"),
    number_column("created_at"),
    sqlite_with_rowid=False,
)

payment_methods = Table(
    "payment_methods",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("gateway"),
    text_column("reference"),
    text_column("kind"),
    text_column("brand", null=True),
    text_column("last4", null=True),
    text_column("expires", null=True),
    text_column("fingerprint", null=True),
    number_column("created_at"),
    number_column("forgotten_at", null=True),
    UniqueConstraint("gateway", "reference", name="payment_method_once"),
    Index("payment_methods_by_customer", "customer_id", "id"),
)

setups = Table(
    "setups",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("gateway"),
    text_column("gateway_ref", null=True),
    text_column("state"),
    text_column("redirect_url", null=True),
    text_column("method_id", null=True),
    number_column("created_at"),
    number_column("updated_at"),
    text_column("network", null=True),
    CheckConstraint("state IN ('open', 'saved', 'closed')", name="setup_state_known"),
    Index("setups_by_gateway_ref", "gateway", "gateway_ref"),
)

gateway_movements = Table(
    "gateway_movements",
    metadata,
    key_column("gateway"),
    key_column("id"),
    text_column("kind"),
    text_column("type"),
    number_column("amount"),
    number_column("fee"),
    text_column("currency"),
    number_column("presented_amount", null=True),
    text_column("presented_currency", null=True),
    text_column("exchange_rate", null=True),
    text_column("source", null=True),
    text_column("payment", null=True),
    text_column("about", null=True),
    text_column("entry_id", null=True),
    number_column("created_at"),
    number_column("booked_at"),
    Index("gateway_movements_by_payment", "gateway", "payment"),
    Index("gateway_movements_by_source", "gateway", "source"),
)

gateway_books = Table(
    "gateway_books",
    metadata,
    key_column("gateway"),
    text_column("cursor", null=True),
    number_column("since"),
    number_column("followed_at"),
    number_column("moved_at", null=True),
    text_column("told", null=True),
    number_column("reconciled_at", null=True),
    text_column("report", null=True),
)
