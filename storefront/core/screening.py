"""Money that is authorised and not taken yet: judged once, then captured, given back, or kept for a review.

The verdict is committed before the gateway is asked again, so a lost reply or a crash finds it: the same call is made
again, under the same key, until the gateway has said how it ended. Only an authorisation that was allowed, or approved
by a person, is ever captured.
"""

import msgspec
import structlog

from storefront.core.alarms import raise_alarm
from storefront.core.assessing import Assessment, PurchaseRefused, Verdict
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Refused, Unavailable
from storefront.core.gateways import Captures, PaymentFacts, PaymentState
from storefront.core.judging import Case, case_of, judge_payment
from storefront.core.money import Money
from storefront.core.promos.redeeming import give_back_codes
from storefront.core.purchasing import Status, move_status, read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.receiving import mismatch, receive
from storefront.core.releasing import REFUSED, give_up, release
from storefront.core.reviews import (
    AUTHORIZED,
    CLOSED,
    DECIDING,
    Decision,
    Ruling,
    close_review,
    decision_of,
    need_review,
    open_review,
    over_at,
)
from storefront.core.services import Services

TIMES_DECIDED = 5
LOST = "authorization_lost"

log = structlog.get_logger("storefront.purchases")


async def take_authorized(services: Services, purchase_id: str, facts: PaymentFacts) -> None:
    """Go on with a payment that the gateway calls authorised. Safe to call at any time, any number of times.

    Raises:
        GatewayFailed: the gateway did not answer; what was decided stands, and is asked for again.
    """
    for _ in range(TIMES_DECIDED):
        purchase = await read_purchase(services, purchase_id)
        payment = await read_payment(services, purchase_id)
        assert payment is not None, "what is authorised has a payment"
        if purchase["status"] == Status.IN_REVIEW:
            await finish(services, purchase_id)
        elif purchase["status"] != Status.PENDING:
            # It had ended before its payer was done: nothing was taken, and nothing will be.
            await _let_go(services, purchase_id, payment, facts)
        elif payment["verdict"] is not None:
            await _follow_verdict(services, purchase_id, payment)
        elif await _judge(services, purchase, payment, facts):
            continue  # what was decided is read again, and followed
        return
    raise Unavailable("Too much is changing at once; try again.")


async def _judge(services: Services, purchase: Row, payment: Row, facts: PaymentFacts) -> bool:
    """Judge an authorised payment and write the verdict; False if it cannot be ours, and nothing was written."""
    wrong = mismatch(services, purchase, payment, facts)
    if wrong in ("mode", "reference"):
        await raise_alarm(services, "payment_quarantined", purchase["id"], {"mismatch": wrong})
        return False
    case = await case_of(services, purchase, payment, facts)
    plan = _authorizing_plan(case)
    if wrong is None:
        judged = await judge_payment(services, case, plan)
    else:
        log.error("authorized_otherwise", purchase=purchase["id"], mismatch=wrong)
        judged = Assessment(Verdict.REFUSE, (wrong,))
    try:
        late = await _write_verdict(services, plan, case, judged)
        if late is not None:
            stricter = late if late.verdict > judged.verdict else judged
            await _write_verdict(services, _authorizing_plan(case), case, stricter)
    except Stale:
        log.info("moved_on", purchase=purchase["id"])  # another process judged it, or somebody canceled
    return True


def _authorizing_plan(case: Case) -> Plan:
    return Plan(actor=f"gateway:{case.payment['gateway']}", anchors={case.purchase["customer_id"]})


async def _write_verdict(services: Services, plan: Plan, case: Case, judged: Assessment) -> Assessment | None:
    """Commit that a payment is authorised, and what was said of it; return the verdict of a late step, if it differs.

    What is to be reviewed is ``in_review`` from this commit on.
    """
    purchase, payment, facts = case.purchase, case.payment, case.facts
    anchor, now = purchase["customer_id"], services.clock.now()
    verdict = Verdict.ALLOW if judged.verdict < Verdict.REVIEW else judged.verdict
    changes = {
        "state": "authorized",
        "gateway_payment": facts.payment,
        "asked_at": now,
        "card": msgspec.json.encode(facts.card).decode(),
        "authorized_until": facts.authorized_until,
        "verdict": verdict.name.lower(),
    }
    plan.add(Change("payments", (payment["id"],), anchor, {"state": payment["state"], "verdict": None}, changes))
    if verdict is Verdict.REVIEW:
        over = over_at(services, now, authorized_until=facts.authorized_until)
        move_status(plan, purchase, Status.IN_REVIEW, payment_state="authorized", updated_at=now)
        open_review(plan, purchase, case.review, money=AUTHORIZED, reasons=judged.reasons, now=now, expires_at=over)
    else:
        expect = {"status": purchase["status"], "updated_at": purchase["updated_at"]}
        noted = {"payment_state": "authorized", "updated_at": now}
        plan.add(Change("purchases", (purchase["id"],), anchor, expect, noted))
    try:
        outcome = await services.engine.commit(plan)
    except PurchaseRefused:
        return Assessment(Verdict.REFUSE)
    except Refused as refused:
        log.error("not_judged", purchase=purchase["id"], reason=refused.code)
        return Assessment(Verdict.REVIEW)
    if outcome.is_review:
        return Assessment(Verdict.REVIEW, outcome.review_reasons)
    return None if outcome.refusal is None else Assessment(Verdict.REFUSE)


