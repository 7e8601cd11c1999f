"""Agreeing to automatic top-ups: when, what, with which saved method, and how much a day at most.

What a customer agrees to is a mandate: they are charged later while they are away. So it names the text they were
shown, and is written down, with who said so and when, where nothing is changed any more (``audit_actions``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.accounts import wallet
from storefront.core.auto_top_up_moves import switch_off, terms_event
from storefront.core.auto_top_up_rows import (
    ARMED,
    LAST_RUN,
    OFF,
    ON,
    OPEN,
    OPEN_RUN,
    TERMS,
    TERMS_OF_CUSTOMER,
    spent_key,
)
from storefront.core.clock import iso
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, IdempotencyKey, Insert, Plan, Watch
from storefront.core.errors import FieldError, Invalid, NotFound, Refused, Unavailable
from storefront.core.gateways import OffSession
from storefront.core.ids import new_id
from storefront.core.kinds import Credits
from storefront.core.money import Money
from storefront.core.payment_methods import need_method
from storefront.core.privileged import record_action
from storefront.core.purchasing import read_payment, read_purchase
from storefront.core.quoting import PurchaseRequest, quote_for
from storefront.core.reading import PointReader, Query, Row
from storefront.core.redaction import redact_text
from storefront.core.services import Services
from storefront.core.tables import counters

TIMES_DECIDED = 5
AGREED = "auto_top_up.agreed"
_COUNTER = Query(select(counters.c.value).where(counters.c.key == bindparam("key")))


class NotOffered(Refused):
    code = "auto_top_up_not_offered"
    title = "This shop does not top wallets up by itself"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a customer agrees to. ``at_most`` is what one top-up may cost, tax and all; None: what it costs now.

    ``consent_text`` names the text that they were shown; ``actor`` is who tells us that they agreed.
    """

    customer_id: str
    asset: str
    below: int
    sku: str
    quantity: int
    method: str
    daily_cap: Money
    at_most: Money | None
    consent_text: str
    actor: str


async def agree(services: Services, wanted: Agreement) -> dict[str, Any]:
    """Write down what a customer agrees to, instead of what they agreed to before; return it as JSON.

    A wallet that has too little already is topped up at once. What is under way goes on as it was begun.

    Raises:
        NotOffered, Invalid, UnknownOffer, OfferClosed: it cannot be agreed to.
        NotFound: the customer has no such payment method.
    """
    terms = await _check(services, wanted)
    anchor, identity = wanted.customer_id, (wanted.customer_id, wanted.asset)
    for _ in range(TIMES_DECIDED):
        now, wall = services.clock.now(), services.clock.wall()
        before, armed, is_open = await _stand(services, anchor, wanted.asset)
        if before is None:
            await _make(services, {**terms, "state": OFF, "agreed_at": now, "created_at": now, "updated_at": now})
            continue
        plan = Plan(actor=wanted.actor, anchors={anchor})
        changes = {**terms, "id": before["id"], "state": ON, "reason": None, "failures": 0, "retry_at": None,
                   "agreed_at": now, "updated_at": now, "version": before["version"] + 1}  # fmt: skip
        plan.add(Change("auto_top_ups", identity, anchor, {"version": before["version"]}, changes))
        if not is_open:
            plan.add(Watch(anchor, wanted.asset, wanted.below, expect=armed, begins=True))
        told = {name: terms[name] for name in ("asset", "below", "sku", "quantity", "method", "currency", "at_most",
                                               "daily_cap")}  # fmt: skip
        told |= {"customer": anchor, "text": terms["agreed_text"]}
        record_action(plan, AGREED, actor=wanted.actor, about=before["id"], facts=told, now=now, wall=wall)
        plan.emit(AGREED, anchor=anchor, subject=before["id"], payload=terms_event(before, below=wanted.below))
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return await show(services, anchor, wanted.asset)
    raise Unavailable("Too much is changing at once; try again.")


