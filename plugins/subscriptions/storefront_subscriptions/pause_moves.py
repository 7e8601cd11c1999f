"""How a pause moves: begun, and ended by the invoice of the period that follows it. Nothing is charged in between.

What was to be paid when it began is owed no more (its invoice is void); what was paid for time that it takes away is
credited. So a pause costs nobody anything, and the period that follows it is an invoice of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.clock import iso
from storefront.core.commit.apply import LateAnswer, LateStep, LateView
from storefront.core.commit.plan import Change, Emit, Insert, Key, Late, Plan, Step
from storefront.core.errors import Conflict
from storefront.core.ids import new_id
from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.asking import agreed_next, price_told
from storefront_subscriptions.by_hand import ByHand, sign
from storefront_subscriptions.carrying import TAKEN, carry
from storefront_subscriptions.gifts import lines_of_gift, next_gift, used
from storefront_subscriptions.intervals import Interval, Period, period_at
from storefront_subscriptions.looking_after import newest_method
from storefront_subscriptions.moves import rights_until
from storefront_subscriptions.period_lines import lines_of_period
from storefront_subscriptions.rows import (
    NO_METHOD,
    PAST_DUE,
    PAUSED,
    RESUMING,
    RUNNING,
    SCHEDULED,
    Outdated,
    moved_of,
    need_invoice,
)
from storefront_subscriptions.subscribing import invoice_row
from storefront_subscriptions.usage_lines import UsageLine, usage_due, usage_written

STILL_PAID = "still_paid"
RESUMED = "resuming"
"""Why a subscription is past due whose next period is being paid after a pause."""


class MethodMissing(Conflict):
    code = "no_payment_method"
    title = "There is no payment method to charge"


def pause_row(row: Mapping[str, Any], cause: str, starts_at: int, now: int) -> dict[str, Any]:
    """Return a pause of a subscription that is to come at ``starts_at`` (business ms), and ends when that is asked."""
    return {
        "id": new_id("sbp"),
        "subscription_id": row["id"],
        "customer_id": row["customer_id"],
        "state": SCHEDULED,
        "cause": cause,
        "period": row["period"],
        "starts_at": starts_at,
        "resume_at": None,
        "keeps_anchor": 0,
        "credit": 0,
        "returned": 0,
        "invoice_id": None,
        "resumed_at": None,
        "created_at": now,
        "closed_at": None,
    }


def told_pause(row: Mapping[str, Any], pause: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event tells of a pause."""
    resume_at = None if pause["resume_at"] is None else iso(pause["resume_at"])
    credit = {"amount": pause["credit"], "currency": row["currency"]}
    return moved_of(row, pause=pause["id"], at=iso(pause["starts_at"]), resume_at=resume_at, credit=credit)


def beginning(
    row: Mapping[str, Any],
    rights: Mapping[str, Any],
    pause: Mapping[str, Any],
    *,
    now: int,
    access_until: int,
    change_id: str | None,
) -> Sequence[Step]:
    """Return the steps that pause a subscription: ``pause`` is its row as it becomes; access ends as told.

    Add the pause's own row (or its change), and what closes the change that is dropped by it.
    """
    customer_id = row["customer_id"]
    changes = {"billing_state": PAUSED, "reason": pause["cause"], "pause_id": pause["id"], "change_id": change_id,
               "period_end": pause["starts_at"], "access_until": access_until, "failures": 0, "next_attempt_at": None,
               "updated_at": now, "version": row["version"] + 1}  # fmt: skip
    after = {**row, **changes}
    return (
        Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes),
        *rights_until(after, rights, access_until),
        Emit(customer_id, "subscription.paused", row["id"], told_pause(after, pause)),
    )


def pause_written(pause: Mapping[str, Any], before: Mapping[str, Any] | None) -> Step:
    """Return the step that writes a pause: anew, or over what stood there ``before``."""
    customer_id = pause["customer_id"]
    if before is None:
        return Insert("subscriptions_pauses", (pause["id"],), customer_id, pause)
    changes = {name: value for name, value in pause.items() if value != before[name]}
    expect = {"state": before["state"], "resume_at": before["resume_at"]}
    return Change("subscriptions_pauses", (pause["id"],), customer_id, expect, changes)


def beginning_with_period(
    row: Mapping[str, Any], rights: Mapping[str, Any], pause: Mapping[str, Any], now: int
) -> Sequence[Step]:
    """Return the steps that carry out a pause that waited for the period's end, however long ago that was."""
    ends = int(row["period_end"])
    running = {**pause, "state": RUNNING, "starts_at": ends, "period": row["period"]}
    begun = beginning(row, rights, running, now=now, access_until=ends, change_id=row["change_id"])
    return (pause_written(running, pause), *begun)


def beginning_without_method(row: Mapping[str, Any], rights: Mapping[str, Any], now: int) -> Sequence[Step]:
    """Return the steps that pause a subscription whose trial is over, and of which nothing can be charged."""
    ends = int(row["period_end"])
    running = {**pause_row(row, NO_METHOD, ends, now), "state": RUNNING}
    begun = beginning(row, rights, running, now=now, access_until=ends, change_id=row["change_id"])
    return (pause_written(running, None), *begun)


