"""Buying: quote → assess → plan → commit; through a gateway: commit the intent → call → commit the reply.

``buy`` is the story. From the wallet it is one commit: funds, items, limits, purchase, event and answer
are one fact. Through a gateway the intent is committed before anything is called, so a crash after the
charge finds a stored ``pending`` purchase to resume from; ``settlement.py`` completes it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jsonschema_rs
import structlog

from storefront.core.accounts import sink
from storefront.core.assessing import Assessment, PurchaseRefused, Verdict, strictest
from storefront.core.beginning import await_gateway, await_review, branch_of, judges_late, purchase_row
from storefront.core.buyer_caps import refuse_card_testing
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.outcome import (
    Answer,
    CommitUnknown,
    InsufficientFunds,
    KeyInFlight,
    KeyReused,
    LimitReached,
    Outcome,
    ReviewUnplanned,
    Stale,
    TooManyHolds,
)
from storefront.core.commit.plan import CaptureHold, IdempotencyKey, Insert, LotsOf, Plan, Spend
from storefront.core.customers import introduce
from storefront.core.errors import FieldError, Invalid, StorefrontError, Unavailable
from storefront.core.exposing import record_variant, shows_variants
from storefront.core.fitting import is_clipped, refuse_owned
from storefront.core.gateways import Checkouts
from storefront.core.gifts import GiftNotPossible, count_gift, refuse_not_giftable, tells_of_recipient
from storefront.core.idempotency import RECORD
from storefront.core.ids import new_id
from storefront.core.kinds import Line, TakesDetails
from storefront.core.limits import LimitCounter, count_limits, limit_counters, refuse_over_limit
from storefront.core.opening import answer_key, open_payment, take_lease
from storefront.core.payment_methods import check_method
from storefront.core.promos.redeeming import REDEEMED, use_codes
from storefront.core.purchasing import (
    Status,
    answer_with,
    event_payload,
    give_goods,
    read_payment,
    show_row,
)
from storefront.core.quotes import WALLET, Quote, refuse_other_price
from storefront.core.quoting import PurchaseRequest, attempt_at, quote_for
from storefront.core.services import Services
from storefront.core.settlement import settle
from storefront.core.short_of_funds import with_top_ups
from storefront.core.top_ups import country_of
from storefront.core.unpacking import check_parts

log = structlog.get_logger("storefront.purchases")
TIMES_DECIDED = 5
LONGEST_WAIT_SECONDS = 10.0
SWEEP_AFTER_MS = MINUTE_MS


class CannotBeCharged(Invalid):
    code = "amount_not_chargeable"
    title = "The payment gateway cannot charge this amount"


@dataclass(frozen=True, slots=True)
class Bought:
    """The answer to a purchase, and whether it is a replay of an earlier one."""

    answer: Answer
    is_replay: bool = False


async def buy(services: Services, wanted: PurchaseRequest) -> Bought:
    """Buy one offer, once per idempotency key.

    Raises:
        UnknownOffer, OfferClosed, PriceChanged, Invalid: it cannot be bought like that.
        PromoCodeInvalid: a code that was typed in cannot be used for it; nothing was written.
        InsufficientFunds, AlreadyOwned, LimitReached, SoldOut, PurchaseRefused: nothing was written.
        NotGiftable, GiftNotPossible, TooManyGifts: nothing was written.
        Taken: a newcomer has just been made by another request (``is_introduced``); nothing was written.
        GatewayFailed: the purchase is stored; the same key may be sent again.
        CommitUnknown: it may be stored; the same key may be sent again.
    """
    try:
        bought = await _decide_and_commit(services, wanted)
    except CommitUnknown:
        raise  # the database did not say what happened; asking it for the answer must not blur that
    except StorefrontError as refusal:
        # What would be refused now may have been answered before: a retry gets that answer.
        replayed = await replay(services, wanted.idempotency)
        if replayed is None:
            if wanted.recipient_id is not None and wanted.by_customer and tells_of_recipient(refusal):
                raise GiftNotPossible from None
            raise
        return replayed
    if isinstance(bought, str):
        return Bought(await _open(services, bought, wanted.idempotency))
    return bought


async def _open(services: Services, purchase_id: str, key: IdempotencyKey) -> Answer:
    """Open the payment of a stored purchase; where the books go away meanwhile, nobody may hear "nothing written"."""
    try:
        answer = await open_payment(services, purchase_id, key)
        if answer is None:
            await settle(services, purchase_id)
            answer = await answer_key(services, purchase_id, key)
        return answer
    except Unavailable as away:
        raise CommitUnknown from away


async def _decide_and_commit(services: Services, wanted: PurchaseRequest) -> Bought | str:
    """Return the answer, or the id of a purchase whose payment is to be opened now."""
    if wanted.newcomers and shows_variants(services, wanted.sku):
        # Who has seen the price of an experiment is known from then on, whether they may buy or not.
        for newcomer in wanted.newcomers:
            await services.customers.make(newcomer, actor=wanted.idempotency.caller)
        wanted = replace(wanted, newcomers=())
    plans_review = False
    for _ in range(TIMES_DECIDED):
        purchase_id = new_id("pur")
        quote = await quote_for(services, wanted, purchase_id)
        refuse_other_price(quote, wanted.expected_price)
        if wanted.bill is None:
            _check_line(services, quote, wanted)
        plan = Plan(
            actor=wanted.idempotency.caller,
            anchors={wanted.customer_id, wanted.receiver_id},
            idempotency=wanted.idempotency,
            object_id=purchase_id,
        )
        for newcomer in wanted.newcomers:
            introduce(plan, newcomer, services.clock.now())
        judged = await _assess(services, wanted, quote, plan)
        try:
            if quote.total.amount_minor and quote.pay_with != WALLET:
                return await _commit_intent(services, wanted, quote, plan, judged)
            return await _buy_at_once(services, wanted, quote, plan, judged, plans_review=plans_review)
        except ReviewUnplanned:
            plans_review = True
        except Stale:
            continue
        except LimitReached as full:
            if not is_clipped(services, quote.offer):
                raise
            log.info("decided_again", purchase=purchase_id, reason=full.code)  # room went to another purchase
    raise Unavailable("Too much is changing at once; try again.")


def _check_line(services: Services, quote: Quote, wanted: PurchaseRequest) -> None:
    """Let the offer's kind refuse what cannot be meant, details first."""
    if wanted.recipient_id is not None:
        refuse_not_giftable(services, quote.offer, by_customer=wanted.by_customer)
    asks = services.kind_as(quote.offer.kind, TakesDetails)
    if asks is not None:
        errors = [
            FieldError("/details" + "".join(f"/{step}" for step in error.instance_path), error.message)
            for error in jsonschema_rs.validator_for(dict(asks.details_schema)).iter_errors(dict(wanted.details))
        ]
        if errors:
            raise Invalid("The details are not what this offer asks for.", errors=errors)
    elif wanted.details:
        raise Invalid("This offer asks for no details.", errors=[FieldError("/details", "must be absent")])
    line = Line(quote.offer, quote.quantity, quote.total, wanted.details)
    check_parts(services.catalogs.active, services.kinds, line)


