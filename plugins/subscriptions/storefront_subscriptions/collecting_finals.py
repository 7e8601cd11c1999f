"""Collecting a final invoice: charged like a renewal, tried again as dunning says, and owed or written off in vain."""

from collections.abc import Mapping
from typing import Any

import structlog

from storefront.core.charging import Failure, ask_again_at, look_at_charge
from storefront.core.clock import iso, parse_iso
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Invalid
from storefront.core.payment_methods import list_methods
from storefront.core.purchasing import Status, read_payment, read_purchase
from storefront.core.quotes import WALLET
from storefront.core.quoting import PurchaseRequest
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.attempts import CALLER, attempt, request_of
from storefront_subscriptions.cards import charged_method
from storefront_subscriptions.carrying import GIVEN_BACK, carry
from storefront_subscriptions.config import Settings
from storefront_subscriptions.debts import owed_of, read_debts
from storefront_subscriptions.final_moves import FINAL, note_final_charged, told_final
from storefront_subscriptions.retrying import FINAL_FAILED, Retry, retry_after
from storefront_subscriptions.rows import OPEN, OWED, WRITTEN_OFF
from storefront_subscriptions.waiving import MONEY_BACK, waivable

OPERATION = "final invoice"

log = structlog.get_logger("storefront.subscriptions")


async def collect(services: Services, settings: Settings, row: Row, final: Row, *, is_wanted: bool) -> int | None:
    """Go on with an open final invoice: charge it, wait for its purchase, or note that it failed.

    Return when to look again, or None once it has moved. One that is no more wanted is let go, unless it is being paid.

    Raises:
        Stale, NotDue: it has moved by itself.
    """
    now = services.clock.now()
    if final["purchase_id"] not in (None, final["failed_purchase_id"]):
        purchase, failure = await look_at_charge(services, final["purchase_id"], about=row["id"])
        if failure is not None:
            await _fail(services, settings, row, final, failure)
            return None
        if purchase["status"] == Status.COMPLETED:
            return None
        await _note_action(services, row, final, purchase)
        return ask_again_at(purchase, now)
    if not is_wanted:
        await _let_go(services, row, final)
        return None
    if final["next_attempt_at"] is not None and now < final["next_attempt_at"]:
        return int(final["next_attempt_at"])
    failure = await _charge(services, row, final)
    if failure is not None:
        await _fail(services, settings, row, final, failure)
    return None


async def method_of(services: Services, row: Row, pay_with: str, *, since: int | None = None) -> str | None:
    """Return the saved method that is charged: the subscription's own, else the one that was saved last.

    One that was saved after an instant (``since``, business ms) goes first.
    """
    methods = await list_methods(services, row["customer_id"])
    newest = charged_method(methods, {"method": None, "pay_with": pay_with})
    is_new = newest is not None and since is not None and parse_iso(newest["created_at"]) > since
    found = newest if is_new else charged_method(methods, {"method": row["method"], "pay_with": pay_with})
    return None if found is None else str(found["id"])


async def _charge(services: Services, row: Row, final: Row) -> Failure | None:
    method = None
    if final["pay_with"] != WALLET:
        method = await method_of(services, row, final["pay_with"], since=final["created_at"])
        if method is None:
            return Failure("no_payment_method", is_hard=True)
    try:
        return await attempt(services, _request(services, row, final, method), row["id"])
    except Invalid as refused:
        # What paid it is no more taken here: its gateway has left the YAML, or takes such an amount no more.
        log.warning("final_not_chargeable", final=final["id"], subscription=row["id"], reason=refused.code)
        return Failure(refused.code, is_hard=True)


def _request(services: Services, row: Row, final: Row, method: str | None) -> PurchaseRequest:
    def begin(plan: Plan, purchase: Mapping[str, Any]) -> None:
        note_final_charged(plan, final, purchase["id"])

    details = {"subscription": row["id"], FINAL: final["id"]}
    return request_of(services, final, method, operation=OPERATION, begin=begin, details=details)


