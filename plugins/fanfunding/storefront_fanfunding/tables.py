"""The plugin's own tables; ``migrations/`` builds them."""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, text

from storefront.core.column_types import TEXT

metadata = MetaData()

creators = Table(
    "fanfunding_creators",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("id", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("fanfunding_creators_by_id", "id", unique=True),
)
"""``name`` is the creator's id in the YAML, ``id`` (``cre_…``) ours, which stands in the books."""

tips = Table(
    "fanfunding_tips",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("creator_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("purchase_id", TEXT, nullable=False),
    Column("source", TEXT, nullable=True),
    Column("name", TEXT, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("is_anonymous", BigInteger, nullable=False),
    Column("is_held", BigInteger, nullable=False),
    Column("held_for", TEXT, nullable=True),
    Column("is_name_only", BigInteger, nullable=False, server_default="0"),
    Column("is_settled", BigInteger, nullable=False, server_default="1"),
    Column("max_per_minute", BigInteger, nullable=True),
    Column("sender", TEXT, nullable=True),
    Column("currency", TEXT, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("tier", TEXT, nullable=True),
    Column("rates", TEXT, nullable=False),
    Column("share", BigInteger, nullable=False),
    Column("hold_ms", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("sequence", BigInteger, nullable=True),
    Column("earned", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("back_amount", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("back_earned", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("paid_at", BigInteger, nullable=True),
    Column("release_at", BigInteger, nullable=True),
    Index("fanfunding_tips_by_creator", "creator_id", "sequence", unique=True),
    Index("fanfunding_tips_by_purchase", "purchase_id", unique=True),
    Index("fanfunding_tips_by_customer", "customer_id"),
)
"""One tip; hangs under the fan (``customer_id``). ``state``: pending, paid, refunded (all of it went back) or void (it
was never paid). ``amount`` is what the fan gives, in minor units, ``total`` what they pay, with tax; ``tier`` and
``rates`` (JSON: other currency -> how many of it one is worth) as they were when it was made, and so are ``share``
(basis points) and ``hold_ms``. ``is_held``: it waits to be read by somebody before it is shown, because of
``held_for`` (``links``, ``words``, ``often``, ``blocked``); its money does not wait. ``is_name_only``: its message
is shown to nobody. ``is_settled`` is 0 while its alert waits for that. ``max_per_minute``: of how many of its
sender's tips the alerts come on screen within a minute, as the creator said then; ``sender`` stands for the network
that an unknown fan gives from, until the tip is paid or void. ``sequence`` numbers a creator's paid tips without a
gap. ``earned``: the creator's share, of which ``reserved`` still waits in reserve until ``release_at``.
``back_amount`` of the money has gone back, or is set aside because it may (``returned``: has gone back for good),
and of what was earned ``back_earned`` with it. ``source`` names the importer of what was given elsewhere: there
``purchase_id`` is that service's own id, and nothing is earned, for its creator has the money already."""

alerts = Table(
    "fanfunding_alerts",
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("tip_id", TEXT, nullable=True),
    Column("state", TEXT, nullable=False),
    Column("is_test", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("shown_at", BigInteger, nullable=True),
    Column("done_at", BigInteger, nullable=True),
    Index(
        "fanfunding_alerts_waiting", "creator_id", "sequence",
        sqlite_where=text("state IN ('queued', 'shown')"), postgresql_where=text("state IN ('queued', 'shown')"),
    ),
    Index("fanfunding_alerts_by_tip", "tip_id"),
)  # fmt: skip
"""The overlay's queue; hangs under the creator's queue (``accounts.queue_anchor``). ``state``: queued, shown, done,
skipped, held (until its tip may be shown), or unsettled (until its money is settled, where the creator wants that).
A test has no tip. ``sequence`` counts a creator's alerts without a gap."""

reversals = Table(
    "fanfunding_reversals",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("tip_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("stage", TEXT, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("wanted", BigInteger, nullable=False),
    Column("from_reserve", BigInteger, nullable=False),
    Column("from_payable", BigInteger, nullable=False),
    Column("owed", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("fanfunding_reversals_by_tip", "tip_id"),
)
"""What a refund or dispute (``id`` is the core's ``rev_…``) wants back of a creator's share; hangs under the fan.
``stage``: held (set aside in reserve), taken (gone for good) or none (given back, or never set aside). ``amount`` is
the fan's money, ``wanted`` the creator's part of it, ``from_reserve`` what of that had not been released yet,
``from_payable`` what had, and ``owed`` what was no longer there, once it was taken."""

overlays = Table(
    "fanfunding_overlays",
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("digest", TEXT, nullable=False),
    Column("is_paused", BigInteger, nullable=False),
    Column("is_hidden", BigInteger, nullable=False),
    Column("free_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("fanfunding_overlays_by_digest", "digest", unique=True),
)
"""What a creator's overlays are opened with (``digest``: SHA-256 of the token, which is kept nowhere), and the queue's
switches; hangs under the creator's queue. Before ``free_at`` no further alert comes on screen: the gap.
``seen_at``: when a page of them was connected last, to the half minute."""

invitations = Table(
    "fanfunding_invitations",
    metadata,
    Column("digest", TEXT, primary_key=True),
    Column("creator_id", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=True),
    Index("fanfunding_invitations_by_creator", "creator_id"),
)
"""Codes that sign a creator in once (``digest``: SHA-256 of the code, which is kept nowhere). ``expires_at`` by the
machine's clock. ``used_at``: it was used, or a newer one was made."""

sessions = Table(
    "fanfunding_sessions",
    metadata,
    Column("digest", TEXT, primary_key=True),
    Column("creator_id", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    Index("fanfunding_sessions_by_creator", "creator_id"),
)
"""Creators who are signed in (``digest``: of the token in their browser's cookie). ``expires_at`` and ``seen_at``,
to the hour, by the machine's clock."""

payouts = Table(
    "fanfunding_payouts",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("creator_id", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("pay_with", TEXT, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("account", TEXT, nullable=True),
    Column("reference", TEXT, nullable=True),
    Column("reason", TEXT, nullable=True),
    Column("approved_by", TEXT, nullable=True),
    Column("amount", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("four_eyes", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("approved_at", BigInteger, nullable=True),
    Column("paid_at", BigInteger, nullable=True),
    Column("failed_at", BigInteger, nullable=True),
    Column("approvable_from", BigInteger, nullable=True),
    Index("fanfunding_payouts_by_creator", "creator_id", "currency", "line", unique=True),
    Index("fanfunding_payouts_by_time", "created_at", "id"),
    Index("fanfunding_payouts_by_reference", "pay_with", "reference"),
)
"""One payout (``pyt_…``) of ``amount`` in one currency; hangs under the creator's money (``accounts.money_anchor``).
``state``: created (it waits for a second person, where ``four_eyes``), in_progress (to be sent, or sent and not
answered), paid, or failed (``returned`` is all of it). ``pay_with``: manual, or the gateway that transfers it to
``account``, as the configuration had it then; where that was new, not before ``approvable_from``. ``reference``: the
gateway's transfer, or what an operator said. ``line`` is its own line in the creator's statements, ``since`` that of
the payout before (0: none): what lies between is told by its statement, and by no other."""

lines = Table(
    "fanfunding_lines",
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("currency", TEXT, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("about", TEXT, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("owed", BigInteger, nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("debt", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""What moved a creator's ``payable`` or ``debt``, entry by entry, numbered without a gap; hangs under their money.
``kind`` and ``about`` (a tip or a payout) are the entry's; ``amount`` and ``owed`` (signed) what it did to the two,
``balance`` and ``debt`` how they stood after it."""

paces = Table(
    "fanfunding_paces",
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("recent", TEXT, nullable=False),
)
"""Who came on a creator's screen in the minute before the last tip; hangs under the creator's queue. ``recent`` (JSON):
sender (a fan, or what stands for a network) -> when, in ms."""

blocks = Table(
    "fanfunding_blocks",
    metadata,
    Column("creator_id", TEXT, primary_key=True),
    Column("customer_id", TEXT, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""Fans whose tips a creator does not want to see: there while that holds, under the creator's queue. ``sequence`` is
that of the alert for which it was said."""

TABLES = (creators, tips, alerts, reversals, overlays, invitations, sessions, payouts, lines, paces, blocks)
