"""Settling a payment: ask the gateway, then one commit books the money and gives the goods.

The webhook, the buyer's return (``finalize``) and the sweep all end here, in any order, any number of
times. They share one look-up per purchase at a time, and every plan is a compare-and-set on the purchase,
so the first wins and all see the same result. The gateway's own answer is the truth, never an event.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.accounts import clearing, unapplied
from storefront.core.assessing import PaymentAttempt, Verdict, strictest
from storefront.core.catalog import is_on_sale
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Change, Claim, Insert, Plan, Transfer
from storefront.core.errors import NotFound, Refused, StorefrontError, Unavailable
from storefront.core.gateways import Checkouts, PaymentFacts, PaymentState
from storefront.core.limits import count_limits, limit_counters
from storefront.core.money import Money
from storefront.core.opening import open_payment, take_lease
from storefront.core.payment_methods import keep_method
from storefront.core.promos.redeeming import redeem_codes
from storefront.core.purchasing import (
    PAYMENT_FAILED,
    Status,
    event_payload,
    give_goods,
    move_status,
    parties_of,
    read_payment,
    read_purchase,
)
from storefront.core.reading import Query, Row
from storefront.core.referring.rewarding import qualify_referral
from storefront.core.refunds import TAKING, is_effective, read_reversals
from storefront.core.releasing import give_up
from storefront.core.services import Services
from storefront.core.tables import alarms
from storefront.core.taxes import book_revenue, lines_with_gateway_tax

TIMES_DECIDED = 5
PAYABLE = frozenset({Status.PENDING, Status.EXPIRED, Status.FAILED, Status.CANCELED})
GIVE_AGAIN_AFTER_MS = MINUTE_MS
RECEIVED = "received"
NEVER_GIVEN = frozenset({"amount", "currency", "payment_refused"})
"""Why money is kept without ever giving the goods by itself: an operator decides."""

ALARM_CLOSED = "alarm_closed:"
"""Begins the claim of an alarm that is closed; the claim is about when that was (business ms)."""
_ALARM = Query(select(alarms).where(alarms.c.id == bindparam("id")))

log = structlog.get_logger("storefront.purchases")


async def settle(services: Services, purchase_id: str) -> None:
    """Bring a purchase to where its payment is. Safe to call at any time, from anywhere.

    Raises:
        GatewayFailed: the gateway did not answer; nothing was changed.
        NotFound: there is no such purchase.
    """
    earlier = services.settlements.get(purchase_id)
    if earlier is not None:
        # It may have asked before that happened which brings us here: wait, and ask once more, all together.
        await asyncio.wait([earlier])
    running = services.settlements.get(purchase_id)
    if running is None:
        running = asyncio.create_task(_settle(services, purchase_id), name=f"settle {purchase_id}")
        services.settlements[purchase_id] = running
        running.add_done_callback(lambda _: services.settlements.pop(purchase_id, None))
    await asyncio.shield(running)


async def _settle(services: Services, purchase_id: str) -> None:
    purchase = await read_purchase(services, purchase_id)
    payment = await read_payment(services, purchase_id)
    if payment is None or purchase["status"] not in PAYABLE or payment["state"] == RECEIVED:
        return
    if payment["gateway_ref"] is None:
        payment = await _open_again(services, purchase, payment)
    if payment is None or payment["gateway_ref"] is None:
        return
    gateway = services.gateway(payment["gateway"])
    assert isinstance(gateway, Checkouts), "only gateways with a checkout get payments"
    facts = await gateway.look_up(payment["gateway_ref"])
    if facts.state is PaymentState.AWAITING and _is_over(services, purchase):
        facts = await gateway.close_checkout(payment["gateway_ref"])
    if facts.state is PaymentState.VOIDED and _is_over(services, purchase, early_ms=MINUTE_MS):
        await give_up(services, purchase_id, Status.EXPIRED, reason="not_paid_in_time")
    elif facts.state is PaymentState.VOIDED:
        # Closed before its time: by a cancel that is under way, or by hand at the gateway.
        await give_up(services, purchase_id, Status.CANCELED, reason="checkout_closed")
    elif facts.state is PaymentState.FAILED:
        await give_up(services, purchase_id, Status.FAILED, reason=f"{PAYMENT_FAILED}{facts.failure or 'declined'}")
    elif facts.state is PaymentState.RECEIVED:
        await receive(services, purchase_id, facts)
    elif facts.state in (PaymentState.AWAITING, PaymentState.PROCESSING):
        await _note_progress(services, purchase, payment, facts.state)


async def _note_progress(services: Services, purchase: Row, payment: Row, state: PaymentState) -> None:
    """Write down whether a pending purchase waits for its payer, or only for the money of one who has done all."""
    if purchase["status"] != Status.PENDING or payment["state"] == state:
        return
    anchor = purchase["customer_id"]
    plan = Plan(actor=f"gateway:{payment['gateway']}", anchors={anchor})
    plan.add(Change("payments", (payment["id"],), anchor, {"state": payment["state"]}, {"state": str(state)}))
    expect = {"status": purchase["status"], "updated_at": purchase["updated_at"]}
    changes = {"payment_state": str(state), "updated_at": services.clock.now()}
    plan.add(Change("purchases", (purchase["id"],), anchor, expect, changes))
    if state is PaymentState.PROCESSING:
        plan.emit("purchase.processing", anchor=anchor, subject=purchase["id"], payload=event_payload(purchase))
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("moved_on", purchase=purchase["id"])  # another process settled it; what it saw is as new as this


async def _open_again(services: Services, purchase: Row, payment: Row) -> Row | None:
    """Open a checkout whose reply was never stored, and go on with it: it may have been paid by now."""
    if purchase["status"] == Status.PENDING and await take_lease(services, payment):
        await open_payment(services, purchase["id"], None)
    return await read_payment(services, purchase["id"])


def _is_over(services: Services, purchase: Row, *, early_ms: int = 0) -> bool:
    """Tell whether a purchase's time is over; ``early_ms`` allows for the gateway's clock and its whole seconds."""
    return purchase["expires_at"] is not None and services.clock.now() + early_ms >= purchase["expires_at"]


async def receive(services: Services, purchase_id: str, facts: PaymentFacts) -> None:
    """Book a received payment once, and give the goods if that may be."""
    for _ in range(TIMES_DECIDED):
        purchase = await read_purchase(services, purchase_id)
        payment = await read_payment(services, purchase_id)
        if payment is None or purchase["status"] not in PAYABLE or payment["state"] == RECEIVED:
            return
        wrong = _mismatch(services, purchase, payment, facts)
        if wrong in ("mode", "reference"):
            await raise_alarm(services, "payment_quarantined", purchase_id, {"mismatch": wrong})
            return
        try:
            await _receive_once(services, purchase, payment, facts, wrong)
        except Stale:
            continue
        except Taken as taken:
            if taken.holder == purchase_id:
                continue  # another process settled it at this very moment
            await raise_alarm(services, "payment_claimed_twice", purchase_id, {"holder": taken.holder})
        return
    raise Unavailable("Too much is changing at once; try again.")


def _mismatch(services: Services, purchase: Row, payment: Row, facts: PaymentFacts) -> str | None:
    """Name what is wrong with a payment: mode and reference before amount; None if all is as agreed."""
    if facts.is_live != services.is_live:
        return "mode"
    if facts.purchase_id != purchase["id"] or facts.reference != payment["gateway_ref"]:
        return "reference"
    if facts.amount.currency != payment["currency"]:
        return "currency"
    return "amount" if facts.amount.amount_minor != payment["amount"] else None


async def _receive_once(
    services: Services, purchase: Row, payment: Row, facts: PaymentFacts, wrong: str | None
) -> None:
    purchase = _with_gateway_tax(purchase, facts)
    if wrong is None:
        plan = _receiving_plan(services, purchase, payment, facts)
        if not await _is_payment_allowed(services, purchase, facts, plan):
            wrong = "payment_refused"
        elif not await _complete(services, plan, purchase, payment):
            wrong = "cannot_be_given"
        else:
            try:
                outcome = await services.engine.commit(plan)
                if outcome.refusal is None and not outcome.is_review:
                    return
                wrong = "payment_refused"
            except Taken:
                raise
            except Refused as refusal:
                wrong = refusal.code
    await _keep_unapplied(services, purchase, payment, facts, reason=wrong)


def _with_gateway_tax(purchase: Row, facts: PaymentFacts) -> Row:
    """Return the purchase with the tax on its lines that the gateway worked out, if it did."""
    if not facts.taxes:
        return purchase
    taxes: dict[str, int] = {}
    for part in facts.taxes:
        taxes[part.jurisdiction] = taxes.get(part.jurisdiction, 0) + part.amount_minor
    return {**purchase, "lines": lines_with_gateway_tax(purchase["lines"], facts.amount, taxes)}


async def _complete(services: Services, plan: Plan, purchase: Row, payment: Row) -> bool:
    """Add revenue and goods to a plan; False if the goods cannot be given now."""
    total = Money(payment["amount"], payment["currency"])
    source = clearing(payment["gateway"], total.currency)
    entry_id = plan.entry("purchase.settled", about=purchase["id"], anchor=purchase["customer_id"])
    book_revenue(plan, purchase, source, total)
    return await _add_goods(services, plan, purchase, payment, entry_id)


def _receiving_plan(services: Services, purchase: Row, payment: Row, facts: PaymentFacts) -> Plan:
    """Plan what is true of every received payment: it is claimed once and stands as received."""
    anchor = purchase["customer_id"]
    plan = Plan(actor=f"gateway:{payment['gateway']}", anchors=parties_of(purchase))
    money = facts.payment or facts.reference
    plan.add(Claim(f"payment:{payment['gateway']}:{money}", purchase["id"]))
    changes = {
        "state": "received",
        "gateway_payment": money,
        "asked_at": services.clock.now(),
        "card": msgspec.json.encode(facts.card).decode(),
        "received_amount": facts.amount.amount_minor,
        "received_currency": facts.amount.currency,
    }
    plan.add(Change("payments", (payment["id"],), anchor, {"state": payment["state"]}, changes))
    if payment["saves_method"] and facts.method is not None:
        keep_method(plan, anchor, payment["gateway"], facts.method, services.clock.now())
    return plan


async def _is_payment_allowed(services: Services, purchase: Row, facts: PaymentFacts, plan: Plan) -> bool:
    attempt = PaymentAttempt(purchase["id"], purchase["customer_id"], facts)
    answers = await services.hooks.call_each("assess_payment", services=services, attempt=attempt, plan=plan)
    return not answers or strictest(answers).verdict < Verdict.REVIEW


async def _add_goods(services: Services, plan: Plan, purchase: Row, payment: Row, entry_id: str) -> bool:
    """Add goods, limits and the new status; False if the goods cannot be given now."""
    now = services.clock.now()
    status = Status(purchase["status"])
    catalog = await services.catalogs.version(purchase["catalog_version"])
    offer = catalog.offer(purchase["sku"])
    counted = limit_counters(offer, purchase["customer_id"], purchase["created_at"])
    if purchase["reserved"] != "[]":
        counted = [counter for counter in counted if not counter.is_global]
    if status in PAYABLE - {Status.PENDING} and not is_on_sale(offer, now):
        return False
    kind = services.kinds.get(offer.kind)
    if kind is None or not await redeem_codes(services, plan, purchase, catalog):
        return False
    count_limits(plan, counted, purchase["quantity"])
    await qualify_referral(services, plan, purchase, catalog)
    try:
        await give_goods(plan, services, purchase, bought_with=None, payment=payment["id"])
    except StorefrontError:
        return False
    except Exception as error:
        log.error("kind_failed", kind=offer.kind, purchase=purchase["id"], exc_info=error)
        return False
    move_status(
        plan,
        purchase,
        Status.COMPLETED,
        payment_state="received",
        entry_id=entry_id,
        lines=purchase["lines"],
        completed_at=now,
        updated_at=now,
        reason=None,
    )
    return True


async def _keep_unapplied(services: Services, purchase: Row, payment: Row, facts: PaymentFacts, *, reason: str) -> None:
    """Book money whose goods cannot be given (yet) as the customer's own, and try again later."""
    now, anchor = services.clock.now(), purchase["customer_id"]
    plan = _receiving_plan(services, purchase, payment, facts)
    entry_id = plan.entry("payment.unapplied", about=purchase["id"], anchor=anchor)
    money = facts.amount
    source = clearing(payment["gateway"], money.currency)
    plan.add(Transfer("entry", source, unapplied(anchor, money.currency), money.amount_minor, anchor))
    move_status(
        plan,
        purchase,
        Status.PAID,
        payment_state="received",
        entry_id=entry_id,
        lines=purchase["lines"],
        reason=reason,
        updated_at=now,
    )
    if reason not in NEVER_GIVEN:
        _give_later(plan, purchase, now)
    add_alarm(services, plan, "goods_owed", purchase["id"], {"reason": reason})
    await services.engine.commit(plan)
    log.error("goods_owed", purchase=purchase["id"], reason=reason)


