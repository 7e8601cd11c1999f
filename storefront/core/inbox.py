"""Webhooks in: verify, store once, answer at once; process later by asking the gateway.

An event is only a hint to look something up. Duplicates, any order, any delay and missing events end in
the same state. What cannot be ours is quarantined with an alarm, and nothing is granted for it.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

import structlog
from sqlalchemy import bindparam, or_, select

from storefront.core.adopting import adopt, adopt_money
from storefront.core.alarms import add_alarm
from storefront.core.buyer_caps import count_declined
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.errors import NotFound
from storefront.core.gateway_books import follow_books, move_told, read_book
from storefront.core.gateways import Checkouts, EventLog, GatewayEvent, Refunds, Subject, Webhooks
from storefront.core.kinds import FollowsTransfers, TransferMoved
from storefront.core.payment_methods import network_of_setup, settle_setup
from storefront.core.privacy.register import hash_of_body
from storefront.core.purchasing import PAYMENT_BY_MONEY, PAYMENT_BY_REFERENCE, read_payment
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.settlement import payment_of_reference
from storefront.core.tables import customers, inbox, payments, setups
from storefront.core.up_to_date import bring_up_to_date

_EVENT = Query(
    select(inbox).where(
        inbox.c.gateway == bindparam("gateway"),
        inbox.c.account == bindparam("account"),
        inbox.c.event_id == bindparam("event_id"),
    )
)
MISSED_AT_ONCE = 100
RECEIVED, PROCESSED, IGNORED, QUARANTINED = "received", "processed", "ignored", "quarantined"

_OF_BOOKS = frozenset({Subject.PAYOUT, Subject.TRANSFER})
_OF_PAYMENTS = frozenset({Subject.PAYMENT, Subject.REFUND, Subject.DISPUTE, Subject.WARNING})

log = structlog.get_logger("storefront.inbox")


class EventJob(TypedDict):
    """The job of one event, as ``Plan.schedule`` takes it."""

    kind: str
    anchor: str
    unique_key: str
    payload: Mapping[str, Any]


async def receive_webhook(services: Services, gateway_name: str, raw: bytes, headers: Mapping[str, str]) -> None:
    """Store a verified webhook once. When this returns it is durable and may be acknowledged.

    Raises:
        NotFound: no such gateway, or it has no webhooks.
        BadSignature: nothing was stored.
    """
    gateway = services.gateways.get(gateway_name)
    if not isinstance(gateway, Webhooks):
        raise NotFound("No gateway listens here.")
    await take_in(services, gateway_name, gateway.read_event(raw, headers), raw)


async def take_in(services: Services, gateway_name: str, event: GatewayEvent, raw: bytes) -> bool:
    """Store an event that is known to be the gateway's, once; False if it was there. It is processed by a job."""
    anchor = f"inbox:{gateway_name}"
    plan = Plan(actor=f"gateway:{gateway_name}", anchors={anchor})
    now = services.clock.now()
    row = {
        "gateway": gateway_name,
        "account": event.account,
        "event_id": event.id,
        "type": event.type,
        "reference": event.reference,
        "state": RECEIVED,
        "raw": raw if await _is_kept(services, event) else hash_of_body(raw),
        "note": event.note,
        "received_at": services.clock.wall(),
        "processed_at": None,
    }
    if await services.reader.first(_EVENT, gateway=gateway_name, account=event.account, event_id=event.id) is not None:
        return False
    plan.add(Insert("inbox", (gateway_name, event.account, event.id), anchor, row, once=True))
    plan.schedule(**event_job(gateway_name, event), due_at=now, now=now)
    await services.engine.commit(plan)
    return True


def event_job(gateway_name: str, event: GatewayEvent) -> EventJob:
    """Return the job that processes an event, but for when it is due; there is one per event."""
    return {
        "kind": "inbox.process",
        "anchor": f"inbox:{gateway_name}",
        "unique_key": f"inbox:{gateway_name}:{event.account}:{event.id}",
        "payload": {
            "gateway": gateway_name,
            "account": event.account,
            "event_id": event.id,
            "type": event.type,
            "is_live": event.is_live,
            "reference": event.reference,
            "purchase_id": event.purchase_id,
            "subject": str(event.subject),
            "payment": event.payment,
            "is_decline": event.is_decline,
            "setup_id": event.setup_id,
        },
    }


