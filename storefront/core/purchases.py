"""Buying: quote → assess → plan → commit; through a gateway: commit the intent → call → commit the reply.

``buy`` is the story. From the wallet it is one commit: funds, items, limits, purchase, event and answer
are one fact. Through a gateway the intent is committed before anything is called, so a crash after the
charge finds a stored ``pending`` purchase to resume from; ``settlement.py`` completes it.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import jsonschema_rs
import msgspec
import structlog

from storefront.core.accounts import sink
from storefront.core.assessing import PurchaseRefused, Verdict, strictest
from storefront.core.billing import details_of_bill
from storefront.core.buyer_caps import count_begun, refuse_card_testing
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.outcome import (
    Answer,
    CommitUnknown,
    InsufficientFunds,
    KeyInFlight,
    KeyReused,
    LimitReached,
    Outcome,
    Stale,
)
from storefront.core.commit.plan import IdempotencyKey, Insert, LotsOf, Plan, Spend
from storefront.core.customers import introduce
from storefront.core.errors import FieldError, Invalid, StorefrontError, Unavailable
from storefront.core.exact_top_ups import exact_details
from storefront.core.exposing import record_variant, shows_variants
from storefront.core.fitting import is_clipped, refuse_owned
from storefront.core.gateways import Checkouts
from storefront.core.gifts import GiftNotPossible, count_gift, refuse_not_giftable, tells_of_recipient
from storefront.core.idempotency import RECORD
from storefront.core.ids import new_id
from storefront.core.kinds import Line, TakesDetails
from storefront.core.limits import LimitCounter, count_limits, limit_counters, refuse_over_limit
from storefront.core.opening import answer_key, open_payment, payment_row, take_lease
from storefront.core.payment_methods import check_method
from storefront.core.promos.redeeming import REDEEMED, RESERVED, use_codes
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
from storefront.core.topping_up import add_top_up
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
        await _assess(services, wanted, quote, plan)
        try:
            if quote.total.amount_minor and quote.pay_with != WALLET:
                return await _commit_intent(services, wanted, quote, plan)
            return await _buy_at_once(services, wanted, quote, plan)
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


async def _assess(services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan) -> None:
    """Ask the judges; until there is a review queue, what needs a review is refused."""
    attempt = attempt_at(wanted, quote, plan.object_id or "")
    answers = await services.hooks.call_each("assess_purchase", services=services, attempt=attempt, plan=plan)
    if answers and strictest(answers).verdict >= Verdict.REVIEW:
        raise PurchaseRefused


async def _buy_at_once(services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan) -> Bought:
    """Buy from the wallet, or for nothing: one commit."""
    now = services.clock.now()
    row = _purchase_row(wanted, quote, plan, now, status=Status.COMPLETED, payment_state="none")
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
        plan.add(Spend("entry", wanted.customer_id, asset, quote.total.amount_minor, sink(asset)))
    counted = limit_counters(quote.offer, wanted.customer_id, now)
    count_limits(plan, counted, quote.quantity)
    await give_goods(plan, services, row, bought_with=LotsOf("spend") if is_paid else None, payment=row["id"])
    row["entry_id"] = entry_id if plan.moves_value() else None
    plan.add(Insert("purchases", (row["id"],), wanted.customer_id, row))
    record_variant(plan, quote, wanted.customer_id)
    plan.emit("purchase.completed", anchor=wanted.customer_id, subject=row["id"], payload=event_payload(row))
    use_codes(plan, quote, row, REDEEMED)
    shown = await show_row(services, row, None)
    plan.answer = lambda outcome: answer_with(shown, outcome, wanted.customer_id)
    try:
        outcome = await _commit(services, plan)
    except InsufficientFunds as short:
        await _refuse_early(services, wanted, quote, counted)  # no money helps whoever could not have it with enough
        country = await country_of(services, wanted.customer_id, wanted.country)
        raise await with_top_ups(services, short, wanted.customer_id, country) from None
    assert outcome.answer is not None
    return Bought(outcome.answer, outcome.is_replay)


async def _commit_intent(services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan) -> Bought | str:
    """Commit a ``pending`` purchase and return its id; the gateway is called after, outside any transaction."""
    now = services.clock.now()
    await refuse_card_testing(services, wanted.network)
    gateway = services.gateway(quote.pay_with)
    problem = gateway.can_charge(quote.total)
    if problem is not None or not isinstance(gateway, Checkouts):
        raise CannotBeCharged(problem or f"{gateway.name} has no checkout.")
    counted = limit_counters(quote.offer, wanted.customer_id, now)
    await _refuse_early(services, wanted, quote, counted)
    await check_method(
        services, wanted.customer_id, gateway.name, method=wanted.payment_method, saves=wanted.saves_method
    )
    reserved = [counter for counter in counted if counter.is_global]
    row = _purchase_row(wanted, quote, plan, now, status=Status.PENDING, payment_state="awaiting")
    row["expires_at"] = now + services.config.purchases.expires_after_minutes * MINUTE_MS
    if wanted.top_up_run is not None:
        await add_top_up(plan, services, wanted.top_up_run, row)
    if wanted.bill is not None:
        row["expires_at"] = now + wanted.bill.confirm_within_ms
        wanted.bill.begin(plan, row)
    row["reserved"] = msgspec.json.encode([counter.key for counter in reserved]).decode()
    payment = payment_row(
        row,
        gateway.name,
        return_url=wanted.return_url,
        method=wanted.payment_method,
        saves_method=wanted.saves_method,
        network=wanted.network,
        now=now,
        wall=services.clock.wall(),
    )
    count_begun(plan, wanted.customer_id, services.config.purchases.most_pending)
    if wanted.recipient_id is not None:
        count_gift(plan, services, wanted.customer_id, now)
    count_limits(plan, reserved, quote.quantity)
    plan.add(Insert("purchases", (row["id"],), wanted.customer_id, row))
    record_variant(plan, quote, wanted.customer_id)
    plan.add(Insert("payments", (payment["id"],), wanted.customer_id, payment))
    plan.schedule(
        "purchase.sweep",
        anchor=wanted.customer_id,
        unique_key=f"sweep:{row['id']}",
        due_at=now + SWEEP_AFTER_MS,
        now=now,
        payload={"purchase_id": row["id"]},
    )
    plan.emit("purchase.pending", anchor=wanted.customer_id, subject=row["id"], payload=event_payload(row))
    use_codes(plan, quote, row, RESERVED)
    plan.is_answer_open = True
    outcome = await _commit(services, plan)
    if outcome.is_replay:
        assert outcome.answer is not None
        return Bought(outcome.answer, is_replay=True)
    return str(row["id"])


async def _commit(services: Services, plan: Plan) -> Outcome:
    """Commit a purchase; raise also the refusal that wrote its ``on_refused`` steps. Nobody holds reviews yet."""
    plan.on_review.list.clear()
    outcome = await services.engine.commit(plan)
    if outcome.refusal is not None:
        raise outcome.refusal
    if outcome.is_review:
        raise PurchaseRefused
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


def _purchase_row(
    wanted: PurchaseRequest, quote: Quote, plan: Plan, now: int, *, status: Status, payment_state: str
) -> dict[str, Any]:
    return {
        "id": plan.object_id,
        "customer_id": wanted.customer_id,
        "sku": quote.offer.sku,
        "kind": quote.offer.kind,
        "quantity": quote.quantity,
        "status": str(status),
        "refunded": "none",
        "dispute": "none",
        "pay_with": quote.pay_with if quote.total.amount_minor else "free",
        "payment_state": payment_state,
        "currency": quote.total.currency,
        "total": quote.total.amount_minor,
        "catalog_version": quote.catalog_version,
        "lines": msgspec.json.encode(quote.lines()).decode(),
        "reserved": "[]",
        "details": msgspec.json.encode(details_of_bill(wanted.bill, exact_details(quote, wanted.details))).decode(),
        "metadata": msgspec.json.encode(dict(wanted.metadata)).decode(),
        "entry_id": None,
        "reason": None,
        "created_at": now,
        "updated_at": now,
        "completed_at": now if status is Status.COMPLETED else None,
        "expires_at": None,
        "recipient_id": wanted.recipient_id,
        "auto_top_up": None,
        "bill": None if wanted.bill is None else wanted.bill.id,
    }
