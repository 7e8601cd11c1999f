"""Pausing a subscription, at once or with its period, and letting it go on: what callers ask for."""

from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.clock import iso
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Conflict, FieldError, Forbidden, Invalid, Unavailable
from storefront.core.purchasing import read_purchase
from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.core.refunds import Strategy
from storefront.core.reversing import decide as decide_refund
from storefront.core.services import Services
from storefront.core.wallet_refunds import add_wallet_refund, wallet_refund_row
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.by_hand import ByHand, sign
from storefront_subscriptions.canceling import cancel_at_end, close_invoice, give_up_payment
from storefront_subscriptions.carrying import KEPT, carry
from storefront_subscriptions.closing import closing_steps
from storefront_subscriptions.config import Settings
from storefront_subscriptions.credits import included_in
from storefront_subscriptions.looking_after import change_of, give_up_purchase, newest_method, rights_of
from storefront_subscriptions.moves import pause_closed, rights_until, until
from storefront_subscriptions.pause_moves import (
    MethodMissing,
    beginning,
    order_resumption,
    pause_row,
    pause_written,
    still_paid,
    told_pause,
)
from storefront_subscriptions.proration import credit_for
from storefront_subscriptions.rows import (
    ACTIVE,
    ASKED,
    DROPPED,
    INCOMPLETE,
    OPEN,
    OVER,
    PAID,
    PAUSED,
    REVOKED,
    RUNNING,
    SCHEDULED,
    TRIALING,
    Outdated,
    PaymentDue,
    RenewalUnderWay,
    SubscriptionOver,
    need,
    need_invoice,
    pause_of,
)
from storefront_subscriptions.spans import PRORATION, read_spans, spans_text, whole_period
from storefront_subscriptions.targets import EndsWithPeriod

TIMES_DECIDED = 8


class PausingNotOffered(Forbidden):
    code = "pausing_not_offered"
    title = "This shop does not let customers pause"


class PausesWithPeriod(Conflict):
    code = "pauses_with_period"
    title = "This subscription pauses with its period only"


class TooLong(Conflict):
    code = "pause_too_long"
    title = "A pause does not last that long here"


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """What is asked for: ``is_now`` or with the period; until when (business ms; None: as the shop says).

    ``is_trusted``: by a server, which may pause what customers may not, and for as long as it likes.
    """

    subscription_id: str
    actor: str
    is_now: bool = False
    resume_at: int | None = None
    keeps_anchor: bool = False
    is_trusted: bool = False
    by: ByHand | None = None


async def pause(services: Services, settings: Settings, asked: PauseRequest) -> Row:
    """Pause a subscription, or change how long it is paused. What is so already stays so.

    Raises:
        PausingNotOffered, PausesWithPeriod, TooLong, Invalid: a customer may not ask for that, or it cannot be.
        SubscriptionOver, EndsWithPeriod, PaymentDue, RenewalUnderWay: it cannot be paused now.
    """
    if not asked.is_trusted and not settings.pause.by_customers:
        raise PausingNotOffered
    for _ in range(TIMES_DECIDED):
        row = await need(services, asked.subscription_id)
        if row["billing_state"] in (ACTIVE, TRIALING) and services.clock.now() >= row["period_end"]:
            await advance(services, settings, row["id"])
            row = await need(services, asked.subscription_id)
        before, invoice = await pause_of(services, row), await need_invoice(services, row["invoice_id"])
        is_now = _check(row, invoice, asked)
        if is_now and invoice["gift_id"] is not None:
            raise PausesWithPeriod("Its period was given, and so nothing is credited for it.", subscription=row["id"])
        if is_now and not asked.is_trusted and await _brings_credits(services, row):
            raise PausesWithPeriod("What it brings into the wallet is granted already.", subscription=row["id"])
        try:
            if row["billing_state"] == PAUSED or (not is_now and before is not None):
                await _put_off(services, settings, row, before, asked)
            elif is_now:
                await _begin(services, settings, row, before, asked)
            else:
                await _schedule(services, settings, row, asked)
        except (Stale, Taken, Outdated):
            await advance(services, settings, row["id"])
            continue
        return await need(services, asked.subscription_id)
    raise Unavailable("Too much is changing at once; try again.")


def _check(row: Row, invoice: Row, asked: PauseRequest) -> bool:
    """Tell whether the pause begins now: as asked, or because there is no paid period that it could wait for."""
    if row["billing_state"] in OVER:
        raise SubscriptionOver(subscription=row["id"])
    if row["ends_with_period"]:
        raise EndsWithPeriod("Take that back first, then pause it.", subscription=row["id"])
    if row["billing_state"] == PAUSED:
        return False
    if row["billing_state"] == INCOMPLETE:
        raise PaymentDue("It has not begun.", subscription=row["id"])
    if row["billing_state"] in (ACTIVE, TRIALING):
        if invoice["state"] == OPEN and not (asked.is_now and asked.is_trusted):
            raise RenewalUnderWay("Its next period is being paid for; try again in a moment.", subscription=row["id"])
        return asked.is_now
    if not asked.is_trusted:
        raise PaymentDue("Pay what is due first, then pause it.", subscription=row["id"])
    return True


