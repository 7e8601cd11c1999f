"""Money that goes back, or that came for nothing: what it had paid for ends, what it had been credited for is taken.

Of one payment a subscriber never gets both: money back, and credit for the time that it had paid for.
"""

import hashlib
from contextlib import suppress

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import IdempotencyKey, Plan
from storefront.core.errors import Refused, Unavailable
from storefront.core.gateway_refunds import RefundFailed
from storefront.core.purchasing import Status, read_purchase
from storefront.core.reading import Query, Row
from storefront.core.receiving import NEVER_GIVEN
from storefront.core.refunding import refund
from storefront.core.refunds import RefundRequest, Strategy
from storefront.core.reversing import AlreadyRefunded, NotRefundable
from storefront.core.services import Services
from storefront_subscriptions.canceling import end_access, end_now
from storefront_subscriptions.carrying import CLAWED, carry
from storefront_subscriptions.config import Settings
from storefront_subscriptions.crediting import take_back_credits
from storefront_subscriptions.final_moves import FINAL
from storefront_subscriptions.looking_after import change_of, close_change, give_up_purchase
from storefront_subscriptions.rows import (
    DROPPED,
    INVOICES,
    OPEN,
    RenewalUnderWay,
    SubscriptionOver,
    need,
    need_change,
    need_final,
    need_invoice,
)
from storefront_subscriptions.settling_up import settle_up
from storefront_subscriptions.spans import asked, credited_by, gone_back, paid_by, spans_from
from storefront_subscriptions.tables import carries

TIMES_DECIDED = 5
_CLAWED = Query(
    select(carries.c.about, carries.c.amount).where(
        carries.c.customer_id == bindparam("customer_id"), carries.c.cause == CLAWED
    )
)

log = structlog.get_logger("storefront.subscriptions")


async def give_back_unwanted(services: Services, purchase_id: str) -> None:
    """Give back money that came when there was nothing left to pay: the change was replaced, or all was over.

    Raises:
        GatewayFailed: nobody knows whether it was given back; call again.
    """
    purchase = await read_purchase(services, purchase_id)
    if purchase["status"] != Status.PAID or purchase["reason"] in NEVER_GIVEN:
        return
    told = msgspec.json.decode(purchase["details"])
    change = await need_change(services, told["change"]["id"]) if "change" in told else None
    final = await need_final(services, told[FINAL]) if FINAL in told else None
    wanted_by = change or final or await need_invoice(services, purchase["bill"])
    if wanted_by["state"] == OPEN:
        return  # it is tried again to give what was paid for
    name = hashlib.sha256(purchase_id.encode()).digest()
    key = IdempotencyKey("plugin:subscriptions", "money back", purchase_id, name)
    asked_back = RefundRequest(key, purchase_id, "nothing was left to be paid", strategy=Strategy.FLOOR)
    try:
        await refund(services, asked_back)
    except (AlreadyRefunded, NotRefundable, RefundFailed) as left:
        # An alarm stands since the money came (``goods_owed``): an operator sees to it.
        log.warning("not_given_back", purchase=purchase_id, reason=left.code)


async def note_gone_back(
    services: Services, settings: Settings, subscription_id: str, purchase_id: str, *, reason: str
) -> None:
    """Do what follows when some of a purchase's money has gone back; doing it twice changes nothing more.

    A period that was given is paid by its gift: that its own purchase, for nothing, is refunded means nothing.
    """
    row = await need(services, subscription_id)
    if await _is_given(services, row, purchase_id):
        return
    await _drop_change(services, row, purchase_id)
    await _claw_back(services, row, purchase_id)
    purchase = await read_purchase(services, purchase_id)
    is_gone = purchase["refunded"] == "full" or purchase["dispute"] == "lost"
    if is_gone:
        await _take_credits(services, subscription_id, purchase_id)
    if not is_gone or purchase_id not in await paid_by(services, row):
        return
    try:
        await end_now(services, settings, subscription_id, reason=reason, actor="plugin:subscriptions")
    except SubscriptionOver:
        await end_access(services, subscription_id, reason=reason, actor="plugin:subscriptions")
        await settle_up(services, settings, subscription_id)  # what it still asks for its usage is written off
    except RenewalUnderWay:
        # The period after it is being paid for right now: what that gives is bought, and is not taken away.
        log.warning("renewed_meanwhile", subscription=subscription_id)


async def _is_given(services: Services, row: Row, purchase_id: str) -> bool:
    found = await services.reader.all(INVOICES, subscription_id=row["id"])
    return any(one["purchase_id"] == purchase_id and one["gift_id"] is not None for one in found)


async def _take_credits(services: Services, subscription_id: str, purchase_id: str) -> None:
    for _ in range(TIMES_DECIDED):
        try:
            await take_back_credits(services, await need(services, subscription_id), purchase_id)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


async def _drop_change(services: Services, row: Row, purchase_id: str) -> None:
    """Drop a change that is being paid, if it credits money that has gone back: it is to be worked out anew."""
    change = await change_of(services, row)
    if change is None or change["state"] != OPEN or purchase_id not in credited_by(change):
        return
    await give_up_purchase(services, change["purchase_id"])
    with suppress(Stale):  # it has moved: it was paid, or is closed
        await close_change(services, row, change, DROPPED)


async def _claw_back(services: Services, row: Row, purchase_id: str) -> None:
    """Take credit that stands for money which has gone back, as far as it is not used yet."""
    purchase = await read_purchase(services, purchase_id)
    back, number = await gone_back(services, purchase_id)
    found = await services.reader.all(INVOICES, subscription_id=row["id"])
    spans = [span for one in found if one["spans"] is not None for span in spans_from(one["spans"])]
    credited = sum(span.credited for span in spans if span.purchase == purchase_id)
    excess = credited - max(0, asked(purchase) - back)
    before = await services.reader.all(_CLAWED, customer_id=row["customer_id"])
    excess -= sum(one["amount"] for one in before if one["about"].startswith(f"{purchase_id}:"))
    if excess <= 0 or purchase["pay_with"] not in services.gateways:
        return
    plan = Plan(actor="plugin:subscriptions", anchors={row["customer_id"]})
    plan.add(carry(row, purchase["currency"], excess, about=f"{purchase_id}:{number}", cause=CLAWED))
    try:
        await services.engine.commit(plan)
    except Refused as refused:
        raise Unavailable("Too much is changing at once; try again.") from refused
