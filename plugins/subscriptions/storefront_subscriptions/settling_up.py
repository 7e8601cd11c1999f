"""What a subscription that has ended still asks for: the usage that was on no invoice, with a final one.

What was used last is owed by its customer and family from the very commit that ends it. A final invoice takes that
over once late events had time to come, so whoever subscribes again meanwhile is asked by one of the two, never by both.
It is collected like a renewal, and gives no access. A second look follows once no event can come any more.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.billing import Bill, BillLine
from storefront.core.clock import DAY_MS, iso, parse_iso
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Change, IdempotencyKey, Insert, Plan
from storefront.core.errors import Unavailable
from storefront.core.ids import new_id
from storefront.core.jobs import Again
from storefront.core.money import Money
from storefront.core.payment_methods import list_methods
from storefront.core.purchasing import Status, read_payment
from storefront.core.quotes import WALLET
from storefront.core.quoting import PurchaseRequest
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.attempts import Failure, ask_again_at, attempt, look_at_attempt
from storefront_subscriptions.cards import charged_method
from storefront_subscriptions.carrying import GIVEN_BACK, TAKEN, carry, read_carried
from storefront_subscriptions.config import Settings
from storefront_subscriptions.final_moves import FINAL, note_final_charged, told_final
from storefront_subscriptions.period_lines import chargeable
from storefront_subscriptions.retrying import FINAL_FAILED, retry_after
from storefront_subscriptions.rows import (
    CURRENT,
    FINALS,
    FINALS_AHEAD,
    INCOMPLETE_EXPIRED,
    OPEN,
    OWED,
    UNCOLLECTIBLE,
    WRITTEN_OFF,
    NotDue,
    Outdated,
    lines_of,
    need,
    need_invoice,
)
from storefront_subscriptions.subscribing import CONFIRM_WITHIN_MS
from storefront_subscriptions.usage_lines import (
    UsageLine,
    billed_assets,
    charges_usage,
    owed_by_asset,
    owed_lines,
    owed_steps,
    usage_left,
)

CALLER = "plugin:subscriptions"
OPERATION = "final invoice"
TIMES_DECIDED = 50
MONEY_WENT_BACK = frozenset({"refunded", "dispute_lost"})
"""Why a subscription has ended of which nothing is asked any more."""


@dataclass(frozen=True, slots=True)
class Final:
    """A final invoice that is to be written, and what is owed in its asset (smallest units)."""

    row: Mapping[str, Any]
    owed: int


async def settle_up(services: Services, settings: Settings, subscription_id: str) -> Again | None:
    """Do what is due of a subscription that has ended; return when to look again, or None once nothing can follow.

    Raises:
        Unavailable: the books are away, or all is changing at once; call again.
    """
    row = await need(services, subscription_id)
    is_done = row["billing_state"] == INCOMPLETE_EXPIRED or row["reason"] in MONEY_WENT_BACK
    if is_done or not await charges_usage(services, row):
        return None
    for _ in range(TIMES_DECIDED):
        row = await need(services, subscription_id)
        finals = await services.reader.all(FINALS, subscription_id=subscription_id)
        try:
            if finals and finals[-1]["state"] == OPEN:
                due = await _collect(services, settings, row, finals[-1])
                if due is not None:
                    return Again(due)
                continue
            looks = _looks_at(services, settings, row)
            now = services.clock.now()
            if now < looks[0]:
                return Again(looks[0])
            if await _look(services, settings, row, finals, is_last=now >= looks[1]):
                continue
        except (Stale, Taken, NotDue, Outdated):
            continue  # somebody else went on with it, or has subscribed again
        return None if now >= looks[1] else Again(looks[1])
    raise Unavailable("Too much is changing at once; try again.")


def _looks_at(services: Services, settings: Settings, row: Row) -> tuple[int, int]:
    """Return when what is owed is asked for, and when again, as no event can come any more (business ms)."""
    first = int(row["ended_at"]) + settings.at_end.wait_ms
    return first, max(first, int(row["ended_at"]) + services.config.metering.late_days * DAY_MS)


async def _look(services: Services, settings: Settings, row: Row, finals: Sequence[Row], *, is_last: bool) -> bool:
    """Have what came late be owed, and write a final invoice for what is; tell whether anything was written."""
    fresh = await usage_left(services, row) if is_last or not finals else []
    now, customer_id = services.clock.now(), row["customer_id"]
    plan = Plan(actor=CALLER, anchors={customer_id})
    moved = {"version": row["version"] + 1, "updated_at": now}
    plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, moved))
    plan.add(*owed_steps(row, fresh, at=now))
    final = await _next_final(services, settings, row, finals, fresh)
    if final is not None:
        # What is seen to be owed is what it was, and what this plan adds: a final invoice asks for all or a part.
        plan.add(Insert("subscriptions_finals", (final.row["id"],), customer_id, final.row))
        plan.add(carry(row, final.row["currency"], -final.row["total"], about=final.row["id"], cause=TAKEN,
                       seen=final.owed))  # fmt: skip
        word = "final_invoiced" if final.row["state"] == OPEN else "final_written_off"
        plan.emit(f"subscription.{word}", anchor=customer_id, subject=row["id"], payload=told_final(row, final.row))
    if final is None and not fresh:
        return False
    await services.engine.commit(plan)
    return True


async def _next_final(
    services: Services, settings: Settings, row: Row, finals: Sequence[Row], fresh: Sequence[UsageLine]
) -> Final | None:
    """Return the final invoice that is to be written, of the first asset in which something is to be asked.

    None while a subscription of the family is there, which asks for it itself, and where one was asked in vain before,
    or the last renewal was, unless that is written off.
    """
    is_in_vain = (await need_invoice(services, row["invoice_id"]))["state"] == UNCOLLECTIBLE
    is_in_vain = is_in_vain or any(one["state"] == OWED for one in finals)
    writes_off = settings.at_end.word == "write_off" or (is_in_vain and settings.at_end.writes_off_uncollected)
    if not writes_off and (is_in_vain or settings.at_end.word == "owe"):
        return None
    if await services.reader.first(CURRENT, customer_id=row["customer_id"], family=row["family"]) is not None:
        return None
    for asset in dict.fromkeys([row["currency"], *await billed_assets(services, row), *owed_by_asset(fresh)]):
        found = await _final_in(services, row, finals, fresh, asset=asset, writes_off=writes_off)
        if found is not None:
            return found
    return None


async def _final_in(
    services: Services, row: Row, finals: Sequence[Row], fresh: Sequence[UsageLine], *, asset: str, writes_off: bool
) -> Final | None:
    """Return the final invoice of what is owed in an asset; None where nothing is, or nothing can be charged."""
    owed = await read_carried(services, row["customer_id"], row["family"], asset) + owed_by_asset(fresh).get(asset, 0)
    pay_with = _pay_with(services, row, asset)
    if owed <= 0 or pay_with is None:
        return None
    asked = owed if writes_off else chargeable(services, pay_with, Money(owed, asset), price=0)
    if asked <= 0 or not (writes_off or await _can_pay(services, row, pay_with)):
        return None
    since = max((int(one["created_at"]) for one in finals if one["currency"] == asset), default=-1)
    lines = await owed_lines(services, row, asset, since=since)
    lines += [(one.title, one.amount) for one in fresh if one.row["currency"] == asset]
    lines += _rest(owed - sum(amount for _, amount in lines), owed - asked)
    final = _final_row(row, asset, pay_with, lines, number=len(finals) + 1, now=services.clock.now())
    if writes_off:
        final |= {"state": WRITTEN_OFF, "closed_at": final["created_at"]}
    return Final(final, owed)


def _rest(beside: int, later: int) -> list[tuple[str, int]]:
    """Return the lines of what is owed, or kept as credit, beside usage, and of what a gateway takes no charge for."""
    lines = [("Due from before" if beside > 0 else "Credit", beside)] if beside else []
    return [*lines, ("Due with the next invoice", -later)] if later else lines


def _pay_with(services: Services, row: Row, asset: str) -> str | None:
    if asset == row["currency"]:
        return str(row["pay_with"])
    return WALLET if services.catalogs.active.is_virtual(asset) else services.default_gateway


async def _can_pay(services: Services, row: Row, pay_with: str) -> bool:
    return pay_with == WALLET or await _method(services, row, pay_with) is not None


async def _method(services: Services, row: Row, pay_with: str, *, since: int | None = None) -> str | None:
    """Return the saved method that is charged: the subscription's own, else the one that was saved last.

    One that was saved after an instant (``since``, business ms) goes first.
    """
    methods = await list_methods(services, row["customer_id"])
    newest = charged_method(methods, {"method": None, "pay_with": pay_with})
    is_new = newest is not None and since is not None and parse_iso(newest["created_at"]) > since
    found = newest if is_new else charged_method(methods, {"method": row["method"], "pay_with": pay_with})
    return None if found is None else str(found["id"])


def _final_row(
    row: Row, asset: str, pay_with: str, lines: Sequence[tuple[str, int]], *, number: int, now: int
) -> dict[str, Any]:
    return {
        "id": new_id("sbf"),
        "subscription_id": row["id"],
        "customer_id": row["customer_id"],
        "number": number,
        "state": OPEN,
        **{name: row[name] for name in ("sku", "catalog_version")},
        "currency": asset,
        "pay_with": pay_with,
        "lines": msgspec.json.encode(lines).decode(),
        "total": sum(amount for _, amount in lines),
        "purchase_id": None,
        "failed_purchase_id": None,
        "attempts": 0,
        "failures": 0,
        "next_attempt_at": None,
        "reason": None,
        "due_at": now,
        "created_at": now,
        "closed_at": None,
    }


async def _collect(services: Services, settings: Settings, row: Row, final: Row) -> int | None:
    """Go on with an open final invoice: charge it, wait for its purchase, or note that it failed."""
    now = services.clock.now()
    if final["purchase_id"] not in (None, final["failed_purchase_id"]):
        purchase, failure = await look_at_attempt(services, final["purchase_id"], row["id"])
        if failure is not None:
            await _fail(services, settings, row, final, failure)
            return None
        if purchase["status"] == Status.COMPLETED:
            return None
        await _note_action(services, row, final, purchase)
        return ask_again_at(purchase, now)
    if final["next_attempt_at"] is not None and now < final["next_attempt_at"]:
        return int(final["next_attempt_at"])
    method = None
    if final["pay_with"] != WALLET:
        method = await _method(services, row, final["pay_with"], since=final["created_at"])
        if method is None:
            await _fail(services, settings, row, final, Failure("no_payment_method", is_hard=True))
            return None
    failure = await attempt(services, _request(services, row, final, method), row["id"])
    if failure is not None:
        await _fail(services, settings, row, final, failure)
    return None


def _request(services: Services, row: Row, final: Row, method: str | None) -> PurchaseRequest:
    name = f"{final['id']}:{final['attempts']}"

    def begin(plan: Plan, purchase: Mapping[str, Any]) -> None:
        note_final_charged(plan, final, purchase["id"])

    return PurchaseRequest(
        idempotency=IdempotencyKey(CALLER, OPERATION, name, hashlib.sha256(name.encode()).digest()),
        customer_id=row["customer_id"],
        sku=final["sku"],
        pay_with=final["pay_with"],
        payment_method=method,
        return_url=f"{services.public_url}/account/return",
        bill=Bill(
            id=final["id"],
            currency=final["currency"],
            lines=tuple(BillLine(*line) for line in lines_of(final)),
            catalog_version=final["catalog_version"],
            confirm_within_ms=CONFIRM_WITHIN_MS,
            begin=begin,
            details={"subscription": row["id"], FINAL: final["id"]},
        ),
    )


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
    expect = {"state": OPEN, "attempts": final["attempts"], "purchase_id": final["purchase_id"],
              "failed_purchase_id": final["failed_purchase_id"]}  # fmt: skip
    noted = {"failed_purchase_id": failure.purchase_id, "failures": final["failures"] + 1, "reason": failure.reason,
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
    plan.add(Change("subscriptions_finals", (final["id"],), customer_id, expect, noted))
    await services.engine.commit(plan)


async def charge_finals_anew(services: Services, settings: Settings, customer_id: str) -> None:
    """Charge at once what final invoices of a customer ask, with the method that they saved just now."""
    for final in await services.reader.all(FINALS_AHEAD, customer_id=customer_id):
        now = services.clock.now()
        if final["next_attempt_at"] is not None and now < final["next_attempt_at"]:
            plan = Plan(actor=CALLER, anchors={customer_id})
            expect = {"state": OPEN, "next_attempt_at": final["next_attempt_at"]}
            moved = {"next_attempt_at": now}
            plan.add(Change("subscriptions_finals", (final["id"],), customer_id, expect, moved))
            with suppress(Stale):  # it has moved: whoever moved it goes on
                await services.engine.commit(plan)
        await settle_up(services, settings, final["subscription_id"])
