"""Going on with a subscription: the one job that each has, and whoever is told that something moved.

``advance`` looks at what is stored and does what is due, one commit at a time, until nothing is; then it says when it
is to be called again. So it may be called by anybody, at any time, and however long nobody called it: what was missed
is made up for in order, each period once.
"""

from collections.abc import Mapping
from typing import Any

from storefront.core.charging import Failure, ask_again_at, look_at_charge
from storefront.core.clock import DAY_MS, iso
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Unavailable
from storefront.core.jobs import Again
from storefront.core.purchasing import Status, read_payment
from storefront.core.quotes import WALLET
from storefront.core.quoting import PurchaseRequest
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.asking import ask_next
from storefront_subscriptions.attempts import CALLER, attempt, request_of
from storefront_subscriptions.carrying import GIVEN_BACK, carry
from storefront_subscriptions.config import Settings
from storefront_subscriptions.crediting import credit_due
from storefront_subscriptions.gifts import letting_go
from storefront_subscriptions.looking_after import change_of, look_after, newest_method, rights_lost, rights_of
from storefront_subscriptions.moves import ending, never_back, note_charged, rights_until, until
from storefront_subscriptions.pause_moves import beginning_with_period, beginning_without_method, order_resumption
from storefront_subscriptions.reminding import remind, remind_of_resumption
from storefront_subscriptions.retrying import FAILED, Retry, retry_after
from storefront_subscriptions.rows import (
    ACTIVE,
    CANCELED,
    INCOMPLETE,
    INCOMPLETE_EXPIRED,
    OPEN,
    OVER,
    PAST_DUE,
    PAUSED,
    TRIALING,
    UNCOLLECTIBLE,
    UNPAID,
    VOID,
    NotDue,
    Outdated,
    SubscriptionOver,
    event_of,
    goes_on_with_a_gift,
    moved_of,
    need,
    need_invoice,
    pause_of,
)
from storefront_subscriptions.settling_up import settle_up
from storefront_subscriptions.usage_lines import usage_owed

OPERATION = "subscription renewal"
TIMES_DECIDED = 500
"""So many steps of one subscription are made in a row; a server that was down for years needs several runs."""
LOOK_AGAIN_MS = 30 * DAY_MS
"""A running period is looked at so often at least: what the YAML says of reminders may change within a year's."""


async def advance(services: Services, settings: Settings, subscription_id: str) -> Again | None:
    """Do all that is due of a subscription; return when to look again, or None once it is over and settled up.

    Raises:
        Unavailable: the books are away, or all is changing at once; call again.
    """
    for _ in range(TIMES_DECIDED):
        row = await need(services, subscription_id)
        if row["billing_state"] in OVER:
            return await settle_up(services, settings, subscription_id)
        invoice = await need_invoice(services, row["invoice_id"])
        try:
            more = await credit_due(services, row)
            if row["billing_state"] == PAUSED:
                due = await _when_paused(services, settings, row)
            elif invoice["state"] == OPEN:
                due = await _collect(services, settings, row, invoice)
            else:
                due = await _when_paid(services, settings, row)
        except (Stale, Taken, NotDue, Outdated, SubscriptionOver):
            continue  # somebody else went on with it
        if due is not None:
            return Again(due if more is None else min(due, more))
    raise Unavailable("Too much is changing at once; try again.")


async def _when_paused(services: Services, settings: Settings, row: Row) -> int | None:
    """Ask for the next period once the pause is over, however long it has been; return when that will be."""
    now, pause = services.clock.now(), await pause_of(services, row)
    assert pause is not None, "a subscription that is paused names its pause"
    ends = pause["resume_at"]
    if row["gifted"] and goes_on_with_a_gift(pause):
        ends = now
    if ends is None:
        return now + LOOK_AGAIN_MS
    if now < ends:
        reminder = await remind_of_resumption(services, settings, row, int(ends))
        return min(int(ends), now + LOOK_AGAIN_MS, *(() if reminder is None else (reminder,)))
    keeps = bool(pause["keeps_anchor"])
    await order_resumption(services, row, pause, actor=CALLER, keeps_anchor=keeps, needs_method=False)
    return None


