"""The table of commands. All rows of one game server hang under an anchor of its own, ``deliveries:<server>``."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, text

from storefront.core.tables_base import key_column, number_column, text_column
from storefront_microtransactions.tables import metadata

_OPEN = text("state IN ('queued', 'leased')")
_OPEN_TO_ALL = text("state IN ('queued', 'leased') AND online_only = 0")
_LEASED = text("state = 'leased'")
_DEAD = text("state = 'dead'")
_IS_DRAWN = text("opening_id IS NOT NULL")

commands = Table(
    "microtransactions_commands",
    metadata,
    key_column("id"),
    text_column("server"),
    text_column("customer_id"),
    text_column("player"),
    text_column("event_id"),
    text_column("purchase_id", null=True),
    text_column("opening_id", null=True),
    text_column("reversal_id", null=True),
    text_column("sku"),
    text_column("stage"),
    number_column("position"),
    text_column("template"),
    text_column("command", null=True),
    Column("online_only", Integer, nullable=False),
    text_column("state"),
    number_column("due_at"),
    number_column("retry_at"),
    Column("attempts", Integer, nullable=False),
    text_column("lease_id", null=True),
    text_column("leased_by", null=True),
    number_column("lease_until"),
    text_column("last_error", null=True),
    text_column("canceled_for", null=True),
    text_column("resend_of", null=True),
    number_column("created_at"),
    number_column("updated_at"),
    number_column("closed_at", null=True),
    CheckConstraint("state IN ('queued', 'leased', 'done', 'dead', 'canceled')", name="command_state_known"),
    CheckConstraint("(closed_at IS NULL) = (state IN ('queued', 'leased'))", name="command_closed_when_over"),
    CheckConstraint("(state <> 'leased') OR (lease_id IS NOT NULL)", name="command_leased_by_somebody"),
    CheckConstraint("(state NOT IN ('queued', 'leased')) OR (command IS NOT NULL)", name="command_is_written"),
    Index(
        "microtransactions_commands_open", "server", "player", "position", sqlite_where=_OPEN, postgresql_where=_OPEN
    ),
    Index(
        "microtransactions_commands_for_all",
        "server",
        "due_at",
        sqlite_where=_OPEN_TO_ALL,
        postgresql_where=_OPEN_TO_ALL,
    ),
    Index("microtransactions_commands_leased", "lease_id", sqlite_where=_LEASED, postgresql_where=_LEASED),
    Index("microtransactions_commands_dead", "server", sqlite_where=_DEAD, postgresql_where=_DEAD),
    Index("microtransactions_commands_by_purchase", "purchase_id"),
    Index("microtransactions_commands_by_opening", "opening_id", sqlite_where=_IS_DRAWN, postgresql_where=_IS_DRAWN),
    Index("microtransactions_commands_by_time", "created_at", "id"),
)

TABLES = (commands,)
