"""What is counted of tips, in tables of its own: projections, which follow the events and can be made anew from tips.

None of them is written in a tip's commit: they hang under an anchor of their own (``board_anchor``), badges under fans.
"""

from sqlalchemy import BigInteger, Column, Index, Table

from storefront.core.column_types import TEXT
from storefront_fanfunding.tables import metadata

COUNTED, DAYS, FANS, REACHED, BADGES, GOAL_GRANTS = (
    "fanfunding_counted", "fanfunding_days", "fanfunding_fans", "fanfunding_reached", "fanfunding_badges",
    "fanfunding_goal_grants",
)  # fmt: skip

counted = Table(
    COUNTED,
    metadata,
    Column("tip_id", TEXT, primary_key=True),
    Column("currency", TEXT, primary_key=True),
    Column("creator_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("is_anonymous", BigInteger, nullable=False),
    Column("day", BigInteger, nullable=False),
    Column("factor", TEXT, nullable=False),
    Column("gross", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Index("fanfunding_counted_by_fan", "creator_id", "customer_id"),
)
"""What a tip counts for in a currency: its own, and each that a rate of its own leads to. ``factor``: what a minor
unit is worth in minor units of that currency, as a fraction (``5/4``), kept since it was first counted. ``gross``: what
is left of the amount, ``net``: of the creator's share, ``settled``: of what is no longer in reserve of that; rounded
down, in minor units. ``day``: of its payment, in days since 1970 (UTC). ``seen``: the number of the commit of the last
event that it was counted by."""

days = Table(
    DAYS,
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("currency", TEXT, primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("gross", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("tips", BigInteger, nullable=False),
)
"""The sums of what is counted, by the day of the payment; ``tips``: how many of those are not wholly back."""

fans = Table(
    FANS,
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("currency", TEXT, primary_key=True),
    Column("span", TEXT, primary_key=True),
    Column("customer_id", TEXT, primary_key=True),
    Column("is_anonymous", BigInteger, primary_key=True, autoincrement=False),
    Column("gross", BigInteger, nullable=False),
    Index("fanfunding_fans_by_gross", "creator_id", "currency", "span", "gross"),
)
"""What each fan has given in a ``span``: ``all``, a month (``2026-11``) or a day (``2026-11-28``), in UTC. What was
given anonymously is a sum of its own, so that a name never tells of it."""

OF_REACHED = ("creator_id", "goal", "span", "stretch")
"""What names a goal that was reached: its span and its step too."""
reached = Table(
    REACHED,
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("goal", TEXT, primary_key=True),
    Column("span", TEXT, primary_key=True),
    Column("stretch", BigInteger, primary_key=True, autoincrement=False),
    Column("currency", TEXT, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reached_at", BigInteger, nullable=False),
    Column("first_day", BigInteger, nullable=False, server_default="0"),
    Column("end_day", BigInteger, nullable=False, server_default="0"),
    Column("grants", TEXT, nullable=False, server_default="[]"),
)
"""That a goal was reached in a ``span`` (``all``, ``2026``, ``2026-11``, ``2026-11-28``), once and for good;
``stretch`` is 0 for the goal itself. ``amount`` is what it stood at then. ``first_day`` and ``end_day``: the days of
the span (since 1970, half open) that counted; ``grants`` (JSON): what it promised to its fans of the game."""

badges = Table(
    BADGES,
    metadata,
    Column("customer_id", TEXT, primary_key=True),
    Column("creator_id", TEXT, primary_key=True),
    Column("badge", TEXT, primary_key=True),
    Column("reason", TEXT, nullable=False),
    Column("is_sticky", BigInteger, nullable=False),
    Column("granted_at", BigInteger, nullable=False),
    Index("fanfunding_badges_by_badge", "creator_id", "badge"),
)
"""What a fan was given for what they gave; hangs under the fan. ``reason``: the rule that they keep, as JSON. A sticky
one is kept even if they do so no more."""

grants = Table(
    "fanfunding_grants",
    metadata,
    Column("tip_id", TEXT, primary_key=True),
    Column("sku", TEXT, primary_key=True),
    Column("creator_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("day", BigInteger, nullable=False),
    Column("per_tip", BigInteger, nullable=False),
    Column("per_day", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("goods", TEXT, nullable=False),
    Column("entries", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("fanfunding_grants_by_day", "creator_id", "sku", "day"),
)
"""What a tip gave of an offer of the game, or did not: written in the tip's own commit, under its fan. ``state``:
given, refused (the day's limit was reached, or it is owned already) or taken (the tip's money went back, and with it
what was left). ``goods`` (JSON): what was given, or was taken; ``entries``: the entries that gave currency. ``day`` in
days since 1970 (UTC); ``per_tip`` and ``per_day`` as the operator allowed them then."""

goal_grants = Table(
    GOAL_GRANTS,
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("sku", TEXT, primary_key=True),
    Column("creator_id", TEXT, nullable=False),
    Column("goal", TEXT, nullable=False),
    Column("span", TEXT, nullable=False),
    Column("stretch", BigInteger, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("day", BigInteger, nullable=False),
    Column("per_day", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("goods", TEXT, nullable=False),
    Column("entries", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("fanfunding_goal_grants_by_fan", "customer_id", "creator_id"),
    Index("fanfunding_goal_grants_by_goal", "creator_id", "goal", "span", "stretch", "sku", "customer_id", unique=True),
    Index("fanfunding_goal_grants_by_day", "creator_id", "sku", "day"),
)
"""What a reached goal gave of an offer of the game to a fan who contributed, or did not; hangs under the fan. ``id``
(``ggr_…``) is made of the goal, its span and step, and the fan. The other columns are as in ``fanfunding_grants``;
taken: all that the fan gave in the span has gone back."""

trains = Table(
    "fanfunding_trains",
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("state", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("levels", TEXT, nullable=False),
    Column("level", BigInteger, nullable=False),
    Column("progress", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("contributions", BigInteger, nullable=False),
    Column("first_tip", BigInteger, nullable=False),
    Column("last_tip", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
)
"""A creator's hype trains, numbered. ``state``: running, over (its time was) or full (its last level was reached).
``levels`` (JSON): what each needs, as when it started; ``progress`` of that in ``level``, ``total`` in all.
``first_tip`` and ``last_tip`` are the sequences of the tips that drove it; ``sequence`` counts its events."""

BOARD_TABLES = (counted, days, fans, reached, badges, grants, goal_grants, trains)
