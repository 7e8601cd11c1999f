"""Subscriptions as rows: their states, how they are found, and what of them is shown."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import bindparam, or_, select

from storefront.core.clock import iso
from storefront.core.commit.plan import Key
from storefront.core.errors import Conflict, NotFound, Refused
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_subscriptions.monthly import recurring
from storefront_subscriptions.tables import changes, current, finals, invoices, pauses, subscriptions

INCOMPLETE, TRIALING, ACTIVE, PAST_DUE, UNPAID = "incomplete", "trialing", "active", "past_due", "unpaid"
PAUSED = "paused"
CANCELED, INCOMPLETE_EXPIRED = "canceled", "incomplete_expired"
OVER = frozenset({CANCELED, INCOMPLETE_EXPIRED})
OPEN, PAID, VOID, UNCOLLECTIBLE = "open", "paid", "void", "uncollectible"
OWED, WRITTEN_OFF = "owed", "written_off"
"""States of a final invoice that is not collected, beside ``open`` and ``paid``."""
SCHEDULED, DONE, FAILED, REPLACED, REVOKED, DROPPED = "scheduled", "done", "failed", "replaced", "revoked", "dropped"
"""States of a change beside ``open``, in which its purchase is being paid."""
ASKED, NO_METHOD, GIFT_GONE = "asked", "no_method", "gift_gone"
"""Causes of a pause."""
RUNNING, RESUMING = "running", "resuming"
"""States of a pause beside ``scheduled``, ``done``, ``revoked`` and ``dropped``."""
TRANSITIONS: Mapping[str | None, frozenset[str]] = {
    None: frozenset({INCOMPLETE, TRIALING, ACTIVE}),
    INCOMPLETE: frozenset({ACTIVE, INCOMPLETE_EXPIRED}),
    TRIALING: frozenset({ACTIVE, PAST_DUE, UNPAID, PAUSED, CANCELED}),
    ACTIVE: frozenset({ACTIVE, PAST_DUE, UNPAID, PAUSED, CANCELED}),
    PAST_DUE: frozenset({ACTIVE, PAST_DUE, UNPAID, PAUSED, CANCELED}),
    UNPAID: frozenset({ACTIVE, UNPAID, PAUSED, CANCELED}),
    PAUSED: frozenset({PAST_DUE, CANCELED}),
    CANCELED: frozenset(),
    INCOMPLETE_EXPIRED: frozenset(),
}

SUBSCRIPTION = Query(select(subscriptions).where(subscriptions.c.id == bindparam("id")))
OF_CUSTOMER = Query(
    select(subscriptions)
    .where(
        subscriptions.c.customer_id == bindparam("customer_id"),
        subscriptions.c.billing_state != INCOMPLETE_EXPIRED,
    )
    .order_by(subscriptions.c.id.desc())
)
INVOICE = Query(select(invoices).where(invoices.c.id == bindparam("id")))
CHANGE = Query(select(changes).where(changes.c.id == bindparam("id")))
CHANGES_AHEAD = Query(
    select(changes).where(
        changes.c.customer_id == bindparam("customer_id"), or_(changes.c.state == SCHEDULED, changes.c.state == OPEN)
    )
)
PAUSE = Query(select(pauses).where(pauses.c.id == bindparam("id")))
FINAL = Query(select(finals).where(finals.c.id == bindparam("id")))
FINALS = Query(select(finals).where(finals.c.subscription_id == bindparam("subscription_id")).order_by(finals.c.number))
FINALS_AHEAD = Query(
    select(finals)
    .where(finals.c.customer_id == bindparam("customer_id"), finals.c.state == OPEN)
    .order_by(finals.c.created_at, finals.c.id)
)
FINALS_LEFT = Query(
    select(finals)
    .where(finals.c.customer_id == bindparam("customer_id"), or_(finals.c.state == OPEN, finals.c.state == OWED))
    .order_by(finals.c.created_at.desc(), finals.c.id)
)
CURRENT = Query(
    select(current.c.subscription_id).where(
        current.c.customer_id == bindparam("customer_id"), current.c.family == bindparam("family")
    )
)
INVOICES = Query(
    select(invoices)
    .where(invoices.c.subscription_id == bindparam("subscription_id"))
    .order_by(invoices.c.period.desc())
)


class AlreadySubscribed(Refused):
    code = "already_subscribed"
    title = "There is a subscription of this family already"


class SubscriptionOver(Refused):
    code = "subscription_over"
    title = "This subscription is over"


class PaymentDue(Conflict):
    code = "payment_due"
    title = "A payment for this subscription is due"


class RenewalUnderWay(Conflict):
    code = "renewal_under_way"
    title = "A payment for this subscription is being made"


class Paused(Conflict):
    code = "subscription_paused"
    title = "This subscription is paused"


class Outdated(Refused):
    code = "change_outdated"
    title = "The subscription has changed since this was worked out"


class NotDue(Refused):
    code = "not_due"
    title = "This is not to be paid now"


async def need(services: Services, subscription_id: str, *, owner: str | None = None) -> Row:
    """Return a subscription; another customer's answers like a missing one (``NotFound``)."""
    row = await services.reader.first(SUBSCRIPTION, id=subscription_id)
    if row is None or (owner is not None and row["customer_id"] != owner):
        raise NotFound("There is no such subscription.")
    return row


