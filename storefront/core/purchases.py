"""Buying: quote → assess → plan → commit; through a gateway: commit the intent → call → commit the reply.

``buy`` is the story. From the wallet it is one commit: funds, items, limits, purchase, event and answer
are one fact. Through a gateway the intent is committed before anything is called, so a crash after the
charge finds a stored ``pending`` purchase to resume from; ``settlement.py`` completes it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jsonschema_rs
import msgspec
from sqlalchemy import bindparam, select

from storefront.core.accounts import sink
from storefront.core.assessing import PurchaseAttempt, PurchaseRefused, Verdict, strictest
from storefront.core.buyer_caps import count_begun, refuse_card_testing
from storefront.core.catalog import Catalog
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.outcome import (
    AlreadyOwned,
    Answer,
    CommitUnknown,
    InsufficientFunds,
    KeyInFlight,
    KeyReused,
    Outcome,
    Stale,
)
from storefront.core.commit.plan import IdempotencyKey, Insert, LotsOf, Plan, Spend
from storefront.core.errors import FieldError, Invalid, StorefrontError, Unavailable
from storefront.core.exposing import catalog_for, record_variant
from storefront.core.gateways import Checkouts
from storefront.core.idempotency import RECORD
from storefront.core.ids import new_id
from storefront.core.kinds import Credits, Line, Owned, TakesDetails
from storefront.core.limits import LimitCounter, count_limits, limit_counters, refuse_over_limit
from storefront.core.money import Money
from storefront.core.opening import answer_key, open_payment, payment_row, take_lease
from storefront.core.payment_methods import check_method
from storefront.core.purchasing import (
    Status,
    answer_with,
    event_payload,
    give_goods,
    purchase_json,
    read_payment,
    read_purchase,
)
from storefront.core.quotes import WALLET, OfferClosed, Quote, adjust, price_of, refuse_other_price, with_tax
from storefront.core.reading import Query, Row
from storefront.core.refunds import read_refunds, summary_json
from storefront.core.services import Services
from storefront.core.settlement import settle
from storefront.core.tables import items

_ITEM = Query(
    select(items.c.quantity).where(items.c.customer_id == bindparam("customer_id"), items.c.sku == bindparam("sku"))
)
TIMES_DECIDED = 5
LONGEST_WAIT_SECONDS = 10.0
SWEEP_AFTER_MS = MINUTE_MS


class CannotBeCharged(Invalid):
    code = "amount_not_chargeable"
    title = "The payment gateway cannot charge this amount"


@dataclass(frozen=True, slots=True)
class PurchaseRequest:
    """What a caller wants to buy, checked for shape: the edge built it from a request."""

    idempotency: IdempotencyKey
    customer_id: str
    sku: str
    quantity: int = 1
    currency: str | None = None
    pay_with: str | None = None
    expected_price: Money | None = None
    return_url: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None
    network: str | None = None
    country: str | None = None
    payment_method: str | None = None
    saves_method: bool = False


@dataclass(frozen=True, slots=True)
class Bought:
    """The answer to a purchase, and whether it is a replay of an earlier one."""

    answer: Answer
    is_replay: bool = False


async def buy(services: Services, wanted: PurchaseRequest) -> Bought:
    """Buy one offer, once per idempotency key.

    Raises:
        UnknownOffer, OfferClosed, PriceChanged, Invalid: it cannot be bought like that.
        InsufficientFunds, AlreadyOwned, LimitReached, SoldOut, PurchaseRefused: nothing was written.
        GatewayFailed: the purchase is stored; the same key may be sent again.
        CommitUnknown: it may be stored; the same key may be sent again.
    """
    try:
        bought = await _decide_and_commit(services, wanted)
    except CommitUnknown:
        raise  # the database did not say what happened; asking it for the answer must not blur that
    except StorefrontError:
        # What would be refused now may have been answered before: a retry gets that answer.
        replayed = await _replay(services, wanted.idempotency)
        if replayed is None:
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
    for _ in range(TIMES_DECIDED):
        purchase_id = new_id("pur")
        quote = await quote_for(services, wanted, purchase_id)
        refuse_other_price(quote, wanted.expected_price)
        _check_line(services, quote, wanted)
        plan = Plan(
            actor=wanted.idempotency.caller,
            anchors={wanted.customer_id},
            idempotency=wanted.idempotency,
            object_id=purchase_id,
        )
        await _assess(services, wanted, quote, plan)
        try:
            if quote.total.amount_minor and quote.pay_with != WALLET:
                return await _commit_intent(services, wanted, quote, plan)
            return await _buy_at_once(services, wanted, quote, plan)
        except Stale:
            continue
    raise Unavailable("Too much is changing at once; try again.")


def _check_line(services: Services, quote: Quote, wanted: PurchaseRequest) -> None:
    """Let the offer's kind refuse what cannot be meant, details first."""
    kind = services.kinds[quote.offer.kind]
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
    kind.check(Line(quote.offer, quote.quantity, quote.total, wanted.details))


