"""Changing a subscription's tier, interval or seats: looked at first, done now or with the next period, taken back.

What happens now is bought like all else, by a bill of its own: the tier changes in the commit that completes that
purchase, and only there. From a wallet, or for nothing, that is the commit which orders it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.billing import Bill, BillLine
from storefront.core.charging import CONFIRM_WITHIN_MS
from storefront.core.commit.outcome import Answer, Stale, Taken
from storefront.core.commit.plan import IdempotencyKey, Plan
from storefront.core.errors import Unavailable
from storefront.core.gateways import Declined, GatewayRefused
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.core.opening import CheckoutTooLate
from storefront.core.purchases import Bought, buy, replay
from storefront.core.purchasing import Status, read_purchase
from storefront.core.quotes import WALLET
from storefront.core.quoting import PurchaseRequest
from storefront.core.reading import Row
from storefront.core.refunds import Strategy
from storefront.core.reversing import Decision
from storefront.core.reversing import decide as decide_refund
from storefront.core.services import Services
from storefront.core.wallet_refunds import add_wallet_refund, wallet_refund_row
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.by_hand import ByHand, record_by_hand
from storefront_subscriptions.change_moves import note_order
from storefront_subscriptions.change_rules import Timing
from storefront_subscriptions.config import Settings
from storefront_subscriptions.deciding import Decided, decide
from storefront_subscriptions.looking_after import change_of, close_change, give_up_purchase, newest_method, rights_lost
from storefront_subscriptions.previewing import Pinned, unpin
from storefront_subscriptions.rows import (
    OPEN,
    REVOKED,
    SCHEDULED,
    NotDue,
    Outdated,
    RenewalUnderWay,
    SubscriptionOver,
    need,
    need_invoice,
)
from storefront_subscriptions.showing import show
from storefront_subscriptions.spans import PRORATION, spans_text
from storefront_subscriptions.targets import Wanted

TIMES_DECIDED = 8


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Which change, or which preview's token, of whose subscription: checked for shape. ``by`` has the same key."""

    idempotency: IdempotencyKey
    subscription_id: str
    wanted: Wanted | None
    token: str | None = None
    payment_method: str | None = None
    return_url: str | None = None
    address: str | None = None
    network: str | None = None
    country: str | None = None
    by: ByHand | None = None


async def change(services: Services, settings: Settings, asked: ChangeRequest) -> Bought:
    """Change a subscription, once per key: the answer is the purchase, or the subscription where nothing is bought.

    Raises:
        Outdated: it is no more as the preview showed it; look again.
        RenewalUnderWay: another payment for it cannot be stopped any more; once that is decided, try again.
        What ``decide`` and ``buy`` raise. After ``Declined`` the subscription is as it was.
    """
    known = await replay(services, asked.idempotency)
    bought = known or await _try(services, settings, asked)
    if bought is not None:
        return bought
    # Each gives up the payment that it wants to replace before it orders its own: in turns, so that one gets done.
    async with services.turns.of(asked.subscription_id):
        for _ in range(TIMES_DECIDED):
            bought = await _try(services, settings, asked)
            if bought is not None:
                return bought
    raise Unavailable("Too much is changing at once; try again.")


async def _try(services: Services, settings: Settings, asked: ChangeRequest) -> Bought | None:
    """Decide a change and carry it out; None where something has moved meanwhile, so that it is to be decided anew."""
    row = await need(services, asked.subscription_id)
    if services.clock.now() >= row["period_end"]:
        await advance(services, settings, row["id"])
        row = await need(services, asked.subscription_id)
    old = await change_of(services, row)
    known = await replay(services, asked.idempotency)
    if known is not None:  # the change that was found may be this very one
        return known
    pinned = None if asked.token is None else await unpin(services, asked.token, row)
    decided = await _decide(services, settings, row, asked, pinned)
    if old is not None and old["state"] == OPEN:
        await _abandon(services, row, old)
    try:
        return await _carry_out(services, decided, old, asked, pinned)
    except (Outdated, NotDue, SubscriptionOver, Stale, Taken):
        if pinned is not None:
            raise Outdated("Look at it again: it is no more as it was shown.", subscription=row["id"]) from None
    except (Declined, GatewayRefused, CheckoutTooLate):
        await advance(services, settings, row["id"])  # its change is closed with it
        raise
    return None