async def need_change(services: Services, change_id: str) -> Row:
    row = await services.reader.first(CHANGE, id=change_id)
    assert row is not None, "a subscription names a change that was written with it"
    return row


async def pause_of(services: Services, row: Mapping[str, Any]) -> Row | None:
    """Return the pause that a subscription is in, or that is to come, if there is one."""
    if row["pause_id"] is None:
        return None
    found = await services.reader.first(PAUSE, id=row["pause_id"])
    assert found is not None, "a subscription names a pause that was written with it"
    return found


async def need_invoice(services: Services, invoice_id: str) -> Row:
    row = await services.reader.first(INVOICE, id=invoice_id)
    assert row is not None, "a subscription names an invoice that was written with it"
    return row


async def need_final(services: Services, final_id: str) -> Row:
    row = await services.reader.first(FINAL, id=final_id)
    assert row is not None, "a purchase names a final invoice that was written before it"
    return row


def invoice_key(invoice_id: str, customer_id: str) -> Key:
    return Key("subscriptions_invoices", (invoice_id,), customer_id)


def final_key(final_id: str, customer_id: str) -> Key:
    return Key("subscriptions_finals", (final_id,), customer_id)


def change_key(change_id: str, customer_id: str) -> Key:
    return Key("subscriptions_changes", (change_id,), customer_id)


def pause_key(pause_id: str, customer_id: str) -> Key:
    return Key("subscriptions_pauses", (pause_id,), customer_id)


def current_key(customer_id: str, family: str) -> Key:
    return Key("subscriptions_current", (customer_id, family), customer_id)


def goes_on_with_a_gift(pause: Mapping[str, Any] | None) -> bool:
    """Tell whether a pause is over once a gift is there: a gift that was gone began it, and nobody has asked for it."""
    return pause is not None and pause["cause"] == GIFT_GONE and pause["resume_at"] is None


def has_access(row: Mapping[str, Any], now: int) -> bool:
    """Tell whether a subscription gives its rights at ``now`` (business ms)."""
    return row["access_until"] is not None and now < row["access_until"]


def goes_on(row: Mapping[str, Any]) -> bool:
    """Tell whether another period follows the present one, paid for anew or given."""
    return will_renew(row) or (bool(row["gifted"]) and row["billing_state"] not in OVER and row["pause_id"] is None)


def will_renew(row: Mapping[str, Any]) -> bool:
    """Tell whether another period follows the present one: not while it is paused, or is going to be."""
    is_held = row["ends_with_period"] or row["pause_id"] is not None
    return row["billing_state"] not in OVER and not is_held


def shown(row: Mapping[str, Any], customer: str, now: int) -> dict[str, Any]:
    """Return a subscription's wire shape; ``customer`` is the game's name of its subscriber."""
    has_period = row["billing_state"] != INCOMPLETE and row["billing_state"] != INCOMPLETE_EXPIRED
    return {
        "id": row["id"],
        "customer": {"id": customer},
        **told(row, now),
        "price": {"amount": row["price"], "currency": row["currency"]},
        "seats": row["seats"],
        "pay_with": row["pay_with"],
        "reason": row["reason"],
        "next_attempt_at": None if row["next_attempt_at"] is None else iso(row["next_attempt_at"]),
        "period_start": iso(row["period_start"]) if has_period else None,
        "created_at": iso(row["created_at"]),
        "ended_at": None if row["ended_at"] is None else iso(row["ended_at"]),
    }


def told(row: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Return what a customer's state tells of a subscription."""
    has_period = row["billing_state"] not in (INCOMPLETE, INCOMPLETE_EXPIRED)
    return {
        "id": row["id"],
        "sku": row["sku"],
        "family": row["family"],
        "interval": row["interval"],
        "billing_state": row["billing_state"],
        "has_access": has_access(row, now),
        "access_until": None if row["access_until"] is None else iso(row["access_until"]),
        "period_end": iso(row["period_end"]) if has_period else None,
        "will_renew": will_renew(row),
    }


def terms_of(row: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Return what a customer's state tells of the rights that a subscription gives.

    ``billing_issue_at`` is when the renewal was due that has not been paid. Beyond its period, access is grace.
    """
    is_failing = row["billing_state"] in (PAST_DUE, UNPAID)
    is_over = has_access(row, now) and now >= row["period_end"]
    return {
        "will_renew": will_renew(row),
        "period": "trial" if row["billing_state"] == TRIALING else "grace" if is_over else "normal",
        "billing_issue_at": iso(row["period_end"]) if is_failing else None,
    }


def event_of(row: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return what a ``subscription.*`` event tells: our own ids only."""
    names = ("id", "customer_id", "sku", "family", "billing_state")
    return {**{name: row[name] for name in names}, **more}


def moved_of(row: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return what an event tells of a subscription that has moved: also what it comes to a month from then on.

    ``row`` is how it stands after the commit that tells it.
    """
    return event_of(row, monthly={"amount": recurring(row), "currency": row["currency"]}, **more)


def lines_of(invoice: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return an invoice's lines as ``[(title, amount), …]``."""
    return msgspec.json.decode(invoice["lines"], type=list[tuple[str, int]])