async def end(services: Services, customer_id: str, asset: str, *, actor: str) -> None:
    """Switch a customer's automatic top-up off; what is being charged goes on. Safe to repeat.

    Raises:
        NotFound: nothing was ever agreed to.
    """
    for _ in range(TIMES_DECIDED):
        terms, armed, _ = await _stand(services, customer_id, asset)
        if terms is None:
            raise NotFound("There is no automatic top-up of this wallet.")
        if terms["state"] == OFF:
            return
        now = services.clock.now()
        plan = Plan(actor=actor, anchors={customer_id})
        plan.add(*switch_off(terms, armed, "switched_off", now))
        record_action(plan, "auto_top_up.ended", actor=actor, about=terms["id"],
                      facts={"customer": customer_id, "asset": asset}, now=now, wall=services.clock.wall())  # fmt: skip
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


async def show_all(services: Services, customer_id: str) -> Sequence[dict[str, Any]]:
    """Return what a customer has agreed to, as JSON, also what is switched off."""
    rows = await services.reader.all(TERMS_OF_CUSTOMER, customer_id=customer_id)
    return [await _describe(services, row) for row in rows]


async def show(services: Services, customer_id: str, asset: str) -> dict[str, Any]:
    """Return what a customer has agreed to for one wallet; raises ``NotFound``."""
    row = await services.reader.first(TERMS, customer_id=customer_id, asset=asset)
    if row is None:
        raise NotFound("There is no automatic top-up of this wallet.")
    return await _describe(services, row)


async def _check(services: Services, wanted: Agreement) -> dict[str, Any]:
    """Return the terms as a row's columns, once they can be kept."""
    config, catalog = services.config.auto_top_up, services.catalogs.active
    if not config.allowed:
        raise NotOffered("The operator has not switched automatic top-ups on.")
    least = config.minimum_below.get(wanted.asset, 1)
    if wanted.below < least:
        raise Invalid(f"Top-ups begin at {least} or more.", errors=[FieldError("/below", f"must be at least {least}")])
    offer = catalog.offer(wanted.sku)
    fills = services.kind_as(offer.kind, Credits)
    if not catalog.is_virtual(wanted.asset) or fills is None or not fills.credits(offer).get(wanted.asset):
        words = f"must be an offer that fills a wallet of {wanted.asset}"
        raise Invalid(f"{wanted.sku} brings no {wanted.asset}.", errors=[FieldError("/sku", words)])
    method = await need_method(services, wanted.customer_id, wanted.method)
    if not isinstance(services.gateway(method["gateway"]), OffSession):
        words = "is kept by a gateway that charges nobody who is away"
        raise Invalid("This method cannot be charged later.", errors=[FieldError("/payment_method", words)])
    price = await _price(services, wanted, method["gateway"])
    at_most = wanted.at_most or price
    _check_amounts(wanted, price, at_most)
    return {
        "customer_id": wanted.customer_id,
        "asset": wanted.asset,
        "id": new_id("atu"),
        "reason": None,
        "below": wanted.below,
        "sku": wanted.sku,
        "quantity": wanted.quantity,
        "method": wanted.method,
        "gateway": method["gateway"],
        "currency": price.currency,
        "at_most": at_most.amount_minor,
        "daily_cap": wanted.daily_cap.amount_minor,
        "failures": 0,
        "retry_at": None,
        "agreed_text": redact_text(wanted.consent_text),
        "agreed_by": wanted.actor,
        "version": 0,
    }


async def _price(services: Services, wanted: Agreement, gateway: str) -> Money:
    """Return what one top-up costs now, tax and all, in the currency of the daily cap."""
    nothing = IdempotencyKey(wanted.actor, "auto top-up", "quote", b"")
    request = PurchaseRequest(
        idempotency=nothing,
        customer_id=wanted.customer_id,
        sku=wanted.sku,
        quantity=wanted.quantity,
        currency=wanted.daily_cap.currency,
        pay_with=gateway,
    )
    quote = await quote_for(services, request)
    problem = services.gateway(gateway).can_charge(quote.total)
    if problem is not None or not quote.total.amount_minor:
        raise Invalid(problem or "It costs nothing.", errors=[FieldError("/sku", "has no price that can be charged")])
    return quote.total


