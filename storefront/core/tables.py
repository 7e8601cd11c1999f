"""The tables of the core, for SQLite and PostgreSQL alike; ``migrations/`` builds them.

Times are integer milliseconds (UTC), amounts integers in the smallest unit, JSON is text. A table in
``APPEND_ONLY`` is guarded by triggers: the database itself refuses UPDATE, DELETE and an INSERT over an
existing id. Every row that a plan may change hangs under an anchor (``architecture``: docs/architecture.md).

The tables stand by area in the modules ``tables_<area>``, which share one ``metadata``; importing this module makes
it complete.
"""

from storefront.core.tables_analytics import analytics_generations, analytics_members, analytics_rollups
from storefront.core.tables_auto_top_ups import auto_top_up_runs, auto_top_ups
from storefront.core.tables_base import metadata
from storefront.core.tables_experiments import experiment_exposures, experiment_purchases, experiment_variants
from storefront.core.tables_freezes import debts, freezes
from storefront.core.tables_gifts import customer_transfers, shared_entries
from storefront.core.tables_instances import item_instances
from storefront.core.tables_ledger import (
    accounts,
    anchors,
    checkpoints,
    credits,
    draws,
    entries,
    holds,
    lots,
    seal_leaves,
    seals,
    transfers,
)
from storefront.core.tables_manual_payments import manual_payments, manual_refunds
from storefront.core.tables_operators import console_sessions, customer_notes, operator_links, operators
from storefront.core.tables_payments import gateway_books, gateway_movements, payers, payment_methods, setups
from storefront.core.tables_privacy import erasures
from storefront.core.tables_promos import promo_codes, redemptions, referral_codes, referrals
from storefront.core.tables_purchases import (
    catalog_versions,
    claims,
    counters,
    entitlements,
    grants,
    item_movements,
    items,
    payments,
    purchases,
    reversals,
)
from storefront.core.tables_receipts import receipt_keys, receipts
from storefront.core.tables_reviews import reviews
from storefront.core.tables_service import (
    alarms,
    api_keys,
    audit_actions,
    customers,
    events,
    idempotency,
    inbox,
    jobs,
    settings,
)
from storefront.core.tables_usage import (
    usage_accounts,
    usage_ids,
    usage_lines,
    usage_periods,
    usage_uniques,
    usage_windows,
)
from storefront.core.tables_webhooks import webhook_attempts, webhook_deliveries, webhook_endpoints

APPEND_ONLY = (
    entries,
    transfers,
    draws,
    credits,
    grants,
    seals,
    seal_leaves,
    item_movements,
    events,
    catalog_versions,
    alarms,
    audit_actions,
    gateway_movements,
    receipt_keys,
    receipts,
    shared_entries,
    customer_transfers,
    usage_lines,
    experiment_variants,
    experiment_exposures,
    experiment_purchases,
)

__all__ = [
    "APPEND_ONLY",
    "accounts",
    "alarms",
    "analytics_generations",
    "analytics_members",
    "analytics_rollups",
    "anchors",
    "api_keys",
    "audit_actions",
    "auto_top_up_runs",
    "auto_top_ups",
    "catalog_versions",
    "checkpoints",
    "claims",
    "console_sessions",
    "counters",
    "credits",
    "customer_notes",
    "customer_transfers",
    "customers",
    "debts",
    "draws",
    "entitlements",
    "entries",
    "erasures",
    "events",
    "experiment_exposures",
    "experiment_purchases",
    "experiment_variants",
    "freezes",
    "gateway_books",
    "gateway_movements",
    "grants",
    "holds",
    "idempotency",
    "inbox",
    "item_instances",
    "item_movements",
    "items",
    "jobs",
    "lots",
    "manual_payments",
    "manual_refunds",
    "metadata",
    "operator_links",
    "operators",
    "payers",
    "payment_methods",
    "payments",
    "promo_codes",
    "purchases",
    "receipt_keys",
    "receipts",
    "redemptions",
    "referral_codes",
    "referrals",
    "reversals",
    "reviews",
    "seal_leaves",
    "seals",
    "settings",
    "setups",
    "shared_entries",
    "transfers",
    "usage_accounts",
    "usage_ids",
    "usage_lines",
    "usage_periods",
    "usage_uniques",
    "usage_windows",
    "webhook_attempts",
    "webhook_deliveries",
    "webhook_endpoints",
]
