"""Booking a received payment: once, and with it what it pays for; or as the customer's own, until that is decided.

What is judged ``review`` waits with its money as the customer's; what is refused goes back (``giving_back.py``). Every
plan is a compare-and-set on the purchase, so the first wins and all see the same result.
"""

from typing import Any

import msgspec
import structlog

from storefront.core.accounts import clearing, unapplied
from storefront.core.alarms import add_alarm, raise_alarm, read_alarm
from storefront.core.assessing import Assessment, PurchaseRefused, Verdict
from storefront.core.catalog import is_on_sale
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Change, Claim, LotsOf, Plan, Transfer
from storefront.core.errors import Refused, StorefrontError, Unavailable
from storefront.core.gateways import PaymentFacts
from storefront.core.judging import Case, case_of, judge_payment
from storefront.core.limits import count_limits, limit_counters
from storefront.core.money import Money
from storefront.core.payment_methods import keep_method
from storefront.core.promos.redeeming import give_back_codes, redeem_codes
from storefront.core.purchasing import Status, give_goods, move_status, parties_of, read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.referring.rewarding import qualify_referral
from storefront.core.refunds import TAKING, is_effective, read_reversals
from storefront.core.releasing import REFUSED, release
from storefront.core.reviews import CLOSED, OPEN, close_review, note_received, open_review, over_at
from storefront.core.reviews import RECEIVED as WAITS_RECEIVED
from storefront.core.services import Services
from storefront.core.taxes import book_revenue, lines_with_gateway_tax

TIMES_DECIDED = 5
PAYABLE = frozenset({Status.PENDING, Status.EXPIRED, Status.FAILED, Status.CANCELED})
LATE = PAYABLE - {Status.PENDING}
RECEIVABLE = PAYABLE | {Status.IN_REVIEW}
GIVE_AGAIN_AFTER_MS = MINUTE_MS
RECEIVED = "received"
NEVER_GIVEN = frozenset({"amount", "currency", REFUSED})
"""Why money is kept without ever giving the goods by itself: an operator decides."""
GIVE_BACK = "purchase.give_back"

log = structlog.get_logger("storefront.purchases")


async def receive(services: Services, purchase_id: str, facts: PaymentFacts) -> None:
    """Book a received payment once, and give the goods if that may be."""
    for _ in range(TIMES_DECIDED):
        purchase = await read_purchase(services, purchase_id)
        payment = await read_payment(services, purchase_id)
        if payment is None or purchase["status"] not in RECEIVABLE or payment["state"] == RECEIVED:
            return
        wrong = mismatch(services, purchase, payment, facts)
        if wrong in ("mode", "reference"):
            await raise_alarm(services, "payment_quarantined", purchase_id, {"mismatch": wrong})
            return
        try:
            case = await case_of(services, _with_gateway_tax(purchase, facts), payment, facts)
            await _receive_once(services, case, wrong)
        except Stale:
            continue
        except Taken as taken:
            if taken.holder == purchase_id:
                continue  # another process settled it at this very moment
            await raise_alarm(services, "payment_claimed_twice", purchase_id, {"holder": taken.holder})
        return
    raise Unavailable("Too much is changing at once; try again.")


def mismatch(services: Services, purchase: Row, payment: Row, facts: PaymentFacts) -> str | None:
    """Name what is wrong with a payment: mode and reference before amount; None if all is as agreed."""
    if facts.is_live != services.is_live:
        return "mode"
    if facts.purchase_id != purchase["id"] or facts.reference != payment["gateway_ref"]:
        return "reference"
    if facts.amount.currency != payment["currency"]:
        return "currency"
    return "amount" if facts.amount.amount_minor != payment["amount"] else None


async def _receive_once(services: Services, case: Case, wrong: str | None) -> None:
    if wrong is None:
        plan = _receiving_plan(services, case)
        judged = await judge_payment(services, case, plan)
        if judged.verdict >= Verdict.REVIEW:
            await _keep_back(services, plan, case, judged)
            return
        wrong = "cannot_be_given"
        if await _complete(services, plan, case):
            late = await _commit_or_judge(services, plan)
            if late is None:
                return
            if not isinstance(late, str):
                await _keep_back(services, _receiving_plan(services, case), case, late)
                return
            wrong = late
    await _keep_unapplied(services, case, reason=wrong)