async def _when_paid(services: Services, settings: Settings, row: Row) -> int | None:
    """End a period that is over, pause after it, or ask for the next; return when that will be."""
    now = services.clock.now()
    if row["change_id"] is not None and await look_after(services, row):
        return None
    if now < row["period_end"]:
        reminder = await remind(services, settings, row)
        return min(int(row["period_end"]), now + LOOK_AGAIN_MS, *(() if reminder is None else (reminder,)))
    plan, pause = Plan(actor=CALLER, anchors={row["customer_id"]}), await pause_of(services, row)
    if row["ends_with_period"] and not row["gifted"]:
        rights = await rights_of(services, row)
        reason, change = row["reason"] or "canceled", await change_of(services, row)
        until_end = row["period_end"]
        plan.add(*await usage_owed(services, row, access_until=until_end))
        plan.add(*ending(row, rights, CANCELED, reason=reason, access_until=until_end, now=now, change=change,
                         pause=pause))  # fmt: skip
    elif pause is not None:
        plan.add(*beginning_with_period(row, await rights_of(services, row), pause, now))
    else:
        plan.add(*await ask_next(services, row, now))
    await services.engine.commit(plan)
    return None


async def _collect(services: Services, settings: Settings, row: Row, invoice: Row) -> int | None:
    """Go on with an open invoice: charge it, wait for its purchase, or note that it failed."""
    now = services.clock.now()
    waits = invoice["purchase_id"] is not None and invoice["purchase_id"] != invoice["failed_purchase_id"]
    if waits:
        return await _wait_for(services, settings, row, invoice)
    if row["next_attempt_at"] is not None and now < row["next_attempt_at"]:
        return int(row["next_attempt_at"])
    if row["billing_state"] == UNPAID:
        return now + DAY_MS
    return await _charge(services, settings, row, invoice)


async def _wait_for(services: Services, settings: Settings, row: Row, invoice: Row) -> int | None:
    """Ask how the purchase of an invoice goes; what is not known is no decline, and nothing is charged meanwhile."""
    purchase, failure = await look_at_charge(services, invoice["purchase_id"], about=row["id"])
    if failure is not None:
        await fail(services, settings, row, invoice, failure)
        return None
    if purchase["status"] == Status.COMPLETED:
        return None
    await _note_action(services, row, invoice, purchase)
    return ask_again_at(purchase, services.clock.now())


async def _note_action(services: Services, row: Row, invoice: Row, purchase: Row) -> None:
    """Say once that a renewal's payer is to confirm, and where; until then it is past due."""
    payment = await read_payment(services, purchase["id"])
    is_asked = payment is not None and payment["redirect_url"] and row["billing_state"] != INCOMPLETE
    if not is_asked or row["reason"] == f"action_required:{purchase['id']}":
        return
    assert payment is not None
    now = services.clock.now()
    changes = {"reason": f"action_required:{purchase['id']}", "version": row["version"] + 1, "updated_at": now}
    if row["billing_state"] in (ACTIVE, TRIALING):
        changes["billing_state"] = PAST_DUE
    plan = Plan(actor=CALLER, anchors={row["customer_id"]})
    plan.add(Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, changes))
    told = event_of({**row, **changes}, invoice=invoice["id"], purchase=purchase["id"],
                    redirect_url=payment["redirect_url"], expires_at=iso(purchase["expires_at"]))  # fmt: skip
    plan.emit("subscription.action_required", anchor=row["customer_id"], subject=row["id"], payload=told)
    await services.engine.commit(plan)


async def _charge(services: Services, settings: Settings, row: Row, invoice: Row) -> int | None:
    """Make the purchase of an invoice: from the wallet, or by a saved method, under a key of this attempt's own."""
    method = None
    is_money = invoice["pay_with"] != WALLET and invoice["total"] > 0
    if is_money:
        kept = row["method"] if invoice["pay_with"] == row["pay_with"] else None
        method = kept or await newest_method(services, row["customer_id"], invoice["pay_with"])
        if method is None:
            await fail(services, settings, row, invoice, Failure("no_payment_method", is_hard=True))
            return None
    failure = await attempt(services, await _request(services, row, invoice, method), row["id"])
    if failure is not None:
        await fail(services, settings, row, invoice, failure)
    return None


async def _request(services: Services, row: Row, invoice: Row, method: str | None) -> PurchaseRequest:
    details: dict[str, Any] = {"subscription": row["id"]}
    if row["pause_id"] is not None:
        details["pause"] = row["pause_id"]
    if invoice["change_id"] is not None:
        details["scheduled"] = {"id": invoice["change_id"], "ends": await rights_lost(services, row, invoice)}

    def begin(plan: Plan, purchase: Mapping[str, Any]) -> None:
        note_charged(plan, row, invoice, purchase["id"])

    return request_of(services, invoice, method, operation=OPERATION, begin=begin, details=details)