async def take_in_missed(services: Services, gateway_name: str) -> int:
    """Ask a gateway what it told since the last time, and take in what never arrived; return how many there were.

    Raises:
        GatewayFailed: ask again later.
    """
    gateway = services.gateway(gateway_name)
    if not isinstance(gateway, EventLog):
        return 0
    missed = 0
    while True:
        book = await read_book(services, gateway_name)
        try:
            page = await gateway.events_page(after=book["told"], since=book["since"], at_most=MISSED_AT_ONCE)
        except NotFound:
            # We were away for so long that it has forgotten where we were: begin where it still remembers.
            page = await gateway.events_page(after=None, since=book["since"], at_most=MISSED_AT_ONCE)
        for event, raw in page:
            missed += await take_in(services, gateway_name, event, raw)
        if page:
            await move_told(services, book, page[-1][0].id)
        if len(page) < MISSED_AT_ONCE:
            return missed


async def process_event(services: Services, payload: Mapping[str, Any]) -> None:
    """Process a stored event; the job of ``receive_webhook``.

    Raises:
        GatewayFailed: ask again later.
    """
    key = {name: payload[name] for name in ("gateway", "account", "event_id")}
    row = await services.reader.first(_EVENT, **key)
    if row is None or row["state"] != RECEIVED:
        return
    event = GatewayEvent(
        id=payload["event_id"],
        type=payload["type"],
        account=payload["account"],
        is_live=payload["is_live"],
        reference=payload["reference"],
        purchase_id=payload["purchase_id"],
        # Jobs of an older version know payments alone.
        subject=Subject(payload.get("subject", Subject.PAYMENT)),
        payment=payload.get("payment"),
        is_decline=payload.get("is_decline", False),
        setup_id=payload.get("setup_id"),
    )
    network = await _network_of_decline(services, event)
    state, note = await _handle(services, payload["gateway"], event)
    plan = _closing(services, row, state, note)
    count_declined(plan, network, services.clock.now())
    if state == PROCESSED and event.subject is Subject.TRANSFER:
        _tell_of_transfer(services, plan, payload["gateway"], event)
    await _close(services, plan, row)


async def _is_kept(services: Services, event: GatewayEvent) -> bool:
    """Tell whether an event's body is kept for its term, or its hash alone, by which it could be told again.

    Nobody needs what is about nothing of ours, such as a gateway's own record of a customer, with their address. Nor
    is kept what is about something that an erased customer once paid, or began to save.
    """
    if event.subject is Subject.OTHER:
        return False
    names = [name for name in (event.reference, event.payment, event.purchase_id) if name is not None]
    about = setups if event.subject is Subject.SETUP else payments
    columns = ("gateway_ref", "gateway_payment", "purchase_id")
    where = or_(*(about.c[column].in_(names) for column in columns if column in about.c))
    statement = select(customers.c.id).join(about, about.c.customer_id == customers.c.id)
    return not await services.reader.scan(statement.where(where, customers.c.erased_at.is_not(None)).limit(1))


async def _network_of_decline(services: Services, event: GatewayEvent) -> str | None:
    """Return from where that was begun to which a payer's bank said no, whatever became of it meanwhile.

    None: it is too long ago (``retention.py``). Charges of saved methods are counted by whoever made them.
    """
    if not event.is_decline or event.is_live != services.is_live or event.account:
        return None  # what a connected account writes into its own payments says nothing of ours
    if event.setup_id is not None:
        return await network_of_setup(services, event.setup_id)
    if event.purchase_id is None:
        return None
    payment = await read_payment(services, event.purchase_id)
    return None if payment is None or payment["method"] is not None else payment["network"]


