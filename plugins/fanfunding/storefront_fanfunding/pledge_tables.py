"""Tables of all-or-nothing goals: what each holds to since its first pledge, and the pledges."""

from sqlalchemy import BigInteger, Column, Index, Table

from storefront.core.column_types import TEXT
from storefront_fanfunding.tables import metadata

CAMPAIGNS, PLEDGES = "fanfunding_campaigns", "fanfunding_pledges"

campaigns = Table(
    CAMPAIGNS,
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("goal", TEXT, primary_key=True),
    Column("title", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("min_collected", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("pledged", BigInteger, nullable=False),
    Column("backers", BigInteger, nullable=False),
    Column("collected", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
    Column("settled_at", BigInteger, nullable=True),
)
"""An all-or-nothing goal since its first pledge; hangs under the creator's boards (``accounts.board_anchor``).
``title`` (JSON), ``currency``, ``target``, ``deadline`` (business ms) and ``min_collected`` (basis points of the
target; 0: none) are the file's of then, for good. ``state``: collecting; at the deadline reached or missed; once each
pledge of a reached one is charged or was tried in vain, collected or failed (less than ``min_collected`` came in).
``pledged`` (in ``currency``) and ``backers`` are of the open pledges, and stay as they were at the deadline.
``collected`` is written when it is settled: what was charged of them, whatever went back afterwards."""

pledges = Table(
    PLEDGES,
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("creator_id", TEXT, nullable=False),
    Column("goal", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("is_guest", BigInteger, nullable=False),
    Column("country", TEXT, nullable=True),
    Column("name", TEXT, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("is_anonymous", BigInteger, nullable=False),
    Column("held_for", TEXT, nullable=True),
    Column("currency", TEXT, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("worth", BigInteger, nullable=False),
    Column("tier", TEXT, nullable=True),
    Column("gives", TEXT, nullable=False),
    Column("rates", TEXT, nullable=False),
    Column("share", BigInteger, nullable=False),
    Column("hold_ms", BigInteger, nullable=False),
    Column("pay_with", TEXT, nullable=False),
    Column("setup_id", TEXT, nullable=True),
    Column("method", TEXT, nullable=True),
    Column("hold_id", TEXT, nullable=True),
    Column("state", TEXT, nullable=False),
    Column("reason", TEXT, nullable=True),
    Column("attempts", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("purchase_id", TEXT, nullable=True),
    Column("failed_purchase_id", TEXT, nullable=True),
    Column("tip_id", TEXT, nullable=True),
    Column("next_attempt_at", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=True),
    Column("closed_at", BigInteger, nullable=True),
    Index("fanfunding_pledges_by_goal", "creator_id", "goal", "state"),
    Index("fanfunding_pledges_by_customer", "customer_id"),
    Index("fanfunding_pledges_by_setup", "setup_id"),
    Index("fanfunding_pledges_by_purchase", "purchase_id"),
)
"""A pledge (``plg_…``): hangs under the fan. ``state``: pending (its method is not saved yet), open, charging,
collected, failed (charged in vain), withdrawn, released (the goal was missed), void (it never opened) or refunded (too
little was collected). ``worth`` is the amount in the campaign's currency, by the rate that was the operator's when it
was made, rounded down. What its tip will be is decided then, too: ``tier``, what that ``gives`` of the game (JSON: SKU
-> how many), ``held_for``, ``rates``, ``share``, ``hold_ms``. ``pay_with`` is a gateway, which keeps ``method`` since
``setup_id``, or ``wallet``, of which ``hold_id`` sets the amount aside. ``purchase_id`` and ``tip_id`` are of the last
attempt; ``failed_purchase_id`` is the last one that came to nothing. ``reason``: why it stands as it does."""

PLEDGE_TABLES = (campaigns, pledges)
