"""The plugin's own tables; ``migrations/`` builds them."""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, UniqueConstraint

from storefront.core.column_types import TEXT

metadata = MetaData()

addresses = Table(
    "mail_addresses",
    metadata,
    Column("customer_id", TEXT, primary_key=True),
    Column("email", TEXT, nullable=False),
    Column("language", TEXT, nullable=True),
    Column("opted_out_at", BigInteger, nullable=True),
    Column("token", TEXT, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("token", name="mail_addresses_token"),
)
"""The only place where an address is kept; erasing a customer is deleting this row. ``token`` is what an unsubscribe
link proves itself by: random, of this address alone."""

messages = Table(
    "mail_messages",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("customer_id", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("event_type", TEXT, nullable=False),
    Column("template", TEXT, nullable=False),
    Column("message_id", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("reason", TEXT, nullable=True),
    Column("attempts", BigInteger, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("event_id", name="mail_messages_event"),
    Index("mail_messages_by_customer", "customer_id", "id"),
    Index("mail_messages_by_state", "state", "updated_at", "id"),
)
"""One mail that an event asked for: ``queued``, ``sent``, ``skipped`` (nobody wants it or can get it), ``failed``
(refused for good) or ``expired`` (too old to be of use). No address, no text: both are made when it is sent."""

TABLES = (addresses, messages)
