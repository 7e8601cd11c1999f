"""What operators do about mails: see what waits and what failed, and send one again."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select

from storefront.core.clock import SECOND_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Conflict, NotFound, Unavailable
from storefront.core.hooks import Gauge
from storefront.core.operating.pages import read_page
from storefront.core.privileged import record_action
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import customers, events
from storefront_mail.addresses import shown
from storefront_mail.reacting import EXPIRED, FAILED, QUEUED, SEND, SENT
from storefront_mail.sending import MESSAGE
from storefront_mail.tables import messages

TIMES_DECIDED = 5


class NotResendable(Conflict):
    code = "mail_not_resendable"
    title = "This mail cannot be sent again"


async def list_messages(
    services: Services,
    *,
    state: str | None = None,
    customer: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> dict[str, Any]:
    """Return a page of mails, those that moved last first; ``customer`` is the game's own id."""
    named = customers.c.external_id.label("customer")
    statement = select(messages, named).join(customers, customers.c.id == messages.c.customer_id, isouter=True)
    if state is not None:
        statement = statement.where(messages.c.state == state)
    if customer is not None:
        statement = statement.where(customers.c.external_id == customer)
    by = (messages.c.updated_at, messages.c.id)
    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=_listed)


async def resend(services: Services, message_id: str, *, actor: str) -> dict[str, Any]:
    """Let a mail that was not sent wait again, also an old one; return it. One that waits is left alone.

    It keeps its Message-ID, so that who had it after all sees it once.

    Raises:
        NotFound: there is no such mail.
        NotResendable: it was sent.
    """
    for _ in range(TIMES_DECIDED):
        row = await services.reader.first(MESSAGE, id=message_id)
        if row is None:
            raise NotFound("There is no such mail.")
        if row["state"] == SENT:
            raise NotResendable("The server has taken it.")
        if row["state"] == QUEUED:
            return shown(row)
        now, wall = services.clock.now(), services.clock.wall()
        plan = Plan(actor=actor, anchors={row["customer_id"]})
        fresh = {"state": QUEUED, "reason": None, "attempts": 0, "updated_at": now}
        plan.add(Change("mail_messages", (row["id"],), row["customer_id"], {"state": row["state"]}, fresh))
        key = f"{SEND}:{row['event_id']}:{wall}"
        payload = await _payload(services, row)
        plan.schedule(SEND, anchor=row["customer_id"], unique_key=key, due_at=now, now=now, payload=payload)
        facts = {"event": row["event_id"], "was": row["state"]}
        record_action(plan, "mail.resent", actor=actor, about=row["id"], facts=facts, now=now, wall=wall)
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return shown({**row, **fresh})
    raise Unavailable("Too much is changing at once; try again.")


async def read_gauges(services: Services) -> Sequence[Gauge]:
    """Read how many mails wait, since when the oldest has, and how many were given up ."""
    now = services.clock.now()
    columns: list[Any] = [func.count().label("n"), func.min(messages.c.occurred_at).label("oldest")]
    waiting = select(*columns).where(messages.c.state == QUEUED)
    counted = select(messages.c.state, func.count().label("n")).where(messages.c.state.in_((FAILED, EXPIRED)))
    given_up = counted.group_by(messages.c.state)
    (row,) = await services.reader.scan(waiting)
    counts = {one["state"]: one["n"] for one in await services.reader.scan(given_up)}
    age = 0 if row["oldest"] is None else max(0, now - row["oldest"]) / SECOND_MS
    says = "Mails that were given up: refused for good (failed), or too old (expired)."
    return [
        Gauge("storefront_mail_waiting", "Mails that wait to be sent.", row["n"]),
        Gauge("storefront_mail_oldest_seconds", "How old the oldest of them is, in business time.", age),
        *(Gauge("storefront_mail_given_up", says, counts.get(one, 0), {"state": one}) for one in (FAILED, EXPIRED)),
    ]


async def _payload(services: Services, row: Row) -> dict[str, Any]:
    """Return what a mail's job carries, read from its event anew."""
    statement = select(events).where(events.c.id == row["event_id"])
    found = await services.reader.scan(statement.where(events.c.anchor == row["customer_id"]))
    found = found or await services.reader.scan(statement)
    assert found, "events are never deleted"
    return {"message": row["id"], "customer": row["customer_id"], "type": row["event_type"],
            "subject": found[0]["subject"], "data": msgspec.json.decode(found[0]["payload"]),
            "by_hand": True}  # fmt: skip


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**shown(row), "customer": row["customer"]}