async def _decide(
    services: Services, settings: Settings, row: Row, asked: ChangeRequest, pinned: Pinned | None
) -> Decided:
    if pinned is None:
        assert asked.wanted is not None, "a change names a tier, or a token that does"
        return await decide(services, settings, row, asked.wanted, catalog=services.catalogs.active)
    catalog = await services.catalogs.version(pinned.catalog_version)
    decided = await decide(services, settings, row, pinned.as_wanted(), catalog=catalog, at=pinned.at)
    if decided.digest() != pinned.digest:
        raise Outdated("Look at it again: it is no more as it was shown.", subscription=row["id"])
    return decided


async def _abandon(services: Services, row: Row, old: Row) -> None:
    """See to it that the purchase of a change that is to be replaced is paid no more; if it has been, that shows later.

    Raises:
        RenewalUnderWay: it is being paid right now.
    """
    await give_up_purchase(services, old["purchase_id"])
    purchase = await read_purchase(services, old["purchase_id"])
    if purchase["status"] in (Status.PENDING, Status.IN_REVIEW):
        raise RenewalUnderWay("A change of it is being paid; try again once that is decided.", subscription=row["id"])


async def _carry_out(
    services: Services, decided: Decided, old: Row | None, asked: ChangeRequest, pinned: Pinned | None
) -> Bought:
    row, change_id = decided.row, new_id("sbc")
    if decided.terms.timing is Timing.PERIOD_END:
        return await _schedule(services, decided, old, asked, change_row(decided, change_id, SCHEDULED))
    refund = await _wallet_refund(services, decided)

    def begin(plan: Plan, purchase: Mapping[str, Any]) -> None:
        made = change_row(decided, change_id, OPEN, purchase["id"]) | {"created_at": purchase["created_at"]}
        note_order(plan, decided, made, old, is_pending=purchase["status"] == Status.PENDING)
        _record(services, plan, asked, made)
        if refund is not None:
            paid, decision = refund
            given = wallet_refund_row(paid, decision, reason="change of tier", actor=asked.idempotency.caller,
                                      now=purchase["created_at"], cause=PRORATION)  # fmt: skip
            add_wallet_refund(plan, services, paid, decision, given, label="returned")

    ends = await rights_lost(services, row, change_row(decided, change_id, OPEN))
    told = {"id": change_id, "invoice": decided.invoice["id"], "ends": ends, "currency": decided.target.currency}
    bill = bill_of(decided, change_id, begin=begin, details={"subscription": row["id"], "change": told})
    method = None
    if bill.total and decided.target.pay_with != WALLET:
        kept = row["method"] if decided.target.pay_with == row["pay_with"] else None
        method = asked.payment_method or kept
        method = method or await newest_method(services, row["customer_id"], decided.target.pay_with)
    return await buy(services, _request(decided, asked, bill, method, pinned))


def _request(
    decided: Decided, asked: ChangeRequest, bill: Bill, method: str | None, pinned: Pinned | None
) -> PurchaseRequest:
    target = decided.target
    expected = None if pinned is None else Money(pinned.gross, target.currency)
    return PurchaseRequest(
        idempotency=asked.idempotency,
        customer_id=decided.row["customer_id"],
        sku=target.tier.sku,
        pay_with=target.pay_with,
        payment_method=method,
        saves_method=method is None and bill.total > 0 and target.pay_with != WALLET,
        expected_price=expected,
        return_url=asked.return_url,
        address=asked.address,
        network=asked.network,
        country=asked.country,
        bill=bill,
    )


def bill_of(decided: Decided, change_id: str, *, begin: Any, details: Mapping[str, Any]) -> Bill:
    """Return what is bought for a change that happens now: the bill of the change, or of the period that it begins."""
    return Bill(
        id=_invoice_id(decided, change_id) or change_id,
        currency=decided.target.currency,
        lines=tuple(BillLine(line.title, line.amount) for line in decided.lines),
        catalog_version=decided.target.catalog_version,
        confirm_within_ms=CONFIRM_WITHIN_MS,
        begin=begin,
        details=details,
    )