async def _assess(services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan) -> Assessment:
    """Ask the judges; raises ``PurchaseRefused``."""
    attempt = attempt_at(wanted, quote, plan.object_id or "")
    answers = await services.hooks.call_each("assess_purchase", services=services, attempt=attempt, plan=plan)
    judged = strictest(answers)
    if judged.verdict >= Verdict.REFUSE:
        raise PurchaseRefused
    return judged


async def _buy_at_once(
    services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan, judged: Assessment, *, plans_review: bool
) -> Bought:
    """Buy from the wallet, or for nothing: one commit, in which the price is spent, or held for a review.

    Few purchases are reviewed, so the road of a review is built only once a late step has asked for it
    (``plans_review``): nothing was written then, and the whole purchase is judged again.
    """
    if judged.verdict is Verdict.REVIEW:
        return await _hold_for_review(services, wanted, quote, plan, judged)
    now = services.clock.now()
    row = purchase_row(wanted, quote, plan, now, status=Status.COMPLETED, payment_state="none")
    waiting = None
    if wanted.bill is not None:
        plan.on_review.list.clear()
    elif plans_review:
        waiting = await show_row(services, _branch_off(services, wanted, quote, plan, judged), None)
    else:
        plan.leaves_out_review = True
    is_paid = quote.total.amount_minor > 0
    if wanted.recipient_id is not None:
        count_gift(plan, services, wanted.customer_id, now)
    if wanted.bill is not None:
        # The first payment may be free: what the next ones are to be charged to is looked at now all the same.
        await check_method(
            services,
            wanted.customer_id,
            wanted.pay_with or quote.pay_with,
            method=wanted.payment_method,
            saves=False,
        )
        wanted.bill.begin(plan, row)  # first: what it gives back to the wallet pays, too
    entry_id = plan.entry("purchase.settled", about=row["id"], anchor=wanted.customer_id)
    if is_paid:
        asset = quote.total.currency
        hold = None if wanted.bill is None else wanted.bill.hold
        if hold is None:
            plan.add(Spend("entry", wanted.customer_id, asset, quote.total.amount_minor, sink(asset)))
        else:
            plan.add(CaptureHold("entry", hold, wanted.customer_id, asset, sink(asset), quote.total.amount_minor))
    counted = limit_counters(quote.offer, wanted.customer_id, now)
    count_limits(plan, counted, quote.quantity)
    await give_goods(plan, services, row, bought_with=LotsOf("spend") if is_paid else None, payment=row["id"])
    row["entry_id"] = entry_id if plan.moves_value() else None
    plan.add(Insert("purchases", (row["id"],), wanted.customer_id, row))
    record_variant(plan, quote, wanted.customer_id)
    plan.emit("purchase.completed", anchor=wanted.customer_id, subject=row["id"], payload=event_payload(row))
    use_codes(plan, quote, row, REDEEMED)
    shown = await show_row(services, row, None)
    plan.answer = lambda outcome: answer_with(
        waiting if outcome.is_review and waiting else shown, outcome, wanted.customer_id
    )
    return await _commit_wallet(services, wanted, quote, plan)