async def _note_action(services: Services, row: Row, final: Row, purchase: Row) -> None:
    """Say once that the payer of a final invoice is to confirm, and where."""
    payment, asked = await read_payment(services, purchase["id"]), f"action_required:{purchase['id']}"
    if payment is None or not payment["redirect_url"] or final["reason"] == asked:
        return
    plan = Plan(actor=CALLER, anchors={row["customer_id"]})
    expect = {"state": OPEN, "reason": final["reason"]}
    plan.add(Change("subscriptions_finals", (final["id"],), row["customer_id"], expect, {"reason": asked}))
    told = told_final(row, final, purchase=purchase["id"], redirect_url=payment["redirect_url"],
                      expires_at=iso(purchase["expires_at"]))  # fmt: skip
    plan.emit("subscription.action_required", anchor=row["customer_id"], subject=row["id"], payload=told)
    await services.engine.commit(plan)


async def _fail(services: Services, settings: Settings, row: Row, final: Row, failure: Failure) -> None:
    """Note that a final invoice could not be charged: another attempt, or it is owed again, or written off.

    Raises:
        Stale: it has moved on.
    """
    now, customer_id = services.clock.now(), row["customer_id"]
    failed = {**row, "failures": final["failures"], "ends_with_period": 0}
    retry = await retry_after(
        services, settings.dunning, failed, final, failure.reason, is_hard=failure.is_hard, now=now
    )
    if failure.purchase_id is not None and await is_saved_since(services, final, failure.purchase_id):
        retry = Retry(now, retry.policy)
    # A refusal without a purchase leaves the one before failed, as it was: else that would fail once more.
    noted = {"failed_purchase_id": failure.purchase_id or final["failed_purchase_id"],
             "failures": final["failures"] + 1, "reason": failure.reason,
             "attempts": final["attempts"] + (failure.purchase_id is None), "next_attempt_at": retry.at}  # fmt: skip
    plan = Plan(actor=CALLER, anchors={customer_id})
    told = told_final(row, final, reason=failure.reason, policy=retry.policy,
                      next_attempt_at=None if retry.at is None else iso(retry.at))  # fmt: skip
    plan.emit(FINAL_FAILED, anchor=customer_id, subject=row["id"], payload=told)
    if retry.at is None:
        noted |= {"state": WRITTEN_OFF if settings.at_end.writes_off_uncollected else OWED, "closed_at": now}
        if noted["state"] == OWED:
            plan.add(carry(row, final["currency"], final["total"], about=final["id"], cause=GIVEN_BACK))
        word = f"subscription.final_{noted['state']}"
        plan.emit(word, anchor=customer_id, subject=row["id"], payload=told_final(row, final, reason=failure.reason))
    plan.add(Change("subscriptions_finals", (final["id"],), customer_id, _expect(final), noted))
    await services.engine.commit(plan)


async def is_saved_since(services: Services, final: Row, purchase_id: str) -> bool:
    """Tell whether another method was saved since a purchase of a final invoice began: that is charged at once."""
    if final["pay_with"] == WALLET:
        return False
    began = (await read_purchase(services, purchase_id))["created_at"]
    newest = charged_method(await list_methods(services, final["customer_id"]), {**final, "method": None})
    return newest is not None and parse_iso(newest["created_at"]) > began


async def _let_go(services: Services, row: Row, final: Row) -> None:
    """Ask a final invoice no more: written off, or, where it asks for what another one left, all of it is owed again.

    Of that is written off next what was used in the period whose money went back.
    """
    _, taken = await read_debts(services, row, final["currency"])
    asked = taken.get(final["id"], ())
    is_all = owed_of(asked) == await waivable(services, row, final["currency"], beside=final)
    noted = {"state": WRITTEN_OFF, "closed_at": services.clock.now(), "next_attempt_at": None, "reason": MONEY_BACK}
    plan = Plan(actor=CALLER, anchors={row["customer_id"]})
    if is_all:
        plan.emit("subscription.final_written_off", anchor=row["customer_id"], subject=row["id"],
                  payload=told_final(row, final))  # fmt: skip
    else:
        noted["state"] = OWED
        plan.add(carry(row, final["currency"], final["total"], about=final["id"], cause=GIVEN_BACK))
    plan.add(Change("subscriptions_finals", (final["id"],), row["customer_id"], _expect(final), noted))
    await services.engine.commit(plan)


def _expect(final: Row) -> dict[str, Any]:
    return {"state": OPEN, **{name: final[name] for name in ("attempts", "purchase_id", "failed_purchase_id")}}