async def _commit_or_judge(services: Services, plan: Plan) -> Assessment | str | None:
    """Commit; return the verdict of a late step, or why the goods cannot be given, and None if all is done."""
    try:
        outcome = await services.engine.commit(plan)
    except Taken:
        raise
    except Refused as refused:
        refusal: Refused | None = refused
    else:
        refusal = outcome.refusal
        if outcome.is_review:
            return Assessment(Verdict.REVIEW, outcome.review_reasons)
    if isinstance(refusal, PurchaseRefused):
        return Assessment(Verdict.REFUSE)
    return None if refusal is None else refusal.code


def _with_gateway_tax(purchase: Row, facts: PaymentFacts) -> Row:
    """Return the purchase with the tax on its lines that the gateway worked out, if it did."""
    if not facts.taxes:
        return purchase
    taxes: dict[str, int] = {}
    for part in facts.taxes:
        taxes[part.jurisdiction] = taxes.get(part.jurisdiction, 0) + part.amount_minor
    return {**purchase, "lines": lines_with_gateway_tax(purchase["lines"], facts.amount, taxes)}


async def _complete(services: Services, plan: Plan, case: Case) -> bool:
    """Add revenue and goods to a plan; False if the goods cannot be given now."""
    purchase, payment = case.purchase, case.payment
    total = Money(payment["amount"], payment["currency"])
    source = clearing(payment["gateway"], total.currency)
    entry_id = plan.entry("purchase.settled", about=case.id, anchor=purchase["customer_id"])
    book_revenue(plan, purchase, source, total)
    _close(services, plan, case)
    return await add_goods(services, plan, purchase, entry_id, payment=payment["id"])


def _close(services: Services, plan: Plan, case: Case) -> None:
    if case.review is not None and case.review["state"] != CLOSED:
        close_review(plan, case.review, now=services.clock.now())


def _receiving_plan(services: Services, case: Case) -> Plan:
    """Plan what is true of every received payment: it is claimed once and stands as received."""
    purchase, payment, facts = case.purchase, case.payment, case.facts
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


async def add_goods(
    services: Services,
    plan: Plan,
    purchase: Row,
    entry_id: str,
    *,
    payment: str,
    bought_with: LotsOf | None = None,
    payment_state: str = RECEIVED,
) -> bool:
    """Add goods, limits and the new status; False if the goods cannot be given now."""
    now = services.clock.now()
    catalog = await services.catalogs.version(purchase["catalog_version"])
    offer = catalog.offer(purchase["sku"])
    counted = limit_counters(offer, purchase["customer_id"], purchase["created_at"])
    if purchase["reserved"] != "[]":
        counted = [counter for counter in counted if not counter.is_global]
    if Status(purchase["status"]) in LATE and not is_on_sale(offer, now):
        return False
    kind = services.kinds.get(offer.kind)
    if kind is None or not await redeem_codes(services, plan, purchase, catalog):
        return False
    count_limits(plan, counted, purchase["quantity"])
    if payment_state == RECEIVED:
        await qualify_referral(services, plan, purchase, catalog)
    try:
        await give_goods(plan, services, purchase, bought_with=bought_with, payment=payment)
    except StorefrontError:
        return False
    except Exception as error:
        log.error("kind_failed", kind=offer.kind, purchase=purchase["id"], exc_info=error)
        return False
    move_status(
        plan,
        purchase,
        Status.COMPLETED,
        payment_state=payment_state,
        entry_id=entry_id if plan.moves_value() else None,
        lines=purchase["lines"],
        completed_at=now,
        updated_at=now,
        reason=None,
    )
    return True