async def owe_again(services: Services, plan: Plan, purchase: Row) -> None:
    """Try to give again what is owed once more because its money did not go back, unless an operator is to decide."""
    alarm = await services.reader.first(_ALARM, id=f"goods_owed:{purchase['id']}")
    reason = purchase["reason"] if alarm is None else msgspec.json.decode(alarm["facts"])["reason"]
    if reason not in NEVER_GIVEN:
        _give_later(plan, purchase, services.clock.now())


def _give_later(plan: Plan, purchase: Row, now: int) -> None:
    plan.schedule(
        "purchase.give",
        anchor=purchase["customer_id"],
        unique_key=f"give:{purchase['id']}",
        due_at=now + GIVE_AGAIN_AFTER_MS,
        now=now,
        payload={"purchase_id": purchase["id"]},
    )


async def give_again(services: Services, purchase_id: str) -> bool:
    """Try to give what was paid for; tell whether the purchase is done with. Money stays unapplied until then."""
    purchase = await read_purchase(services, purchase_id)
    payment = await read_payment(services, purchase_id)
    if payment is None or purchase["status"] != Status.PAID:
        return True
    against = [row for row in await read_reversals(services.reader, purchase_id) if is_effective(row)]
    if against:
        # While money may go back nothing is given for it; what went back in part is only refunded, not given.
        return all(row["state"] in TAKING for row in against)
    anchor = purchase["customer_id"]
    plan = Plan(actor="jobs", anchors=parties_of(purchase))
    total = Money(payment["amount"], payment["currency"])
    entry_id = plan.entry("purchase.settled", about=purchase_id, anchor=anchor)
    book_revenue(plan, purchase, unapplied(anchor, total.currency), total)
    if not await _add_goods(services, plan, purchase, payment, entry_id):
        return False
    try:
        await services.engine.commit(plan)
    except (Refused, Stale):
        return False
    return True