async def quote_for(services: Services, wanted: PurchaseRequest, purchase_id: str = "") -> Quote:
    """Quote what ``wanted`` would cost now, with every plugin's adjustments; nothing is written."""
    gateway = wanted.pay_with if wanted.pay_with not in (None, WALLET) else services.default_gateway
    catalog = await catalog_for(services, wanted.customer_id, sku=wanted.sku)
    quote = price_of(
        catalog,
        wanted.sku,
        wanted.quantity,
        currency=wanted.currency,
        pay_with=wanted.pay_with,
        gateway=gateway,
        now=services.clock.now(),
    )
    if catalog.variants:
        quote = replace(quote, variant=catalog.variants.get(wanted.sku))
    if quote.offer.kind not in services.kinds:
        raise OfferClosed(f"{wanted.sku} is not on sale now.", sku=wanted.sku)
    if quote.pay_with != WALLET:
        services.gateway(quote.pay_with)
    attempt = _attempt(wanted, quote, purchase_id)
    adjusted = adjust(
        quote, await services.hooks.call_each("price_purchase", services=services, attempt=attempt, quote=quote)
    )
    return with_tax(adjusted, catalog, await _country(services, wanted))


async def _country(services: Services, wanted: PurchaseRequest) -> str | None:
    """Return where the buyer is: as the session says, else as the game's server said when it first named them."""
    return wanted.country or await services.customers.country(wanted.customer_id)


async def _assess(services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan) -> None:
    """Ask the judges; until there is a review queue, what needs a review is refused."""
    attempt = _attempt(wanted, quote, plan.object_id or "")
    answers = await services.hooks.call_each("assess_purchase", services=services, attempt=attempt, plan=plan)
    if answers and strictest(answers).verdict >= Verdict.REVIEW:
        raise PurchaseRefused


def _attempt(wanted: PurchaseRequest, quote: Quote, purchase_id: str) -> PurchaseAttempt:
    return PurchaseAttempt(
        purchase_id=purchase_id,
        customer_id=wanted.customer_id,
        caller=wanted.idempotency.caller,
        quote=quote,
        address=wanted.address,
        country=wanted.country,
        details=wanted.details,
    )


async def _buy_at_once(services: Services, wanted: PurchaseRequest, quote: Quote, plan: Plan) -> Bought:
    """Buy from the wallet, or for nothing: one commit."""
    now = services.clock.now()
    row = _purchase_row(wanted, quote, plan, now, status=Status.COMPLETED, payment_state="none")
    is_paid = quote.total.amount_minor > 0
    entry_id = plan.entry("purchase.settled", about=row["id"], anchor=wanted.customer_id)
    if is_paid:
        asset = quote.total.currency
        plan.add(Spend("entry", wanted.customer_id, asset, quote.total.amount_minor, sink(asset)))
    count_limits(plan, limit_counters(quote.offer, wanted.customer_id, now), quote.quantity)
    await give_goods(plan, services, row, bought_with=LotsOf("spend") if is_paid else None, payment=row["id"])
    row["entry_id"] = entry_id if plan.moves_value() else None
    plan.add(Insert("purchases", (row["id"],), wanted.customer_id, row))
    record_variant(plan, quote, wanted.customer_id)
    plan.emit("purchase.completed", anchor=wanted.customer_id, subject=row["id"], payload=event_payload(row))
    shown = purchase_json(row, None, await services.customers.external_id(wanted.customer_id))
    plan.answer = lambda outcome: answer_with(shown, outcome, wanted.customer_id)
    try:
        outcome = await _commit(services, plan)
    except InsufficientFunds as short:
        raise _with_top_ups(services, await catalog_for(services, wanted.customer_id), short) from None
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
    plan.is_answer_open = True
    outcome = await _commit(services, plan)
    if outcome.is_replay:
        assert outcome.answer is not None
        return Bought(outcome.answer, is_replay=True)
    return str(row["id"])


