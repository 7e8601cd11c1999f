"""What others do that a subscription hears of: its payment moves, its money goes back, its customer saves a method, …

An event only orders a job, in its own commit; the job does what follows, and may take its time over a gateway.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, or_, select

from storefront.core.charging import GONE
from storefront.core.clock import SECOND_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.events import Event
from storefront.core.identities import MAILBOX_TOLD
from storefront.core.jobs import Again
from storefront.core.purchasing import Status, read_purchase
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import jobs
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.config import Settings
from storefront_subscriptions.gift_back import take_gift_back
from storefront_subscriptions.gifts import gift_of, need_gift, waiting_gifts
from storefront_subscriptions.giving import take_gift, take_waiting
from storefront_subscriptions.money_back import give_back_unwanted, note_gone_back
from storefront_subscriptions.moves import ADVANCE
from storefront_subscriptions.rows import FINALS_AHEAD, OF_CUSTOMER, OVER, PAST_DUE, PAUSED, UNPAID, need
from storefront_subscriptions.settling_up import charge_finals_anew, may_ask
from storefront_subscriptions.spans import PRORATION
from storefront_subscriptions.tables import invoices, subscriptions
from storefront_subscriptions.trials import mark_trials, trials_of

_WAITING = Query(
    select(subscriptions)
    .join(invoices, invoices.c.id == subscriptions.c.invoice_id)
    .where(
        subscriptions.c.customer_id == bindparam("customer_id"),
        or_(subscriptions.c.billing_state == PAST_DUE, subscriptions.c.billing_state == UNPAID),
        invoices.c.pay_with != "wallet",
    )
)
log = structlog.get_logger("storefront.subscriptions")


REACT = "subscriptions.react"
PAID = f"purchase.{Status.PAID}"
MOVED = frozenset({PAID, *(f"purchase.{status}" for status in GONE | {Status.COMPLETED})})
GONE_BACK = frozenset({"purchase.refunded", "purchase.dispute_lost"})
SAVED = "payment_method.saved"
KEPT = "subscription.cancel_taken_back"
ENDED = "subscription.canceled"
STARTED = "subscription.started"
"""Its payer may have saved another method by paying: what is open of a plan before is charged with that."""
LOOK_AT = frozenset(
    {
        KEPT,
        *(
            f"subscription.{word}"
            for word in ("paused", "pause_changed", "pause_taken_back", "resume_ordered", "resumed")
        ),
    }
)
"""After these something may be due earlier than the subscription's own job comes again."""
FREES = frozenset(
    f"subscription.{word}"
    for word in ("canceled", "incomplete_expired", "started", "renewed", "resumed", "changed", "change_failed",
                 "change_revoked", "change_dropped")
)  # fmt: skip
"""After these a subscription may take a gift that waits."""
JOB = Query(select(jobs).where(jobs.c.id == bindparam("id")))


async def order_reaction(services: Services, event: Event) -> None:
    """Order the job that reacts to an event, once; of what concerns no subscription nothing is written."""
    if not await _means_something(services, event):
        return
    now = services.clock.now()
    plan = Plan(actor="plugin:subscriptions", anchors={event.anchor})
    payload = {"type": event.type, "subject": event.subject, "customer": event.anchor}
    plan.schedule(REACT, anchor=event.anchor, unique_key=f"{REACT}:{event.id}", due_at=now, now=now, payload=payload)
    await services.engine.commit(plan)


async def _means_something(services: Services, event: Event) -> bool:
    """Tell whether a subscription has something to do after an event."""
    if event.type in GONE_BACK and event.data.get("refund", {}).get("cause") == PRORATION:
        return False  # a change of tier gave it back itself
    found = event.type in LOOK_AT
    if event.type in MOVED | GONE_BACK:
        is_paid_for = await subscription_of(services, event.subject) is not None
        found = is_paid_for or await gift_of(services, event.subject) is not None
    elif event.type == SAVED:
        is_live = bool(await _live(services, event.anchor) or await trials_of(services, event.anchor))
        found = is_live or await _asks_after_the_end(services, event.anchor)
    elif event.type == STARTED:
        found = await _asks_after_the_end(services, event.anchor)
    elif event.type == ENDED:
        found = await may_ask(services, await need(services, event.subject))
    elif event.type == MAILBOX_TOLD:
        found = bool(await trials_of(services, event.anchor))
    return found or (event.type in FREES and bool(await waiting_gifts(services, event.anchor)))