async def _follow_verdict(services: Services, purchase_id: str, payment: Row) -> None:
    """Capture what was allowed, give back what was refused."""
    if payment["verdict"] == "allow":
        facts = await _capture(services, payment)
        gone = Status.FAILED, LOST
    else:
        facts = await _void(services, payment)
        gone = Status.REJECTED, REFUSED
    if facts.state is PaymentState.RECEIVED:
        await receive(services, purchase_id, facts)
    elif facts.state is PaymentState.VOIDED:
        await give_up(services, purchase_id, gone[0], reason=gone[1])


async def _let_go(services: Services, purchase_id: str, payment: Row, facts: PaymentFacts) -> None:
    """Give back an authorisation that came too late; money that was taken all the same is settled as late money."""
    told = await _void(services, {**payment, "gateway_payment": facts.payment})
    if told.state is PaymentState.RECEIVED:
        await receive(services, purchase_id, told)


async def finish(services: Services, purchase_id: str) -> None:
    """Do at the gateway what was decided of a review: capture, or give back. Safe to call at any time.

    Raises:
        GatewayFailed: the gateway did not answer; a job asks again.
    """
    review, payment = await need_review(services, purchase_id), await read_payment(services, purchase_id)
    if review["state"] != DECIDING:
        return
    assert payment is not None, "only reviews of authorised money are asked of a gateway"
    is_approved = decision_of(review) is Decision.APPROVED
    facts = await (_capture(services, payment) if is_approved else _void(services, payment))
    if facts.state is PaymentState.RECEIVED:
        await receive(services, purchase_id, facts)
    else:
        await end_in_review(services, purchase_id, facts)


async def end_in_review(services: Services, purchase_id: str, facts: PaymentFacts) -> None:
    """End a purchase in review whose authorisation is gone: by our word, its bank's, or by hand there."""
    if facts.state not in (PaymentState.VOIDED, PaymentState.FAILED):
        return
    for _ in range(TIMES_DECIDED):
        purchase, payment = await read_purchase(services, purchase_id), await read_payment(services, purchase_id)
        review = await need_review(services, purchase_id)
        if purchase["status"] != Status.IN_REVIEW or payment is None or review["state"] == CLOSED:
            return
        now, anchor = services.clock.now(), purchase["customer_id"]
        plan = Plan(actor=f"gateway:{payment['gateway']}", anchors={anchor})
        decision = decision_of(review)
        to, reason = Status.REJECTED, LOST
        if decision is not None and decision.refuses:
            to, reason = decision.status, decision.reason
        move_status(plan, purchase, to, reason=reason, payment_state="voided", updated_at=now, reserved="[]")
        plan.add(Change("payments", (payment["id"],), anchor, {"state": payment["state"]}, {"state": "voided"}))
        ruling = None if decision is not None else Ruling(Decision.REJECTED, plan.actor, "the authorisation is gone")
        close_review(plan, review, now=now, ruling=ruling)
        release(plan, purchase)
        await give_back_codes(services, plan, purchase)
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


def _captures(services: Services, payment: Row) -> Captures:
    gateway = services.gateway(payment["gateway"])
    assert isinstance(gateway, Captures), "only such gateways authorise"
    return gateway


async def _capture(services: Services, payment: Row) -> PaymentFacts:
    amount = Money(payment["amount"], payment["currency"])
    return await _captures(services, payment).capture(payment["gateway_payment"], amount)


async def _void(services: Services, payment: Row) -> PaymentFacts:
    return await _captures(services, payment).void(payment["gateway_payment"])