async def fail(services: Services, settings: Settings, row: Row, invoice: Row, failure: Failure) -> None:
    """Note that an invoice could not be charged, and what follows from that: another attempt, a wait, or the end.

    Raises:
        Stale: the subscription has moved on.
    """
    now, customer_id = services.clock.now(), row["customer_id"]
    reason, is_hard, purchase_id = failure.reason, failure.is_hard, failure.purchase_id
    plan = Plan(actor=CALLER, anchors={customer_id})
    # A refusal without a purchase leaves the one before failed, as it was: else that would fail once more.
    noted = {
        "failed_purchase_id": purchase_id or invoice["failed_purchase_id"],
        "attempts": invoice["attempts"] + (purchase_id is None),
    }
    expect = {"state": OPEN, "attempts": invoice["attempts"], "purchase_id": invoice["purchase_id"]}
    retry = await retry_after(services, settings.dunning, row, invoice, reason, is_hard=is_hard, now=now)
    end = _end_of(row, settings, is_hard=is_hard, retry=retry)
    pauses = settings.pauses_trial and row["billing_state"] == TRIALING and is_hard and end is None
    if end is not None or pauses:
        kept = int(row["period_end"]) if end is None else _kept_until(row, settings, end, is_hard=is_hard, now=now)
        noted["state"] = VOID if end == INCOMPLETE_EXPIRED or pauses else UNCOLLECTIBLE
        noted |= {"closed_at": now, "had_until": kept}
        plan.add(carry(row, invoice["currency"], invoice["carried"], about=invoice["id"], cause=GIVEN_BACK))
    plan.add(Change("subscriptions_invoices", (invoice["id"],), customer_id, expect, noted))
    rights = await rights_of(services, row)
    if end is not None:
        change = await change_of(services, row)
        # The price of a period is written off that nobody had whole, and not what was used in it.
        plan.add(*await usage_owed(services, row, access_until=kept, closed={**invoice, **noted}))
        given_up = invoice if noted["state"] == UNCOLLECTIBLE else None
        plan.add(*ending(row, rights, end, reason=reason, access_until=kept, now=now, change=change,
                         pause=await pause_of(services, row), uncollectible=given_up))  # fmt: skip
        plan.add(*await letting_go(services, row, invoice, now, is_given_up=False))
    elif pauses:
        plan.add(*beginning_without_method(row, rights, now))
    else:
        _go_on(plan, settings, row, rights, reason, retry=retry, now=now, invoice=invoice)
    await services.engine.commit(plan)


def _end_of(row: Row, settings: Settings, *, is_hard: bool, retry: Retry) -> str | None:
    """Return the state in which a failure ends a subscription, or None where it goes on or waits."""
    if row["billing_state"] == INCOMPLETE:
        return INCOMPLETE_EXPIRED
    if row["ends_with_period"]:
        return CANCELED
    if row["billing_state"] == TRIALING and is_hard:
        return CANCELED if settings.cancels_trial else None
    if is_hard:
        return CANCELED if settings.dunning.cancels_hard else None
    return CANCELED if retry.at is None and settings.dunning.cancels_exhausted else None


def _kept_until(row: Row, settings: Settings, end: str, *, is_hard: bool, now: int) -> int:
    """Return until when a subscription that a failure ends gives access: with its grace, unless it was a trial."""
    if end == INCOMPLETE_EXPIRED:
        return 0
    if row["billing_state"] == TRIALING:
        return int(row["period_end"])
    grace_end = _grace_end(row, settings, now)
    return grace_end if is_hard else min(grace_end, now)


def _go_on(plan: Plan, settings: Settings, row: Row, rights: Mapping[str, Any], reason: str, *, retry: Retry,
           now: int, invoice: Row) -> None:  # fmt: skip
    """Plan the next attempt; without one, the subscription waits for its customer, and access ends with the grace."""
    grace_end = _grace_end(row, settings, now)
    changes = {
        "billing_state": UNPAID if retry.at is None else PAST_DUE,
        "reason": reason,
        "failures": row["failures"] + 1,
        "next_attempt_at": retry.at,
        "access_until": grace_end,
        "updated_at": now,
        "version": row["version"] + 1,
    }
    plan.add(Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, changes))
    plan.add(*rights_until({**row, **changes}, rights, grace_end))
    told = moved_of(
        {**row, **changes},
        invoice=invoice["id"],
        reason=reason,
        amount={"amount": invoice["total"], "currency": invoice["currency"]},
        period=invoice["period"],
        failures=row["failures"] + 1,
        next_attempt_at=None if retry.at is None else iso(retry.at),
        policy=retry.policy,
        access_until=iso(grace_end),
    )
    plan.emit(FAILED, anchor=row["customer_id"], subject=row["id"], payload=told)


def _grace_end(row: Row, settings: Settings, now: int) -> int:
    return never_back(row, until(row, settings.dunning.grace_ms), now)