async def react(services: Services, settings: Settings, payload: Mapping[str, Any]) -> Again | None:
    """Do what an event means; doing it twice changes nothing more. Return when to come again, if that is needed."""
    if payload["type"] in (SAVED, MAILBOX_TOLD):
        await mark_trials(services, payload["customer"])
    if payload["type"] == MAILBOX_TOLD:
        return None
    if payload["type"] == SAVED:
        await retry_with_new_method(services, settings, payload["customer"])
        await charge_finals_anew(services, settings, payload["customer"])
        waits = [await _go_on(services, settings, one) for one in await _live(services, payload["customer"])]
        return next((again for again in waits if again is not None), None)
    if payload["type"] == STARTED:
        await charge_finals_anew(services, settings, payload["customer"])
    if payload["type"] in FREES:
        await take_waiting(services, settings, payload["customer"])
    if payload["type"] in FREES | LOOK_AT:
        return await _go_on(services, settings, payload["subject"])
    gift = await gift_of(services, payload["subject"])
    if gift is not None:
        return await _react_to_gift(services, settings, gift, payload["type"])
    subscription = await subscription_of(services, payload["subject"])
    assert subscription is not None, "it was ordered for one"
    if payload["type"] in GONE_BACK:
        reason = payload["type"].removeprefix("purchase.")
        await note_gone_back(services, settings, subscription, payload["subject"], reason=reason)
        return None
    if payload["type"] == PAID:
        await give_back_unwanted(services, payload["subject"])
    return await _go_on(services, settings, subscription)


async def _react_to_gift(services: Services, settings: Settings, gift: Row, type: str) -> Again | None:
    """Let its recipient's subscription take a gift that is paid, or end what it gave when all its money is back."""
    if type in GONE_BACK:
        await take_gift_back(services, settings, gift["id"], reason=type.removeprefix("purchase."))
        if gift["subscription_id"] is not None:
            await _go_on(services, settings, gift["subscription_id"])
    await take_gift(services, settings, gift["id"])
    taken_by = (await need_gift(services, gift["id"]))["subscription_id"]
    if taken_by is None or (await need(services, taken_by))["billing_state"] != PAUSED:
        return None
    return await _go_on(services, settings, taken_by)


async def _go_on(services: Services, settings: Settings, subscription_id: str) -> Again | None:
    """Do what is due of a subscription, and have its own job come no later than it says now.

    That job waits for what was ahead when it ran: a change may have begun a shorter period since.
    """
    again = await advance(services, settings, subscription_id)
    if again is None:
        return None
    job = await services.reader.first(JOB, id=f"job:{ADVANCE}:{subscription_id}")
    if job is None or job["due_at"] <= again.due_at:
        return None
    soon = Again(services.clock.now() + SECOND_MS)
    if job["lease_until"] > services.clock.wall():
        return soon  # it is running, and will say itself when it comes again: look what that is
    expect = {"due_at": job["due_at"], "lease_until": job["lease_until"]}
    plan = Plan(actor="plugin:subscriptions", anchors={job["anchor"]})
    plan.add(Change("jobs", (job["id"],), job["anchor"], expect, {"due_at": again.due_at}))
    try:
        await services.engine.commit(plan)
    except Stale:
        return soon
    return None


async def _asks_after_the_end(services: Services, customer_id: str) -> bool:
    """Tell whether a final invoice of a customer is open."""
    return await services.reader.first(FINALS_AHEAD, customer_id=customer_id) is not None


async def _live(services: Services, customer_id: str) -> Sequence[str]:
    """Return the subscriptions of a customer that are not over; from the wallet, too: the next period may not be."""
    rows = await services.reader.all(OF_CUSTOMER, customer_id=customer_id)
    return [row["id"] for row in rows if row["billing_state"] not in OVER]


async def subscription_of(services: Services, purchase_id: str) -> str | None:
    """Return the subscription that a purchase pays for, or None if it is for something else."""
    purchase = await read_purchase(services, purchase_id)
    if purchase["bill"] is None:
        return None
    found = msgspec.json.decode(purchase["details"]).get("subscription")
    return None if found is None else str(found)


async def retry_with_new_method(services: Services, settings: Settings, customer_id: str) -> None:
    """Charge at once what a customer has not paid, with the method that they saved just now."""
    for row in await services.reader.all(_WAITING, customer_id=customer_id):
        now = services.clock.now()
        plan = Plan(actor="plugin:subscriptions", anchors={customer_id})
        changes = {"billing_state": PAST_DUE, "next_attempt_at": now, "method": None, "updated_at": now,
                   "version": row["version"] + 1}  # fmt: skip
        plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes))
        with suppress(Stale):  # it has moved: what is due of it now is seen by whoever goes on with it
            await services.engine.commit(plan)
        await advance(services, settings, row["id"])