async def order_resumption(
    services: Services,
    row: Row,
    pause: Row,
    *,
    actor: str,
    keeps_anchor: bool,
    needs_method: bool,
    by: ByHand | None = None,
) -> None:
    """Ask for the period that follows a pause; it begins when it is paid, or now if it keeps the anchor.

    Raises:
        MethodMissing: there is no method to charge, and ``needs_method``.
        Stale, Taken, Outdated: the subscription has moved; look at it again.
    """
    now, customer_id = services.clock.now(), row["customer_id"]
    found_ahead = await _invoice_after(services, row, now, keeps_anchor=keeps_anchor)
    agreed, invoice, (taken, found, usage), gift = found_ahead
    if needs_method and invoice["total"] > 0 and invoice["pay_with"] != WALLET:
        kept = row["method"] if invoice["pay_with"] == row["pay_with"] else None
        if kept is None and await newest_method(services, customer_id, invoice["pay_with"]) is None:
            raise MethodMissing("Save one first, then resume.", subscription=row["id"])
    changes = {"billing_state": PAST_DUE, "reason": RESUMED, "invoice_id": invoice["id"], "failures": 0,
               "next_attempt_at": None, "updated_at": now, "version": row["version"] + 1}  # fmt: skip
    if gift is not None:
        changes["gifted"] = row["gifted"] - 1
    moved = {"state": RESUMING, "invoice_id": invoice["id"], "keeps_anchor": int(keeps_anchor)}
    plan = Plan(actor=actor, anchors={customer_id})
    plan.add(
        Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes),
        Change("subscriptions_pauses", (pause["id"],), customer_id, {"state": RUNNING}, moved),
        *(() if gift is None else (used(gift),)),
        Insert("subscriptions_invoices", (invoice["id"],), customer_id, invoice),
        carry(row, invoice["currency"], -taken, about=invoice["id"], cause=TAKEN, seen=found),
        *usage_written(invoice, usage),
        *price_told(row, agreed, invoice),
        Emit(customer_id, "subscription.resume_ordered", row["id"], told_pause({**row, **changes}, pause)),
    )
    sign(services, plan, by, "resume_ordered", row["id"], invoice=invoice["id"])
    await services.engine.commit(plan)


async def _invoice_after(
    services: Services, row: Row, now: int, *, keeps_anchor: bool
) -> tuple[Row, dict[str, Any], tuple[int, int | None, Sequence[UsageLine]], Row | None]:
    """Return the terms of the period after a pause, its invoice, what that takes over and asks of usage, and its gift.

    A gift pays it whole: what was used before waits for an invoice that asks for something.
    """
    newest = await need_invoice(services, row["invoice_id"])
    number = max(row["period"], newest["period"]) + 1
    gift = await next_gift(services, row)
    if gift is not None:
        lines = await lines_of_gift(services, row)
        given = invoice_row(row, number, lines, now) | {"anchor_period": number, "gift_id": gift["id"]}
        return row, given, (0, None, ()), gift
    agreed, change = await agreed_next(services, row, now)
    span = _running_period(row, agreed, now) if keeps_anchor else None
    if span is not None and span.start < row["period_end"] and change is None:
        agreed = row  # the rest of the very period that the pause has cut: it keeps its price
    usage = await usage_due(services, row, agreed["currency"])
    part = None if span is None else (now, span)
    lines, taken, found = await lines_of_period(services, agreed, part=part, usage=usage)
    invoice = invoice_row(agreed, number, lines, now)
    invoice |= {"carried": taken, "anchor_period": number, "change_id": None if change is None else change["id"],
                "usage": sum(one.amount for one in usage)}  # fmt: skip
    if span is not None:
        invoice |= {"anchor": row["anchor"], "anchor_period": number - span.n, "period_start": now,
                    "period_end": span.end}  # fmt: skip
    return agreed, invoice, (taken, found, usage), None


def _running_period(row: Row, agreed: Row, now: int) -> Period | None:
    """Return the period that would run now, had there been no pause; None where nothing gave a day to keep."""
    if row["period"] < 0 or agreed["interval"] != row["interval"] or now < row["anchor"]:
        return None
    return period_at(row["anchor"], Interval.parse(row["interval"]), now)


def still_paid(row: Mapping[str, Any], claims: Sequence[str]) -> Late:
    """Return the step that refuses a plan (``Outdated``) if more of what was paid has gone back than was seen."""
    keys = tuple(Key("claims", (claim,), None) for claim in claims)
    return Late(f"subscriptions.{STILL_PAID}", keys, {"id": row["id"], "keys": keys})


def _still_paid(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    if any(view.row(key) is not None for key in facts["keys"]):
        return Outdated("Something of what was paid has gone back meanwhile.", subscription=facts["id"])
    return ()


LATE_STEPS: Mapping[str, LateStep] = {STILL_PAID: _still_paid}
