"""A gift's money goes back: what is left of its periods ends, the one that runs as well.

Whoever has it only by that gift has nothing any more. Whoever had a plan of their own keeps it, paused: they are
charged when they resume it, not on a day that somebody else's bank has chosen.
"""

from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Unavailable
from storefront.core.purchasing import read_purchase
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.config import Settings
from storefront_subscriptions.crediting import take_back_credits
from storefront_subscriptions.gifts import GIVEN, GIVEN_UP, TAKEN_BACK, WAITING, closed, letting_go, need_gift
from storefront_subscriptions.looking_after import rights_of
from storefront_subscriptions.moves import ending, never_back, rights_until, until
from storefront_subscriptions.pause_moves import beginning, pause_row, pause_written
from storefront_subscriptions.rows import (
    ACTIVE,
    CANCELED,
    GIFT_GONE,
    OPEN,
    OVER,
    PAID,
    RUNNING,
    TRIALING,
    event_of,
    need,
    need_invoice,
    pause_of,
)
from storefront_subscriptions.tables import invoices, subscriptions
from storefront_subscriptions.usage_lines import usage_owed

CALLER = "plugin:subscriptions"
TIMES_DECIDED = 8
_HAD_BY = Query(
    select(invoices.c.subscription_id)
    .join(subscriptions, subscriptions.c.id == invoices.c.subscription_id)
    .where(subscriptions.c.customer_id == bindparam("customer_id"), invoices.c.gift_id == bindparam("gift_id"))
    .distinct()
)


async def take_gift_back(services: Services, settings: Settings, gift_id: str, *, reason: str) -> None:
    """End what a gift gives, after all of its money has gone back; twice changes nothing more.

    Raises:
        Unavailable: all is changing at once; call again.
    """
    for _ in range(TIMES_DECIDED):
        gift = await need_gift(services, gift_id)
        purchase = await read_purchase(services, gift["purchase_id"])
        is_gone = purchase["refunded"] == "full" or purchase["dispute"] == "lost"
        if not is_gone or gift["state"] == TAKEN_BACK:
            return
        try:
            await _take_credits(services, gift)
            if gift["state"] == GIVEN_UP:
                return
            if gift["state"] == WAITING:
                await _while_waiting(services, gift)
            else:
                await _while_given(services, settings, gift, reason=reason)
        except Stale:
            continue
    raise Unavailable("Too much is changing at once; try again.")


async def _take_credits(services: Services, gift: Row) -> None:
    """Take what is left of the credits that a gift brought, also from subscriptions that have let go of it."""
    names = {"customer_id": gift["customer_id"], "gift_id": gift["id"]}
    for one in await services.reader.all(_HAD_BY, **names):
        await take_back_credits(services, await need(services, one["subscription_id"]), gift["purchase_id"])


async def _while_waiting(services: Services, gift: Row) -> None:
    plan = Plan(actor=CALLER, anchors={gift["customer_id"]})
    plan.add(closed(gift, TAKEN_BACK, services.clock.now()))
    await services.engine.commit(plan)


async def _while_given(services: Services, settings: Settings, gift: Row, *, reason: str) -> None:
    """End a gift that a subscription has taken; one that is just asking for its next period does that first.

    All that is decided by is read together, the subscription first: its version vouches for the rest.

    Raises:
        Stale: something has moved; look at it again.
    """
    row, gift = await need(services, gift["subscription_id"]), await need_gift(services, gift["id"])
    invoice, now = await need_invoice(services, row["invoice_id"]), services.clock.now()
    is_due = row["billing_state"] in (ACTIVE, TRIALING) and now >= row["period_end"] and invoice["state"] != OPEN
    is_begun = row["billing_state"] not in OVER and invoice["state"] == OPEN and invoice["gift_id"] == gift["id"]
    if is_due or is_begun:
        await advance(services, settings, row["id"])
        raise Stale("subscriptions", row["id"])
    if gift["state"] != GIVEN or gift["subscription_id"] != row["id"]:
        raise Stale("subscriptions_gifts", gift["id"])
    plan = Plan(actor=CALLER, anchors={row["customer_id"]})
    plan.add(closed(gift, TAKEN_BACK, now))
    if row["billing_state"] not in OVER:
        is_running = invoice["gift_id"] == gift["id"] and invoice["state"] == PAID and now < row["period_end"]
        left = {**row, "gifted": row["gifted"] - gift["remaining"], "version": row["version"] + 1}
        expect = {"version": row["version"]}
        changes = {"gifted": left["gifted"], "version": left["version"], "updated_at": now}
        plan.add(Change("subscriptions", (row["id"],), row["customer_id"], expect, changes))
        if is_running and row["billing_state"] == ACTIVE:
            await _cut(services, settings, plan, left, invoice, reason=reason)
        elif row["billing_state"] in (ACTIVE, TRIALING):
            await _shorten(services, settings, plan, left)
        told = event_of(row, gift=gift["id"], given_by=gift["giver_id"], reason=reason)
        plan.emit("subscription.gift_taken_back", anchor=row["customer_id"], subject=row["id"], payload=told)
    await services.engine.commit(plan)


async def _shorten(services: Services, settings: Settings, plan: Plan, row: Row) -> None:
    """Let access end where it does without the periods that were to come."""
    access_until = never_back(row, until(row, settings.dunning.grace_ms), services.clock.now())
    changes = {"access_until": access_until}
    plan.add(Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, changes))
    plan.add(*rights_until(row, await rights_of(services, row), access_until))


async def _cut(services: Services, settings: Settings, plan: Plan, row: Row, invoice: Row, *, reason: str) -> None:
    """End the period that runs: another gift's begins, or the plan is paused, or all of it is over."""
    now, customer_id, rights = services.clock.now(), row["customer_id"], await rights_of(services, row)
    cut = {"period_end": now, "uncut_end": invoice["period_end"]}
    expect = {"state": PAID, "period_end": invoice["period_end"]}
    plan.add(Change("subscriptions_invoices", (invoice["id"],), customer_id, expect, cut))
    held = await pause_of(services, row)
    if row["gifted"] and held is None:
        after = {**row, "period_end": now}
        changes = {"period_end": now, "access_until": until(after, settings.dunning.grace_ms)}
        plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes))
        plan.add(*rights_until(after, rights, changes["access_until"]))
    elif row["ends_with_period"]:
        plan.add(*await usage_owed(services, row, access_until=now, closed={**invoice, **cut}))
        plan.add(*ending(row, rights, CANCELED, reason=f"gift_{reason}", access_until=now, now=now, change=None,
                         pause=held))  # fmt: skip
        plan.add(*await letting_go(services, row, invoice, now, is_given_up=False, but=invoice["gift_id"]))
    else:
        made = {**(held or pause_row(row, GIFT_GONE, now, now)), "starts_at": now, "state": RUNNING}
        plan.add(pause_written(made, held))
        plan.add(*beginning(row, rights, made, now=now, access_until=now, change_id=row["change_id"]))