async def raise_alarm(services: Services, kind: str, about: str, facts: Mapping[str, Any]) -> None:
    """Write an alarm that an operator sees, in a commit of its own; one that stands already is not said again."""
    if await services.reader.first(_ALARM, id=f"{kind}:{about}") is not None:
        return
    log.error(kind, about=about, **facts)
    plan = Plan(actor="alarms")
    add_alarm(services, plan, kind, about, facts)
    await services.engine.commit(plan)


def add_alarm(services: Services, plan: Plan, kind: str, about: str, facts: Mapping[str, Any]) -> None:
    """Add an alarm to a plan; the same alarm about the same thing is raised once."""
    alarm_id = f"{kind}:{about}"
    row = {
        "id": alarm_id,
        "kind": kind,
        "about": about,
        "facts": msgspec.json.encode(facts).decode(),
        "raised_at": services.clock.now(),
    }
    plan.add(Insert("alarms", (alarm_id,), None, row, once=True))


async def close_alarm(services: Services, alarm_id: str) -> None:
    """Say that what an alarm told of is over; once. It stays in the list, with when it was."""
    plan = Plan(actor="alarms")
    plan.add(Claim(f"{ALARM_CLOSED}{alarm_id}", str(services.clock.now())))
    try:
        await services.engine.commit(plan)
    except Taken:
        return  # it was closed before


async def payment_of_reference(services: Services, purchase_id: str | None) -> Row:
    """Return the payment that a gateway's reference to our purchase means; raises ``NotFound``."""
    payment = await read_payment(services, purchase_id) if purchase_id else None
    if payment is None:
        raise NotFound("The gateway speaks of a payment that is not ours.")
    return payment
