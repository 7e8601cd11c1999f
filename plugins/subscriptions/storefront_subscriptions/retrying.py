"""When a renewal that failed softly is charged again: as the policy says that the YAML names, else by its schedule."""

from dataclasses import dataclass
from functools import partial

import msgspec
import structlog
from sqlalchemy import bindparam, or_, select

from storefront.core.clock import DAY_MS
from storefront.core.dunning import FailedAttempt, FailedCharge, RetryPolicy, Schedule
from storefront.core.hooks import PluginAway
from storefront.core.money import Money
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import events
from storefront_subscriptions.config import Dunning
from storefront_subscriptions.rows import INCOMPLETE

FAILED = "subscription.renewal_failed"
FINAL_FAILED = "subscription.final_failed"
RETRY_ORDERED = "subscription.retry_ordered"
"""Somebody wants a failed renewal charged before its time."""
SCHEDULE = "subscriptions"
"""This plugin's own policy, by the name of the plugin that brings it."""
MOST_ATTEMPTS = 20
LONGEST_WAIT_MS = 90 * DAY_MS
_FAILURES = Query(
    select(events.c.occurred_at, events.c.payload)
    .where(
        events.c.anchor == bindparam("customer_id"),
        events.c.subject == bindparam("subscription"),
        or_(events.c.type == FAILED, events.c.type == FINAL_FAILED),
    )
    .order_by(events.c.sequence)
)

log = structlog.get_logger("storefront.subscriptions")


@dataclass(frozen=True, slots=True)
class Retry:
    """When to try again (business ms), or never, and which policy said so (None: it was no policy's to say)."""

    at: int | None
    policy: str | None


async def retry_after(
    services: Services, dunning: Dunning, row: Row, invoice: Row, reason: str, *, is_hard: bool, now: int
) -> Retry:
    """Return when a charge that has failed just now is tried again; a policy that cannot say leaves it to the schedule.

    Nothing is tried again after a decline for good, of a first payment, or of what ends with its period.
    """
    if is_hard or row["billing_state"] == INCOMPLETE or row["ends_with_period"]:
        return Retry(None, None)
    fixed = Retry(Schedule(dunning.retries).after(row["failures"] + 1, now), SCHEDULE)
    if dunning.policy == SCHEDULE:
        return fixed
    policy = services.hooks.manager.get_plugin(dunning.policy)
    if not isinstance(policy, RetryPolicy):
        log.error("retry_policy_missing", plugin=dunning.policy, subscription=row["id"])
        return fixed
    failed = await _known_of(services, row, invoice, FailedAttempt(now, reason))
    if len(failed.attempts) > MOST_ATTEMPTS:
        return Retry(None, dunning.policy)
    try:
        at = await services.hooks.ask(dunning.policy, "next_attempt", partial(_answer, policy, failed))
    except PluginAway as away:
        log.error("retry_policy_failed", plugin=dunning.policy, subscription=row["id"], reason=away.detail)
        return fixed
    return Retry(at, dunning.policy)


async def _answer(policy: RetryPolicy, failed: FailedCharge) -> int | None:
    """Return what a policy says; raises ``ValueError`` if that is no time ahead of us."""
    found: object = await policy.next_attempt(failed)
    if found is None:
        return None
    now = failed.attempts[-1].at
    if type(found) is not int or not now < found <= now + LONGEST_WAIT_MS:
        raise ValueError(f"it answered {found!r}, which is no time within 90 days after {now}")
    return found


async def _known_of(services: Services, row: Row, invoice: Row, last: FailedAttempt) -> FailedCharge:
    rows = await services.reader.all(_FAILURES, customer_id=row["customer_id"], subscription=row["id"])
    told = [(int(one["occurred_at"]), msgspec.json.decode(one["payload"])) for one in rows]
    before = [FailedAttempt(at, facts["reason"]) for at, facts in told if facts["invoice"] == invoice["id"]]
    return FailedCharge(
        customer_id=row["customer_id"],
        subscription=row["id"],
        invoice=invoice["id"],
        sku=invoice["sku"],
        amount=Money(invoice["total"], invoice["currency"]),
        pay_with=invoice["pay_with"],
        due_at=invoice["due_at"],
        attempts=(*before, last),
    )
