"""Ending a subscription: with its period, which may be taken back, or now."""

from collections.abc import Sequence
from contextlib import suppress

from storefront.core.clock import iso
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, EndEntitlement, Plan, Step
from storefront.core.errors import Unavailable
from storefront.core.finalizing import cancel as cancel_purchase
from storefront.core.purchasing import Status, read_purchase
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.by_hand import ByHand, sign
from storefront_subscriptions.carrying import GIVEN_BACK, carry
from storefront_subscriptions.config import Settings
from storefront_subscriptions.gifts import gifted_until, letting_go
from storefront_subscriptions.looking_after import change_of, give_up_purchase, rights_of
from storefront_subscriptions.moves import ending, never_back, rights_until, until
from storefront_subscriptions.rows import (
    CANCELED,
    INCOMPLETE,
    INCOMPLETE_EXPIRED,
    OPEN,
    OVER,
    PAST_DUE,
    PAUSED,
    UNPAID,
    VOID,
    RenewalUnderWay,
    SubscriptionOver,
    event_of,
    need,
    need_invoice,
    pause_of,
)
from storefront_subscriptions.usage_lines import usage_owed
from storefront_subscriptions.waiving import is_waived, waived_since

TIMES_DECIDED = 5


async def cancel_at_end(
    services: Services,
    settings: Settings,
    subscription_id: str,
    *,
    is_on: bool,
    actor: str,
    by: ByHand | None = None,
) -> Row:
    """Let a subscription end with its period, or take that back. What is so already stays so.

    One that has no paid period to end with, because it is unpaid, past due, paused or was never paid, ends at once;
    what was given to it begins then.

    Raises:
        SubscriptionOver: it has ended.
    """
    for _ in range(TIMES_DECIDED):
        row = await need(services, subscription_id)
        if row["billing_state"] in OVER:
            raise SubscriptionOver(subscription=row["id"])
        if is_on and row["billing_state"] in (INCOMPLETE, PAST_DUE, UNPAID, PAUSED):
            return await end_now(services, settings, subscription_id, reason="canceled", actor=actor, by=by)
        if bool(row["ends_with_period"]) is is_on:
            return row
        now = services.clock.now()
        changes = {"ends_with_period": int(is_on), "updated_at": now, "version": row["version"] + 1}
        after = {**row, **changes}
        changes["access_until"] = never_back(row, until(after, settings.dunning.grace_ms), now)
        plan = Plan(actor=actor, anchors={row["customer_id"]})
        plan.add(Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, changes))
        plan.add(*rights_until(after, await rights_of(services, row), changes["access_until"]))
        type = "subscription.cancel_scheduled" if is_on else "subscription.cancel_taken_back"
        told = event_of(after, at=iso(gifted_until(row)))
        plan.emit(type, anchor=row["customer_id"], subject=row["id"], payload=told)
        sign(services, plan, by, type.removeprefix("subscription."), row["id"])
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return await need(services, subscription_id)
    raise Unavailable("Too much is changing at once; try again.")


