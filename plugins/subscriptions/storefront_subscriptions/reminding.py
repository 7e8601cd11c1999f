"""Reminders: that a trial ends, that a card expires, that a renewal is coming. Each is told once, and in time.

They are looked at whenever a subscription is (``advancing.py``), from what is stored then. So a trial whose end has
moved, a card that was replaced, or a cancellation needs nothing taken back; after a long stop one reminder is told
where several were due, and none of what is over.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront.core.clock import iso, parse_iso
from storefront.core.commit.plan import Change, Claim, Plan
from storefront.core.payment_methods import list_methods
from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.asking import agreed_next
from storefront_subscriptions.cards import charged_method, gone_at
from storefront_subscriptions.config import Reminders, Settings
from storefront_subscriptions.period_lines import lines_of_period
from storefront_subscriptions.rows import ACTIVE, TRIALING, event_of, will_renew
from storefront_subscriptions.trials import CLAIMED
from storefront_subscriptions.usage_lines import usage_due

CALLER = "plugin:subscriptions"
TRIAL_ENDING = "subscription.trial_ending"
CARD_EXPIRING = "subscription.card_expiring"
RENEWAL_UPCOMING = "subscription.renewal_upcoming"
RESUME_UPCOMING = "subscription.resume_upcoming"


@dataclass(frozen=True, slots=True)
class Reminder:
    """What is told from ``due_at`` on (business ms), unless ``at`` is past, which it is about; once per ``about``."""

    event: str
    about: str
    due_at: int
    at: int
    method: Mapping[str, Any] | None


async def remind(services: Services, settings: Settings, row: Row) -> int | None:
    """Tell what is due to be told of a subscription's present period; return when there will be more (business ms).

    Raises:
        Stale, Taken: the subscription has moved, or another process has told it; look again.
    """
    if row["billing_state"] not in (TRIALING, ACTIVE) or row["gifted"] or not will_renew(row):
        return None
    now = services.clock.now()
    kept = [] if row["pay_with"] == WALLET else await list_methods(services, row["customer_id"])
    methods = [one for one in kept if one["gateway"] == row["pay_with"]]
    charged = charged_method(methods, row)
    ahead = [*_of_period(settings.reminders, row, charged), *_of_cards(settings.reminders, row, methods)]
    for one in _due(ahead, charged, now):
        if await services.reader.first(CLAIMED, name=_claim(one)) is None:
            await _tell(services, row, one)
    return min((one.due_at for one in ahead if one.due_at > now), default=None)


async def remind_of_resumption(services: Services, settings: Settings, row: Row, resume_at: int) -> int | None:
    """Tell that a pause is over soon, if that is due; return when it will be (business ms).

    Raises:
        Stale, Taken: the subscription has moved, or another process has told it; look again.
    """
    now, due_at = services.clock.now(), resume_at - settings.reminders.resume_ms
    if due_at <= row["period_end"]:
        return None  # who paused for so short a time knows
    if now < due_at:
        return due_at
    kept = [] if row["pay_with"] == WALLET else await list_methods(services, row["customer_id"])
    charged = charged_method([one for one in kept if one["gateway"] == row["pay_with"]], row)
    told = Reminder(RESUME_UPCOMING, f"{row['id']}:{resume_at}", due_at, resume_at, charged)
    if await services.reader.first(CLAIMED, name=_claim(told)) is None:
        await _tell(services, row, told)
    return None


def _of_period(reminders: Reminders, row: Row, charged: Mapping[str, Any] | None) -> Iterator[Reminder]:
    """Yield what is told of a period's end; nothing that would be told as soon as the period begins."""
    start, end = int(row["period_start"]), int(row["period_end"])
    is_trial = row["billing_state"] == TRIALING
    lead = reminders.before_trial_end(end - start) if is_trial else reminders.renewal_ms.get(row["interval"])
    if lead is not None and start < end - lead and (is_trial or row["price"] > 0):
        event = TRIAL_ENDING if is_trial else RENEWAL_UPCOMING
        yield Reminder(event, f"{row['id']}:{end}", end - lead, end, charged)


def _of_cards(reminders: Reminders, row: Row, methods: Sequence[Mapping[str, Any]]) -> Iterator[Reminder]:
    """Yield what is told of each card that may be charged: a card that was saved later than that says so itself."""
    if row["price"] == 0:
        return
    for method in methods:
        at = gone_at(method)
        if at is None:
            continue
        known_at = max(parse_iso(method["created_at"]), row["created_at"])
        for lead in reminders.card_ms:
            if known_at <= at - lead:
                yield Reminder(CARD_EXPIRING, f"{method['id']}:{method['expires']}:{lead}", at - lead, at, method)


def _due(ahead: Sequence[Reminder], charged: Mapping[str, Any] | None, now: int) -> Iterator[Reminder]:
    """Yield what is to be told now: of a card the one that is charged, and only its latest reminder."""
    due = [one for one in ahead if one.due_at <= now < one.at]
    yield from (one for one in due if one.event != CARD_EXPIRING)
    cards = [one for one in due if one.event == CARD_EXPIRING and one.method == charged]
    if cards:
        yield max(cards, key=lambda one: one.due_at)


async def _tell(services: Services, row: Row, reminder: Reminder) -> None:
    customer_id, version = row["customer_id"], {"version": row["version"]}
    method = None if reminder.method is None else reminder.method["id"]
    told: dict[str, Any] = {"at": iso(reminder.at), "method": method}
    if reminder.event == CARD_EXPIRING:
        assert reminder.method is not None, "it is about one"
        told |= {"expires": reminder.method["expires"], "period_end": iso(row["period_end"])}
    else:
        agreed, _ = await agreed_next(services, row, reminder.at)
        usage = await usage_due(services, row, agreed["currency"])
        lines, _, _ = await lines_of_period(services, agreed, usage=usage)
        amount = {"amount": sum(one for _, one in lines), "currency": agreed["currency"]}
        told |= {"amount": amount, "pay_with": agreed["pay_with"]}
    plan = Plan(actor=CALLER, anchors={customer_id})
    # Nothing changes, so that what somebody previews meanwhile stays valid; but it must still be as it was read.
    plan.add(Change("subscriptions", (row["id"],), customer_id, version, version))
    plan.add(Claim(_claim(reminder), row["id"]))
    plan.emit(reminder.event, anchor=customer_id, subject=row["id"], payload=event_of(row, **told))
    await services.engine.commit(plan)


def _claim(reminder: Reminder) -> str:
    return f"{reminder.event}:{reminder.about}"
