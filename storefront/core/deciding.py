"""Deciding reviews: approve, reject, let expire, cancel; whoever comes first decides, and is answered the same again.

What waits in a wallet, or was received, is decided in one commit: goods for the money, or the money back. Authorised
money takes three steps: the decision is committed, the gateway is asked (``screening.py``), what it says is committed.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from storefront.core.accounts import sink
from storefront.core.alarms import raise_alarm
from storefront.core.clock import HOUR_MS
from storefront.core.commit.outcome import HoldNotOpen, Stale
from storefront.core.commit.plan import CaptureHold, LapseWallet, LotsOf, Plan, ReleaseHold
from storefront.core.errors import Conflict, Refused, Unavailable
from storefront.core.gateways import GatewayFailed
from storefront.core.jobs import Again, pause_after
from storefront.core.privileged import record_action
from storefront.core.promos.redeeming import give_back_codes
from storefront.core.purchasing import Status, move_status, parties_of, read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.receiving import add_goods, give_for_unapplied, owe_goods, reject_received
from storefront.core.redaction import redact_text
from storefront.core.refunds import is_effective, read_reversals
from storefront.core.releasing import release
from storefront.core.reviews import (
    AUTHORIZED,
    AWAITING,
    DECIDING,
    HOLD,
    OPEN,
    RECEIVED,
    Decision,
    Ruling,
    begin_deciding,
    close_review,
    decision_of,
    need_review,
)
from storefront.core.screening import finish
from storefront.core.services import Services

TIMES_DECIDED = 10
ALARM_AFTER_MS = HOUR_MS
"""How long a gateway may leave open what becomes of authorised money before an operator is told."""
BY_TIME = Ruling(Decision.EXPIRED, "jobs", "nobody decided in time")

log = structlog.get_logger("storefront.reviews")


class ReviewDecided(Conflict):
    code = "review_decided"
    title = "This review is decided otherwise"


class ReviewNotOpen(Conflict):
    code = "review_not_open"
    title = "This purchase waits for its payment; there is nothing to decide yet"


class GoodsUnavailable(Conflict):
    code = "goods_unavailable"
    title = "What was bought cannot be given now; nothing was taken"


class MoneyGoingBack(Conflict):
    code = "money_going_back"
    title = "This purchase's money goes back, or may have to; only rejecting it is possible"


async def decide(services: Services, purchase_id: str, ruling: Ruling) -> Row:
    """Decide a review, and return it as it is then; the same decision again changes nothing.

    It is ``deciding`` still if the gateway did not answer: a job goes on asking.

    Raises:
        NotFound: there is no such review.
        ReviewNotOpen: its purchase is not paid yet.
        ReviewDecided: it is decided otherwise, or its time is over.
        GoodsUnavailable: it was to be approved, but the goods for a wallet's hold cannot be given; it stays open.
        MoneyGoingBack: it was to be approved, but its payment is refunded or disputed; it stays open.
    """
    ruling = Ruling(ruling.decision, ruling.actor, redact_text(ruling.why))
    for _ in range(TIMES_DECIDED):
        review = await need_review(services, purchase_id)
        if review["state"] == AWAITING:
            raise ReviewNotOpen(purchase=purchase_id)
        if review["state"] != OPEN:
            return await _go_on(services, review, ruling)
        is_over = services.clock.now() >= review["expires_at"]
        now_ruling = BY_TIME if is_over and ruling.decision is Decision.APPROVED else ruling
        try:
            await _decide_once(services, review, now_ruling)
        except (Stale, HoldNotOpen):
            continue  # somebody else decided, or its time is over in this very moment
    raise Unavailable("Too much is changing at once; try again.")


async def _go_on(services: Services, review: Row, ruling: Ruling) -> Row:
    """Return a decided review, and try to bring it to its end; raises ``ReviewDecided`` if it was decided otherwise."""
    if review["state"] == DECIDING:
        try:
            await finish(services, review["purchase_id"])
        except GatewayFailed as failed:
            log.warning("review_not_finished", purchase=review["purchase_id"], reason=failed.code)
        review = await need_review(services, review["purchase_id"])
    if decision_of(review) is not ruling.decision:
        raise ReviewDecided(
            f"It was {review['decision']}.", decision=review["decision"], purchase=review["purchase_id"]
        )
    return review


async def _decide_once(services: Services, review: Row, ruling: Ruling) -> None:
    """Commit a decision; for authorised money the decision alone."""
    purchase, now = await read_purchase(services, review["purchase_id"]), services.clock.now()
    if purchase["status"] != Status.IN_REVIEW:
        raise Stale(purchase["id"])  # decided since its review was read
    if review["money"] == AUTHORIZED:
        plan = _plan(services, purchase, ruling)
        begin_deciding(plan, review, ruling, now=now, due_at=now + pause_after(0))
        await services.engine.commit(plan)
    elif ruling.decision.refuses:
        await _refuse(services, purchase, review, ruling)
    elif review["money"] == RECEIVED:
        await _give(services, purchase, review, ruling)
    else:
        await _sell(services, purchase, review, ruling)


def _plan(services: Services, purchase: Row, ruling: Ruling) -> Plan:
    """Begin the plan of a decision with the record of who decided what, and why."""
    plan = Plan(actor=ruling.actor, anchors=parties_of(purchase))
    record_action(
        plan,
        "review.decided",
        actor=ruling.actor,
        about=purchase["id"],
        facts={"decision": str(ruling.decision), "reason": ruling.why},
        now=services.clock.now(),
        wall=services.clock.wall(),
    )
    return plan


async def _sell(services: Services, purchase: Row, review: Row, ruling: Ruling) -> None:
    """Take what is held in the wallet and give the goods, in one commit; nothing is taken for what cannot be given."""
    plan, customer_id, asset = _plan(services, purchase, ruling), purchase["customer_id"], purchase["currency"]
    close_review(plan, review, now=services.clock.now(), ruling=ruling)
    entry_id = plan.entry("purchase.settled", about=purchase["id"], anchor=customer_id)
    bought_with = None
    if review["money"] == HOLD:
        plan.add(CaptureHold("entry", review["hold_id"], customer_id, asset, sink(asset)))
        bought_with = LotsOf("spend")
    is_given = await add_goods(
        services, plan, purchase, entry_id, payment=purchase["id"], bought_with=bought_with, payment_state="none"
    )
    if not is_given:
        raise GoodsUnavailable(purchase=purchase["id"])
    try:
        await services.engine.commit(plan)
    except HoldNotOpen:
        raise
    except Refused as refused:
        raise GoodsUnavailable(purchase=purchase["id"], reason=refused.code) from refused


async def _give(services: Services, purchase: Row, review: Row, ruling: Ruling) -> None:
    """Give the goods for money that was received; they are owed if they cannot be given now."""
    if any(map(is_effective, await read_reversals(services.reader, purchase["id"]))):
        raise MoneyGoingBack(purchase=purchase["id"])
    payment, now = await read_payment(services, purchase["id"]), services.clock.now()
    assert payment is not None, "what was received has a payment"
    plan, reason = _plan(services, purchase, ruling), "cannot_be_given"
    close_review(plan, review, now=now, ruling=ruling)
    if await give_for_unapplied(services, plan, purchase, payment):
        try:
            await services.engine.commit(plan)
        except Refused as refused:
            reason = refused.code
        else:
            return
    plan = _plan(services, purchase, ruling)
    close_review(plan, review, now=now, ruling=ruling)
    owe_goods(services, plan, purchase, reason=reason)
    await services.engine.commit(plan)


async def _refuse(services: Services, purchase: Row, review: Row, ruling: Ruling) -> None:
    """Give back what is held in the wallet, or was received, and what the purchase had reserved."""
    plan, decision = _plan(services, purchase, ruling), ruling.decision
    now, customer_id, asset = services.clock.now(), purchase["customer_id"], purchase["currency"]
    close_review(plan, review, now=now, ruling=ruling)
    if review["money"] == RECEIVED:
        await reject_received(services, plan, purchase, to=decision.status, reason=decision.reason)
    else:
        if review["money"] == HOLD:
            is_over = now >= review["expires_at"]
            lapses = LapseWallet(customer_id, asset)
            plan.add(lapses if is_over else ReleaseHold(review["hold_id"], customer_id, asset))
        move_status(plan, purchase, decision.status, reason=decision.reason, reserved="[]", updated_at=now)
        release(plan, purchase)
        await give_back_codes(services, plan, purchase)
    await services.engine.commit(plan)


async def expire_review(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Reject a review whose time is over; the job that was ordered when it opened."""
    review = await need_review(services, payload["purchase_id"])
    if review["state"] != OPEN:
        return None
    if services.clock.now() < review["expires_at"]:
        return Again(review["expires_at"])
    try:
        await decide(services, review["purchase_id"], BY_TIME)
    except ReviewDecided as decided:
        log.info("review_decided_before", purchase=review["purchase_id"], decision=decided.facts["decision"])
    return None


async def finish_review(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Ask the gateway for what was decided of a review, later and later, until it has answered."""
    review = await need_review(services, payload["purchase_id"])
    if review["state"] != DECIDING:
        return None
    try:
        await finish(services, review["purchase_id"])
    except GatewayFailed as failed:
        log.warning("review_not_finished", purchase=review["purchase_id"], reason=failed.code)
    review = await need_review(services, review["purchase_id"])
    if review["state"] != DECIDING:
        return None
    age = services.clock.now() - review["decided_at"]
    if age >= ALARM_AFTER_MS:
        await raise_alarm(services, "review_not_finished", review["purchase_id"], {"decision": review["decision"]})
    return Again(services.clock.now() + pause_after(age))
