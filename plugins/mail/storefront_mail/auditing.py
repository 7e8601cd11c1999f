"""What ``audit verify --deep`` checks of mails (M1, M2), from the plugin's rows, events and jobs."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, and_, exists, func, literal, or_, select

from storefront.core.audit import Check, Violation
from storefront.core.tables import events, jobs
from storefront_mail.reacting import EXPIRED, FAILED, QUEUED, SEND, SENT, SKIPPED
from storefront_mail.tables import messages

_CLOSED_FOR_A_REASON = (FAILED, EXPIRED, SKIPPED)


def each_mail_is_sent_or_waits_or_says_why_not(connection: Connection) -> Iterator[Violation]:
    """M1: a mail is sent, waits and has a job that sends it, or is closed and says why."""
    row = messages.c
    key = literal(f"{SEND}:") + row.event_id
    is_ordered = exists().where(or_(jobs.c.unique_key == key, jobs.c.unique_key.like(key + ":%")))
    is_fine = or_(
        row.state == SENT,
        and_(row.state == QUEUED, is_ordered),
        and_(row.state.in_(_CLOSED_FOR_A_REASON), row.reason.is_not(None)),
    )
    statement = select(row.id, row.state).where(~is_fine).execution_options(yield_per=1_000)
    for found in connection.execute(statement):
        message = {
            QUEUED: "waits, and nothing will send it",
            **dict.fromkeys(_CLOSED_FOR_A_REASON, f"is {found.state}, and does not say why"),
        }.get(found.state, f"is {found.state}, which means nothing")
        yield Violation("M1", (found.id,), f"mail {found.id} {message}")


def each_mail_is_of_its_own_event(connection: Connection) -> Iterator[Violation]:
    """M2: a mail is of an event that happened, and no two are of one event or under one Message-ID."""
    row = messages.c
    lost = (
        select(row.id, row.event_id, row.event_type)
        .join(events, and_(events.c.id == row.event_id, events.c.type == row.event_type), isouter=True)
        .where(events.c.id.is_(None))
        .execution_options(yield_per=1_000)
    )
    for found in connection.execute(lost):
        yield Violation("M2", (found.id,), f"mail {found.id} is of {found.event_type} {found.event_id}: no such event")
    for column in (row.event_id, row.message_id):
        columns: list[Any] = [column.label("named"), func.min(row.id).label("id")]
        for twice in connection.execute(select(*columns).group_by(column).having(func.count() > 1)):
            yield Violation("M2", (twice.id,), f"mail {twice.id} is not the only one of {twice.named}")


CHECKS: Sequence[Check] = (
    Check("M1", "Each mail is sent, waits, or says why not", each_mail_is_sent_or_waits_or_says_why_not),
    Check("M2", "Each mail is of an event of its own", each_mail_is_of_its_own_event),
)