async def _hold_for_review(
    services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan, judged: Assessment
) -> Bought:
    """Hold the price of a purchase until somebody has reviewed it: one commit, and nothing is given in it.

    A plugin's bill does not wait: what it gives back would be spent before anybody has decided.
    """
    if wanted.bill is not None:
        raise PurchaseRefused
    counted = limit_counters(quote.offer, wanted.customer_id, services.clock.now())
    await _refuse_early(services, wanted, quote, counted)
    if judges_late(plan):
        _branch_off(services, wanted, quote, plan, judged)
    shown = await show_row(services, await_review(services, wanted, quote, plan, judged), None)
    plan.answer = lambda outcome: answer_with(shown, outcome, wanted.customer_id)
    return await _commit_wallet(services, wanted, quote, plan)


def _branch_off(
    services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan, judged: Assessment
) -> Mapping[str, Any]:
    """Let a plan wait for a review if a late step wants that; return the purchase's row then."""
    branch = branch_of(plan, services, wanted)
    row = await_review(services, wanted, quote, branch, judged)
    plan.on_review.add(*branch.list)
    return row


async def _commit_wallet(services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan) -> Bought:
    try:
        outcome = await _commit(services, plan)
    except TooManyHolds:
        raise PurchaseRefused from None  # whoever buys learns nothing of holds
    except InsufficientFunds as short:
        counted = limit_counters(quote.offer, wanted.customer_id, services.clock.now())
        await _refuse_early(services, wanted, quote, counted)  # no money helps whoever could not have it with enough
        country = await country_of(services, wanted.customer_id, wanted.country)
        raise await with_top_ups(services, short, wanted.customer_id, country) from None
    assert outcome.answer is not None
    return Bought(outcome.answer, outcome.is_replay)


async def _commit_intent(
    services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan, judged: Assessment
) -> Bought | str:
    """Commit a ``pending`` purchase and return its id; the gateway is called after, outside any transaction."""
    await refuse_card_testing(services, wanted.network)
    gateway = services.gateway(quote.pay_with)
    problem = gateway.can_charge(quote.total)
    if problem is not None or not isinstance(gateway, Checkouts):
        raise CannotBeCharged(problem or f"{gateway.name} has no checkout.")
    counted = limit_counters(quote.offer, wanted.customer_id, services.clock.now())
    await _refuse_early(services, wanted, quote, counted)
    await check_method(
        services, wanted.customer_id, gateway.name, method=wanted.payment_method, saves=wanted.saves_method
    )
    if judges_late(plan):
        branch = branch_of(plan, services, wanted)
        await await_gateway(services, wanted, quote, branch, replace(judged, verdict=Verdict.REVIEW))
        plan.on_review.add(*branch.list)
    row = await await_gateway(services, wanted, quote, plan, judged)
    plan.is_answer_open = True
    outcome = await _commit(services, plan)
    if outcome.is_replay:
        assert outcome.answer is not None
        return Bought(outcome.answer, is_replay=True)
    return str(row["id"])


async def _commit(services: Services, plan: Plan) -> Outcome:
    """Commit a purchase; raise also the refusal that wrote its ``on_refused`` steps."""
    outcome = await services.engine.commit(plan)
    if outcome.refusal is not None:
        raise outcome.refusal
    if outcome.is_review and not plan.on_review:
        raise PurchaseRefused  # it cannot wait
    return outcome


async def _refuse_early(services: Services, wanted: PurchaseRequest, quote: Quote, counted: list[LimitCounter]) -> None:
    """Refuse before money is asked for what could not be given then."""
    await refuse_over_limit(services.reader, counted, quote.quantity)
    await refuse_owned(services, wanted.receiver_id, Line(quote.offer, quote.quantity, quote.total))


async def replay(services: Services, key: IdempotencyKey) -> Bought | None:
    """Answer a known key: the stored bytes, or by finishing what a dead process began; None if it is not known.

    Raises:
        KeyReused: it was used for another body.
        What ``buy`` raises of its payment.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + LONGEST_WAIT_SECONDS
    while True:
        record = await services.reader.first(RECORD, caller=key.caller, operation=key.operation, key=key.key)
        if record is None:
            return None
        if record["fingerprint"] != key.fingerprint:
            raise KeyReused
        if record["state"] == "answered":
            return Bought(Answer(record["status"], record["body"]), is_replay=True)
        payment = await read_payment(services, record["object_id"])
        assert payment is not None, "an open key belongs to a purchase through a gateway"
        is_decided = payment["gateway_ref"] is not None or payment["state"] != "awaiting"
        if is_decided or await take_lease(services, payment):
            return Bought(await _open(services, record["object_id"], key), is_replay=True)
        if loop.time() >= until:
            raise KeyInFlight(record["object_id"])
        await asyncio.sleep(0.1)
