"""Promo codes that were generated or switched off, what codes were redeemed for, and who brought whom."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from storefront.core.column_types import TEXT
from storefront.core.tables_base import key_column, metadata, number_column, text_column

promo_codes = Table(
    "promo_codes",
    metadata,
    key_column("code"),
    text_column("campaign", null=True),
    text_column("batch", null=True),
    number_column("number", null=True),
    text_column("customer_id", null=True),
    number_column("disabled_at", null=True),
    number_column("created_at"),
    CheckConstraint("(campaign IS NULL) = (batch IS NULL)", name="promo_code_of_a_batch"),
    UniqueConstraint("campaign", "batch", "number", name="promo_code_numbered_once"),
    sqlite_with_rowid=False,
)
"""A generated code, with the bulk code (``campaign``) whose terms it has; or, without one, a word of the YAML that was
switched off. ``customer_id``: it is this customer's alone. Rows hang under the anchor ``promo:<code>``."""

redemptions = Table(
    "redemptions",
    metadata,
    Column("purchase_id", TEXT, ForeignKey("purchases.id"), primary_key=True),
    key_column("code"),
    text_column("name"),
    text_column("customer_id"),
    number_column("amount"),
    text_column("currency"),
    text_column("state"),
    Column("is_counted", Integer, nullable=False, server_default=text("0")),
    Column("is_first", Integer, nullable=False, server_default=text("0")),
    number_column("created_at"),
    number_column("updated_at"),
    CheckConstraint("state IN ('reserved', 'redeemed', 'given_back')", name="redemption_state_known"),
    CheckConstraint("amount > 0", name="redemption_of_something"),
    Index("redemptions_by_code", "code"),
    Index("redemptions_by_name", "name", "purchase_id"),
    sqlite_with_rowid=False,
)
"""What a code took off a purchase. ``name`` is the YAML's code or bulk code; ``is_counted`` whether its uses in all are
limited, ``is_first`` whether it is for first purchases: the counters that it stands in."""

referral_codes = Table(
    "referral_codes",
    metadata,
    key_column("customer_id"),
    Column("code", TEXT, nullable=False, unique=True),
    number_column("created_at"),
    sqlite_with_rowid=False,
)

referrals = Table(
    "referrals",
    metadata,
    key_column("customer_id"),
    text_column("id"),
    text_column("referrer_id"),
    text_column("state"),
    text_column("purchase_id", null=True),
    text_column("rewards"),
    number_column("due_at", null=True),
    number_column("created_at"),
    number_column("updated_at"),
    CheckConstraint(
        "state IN ('waiting', 'qualified', 'rewarded', 'canceled', 'clawed_back')", name="referral_state_known"
    ),
    CheckConstraint("customer_id <> referrer_id", name="referral_of_another"),
    Index("referrals_by_referrer", "referrer_id", "customer_id"),
    Index("referrals_by_purchase", "purchase_id"),
    sqlite_with_rowid=False,
)
"""``customer_id`` is the new customer. ``rewards`` lists what was given, as JSON:
``{to, customer_id, grant | code, …}``."""