async def end_now(
    services: Services,
    settings: Settings,
    subscription_id: str,
    *,
    reason: str,
    actor: str,
    gives_up: bool = False,
    by: ByHand | None = None,
) -> Row:
    """End a subscription and its rights at once; a payment that waits for its payer is given up first.

    What was given to it waits for the next plan, or is given up with it if that was asked for (``gives_up``).

    Raises:
        SubscriptionOver: it has ended.
        RenewalUnderWay: its payment can be stopped no more; once it is decided, try again.
    """
    for _ in range(TIMES_DECIDED):
        row = await need(services, subscription_id)
        if row["billing_state"] in OVER:
            raise SubscriptionOver(subscription=row["id"])
        invoice = await need_invoice(services, row["invoice_id"])
        await give_up_payment(services, row, invoice)
        now, customer_id = services.clock.now(), row["customer_id"]
        plan = Plan(actor=actor, anchors={customer_id})
        ends = now if row["access_until"] is None else min(now, row["access_until"])
        if invoice["state"] == OPEN:
            plan.add(*close_invoice(row, invoice, now, had_until=ends))
        change = await change_of(services, row)
        if change is not None and change["state"] == OPEN:
            await give_up_purchase(services, change["purchase_id"])
        state = INCOMPLETE_EXPIRED if row["billing_state"] == INCOMPLETE else CANCELED
        rights = await rights_of(services, row)
        # Where its money goes back, what was used for that is asked of nobody.
        before = None if reason == CANCELED or not await is_waived(services, row) else waived_since(row)
        closed = {**invoice, "state": VOID, "had_until": ends} if invoice["state"] == OPEN else None
        plan.add(*await usage_owed(services, row, access_until=ends, closed=closed, before=before))
        plan.add(*ending(row, rights, state, reason=reason, access_until=ends, now=now, change=change,
                         pause=await pause_of(services, row)))  # fmt: skip
        plan.add(*await letting_go(services, row, invoice, now, is_given_up=gives_up))
        sign(services, plan, by, "ended", row["id"])
        try:
            await services.engine.commit(plan)
        except Stale:
            await advance(services, settings, subscription_id)
            continue
        return await need(services, subscription_id)
    raise Unavailable("Too much is changing at once; try again.")


async def end_access(services: Services, subscription_id: str, *, reason: str, actor: str) -> None:
    """End at once the access that goes on after a subscription has ended; where it does not, nothing is written."""
    for _ in range(TIMES_DECIDED):
        row, now = await need(services, subscription_id), services.clock.now()
        if row["access_until"] is None or row["access_until"] <= now:
            return
        customer_id = row["customer_id"]
        changes = {"access_until": now, "updated_at": now, "version": row["version"] + 1}
        plan = Plan(actor=actor, anchors={customer_id})
        plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes))
        plan.add(*(EndEntitlement(customer_id, key, row["id"]) for key in await rights_of(services, row)))
        told = event_of({**row, **changes}, reason=reason, at=iso(now))
        plan.emit("subscription.access_ended", anchor=customer_id, subject=row["id"], payload=told)
        with suppress(Stale):
            await services.engine.commit(plan)
    raise Unavailable("Too much is changing at once; try again.")


def close_invoice(row: Row, invoice: Row, now: int, *, had_until: int) -> Sequence[Step]:
    """Return the steps by which an open invoice is asked for no more, as long as no further attempt has been made.

    Its period was had by grace until ``had_until`` (business ms), if that lies within it.
    """
    expect = {"state": OPEN, "attempts": invoice["attempts"], "purchase_id": invoice["purchase_id"]}
    closed = {"state": VOID, "closed_at": now, "had_until": had_until}
    return (
        Change("subscriptions_invoices", (invoice["id"],), row["customer_id"], expect, closed),
        carry(row, invoice["currency"], invoice["carried"], about=invoice["id"], cause=GIVEN_BACK),
    )


async def give_up_payment(services: Services, row: Row, invoice: Row) -> None:
    """Stop the payment of an open invoice, if one is being made.

    Raises:
        RenewalUnderWay: it can be stopped no more; once it is decided, try again.
    """
    if invoice["state"] != OPEN or invoice["purchase_id"] in (None, invoice["failed_purchase_id"]):
        return
    purchase = await read_purchase(services, invoice["purchase_id"])
    if purchase["status"] in (Status.PENDING, Status.IN_REVIEW):
        await cancel_purchase(services, purchase["id"], owner=None)
        purchase = await read_purchase(services, invoice["purchase_id"])
    if purchase["status"] not in (Status.CANCELED, Status.EXPIRED, Status.FAILED, Status.REJECTED):
        raise RenewalUnderWay("Its payment is being made; try again once that is decided.", subscription=row["id"])
