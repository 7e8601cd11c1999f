"""What ``audit verify --deep`` checks of pauses (S10): nothing is had or charged meanwhile, the rest is credited."""

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, and_, case, func, or_, select, union_all

from storefront.core.audit import Check, Violation
from storefront.core.tables import events
from storefront_subscriptions.auditing import each
from storefront_subscriptions.auditing_changes import credit_due, never_net_credit, spans_in, whole_start
from storefront_subscriptions.auditing_dunning import begun_purchases
from storefront_subscriptions.tables import changes, invoices, pauses, subscriptions

_BEGUN = ("running", "resuming", "done", "dropped")


def nothing_is_paid_for_a_pause(connection: Connection) -> Iterator[Violation]:
    """S10: no period that is paid lies in the time of a pause, and no subscription that is paused gives access."""
    ends = case((pauses.c.resumed_at.is_not(None), pauses.c.resumed_at), else_=None)
    statement = (
        select(pauses.c.id, pauses.c.subscription_id, invoices.c.id.label("invoice_id"))
        .join(invoices, invoices.c.subscription_id == pauses.c.subscription_id)
        .where(
            pauses.c.state.in_(_BEGUN),
            pauses.c.closed_at.is_(None) | pauses.c.resumed_at.is_not(None),
            invoices.c.state == "paid",
            invoices.c.period_end > pauses.c.starts_at,
            or_(ends.is_(None), invoices.c.period_start < ends),
        )
    )
    for row in each(connection, statement):
        message = f"invoice {row.invoice_id} of {row.subscription_id} is paid for the time of the pause {row.id}"
        yield Violation("S10", (row.subscription_id, row.invoice_id), message)
    given = (
        select(subscriptions.c.id, subscriptions.c.access_until, pauses.c.id.label("pause_id"))
        .join(pauses, pauses.c.id == subscriptions.c.pause_id, isouter=True)
        .where(
            subscriptions.c.billing_state == "paused",
            or_(
                pauses.c.id.is_(None),
                pauses.c.state != "running",
                and_(subscriptions.c.access_until > pauses.c.starts_at,
                     subscriptions.c.access_until > subscriptions.c.updated_at),
            ),
        )
    )  # fmt: skip
    for row in each(connection, given):
        message = f"subscription {row.id} is paused ({row.pause_id}), and gives access until {row.access_until}"
        yield Violation("S10", (row.id,), message)


def nothing_is_charged_while_paused(connection: Connection) -> Iterator[Violation]:
    """S10-charges: no purchase for a subscription, or a change of one, begins while it is paused."""
    begun, told = begun_purchases(), events.alias("told")
    billed = union_all(
        *(select(table.c.id, table.c.subscription_id, table.c.customer_id) for table in (invoices, changes))
    ).subquery()
    turned = (
        select(func.max(told.c.commit_no))
        .where(told.c.anchor == billed.c.customer_id, told.c.subject == billed.c.subscription_id,
               told.c.type.in_(("subscription.paused", "subscription.resume_ordered")),
               told.c.commit_no < begun.c.commit_no)
        .correlate(billed, begun)
        .scalar_subquery()
    )  # fmt: skip
    statement = (
        select(begun.c.purchase_id, billed.c.subscription_id)
        .join(billed, billed.c.id == begun.c.bill)
        .join(events, and_(events.c.anchor == billed.c.customer_id, events.c.subject == billed.c.subscription_id,
                           events.c.commit_no == turned))
        .where(events.c.type == "subscription.paused")
    )  # fmt: skip
    for row in each(connection, statement):
        message = f"purchase {row.purchase_id} was begun while its subscription {row.subscription_id} was paused"
        yield Violation("S10-charges", (row.subscription_id, row.purchase_id), message)


def a_pause_credits_the_rest(connection: Connection) -> Iterator[Violation]:
    """S10-credit: a pause that cuts a paid period credits what the rest of it was worth, once, and no more."""
    whole_end = func.coalesce(invoices.c.uncut_end, invoices.c.period_end)
    same = and_(invoices.c.subscription_id == pauses.c.subscription_id, invoices.c.period == pauses.c.period)
    statement = (
        select(pauses.c.id, pauses.c.starts_at, pauses.c.credit, pauses.c.returned, invoices.c.period,
               invoices.c.period_start, invoices.c.uncut_end, invoices.c.spans, whole_end.label("whole_end"),
               *(invoices.c[name].label(f"billed_{name}") for name in ("anchor", "anchor_period", "interval")))
        .join(invoices, same)
        .where(pauses.c.state.in_(_BEGUN), pauses.c.period >= 0, invoices.c.state == "paid")
    )  # fmt: skip
    for row in each(connection, statement):
        is_cut = row.uncut_end is not None and row.whole_end > row.starts_at
        spans = spans_in(row.spans)
        due = 0
        if is_cut and spans:
            # What changes credited before is checked with them (S5), by what was paid then.
            then = {number: one.charged for number, one in enumerate(spans[:-1])}
            yield from never_net_credit(row.id, None, spans, then)
            before = [*spans[:-1], msgspec.structs.replace(spans[-1], credited=0)]
            at, total = max(row.starts_at, before[-1].start), row.whole_end - whole_start(row)
            due = credit_due(before, at, row.whole_end, total)
            if spans[-1].credited != row.credit:
                yield Violation("S10-credit", (row.id,), f"pause {row.id} credits what its period does not have")
        if row.credit != due or not 0 <= row.returned <= row.credit:
            message = f"pause {row.id} credits {row.credit} ({row.returned} to the wallet), the rest is worth {due}"
            yield Violation("S10-credit", (row.id,), message)


CHECKS: Sequence[Check] = (
    Check("S10", "Nothing is paid for a pause, and nothing had in it", nothing_is_paid_for_a_pause),
    Check("S10-charges", "Nothing is charged while a subscription is paused", nothing_is_charged_while_paused),
    Check("S10-credit", "A pause credits the rest of what it cuts", a_pause_credits_the_rest),
)
