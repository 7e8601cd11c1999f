"""What ``audit verify --deep`` checks of reminders (S8): their events, and the claims that let each come once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, func, or_, select

from storefront.core.audit import Check, Violation
from storefront.core.clock import parse_iso
from storefront.core.tables import claims, events
from storefront_subscriptions.auditing import each
from storefront_subscriptions.reminding import CARD_EXPIRING, RENEWAL_UPCOMING, RESUME_UPCOMING, TRIAL_ENDING

_REMINDERS = (TRIAL_ENDING, CARD_EXPIRING, RENEWAL_UPCOMING, RESUME_UPCOMING)
_ENDED = ("subscription.canceled", "subscription.incomplete_expired")


def reminders_are_told_once_and_in_time(connection: Connection) -> Iterator[Violation]:
    """S8: each reminder that was claimed is told once, before what it is about, of a subscription that goes on."""
    claimed: Counter[str] = Counter()
    named = select(claims.c.key).where(or_(*(claims.c.key.startswith(f"{event}:") for event in _REMINDERS)))
    for row in each(connection, named):
        claimed[_without_lead(row.key)] += 1
    ended = events.alias("ended")
    over = and_(ended.c.subject == events.c.subject, ended.c.type.in_(_ENDED), ended.c.anchor == events.c.anchor)
    statement = (
        select(events.c.id, events.c.type, events.c.subject, events.c.occurred_at, events.c.payload, events.c.commit_no,
               func.min(ended.c.commit_no).label("over_since"))
        .join(ended, over, isouter=True)
        .where(events.c.type.in_(_REMINDERS))
        .group_by(events.c.id, events.c.type, events.c.subject, events.c.occurred_at, events.c.payload,
                  events.c.commit_no)
    )  # fmt: skip
    for row in each(connection, statement):
        facts = msgspec.json.decode(row.payload)
        about = _about(row, facts)
        claimed[about] -= 1
        if claimed[about] < 0:
            yield _violation(row, "was told more often than it was due")
        if row.occurred_at >= parse_iso(facts["at"]):
            yield _violation(row, f"was told when it was over: at {facts['at']}")
        if row.over_since is not None and row.over_since < row.commit_no:
            yield _violation(row, "was told of a subscription that had ended")


def _about(row: Any, facts: dict[str, Any]) -> str:
    if row.type == CARD_EXPIRING:
        return f"{row.type}:{facts['method']}:{facts['expires']}"
    return f"{row.type}:{row.subject}:{parse_iso(facts['at'])}"


def _without_lead(key: str) -> str:
    return key.rpartition(":")[0] if key.startswith(CARD_EXPIRING) else key


def _violation(row: Any, what: str) -> Violation:
    return Violation("S8", (row.subject, row.id), f"{row.type} of {row.subject} {what}")


CHECKS: Sequence[Check] = (
    Check("S8", "Reminders are told once, in time, and of what goes on", reminders_are_told_once_and_in_time),
)
