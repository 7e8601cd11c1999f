"""The tables of price experiments: what was offered to whom, and what they bought. All are facts, and append-only."""

from sqlalchemy import Index, Table

from storefront.core.tables_base import key_column, metadata, number_column, text_column

experiment_variants = Table(
    "experiment_variants",
    metadata,
    key_column("experiment"),
    key_column("variant"),
    text_column("sku"),
    text_column("prices"),
    number_column("created_at"),
)

experiment_exposures = Table(
    "experiment_exposures",
    metadata,
    key_column("experiment"),
    key_column("customer_id"),
    text_column("variant"),
    number_column("exposed_at"),
    Index("experiment_exposures_by_customer", "customer_id"),
)

experiment_purchases = Table(
    "experiment_purchases",
    metadata,
    key_column("purchase_id"),
    text_column("experiment"),
    text_column("variant"),
    text_column("customer_id"),
    Index("experiment_purchases_by_experiment", "experiment"),
)