async def _wallet_refund(services: Services, decided: Decided) -> tuple[Row, Decision] | None:
    """Decide what goes back to the lots that paid for what is credited; None where nothing does."""
    paid_by = decided.before[-1].purchase if decided.before else None
    if not decided.returned or paid_by is None:
        return None
    purchase = await read_purchase(services, paid_by)
    return purchase, await decide_refund(
        services, purchase, amount=decided.returned, quantity=None, lines=None, strategy=Strategy.FLOOR
    )


def _invoice_id(decided: Decided, change_id: str) -> str | None:
    return None if decided.new_period is None else f"sbi_{change_id.removeprefix('sbc_')}"


def change_row(decided: Decided, change_id: str, state: str, purchase_id: str | None = None) -> dict[str, Any]:
    """Return the row of a change that is ordered."""
    target, terms, new = decided.target, decided.terms, decided.new_period
    is_now = decided.made is not None
    return {
        "id": change_id,
        "subscription_id": decided.row["id"],
        "customer_id": decided.row["customer_id"],
        "state": state,
        "direction": str(decided.direction),
        "timing": str(terms.timing),
        "money": None if terms.money is None else str(terms.money),
        "old_sku": decided.row["sku"],
        "sku": target.tier.sku,
        "catalog_version": target.catalog_version,
        "interval": target.interval,
        "currency": target.currency,
        "price": target.price,
        "seats": target.seats,
        "pay_with": target.pay_with,
        "period": decided.row["period"],
        "at": decided.at,
        "credit": decided.sum_of("credit"),
        "charge": decided.sum_of("charge"),
        "total": decided.total,
        "used": decided.used,
        "kept": decided.kept,
        "returned": decided.returned,
        "lines": msgspec.json.encode([[line.title, line.amount] for line in decided.lines]).decode(),
        "new_end": None if new is None else new.end,
        "before": spans_text(decided.before) if is_now else None,
        "after": spans_text(decided.spans_after(None)) if is_now else None,
        "invoice_id": _invoice_id(decided, change_id),
        "purchase_id": purchase_id,
        "created_at": decided.at,
        "closed_at": None,
    }


async def _schedule(
    services: Services, decided: Decided, old: Row | None, asked: ChangeRequest, made: dict[str, Any]
) -> Bought:
    """Agree to what the next period will be; nothing is bought, and the answer is the subscription."""
    row, now = decided.row, services.clock.now()
    made = {**made, "created_at": now}
    plan = Plan(
        actor=asked.idempotency.caller,
        anchors={row["customer_id"]},
        idempotency=asked.idempotency,
        object_id=made["id"],
    )
    note_order(plan, decided, made, old, is_pending=False)
    _record(services, plan, asked, made)
    shown = await show(services, {**row, "change_id": made["id"]}, change=made)
    plan.answer = lambda outcome: Answer(200, msgspec.json.encode(shown))
    outcome = await services.engine.commit(plan)
    assert outcome.answer is not None, "what is committed under a key is answered"
    return Bought(outcome.answer, outcome.is_replay)


def _record(services: Services, plan: Plan, asked: ChangeRequest, made: Mapping[str, Any]) -> None:
    facts = {"change": made["id"], "tier": made["sku"], "purchase": made["purchase_id"]}
    record_by_hand(services, plan, asked.by, "change_ordered", made["subscription_id"], **facts)


async def revoke(
    services: Services, settings: Settings, subscription_id: str, *, actor: str, by: ByHand | None = None
) -> Row:
    """Take back a change that is not done yet; without one nothing happens.

    Raises:
        RenewalUnderWay: it is being paid, or the next period is being asked for with it.
    """
    for _ in range(TIMES_DECIDED):
        row = await need(services, subscription_id)
        change = await change_of(services, row)
        if change is None:
            return row
        invoice = await need_invoice(services, row["invoice_id"])
        if change["state"] == OPEN:
            await _abandon(services, row, change)
        elif invoice["change_id"] == change["id"]:
            raise RenewalUnderWay("Its next period is being paid for.", subscription=row["id"])
        try:
            await close_change(services, row, change, REVOKED, actor=actor, by=by)
        except Stale:
            await advance(services, settings, subscription_id)
            continue
        return await need(services, subscription_id)
    raise Unavailable("Too much is changing at once; try again.")
