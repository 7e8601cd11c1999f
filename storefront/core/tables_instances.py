"""Units of items that are things of their own: each has an id and a serial number, given once, for ever."""

from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint, text

from storefront.core.tables_base import key_column, metadata, number_column, text_column

IS_OWNED = "taken_at IS NULL"

item_instances = Table(
    "item_instances",
    metadata,
    key_column("id"),
    text_column("customer_id"),
    text_column("sku"),
    number_column("number"),
    text_column("about"),
    number_column("granted_at"),
    text_column("frozen_by", null=True),
    number_column("taken_at", null=True),
    text_column("taken_for", null=True),
    UniqueConstraint("sku", "number", name="item_number_once"),
    CheckConstraint("number >= 1", name="item_number_sane"),
    CheckConstraint("(taken_at IS NULL) = (taken_for IS NULL)", name="item_taken_for_something"),
    Index("item_instances_owned", "customer_id", "sku", sqlite_where=text(IS_OWNED), postgresql_where=text(IS_OWNED)),
)
"""``about`` gave it to whom it belongs (a purchase, a transfer), ``taken_for`` took it (a consumption, a reversal). The
count of those that are owned is part of the ``items`` row of the same customer and SKU; a row stays when the thing is
gone: no number is given again."""