def _check_amounts(wanted: Agreement, price: Money, at_most: Money) -> None:
    """Refuse limits that no top-up would ever keep to."""
    if at_most.currency != price.currency:
        words = f"must be in {price.currency}, as the daily cap is"
        raise Invalid("One currency for all.", errors=[FieldError("/at_most/currency", words)])
    if at_most.amount_minor < price.amount_minor:
        words = f"must be at least what it costs now, {price.amount_minor}"
        raise Invalid("It costs more than that.", errors=[FieldError("/at_most/amount", words)])
    if wanted.daily_cap.amount_minor < at_most.amount_minor:
        words = f"must be at least what one top-up may cost, {at_most.amount_minor}"
        raise Invalid("No top-up would fit.", errors=[FieldError("/daily_cap/amount", words)])


async def _make(services: Services, row: Mapping[str, Any]) -> None:
    """Make the row that agreements of a wallet are written into, once; nothing is agreed by it."""
    plan = Plan(actor=row["agreed_by"], anchors={row["customer_id"]})
    plan.add(Insert("auto_top_ups", (row["customer_id"], row["asset"]), row["customer_id"], row, once=True))
    await services.engine.commit(plan)


async def _stand(services: Services, customer_id: str, asset: str) -> tuple[Row | None, int | None, bool]:
    """Return the agreement, the threshold that the wallet is watched by, and whether a run is open, of one moment."""
    async with services.reader.snapshot() as reader:
        terms = await reader.first(TERMS, customer_id=customer_id, asset=asset)
        armed = await reader.first(ARMED, account=wallet(customer_id, asset).id)
        run = await reader.first(OPEN_RUN, customer_id=customer_id, asset=asset)
    return terms, None if armed is None else armed["top_up_below"], run is not None


async def _describe(services: Services, terms: Row) -> dict[str, Any]:
    customer_id, asset, currency = terms["customer_id"], terms["asset"], terms["currency"]
    run = await services.reader.first(LAST_RUN, customer_id=customer_id, asset=asset)
    spent = await _spent(services.reader, terms, services.clock.now())
    return {
        "id": terms["id"],
        "asset": asset,
        "state": terms["state"],
        "reason": terms["reason"],
        "retry_at": None if terms["retry_at"] is None else iso(terms["retry_at"]),
        "below": terms["below"],
        "sku": terms["sku"],
        "quantity": terms["quantity"],
        "payment_method": terms["method"],
        "at_most": {"amount": terms["at_most"], "currency": currency},
        "daily_cap": {"amount": terms["daily_cap"], "currency": currency},
        "spent_today": {"amount": spent, "currency": currency},
        "consent": {"text": terms["agreed_text"], "at": iso(terms["agreed_at"])},
        "last": None if run is None else await _run_json(services, run),
    }


async def _spent(reader: PointReader, terms: Row, now: int) -> int:
    key = spent_key(terms["customer_id"], terms["asset"], terms["currency"], now)
    row = await reader.first(_COUNTER, key=key)
    return 0 if row is None else int(row["value"])


async def _run_json(services: Services, run: Row) -> dict[str, Any]:
    url = None
    if run["state"] in OPEN and run["purchase_id"] is not None:
        purchase = await read_purchase(services, run["purchase_id"])
        payment = await read_payment(services, run["purchase_id"])
        url = payment["redirect_url"] if payment is not None and purchase["status"] == "pending" else None
    return {
        "id": run["id"],
        "state": run["state"],
        "reason": run["reason"],
        "purchase": run["purchase_id"],
        "redirect_url": url,
        "created_at": iso(run["created_at"]),
        "closed_at": None if run["closed_at"] is None else iso(run["closed_at"]),
    }