async def _keep_back(services: Services, plan: Plan, case: Case, judged: Assessment) -> None:
    """Keep received money as the customer's: until somebody has reviewed the purchase, or to give it back."""
    purchase, review, now = case.purchase, case.review, services.clock.now()
    if Status(purchase["status"]) in LATE:
        # It had ended before its money came, and can neither wait for a review nor be rejected any more.
        await _keep_unapplied(services, case, reason=REFUSED)
        return
    entry_id = _book_unapplied(plan, case)
    booked = {"payment_state": RECEIVED, "entry_id": entry_id, "lines": purchase["lines"], "updated_at": now}
    if judged.verdict >= Verdict.REFUSE:
        decision = case.decision
        to, reason = (Status.REJECTED, REFUSED) if decision is None else (decision.status, decision.reason)
        _close(services, plan, case)
        await reject_received(services, plan, purchase, to=to, reason=reason, **booked)
    elif review is None or review["state"] != OPEN:
        move_status(plan, purchase, Status.IN_REVIEW, **booked)
        open_review(
            plan,
            purchase,
            review,
            money=WAITS_RECEIVED,
            reasons=judged.reasons,
            now=now,
            expires_at=over_at(services, now),
        )
    else:
        expect = {"status": purchase["status"], "updated_at": purchase["updated_at"]}
        plan.add(Change("purchases", (case.id,), purchase["customer_id"], expect, booked))
        note_received(plan, review, now=now)
    late = await _commit_or_judge(services, plan)
    if late is not None:
        # A late step judged beside a verdict that was strict by itself; what it wanted written then, is.
        judged = late if isinstance(late, Assessment) and late.verdict > judged.verdict else judged
        await _keep_back(services, _receiving_plan(services, case), case, judged)


async def reject_received(
    services: Services, plan: Plan, purchase: Row, *, to: Status, reason: str, **changes: Any
) -> None:
    """End a purchase whose money stands as the customer's own; a job gives back what is left of it at the gateway."""
    now = services.clock.now()
    move_status(plan, purchase, to, reason=reason, reserved="[]", **{"updated_at": now, **changes})
    release(plan, purchase)
    await give_back_codes(services, plan, purchase)
    plan.schedule(
        GIVE_BACK,
        anchor=purchase["customer_id"],
        unique_key=f"give_back:{purchase['id']}",
        due_at=now,
        now=now,
        payload={"purchase_id": purchase["id"]},
    )


def _book_unapplied(plan: Plan, case: Case) -> str:
    """Book received money as the customer's own; return the entry."""
    anchor, money = case.purchase["customer_id"], case.facts.amount
    entry_id = plan.entry("payment.unapplied", about=case.id, anchor=anchor)
    source = clearing(case.payment["gateway"], money.currency)
    plan.add(Transfer("entry", source, unapplied(anchor, money.currency), money.amount_minor, anchor))
    return entry_id


async def _keep_unapplied(services: Services, case: Case, *, reason: str) -> None:
    """Book money whose goods cannot be given (yet) as the customer's own, and try again later."""
    plan, purchase = _receiving_plan(services, case), case.purchase
    entry_id = _book_unapplied(plan, case)
    _close(services, plan, case)
    booked = {"entry_id": entry_id, "payment_state": RECEIVED, "lines": purchase["lines"]}
    owe_goods(services, plan, purchase, reason=reason, **booked)
    await services.engine.commit(plan)
    log.error("goods_owed", purchase=purchase["id"], reason=reason)


def owe_goods(services: Services, plan: Plan, purchase: Row, *, reason: str, **changes: Any) -> None:
    """Say that a purchase is paid and its goods are owed: a job tries to give them, an alarm tells of it."""
    now = services.clock.now()
    move_status(plan, purchase, Status.PAID, reason=reason, updated_at=now, **changes)
    if reason not in NEVER_GIVEN:
        _give_later(plan, purchase, now)
    add_alarm(services, plan, "goods_owed", purchase["id"], {"reason": reason})


async def owe_again(services: Services, plan: Plan, purchase: Row) -> None:
    """Try to give again what is owed once more because its money did not go back, unless an operator is to decide."""
    alarm = await read_alarm(services, "goods_owed", purchase["id"])
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
    plan = Plan(actor="jobs", anchors=parties_of(purchase))
    if not await give_for_unapplied(services, plan, purchase, payment):
        return False
    try:
        await services.engine.commit(plan)
    except (Refused, Stale):
        return False
    return True


async def give_for_unapplied(services: Services, plan: Plan, purchase: Row, payment: Row) -> bool:
    """Add to a plan what a purchase gives for money that stands as the customer's own; False if it cannot now."""
    anchor, total = purchase["customer_id"], Money(payment["amount"], payment["currency"])
    entry_id = plan.entry("purchase.settled", about=purchase["id"], anchor=anchor)
    book_revenue(plan, purchase, unapplied(anchor, total.currency), total)
    return await add_goods(services, plan, purchase, entry_id, payment=payment["id"])