async def _handle(services: Services, gateway_name: str, event: GatewayEvent) -> tuple[str, str | None]:
    if event.is_live != services.is_live:
        return QUARANTINED, "the event is of the other mode"
    if event.subject in _OF_BOOKS:
        await follow_books(services, gateway_name)
        return PROCESSED, None
    if event.subject is Subject.SETUP and event.reference is not None:
        return (PROCESSED if await settle_setup(services, gateway_name, event.reference) else IGNORED), None
    if event.subject in _OF_PAYMENTS and (event.reference or event.payment or event.purchase_id):
        return await _handle_payment(services, gateway_name, event)
    return IGNORED, None


async def _handle_payment(services: Services, gateway_name: str, event: GatewayEvent) -> tuple[str, str | None]:
    try:
        payment = await _find_payment(services, gateway_name, event)
    except NotFound as unknown:
        return QUARANTINED, unknown.detail
    if payment is None:
        return IGNORED, None
    await bring_up_to_date(services, payment["purchase_id"])
    return PROCESSED, None


async def _find_payment(services: Services, gateway_name: str, event: GatewayEvent) -> Row | None:
    """Find whose payment an event is about: by what we stored of it, else by asking the gateway for ours.

    None: it is about money that this shop never asked for, on an account that it shares with others.
    """
    if event.payment is not None:
        known = await services.reader.first(PAYMENT_BY_MONEY, gateway=gateway_name, payment=event.payment)
        if known is not None:
            return known
    if event.subject is not Subject.PAYMENT or event.reference is None:
        return await _find_by_money(services, gateway_name, event)
    known = await services.reader.first(PAYMENT_BY_REFERENCE, gateway=gateway_name, reference=event.reference)
    if known is not None:
        return known
    gateway = services.gateway(gateway_name)
    assert isinstance(gateway, Checkouts), "only gateways with a checkout send such events"
    facts = await gateway.look_up(event.reference)
    payment = await payment_of_reference(services, facts.purchase_id)
    if payment["gateway_ref"] is None:
        await adopt(services, payment, event.reference)
        payment = await read_payment(services, payment["purchase_id"]) or payment
    if payment["gateway_ref"] != event.reference:
        raise NotFound("The gateway speaks of a checkout that is not the one we opened.")
    return payment


async def _find_by_money(services: Services, gateway_name: str, event: GatewayEvent) -> Row | None:
    """Find a payment by our own reference, or by the checkout that the gateway took the money with."""
    gateway = services.gateway(gateway_name)
    if event.purchase_id is not None:
        payment = await payment_of_reference(services, event.purchase_id)
        if payment["gateway_ref"] is None and event.payment is not None and isinstance(gateway, Refunds):
            # Its opening reply was never stored, and nobody may ever ask for it again: this is how it is known.
            return await adopt_money(services, payment, event.payment)
        return payment
    if event.payment is None or not isinstance(gateway, Refunds):
        return None
    reference = await gateway.find_checkout(event.payment)
    if reference is None:
        return None
    return await services.reader.first(PAYMENT_BY_REFERENCE, gateway=gateway_name, reference=reference)


def _closing(services: Services, row: Row, state: str, note: str | None) -> Plan:
    """Return the plan that says what became of an event."""
    key = (row["gateway"], row["account"], row["event_id"])
    anchor = f"inbox:{row['gateway']}"
    plan = Plan(actor="jobs", anchors={anchor})
    changes = {"state": state, "note": note or row["note"], "processed_at": services.clock.wall()}
    plan.add(Change("inbox", key, anchor, {"state": RECEIVED}, changes))
    if state == QUARANTINED:
        add_alarm(services, plan, "webhook_quarantined", row["event_id"], {"type": row["type"], "note": note})
    return plan


def _tell_of_transfer(services: Services, plan: Plan, gateway_name: str, event: GatewayEvent) -> None:
    """Let kinds whose sellers are paid by transfers add what they do about one that has moved."""
    if event.reference is None:
        return
    told = f"{gateway_name}:{event.account}:{event.id}"
    moved = TransferMoved(gateway_name, event.reference, told, f"inbox:{gateway_name}", services.clock.now())
    for name in services.kinds:
        following = services.kind_as(name, FollowsTransfers)
        if following is not None:
            following.transfer_moved(plan, moved)


async def _close(services: Services, plan: Plan, row: Row) -> None:
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("event_already_processed", event_id=row["event_id"])
