"""From an event to a mail: one row and one job, in one commit, however often the event is told."""

import hashlib

import structlog

from storefront.core.commit.plan import Insert, Plan
from storefront.core.events import Event
from storefront.core.purchasing import read_purchase
from storefront.core.receipts.documents import is_paid_in_money
from storefront.core.services import Services
from storefront_mail.addresses import ACTOR
from storefront_mail.config import Settings

SEND = "mail.send"
QUEUED, SENT, SKIPPED, FAILED, EXPIRED = "queued", "sent", "skipped", "failed", "expired"

log = structlog.get_logger("storefront.mail")


async def order_mail(services: Services, settings: Settings, event: Event) -> None:
    """Order the mail of an event. What is older than mails may be (a history, at first start) gets none."""
    mailing = settings.mailings.get(event.type)
    customer_id = event.data.get("customer_id")
    if mailing is None or not isinstance(customer_id, str):
        return
    now = services.clock.now()
    if now - event.occurred_at > settings.max_age_ms:
        log.info("too_old", type=event.type, event=event.id)
        return
    if event.type == "purchase.completed" and not is_paid_in_money(await read_purchase(services, event.subject)):
        return
    message_id = name_of(event.id)
    row = {
        "id": message_id,
        "customer_id": customer_id,
        "event_id": event.id,
        "event_type": event.type,
        "template": mailing.template,
        "message_id": f"<{message_id}@{settings.sender.rpartition('@')[2]}>",
        "state": QUEUED,
        "reason": None,
        "attempts": 0,
        "occurred_at": event.occurred_at,
        "updated_at": now,
    }
    payload = {"message": message_id, "customer": customer_id, "type": event.type, "subject": event.subject,
               "data": dict(event.data)}  # fmt: skip
    plan = Plan(actor=ACTOR, anchors={event.anchor, customer_id})
    plan.add(Insert("mail_messages", (message_id,), customer_id, row, once=True))
    plan.schedule(SEND, anchor=customer_id, unique_key=f"{SEND}:{event.id}", due_at=now, now=now, payload=payload)
    await services.engine.commit(plan)


def name_of(event_id: str) -> str:
    """Return the id of an event's mail: the same event is the same mail, also if its row were lost."""
    return f"mai_{hashlib.sha256(event_id.encode()).hexdigest()[:32]}"
