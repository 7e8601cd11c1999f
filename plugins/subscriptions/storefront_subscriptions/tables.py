"""The plugin's own tables; ``migrations/`` builds them."""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, UniqueConstraint

from storefront.core.column_types import TEXT

metadata = MetaData()

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("customer_id", TEXT, nullable=False),
    Column("family", TEXT, nullable=False),
    Column("sku", TEXT, nullable=False),
    Column("catalog_version", TEXT, nullable=False),
    Column("interval", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("seats", BigInteger, nullable=False),
    Column("pay_with", TEXT, nullable=False),
    Column("method", TEXT, nullable=True),
    Column("billing_state", TEXT, nullable=False),
    Column("reason", TEXT, nullable=True),
    Column("anchor", BigInteger, nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("access_until", BigInteger, nullable=True),
    Column("ends_with_period", BigInteger, nullable=False),
    Column("invoice_id", TEXT, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("next_attempt_at", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    Column("version", BigInteger, nullable=False),
    Column("anchor_period", BigInteger, nullable=False),
    Column("change_id", TEXT, nullable=True),
    Column("pause_id", TEXT, nullable=True),
    Column("gifted", BigInteger, nullable=False),
    Column("priced_by", TEXT, nullable=True),
    Index("subscriptions_by_customer", "customer_id", "id"),
)
"""``price``: of one seat for one interval, in minor units, as it was agreed to. ``period`` is the number of the period
that is paid last, ``period_start`` and ``period_end`` where it lies (business ms); -1 while none is paid, as in a
trial, whose time it then is. ``access_until`` is derived, and kept so that rights and readers need no rule.
``ends_with_period`` is 1 where no renewal follows. ``invoice_id`` is the newest invoice. ``anchor_period`` is the
number of the period that begins at the anchor (less than 0 after a pause that kept it); ``change_id`` the change that
is agreed to and not done yet, ``pause_id`` the pause that is to come, or that is not over. ``gifted`` is how many
periods are still to come that somebody else has paid for: what its gifts have ``remaining``. ``priced_by`` is the
catalog version that ``price`` is of, where that is another than ``catalog_version``, by which the rest is agreed."""

current = Table(
    "subscriptions_current",
    metadata,
    Column("customer_id", TEXT, primary_key=True),
    Column("family", TEXT, primary_key=True),
    Column("subscription_id", TEXT, nullable=False),
)
"""The one subscription of a customer and family that is not over."""

invoices = Table(
    "subscriptions_invoices",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("subscription_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("sku", TEXT, nullable=False),
    Column("catalog_version", TEXT, nullable=False),
    Column("lines", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("purchase_id", TEXT, nullable=True),
    Column("failed_purchase_id", TEXT, nullable=True),
    Column("attempts", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("period_start", BigInteger, nullable=True),
    Column("period_end", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
    Column("interval", TEXT, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("seats", BigInteger, nullable=False),
    Column("pay_with", TEXT, nullable=False),
    Column("anchor", BigInteger, nullable=True),
    Column("anchor_period", BigInteger, nullable=False),
    Column("uncut_end", BigInteger, nullable=True),
    Column("carried", BigInteger, nullable=False),
    Column("spans", TEXT, nullable=True),
    Column("change_id", TEXT, nullable=True),
    Column("gift_id", TEXT, nullable=True),
    Column("priced_by", TEXT, nullable=True),
    Column("usage", BigInteger, nullable=False),
    Column("had_until", BigInteger, nullable=True),
    UniqueConstraint("subscription_id", "period", name="subscriptions_invoice_once"),
)
"""What is asked for a period: ``open``, ``paid``, ``void`` or ``uncollectible``. ``lines`` are
``[[title, amount], …]``, ``total`` their sum before tax. ``attempts`` were made to charge it; ``failed_purchase_id`` is
the last that is known to have failed, ``purchase_id`` the last that was begun. A first invoice gets its period and its
``anchor`` when it is paid. ``uncut_end`` is where the period would have ended, if a change has begun another within it.
``carried`` is what it took over from ``subscriptions_carried``, in its ``total`` already. ``spans`` are what its tiers
cost, in turn, once there were several (``spans.py``). ``change_id`` is the change that is carried out with it,
``gift_id`` the gift that pays for it: then its ``total`` is 0. ``usage`` is what its lines of usage come to, in its
``total`` already. ``had_until`` is when access ended, by grace, of a period that was never paid: written in the commit
that closes its invoice, ``void`` or ``uncollectible``, and then for good."""

changes = Table(
    "subscriptions_changes",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("subscription_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("direction", TEXT, nullable=False),
    Column("timing", TEXT, nullable=False),
    Column("money", TEXT, nullable=True),
    Column("old_sku", TEXT, nullable=False),
    Column("sku", TEXT, nullable=False),
    Column("catalog_version", TEXT, nullable=False),
    Column("interval", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("seats", BigInteger, nullable=False),
    Column("pay_with", TEXT, nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("credit", BigInteger, nullable=False),
    Column("charge", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("lines", TEXT, nullable=False),
    Column("new_end", BigInteger, nullable=True),
    Column("before", TEXT, nullable=True),
    Column("after", TEXT, nullable=True),
    Column("invoice_id", TEXT, nullable=True),
    Column("purchase_id", TEXT, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
    Index("subscriptions_changes_of", "subscription_id", "id"),
    Index("subscriptions_changes_by_customer", "customer_id", "state"),
)
"""A change of tier: ``scheduled`` for its period's end, or ``open`` while its purchase is being paid; then ``done``,
``failed``, ``replaced``, ``revoked`` or ``dropped``. ``price`` is of one seat of the new tier. Of one that happens
within a period: ``at`` (business ms), ``credit`` and ``charge`` of its lines; of what they come to, ``total`` is
bought, ``used`` paid from credit, ``kept`` carried to the next invoice (credit if negative), ``returned`` to the lots.
``before`` and ``after`` are the period's spans. ``invoice_id`` is the invoice of the new period that it begins, if so,
and ``new_end`` that period's end."""

carried = Table(
    "subscriptions_carried",
    metadata,
    Column("customer_id", TEXT, primary_key=True),
    Column("family", TEXT, primary_key=True),
    Column("currency", TEXT, primary_key=True),
    Column("amount", BigInteger, nullable=False),
)
"""What the next invoice of a family takes over: owed if positive, credit if negative (minor units). Never paid out."""

carries = Table(
    "subscriptions_carries",
    metadata,
    Column("about", TEXT, primary_key=True),
    Column("cause", TEXT, primary_key=True),
    Column("customer_id", TEXT, nullable=False),
    Column("family", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("subscriptions_carries_of", "customer_id", "family", "currency"),
)
"""Every movement of that, once: ``kept`` by a change, ``taken`` by an invoice or a change, ``given_back`` by one that
was not paid, ``clawed`` after its money went back."""

credits = Table(
    "subscriptions_credits",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("subscription_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("asset", TEXT, nullable=False),
    Column("every", TEXT, nullable=False),
    Column("slot_start", BigInteger, nullable=False),
    Column("slot_end", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("cause", TEXT, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("entry_id", TEXT, nullable=True),
    Column("purchase_id", TEXT, nullable=False),
    Column("invoice_id", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("subscription_id", "asset", "every", "slot_start", "number", name="subscriptions_credit_once"),
    Index("subscriptions_credits_by_customer", "customer_id", "asset"),
)
"""Included credits, slot by slot: ``granted``, or ``rolled`` over from the slot before. A slot's row 0 is its grant;
each change of tier within it adds one. ``target`` is what the slot was worth from then on, ``amount`` what the row
granted (0 where something was taken instead), by the entry ``entry_id``. ``purchase_id`` paid for it."""

pauses = Table(
    "subscriptions_pauses",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("subscription_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("cause", TEXT, nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("resume_at", BigInteger, nullable=True),
    Column("keeps_anchor", BigInteger, nullable=False),
    Column("credit", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("invoice_id", TEXT, nullable=True),
    Column("resumed_at", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
    Index("subscriptions_pauses_of", "subscription_id", "id"),
    Index("subscriptions_pauses_by_invoice", "invoice_id"),
)
"""A pause: ``scheduled`` for its period's end, ``running``, ``resuming`` while its next period is being paid; then
``done``, ``revoked`` before it began, or ``dropped`` with its subscription. Nothing is paid for the time from
``starts_at`` to ``resumed_at`` (business ms): between the period of the number ``period`` and the one that
``invoice_id`` pays. ``resume_at`` is when it ends by itself. ``credit`` is what the rest of a period was worth that it
cut, of which ``returned`` went back to the wallet's lots. ``cause``: ``asked`` for, or ``no_method`` after a trial."""

gifts = Table(
    "subscriptions_gifts",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("giver_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("family", TEXT, nullable=False),
    Column("sku", TEXT, nullable=False),
    Column("catalog_version", TEXT, nullable=False),
    Column("interval", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("seats", BigInteger, nullable=False),
    Column("pay_with", TEXT, nullable=False),
    Column("periods", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("subscription_id", TEXT, nullable=True),
    Column("purchase_id", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
    UniqueConstraint("purchase_id", name="subscriptions_gift_once"),
    Index("subscriptions_gifts_by_customer", "customer_id", "state"),
    Index("subscriptions_gifts_of", "subscription_id", "id"),
)
"""Periods that one customer (``giver_id``) has paid for another (``customer_id``), by the purchase ``purchase_id``:
``waiting`` for a subscription that can take them, ``given`` to ``subscription_id``, ``taken_back`` with their money, or
``given_up`` with a subscription that was ended at once. ``price`` is of one seat for one of the ``periods``;
``remaining`` are those that no invoice names yet."""

usage = Table(
    "subscriptions_usage",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("subscription_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("invoice_id", TEXT, nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("feature", TEXT, nullable=False),
    Column("meter", TEXT, nullable=False),
    Column("sku", TEXT, nullable=False),
    Column("catalog_version", TEXT, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("included", BigInteger, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("quantity", TEXT, nullable=False),
    Column("cost", TEXT, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("subscription_id", "feature", "starts_at", "number", name="subscriptions_usage_once"),
    Index("subscriptions_usage_by_invoice", "invoice_id"),
)
"""Lines of usage on invoices: what a paid period (or the part of it that one tier had) metered of a feature in the
full hours ``[starts_at, ends_at)`` (business ms). ``quantity`` and ``included`` (millionths) and ``cost`` (10^-12 of
the smallest unit) are of all of it, as it stood then; ``amount`` is what this line asks beside those before it.
``kind``: ``period``, or ``correction`` of what was billed before; a line on an invoice that is void or given up bills
nothing. What is ``owed`` when a subscription ends stands on no invoice (``invoice_id`` is its last): it is carried to
the next one."""

finals = Table(
    "subscriptions_finals",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("subscription_id", TEXT, nullable=False),
    Column("customer_id", TEXT, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("sku", TEXT, nullable=False),
    Column("catalog_version", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("pay_with", TEXT, nullable=False),
    Column("lines", TEXT, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("purchase_id", TEXT, nullable=True),
    Column("failed_purchase_id", TEXT, nullable=True),
    Column("attempts", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("next_attempt_at", BigInteger, nullable=True),
    Column("reason", TEXT, nullable=True),
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
    UniqueConstraint("subscription_id", "number", name="subscriptions_final_once"),
    Index("subscriptions_finals_by_customer", "customer_id", "state"),
)
"""Final invoices: what a subscription that charged for usage still asks once it has ended, as it stood in
``subscriptions_carried`` when it was written, from which its ``total`` is taken. ``open``, ``paid``, ``owed`` (it could
not be collected, and is carried again) or ``written_off``. ``number`` counts those of a subscription, from 1; the rest
as on an invoice."""

TABLES = (subscriptions, current, invoices, changes, carried, carries, credits, pauses, gifts, usage, finals)