async def _brings_credits(services: Services, row: Row) -> bool:
    """Tell whether a tier includes credits: paused at once, they might be spent, and their price credited."""
    catalog = await services.catalogs.version(row["catalog_version"])
    return bool(included_in(catalog.offer(row["sku"])))


def _resume_at(settings: Settings, asked: PauseRequest, starts_at: int, now: int) -> int | None:
    """Return when a pause ends by itself: as asked, or once it has lasted as long as customers may pause."""
    most = None if asked.is_trusted else starts_at + settings.pause.max_ms
    found = asked.resume_at
    if found is None:
        return most
    if found <= max(now, starts_at):
        raise Invalid("A pause ends after it began.", errors=[FieldError("/resume_at", "must be after its beginning")])
    if most is not None and found > most:
        raise TooLong(f"It may last until {iso(most)}.", until=iso(most))
    return found


async def _put_off(services: Services, settings: Settings, row: Row, before: Row | None, asked: PauseRequest) -> None:
    """Change until when a pause lasts, and what follows it; nothing is written where nothing is changed."""
    assert before is not None, "a subscription that is paused names its pause"
    now = services.clock.now()
    resume_at = before["resume_at"]
    if asked.resume_at is not None or asked.is_trusted:
        resume_at = _resume_at(settings, asked, before["starts_at"], now)
    after = {**before, "resume_at": resume_at, "keeps_anchor": int(asked.keeps_anchor)}
    if after == dict(before):
        return
    plan = Plan(actor=asked.actor, anchors={row["customer_id"]})
    moved = {"version": row["version"] + 1, "updated_at": now}
    plan.add(Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, moved))
    plan.add(pause_written(after, before))
    plan.emit("subscription.pause_changed", anchor=row["customer_id"], subject=row["id"],
              payload=told_pause(row, after))  # fmt: skip
    sign(services, plan, asked.by, "pause_changed", row["id"])
    await services.engine.commit(plan)


async def _schedule(services: Services, settings: Settings, row: Row, asked: PauseRequest) -> None:
    """Let a subscription be paused when its period ends; access ends with that, without a grace."""
    now, customer_id, starts_at = services.clock.now(), row["customer_id"], int(row["period_end"])
    made = pause_row(row, ASKED, starts_at, now)
    made |= {"resume_at": _resume_at(settings, asked, starts_at, now), "keeps_anchor": int(asked.keeps_anchor)}
    changes = {"pause_id": made["id"], "access_until": starts_at, "updated_at": now, "version": row["version"] + 1}
    after = {**row, **changes}
    plan = Plan(actor=asked.actor, anchors={customer_id})
    plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes))
    plan.add(pause_written(made, None), *rights_until(after, await rights_of(services, row), starts_at))
    plan.emit("subscription.pause_scheduled", anchor=customer_id, subject=row["id"], payload=told_pause(after, made))
    sign(services, plan, asked.by, "pause_scheduled", row["id"])
    await services.engine.commit(plan)


async def _begin(services: Services, settings: Settings, row: Row, before: Row | None, asked: PauseRequest) -> None:
    """Pause at once: nothing is tried any more, and what was paid for the rest of the period is credited."""
    invoice = await need_invoice(services, row["invoice_id"])
    await give_up_payment(services, row, invoice)
    change = await change_of(services, row)
    dropped = change if change is not None and change["state"] == OPEN else None
    if dropped is not None:
        await give_up_purchase(services, dropped["purchase_id"])
    now, customer_id = services.clock.now(), row["customer_id"]
    starts_at = min(now, int(row["period_end"]))
    made = {**(before or pause_row(row, ASKED, starts_at, now)), "state": RUNNING, "period": row["period"]}
    made |= {"keeps_anchor": int(asked.keeps_anchor), "starts_at": starts_at, "invoice_id": None,
             "resume_at": _resume_at(settings, asked, starts_at, now)}  # fmt: skip
    plan = Plan(actor=asked.actor, anchors={customer_id})
    access_until = min(now, row["access_until"])
    if invoice["state"] == OPEN:
        plan.add(*close_invoice(row, invoice, now, had_until=access_until))
    elif invoice["state"] == PAID and now < row["period_end"]:
        await _credit_rest(services, plan, row, invoice, made)
    if dropped is not None:
        plan.add(*closing_steps(row, dropped, DROPPED, now))
    plan.add(pause_written(made, before))
    plan.add(*beginning(row, await rights_of(services, row), made, now=now, access_until=access_until,
                        change_id=None if dropped is not None else row["change_id"]))  # fmt: skip
    sign(services, plan, asked.by, "paused", row["id"])
    await services.engine.commit(plan)


