"""Operators: the people who run the shop, how they sign in, and what they note about customers.

Of links, sessions and recovery only SHA-256 digests are kept, of passwords argon2id hashes; a one-time-code secret is
encrypted under a key that lies beside the database, never in it. Times of this area are the machine's, in ms.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table

from storefront.core.column_types import TEXT
from storefront.core.tables_base import key_column, metadata, number_column, text_column

operators = Table(
    "operators",
    metadata,
    key_column("id"),
    Column("login", TEXT, nullable=False, unique=True),
    text_column("role"),
    text_column("password", null=True),
    text_column("totp", null=True),
    number_column("totp_step", default=0),
    number_column("created_at"),
    number_column("ended_at", null=True),
    CheckConstraint("role IN ('owner', 'finance', 'support', 'read_only')", name="operator_role_known"),
)

operator_links = Table(
    "operator_links",
    metadata,
    key_column("digest"),
    Column("operator_id", TEXT, ForeignKey("operators.id"), nullable=False),
    number_column("created_at"),
    number_column("expires_at"),
    number_column("used_at", null=True),
    Index("operator_links_of", "operator_id"),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    key_column("digest"),
    Column("operator_id", TEXT, ForeignKey("operators.id"), nullable=False),
    text_column("method"),
    number_column("created_at"),
    number_column("expires_at"),
    number_column("seen_at"),
    number_column("confirmed_at"),
    number_column("ended_at", null=True),
    CheckConstraint("method IN ('password', 'link', 'oidc')", name="console_session_method_known"),
    Index("console_sessions_of", "operator_id"),
)

customer_notes = Table(
    "customer_notes",
    metadata,
    key_column("id"),
    Column("customer_id", TEXT, ForeignKey("customers.id"), nullable=False),
    text_column("author"),
    text_column("note"),
    number_column("created_at"),
    Index("customer_notes_of", "customer_id", "created_at"),
)