async def _commit(services: Services, plan: Plan) -> Outcome:
    """Commit a purchase; raise also the refusal that wrote its ``on_refused`` steps. Nobody holds reviews yet."""
    outcome = await services.engine.commit(plan)
    if outcome.refusal is not None:
        raise outcome.refusal
    if outcome.is_review:
        raise PurchaseRefused
    return outcome


async def _refuse_early(services: Services, wanted: PurchaseRequest, quote: Quote, counted: list[LimitCounter]) -> None:
    """Refuse before a checkout opens what its settlement could not give."""
    await refuse_over_limit(services.reader, counted, quote.quantity)
    owned = services.kind_as(quote.offer.kind, Owned)
    most = None if owned is None else owned.most_owned(quote.offer)
    if most is not None:
        row = await services.reader.first(_ITEM, customer_id=wanted.customer_id, sku=quote.offer.sku)
        quantity = 0 if row is None else row["quantity"]
        if quantity + quote.quantity > most:
            raise AlreadyOwned(sku=quote.offer.sku, owned=quantity, at_most=most)


async def _replay(services: Services, key: IdempotencyKey) -> Bought | None:
    """Answer a known key: the stored bytes, or by finishing what a dead process began."""
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
        "details": msgspec.json.encode(dict(wanted.details)).decode(),
        "metadata": msgspec.json.encode(dict(wanted.metadata)).decode(),
        "entry_id": None,
        "reason": None,
        "created_at": now,
        "updated_at": now,
        "completed_at": now if status is Status.COMPLETED else None,
        "expires_at": None,
    }


def _with_top_ups(services: Services, catalog: Catalog, short: InsufficientFunds) -> InsufficientFunds:
    """Tell a buyer who is short what would help: the packs that are enough, the smallest first; else the largest."""
    asset, short_by = short.facts["asset"], short.facts["short_by"]
    found = []
    for offer in catalog.offers.values():
        fills = services.kind_as(offer.kind, Credits)
        given = 0 if fills is None else fills.credits(offer).get(asset, 0)
        if given and not offer.hidden:
            prices = [{"amount": amount, "currency": code} for code, amount in offer.prices.items()]
            found.append((given < short_by, given, {"sku": offer.sku, "amount": given, "prices": prices}))
    found.sort(key=lambda one: (one[0], one[1] if not one[0] else -one[1]))
    enough = [one for one in found if not one[0]] or found
    detail = f"{short_by} {asset} are missing: {short.facts['required']} wanted, {short.facts['available']} there."
    return InsufficientFunds(detail, **short.facts, top_up_offers=[offer for _, _, offer in enough])


async def show_purchase(services: Services, purchase_id: str, *, owner: str | None = None) -> dict[str, Any]:
    """Return a purchase as its buyer sees it now; another customer's is ``NotFound``."""
    row = await read_purchase(services, purchase_id, owner=owner)
    return await describe(services, row)


async def describe(services: Services, row: Row) -> dict[str, Any]:
    """Return a purchase row as JSON, with its payment and its refunds."""
    payment = None if row["payment_state"] == "none" else await read_payment(services, row["id"])
    # A refund through a gateway may be under way, or have failed, while nothing is refunded.
    has_some = row["refunded"] != "none" or (payment is not None and payment["state"] == "received")
    made = await read_refunds(services.reader, row["id"]) if has_some else ()
    external_id = await services.customers.external_id(row["customer_id"])
    return {**purchase_json(row, payment, external_id), "refunds": [summary_json(one) for one in made]}