async def _credit_rest(services: Services, plan: Plan, row: Row, invoice: Row, made: dict[str, Any]) -> None:
    """Cut the period where the pause begins, and credit the rest of what was paid: to the lots, or as credit."""
    at, customer_id = made["starts_at"], row["customer_id"]
    cut = {"period_end": at, "uncut_end": invoice["period_end"]}
    if row["billing_state"] != TRIALING:
        spans, claims = await read_spans(services, invoice)
        credit = credit_for([span.paid() for span in spans], whole_period(invoice), max(at, spans[-1].start))
        spans[-1] = msgspec.structs.replace(spans[-1], credited=credit)
        cut["spans"] = spans_text(spans)
        made["credit"] = credit
        plan.add(still_paid(row, claims))  # before what goes back to the lots, which takes one of the claims itself
        if row["pay_with"] == WALLET and credit and spans[-1].purchase is not None:
            made["returned"] = credit
            await _return(services, plan, spans[-1].purchase, credit, actor=plan.actor)
        kept = made["returned"] - credit
        plan.add(carry(row, row["currency"], kept, about=made["id"], cause=KEPT))
    expect = {"state": PAID, "period_end": invoice["period_end"], "spans": invoice["spans"]}
    plan.add(Change("subscriptions_invoices", (invoice["id"],), customer_id, expect, cut))


async def _return(services: Services, plan: Plan, purchase_id: str, amount: int, *, actor: str) -> None:
    """Add to a plan that so much of a wallet's purchase goes back to the very lots that paid it."""
    purchase = await read_purchase(services, purchase_id)
    decision = await decide_refund(
        services, purchase, amount=amount, quantity=None, lines=None, strategy=Strategy.FLOOR
    )
    now = services.clock.now()
    given = wallet_refund_row(purchase, decision, reason="pause", actor=actor, now=now, cause=PRORATION)
    add_wallet_refund(plan, services, purchase, decision, given, label="returned")


async def resume(
    services: Services,
    settings: Settings,
    subscription_id: str,
    *,
    keeps_anchor: bool | None,
    actor: str,
    by: ByHand | None = None,
) -> Row:
    """Let a subscription go on: out of its pause, or take back that it pauses, or that it ends. What is so stays so.

    Out of a pause the next period is charged at once; a charge that fails is tried again like any other.

    Raises:
        SubscriptionOver: it has ended.
        MethodMissing: there is nothing to charge.
    """
    for _ in range(TIMES_DECIDED):
        row = await need(services, subscription_id)
        if row["billing_state"] in OVER:
            raise SubscriptionOver(subscription=row["id"])
        if row["ends_with_period"] and row["billing_state"] != PAUSED:
            return await keep(services, settings, subscription_id, actor=actor, by=by)
        held = await pause_of(services, row)
        if held is None or held["state"] not in (SCHEDULED, RUNNING):
            return row
        try:
            if held["state"] == SCHEDULED:
                await _take_back(services, settings, row, held, actor=actor, by=by)
                return await need(services, subscription_id)
            keeps = bool(held["keeps_anchor"]) if keeps_anchor is None else keeps_anchor
            await order_resumption(services, row, held, actor=actor, keeps_anchor=keeps, needs_method=True,
                                   by=by)  # fmt: skip
        except (Stale, Taken, Outdated):
            await advance(services, settings, subscription_id)
            continue
        await advance(services, settings, subscription_id)
        return await need(services, subscription_id)
    raise Unavailable("Too much is changing at once; try again.")


async def keep(
    services: Services, settings: Settings, subscription_id: str, *, actor: str, by: ByHand | None = None
) -> Row:
    """Take back that a subscription ends with its period; one that does not stays as it is, and nothing is charged.

    Raises:
        SubscriptionOver: it has ended.
        MethodMissing: there is nothing to charge.
    """
    row = await need(services, subscription_id)
    if row["ends_with_period"]:
        await _need_method(services, row)
    return await cancel_at_end(services, settings, subscription_id, is_on=False, actor=actor, by=by)


async def _need_method(services: Services, row: Row) -> None:
    """Refuse to let what was given be renewed while nothing could be charged for that.

    Raises:
        MethodMissing: its subscriber has saved no method.
    """
    invoice = await need_invoice(services, row["invoice_id"])
    if (invoice["gift_id"] is None and not row["gifted"]) or row["pay_with"] == WALLET or row["method"] is not None:
        return
    if await newest_method(services, row["customer_id"], row["pay_with"]) is None:
        raise MethodMissing("Save one first, then let it go on.", subscription=row["id"])


async def _take_back(
    services: Services, settings: Settings, row: Row, held: Row, *, actor: str, by: ByHand | None
) -> None:
    now, customer_id = services.clock.now(), row["customer_id"]
    changes: dict[str, Any] = {"pause_id": None, "updated_at": now, "version": row["version"] + 1}
    after = {**row, **changes}
    changes["access_until"] = until(after, settings.dunning.grace_ms)
    plan = Plan(actor=actor, anchors={customer_id})
    plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes))
    plan.add(pause_closed(row, held, REVOKED, now))
    plan.add(*rights_until(after, await rights_of(services, row), changes["access_until"]))
    plan.emit("subscription.pause_taken_back", anchor=customer_id, subject=row["id"], payload=told_pause(after, held))
    sign(services, plan, by, "pause_taken_back", row["id"])
    await services.engine.commit(plan)
