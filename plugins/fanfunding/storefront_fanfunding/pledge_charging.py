"""Going on with a pledge after its goal's deadline: the job that each has, and whoever is told that something moved.

``advance_pledge`` looks at what is stored and does what is due, one commit at a time, until nothing is. So it may be
called by anybody, at any time, by two at once, and however long nobody called it. A charge is a tip: a purchase by a
bill of its own for each attempt, whose unknown outcome is asked for and never charged again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import structlog

from storefront.core.billing import Bill, BillLine
from storefront.core.charging import CONFIRM_WITHIN_MS, Failure, ask_again_at, charge, look_at_charge
from storefront.core.clock import DAY_MS, iso
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Change, IdempotencyKey, Plan, ReleaseHold
from storefront.core.dunning import Schedule
from storefront.core.errors import Invalid, NotFound, Unavailable
from storefront.core.holding import show_hold
from storefront.core.ids import new_id
from storefront.core.jobs import Again
from storefront.core.payment_methods import forget_method
from storefront.core.purchasing import Status, read_payment
from storefront.core.quoting import PurchaseRequest
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_fanfunding.campaign_ending import close_campaign, finish
from storefront_fanfunding.campaigns import (
    ACTOR,
    CHARGING,
    COLLECTING,
    FAILED,
    LIVE,
    OF_METHOD,
    PENDING,
    REACHED,
    RELEASED,
    VOID,
    PledgeOver,
    need_campaign,
    need_pledge,
    told_of,
)
from storefront_fanfunding.config import SKU, Settings
from storefront_fanfunding.creators import creator_name, need_creator
from storefront_fanfunding.granting import promises
from storefront_fanfunding.pledge_moves import add_charging, add_ended
from storefront_fanfunding.pledge_tables import PLEDGES
from storefront_fanfunding.rows import unpaid

OPERATION = "pledge"
TIMES_DECIDED = 20
RETRIES = Schedule((3 * DAY_MS, 4 * DAY_MS))
"""Three tries: at the deadline, three days after the first failure, and four after the second."""

log = structlog.get_logger("storefront.pledges")


async def advance_pledge(services: Services, settings: Settings, pledge_id: str) -> Again | None:
    """Do all that is due of a pledge; return when to look again, or None once it is over.

    Raises:
        Unavailable: the books are away, or all is changing at once; call again.
    """
    for _ in range(TIMES_DECIDED):
        pledge = await need_pledge(services, pledge_id)
        campaign = await need_campaign(services, pledge)
        if pledge["state"] not in LIVE:
            await finish(services, campaign)
            await let_go(services, pledge, pledge["method"])
            return None
        if campaign["state"] == COLLECTING and services.clock.now() < campaign["deadline"]:
            return Again(int(campaign["deadline"]))
        try:
            if campaign["state"] == COLLECTING:
                await close_campaign(services, campaign)
                continue
            due = await _go_on(services, settings, pledge, is_reached=campaign["state"] == REACHED)
        except (Stale, Taken, PledgeOver):
            continue  # somebody else went on with it
        if due is not None:
            return Again(due)
    raise Unavailable("Too much is changing at once; try again.")


async def _go_on(services: Services, settings: Settings, pledge: Row, *, is_reached: bool) -> int | None:
    """Do the next thing of a pledge whose goal's deadline is over; return when the one after that is due."""
    now = services.clock.now()
    if pledge["state"] == PENDING or not is_reached:
        reason = "goal_not_open" if pledge["state"] == PENDING else "goal_missed"
        await _end(services, pledge, VOID if pledge["state"] == PENDING else RELEASED, reason=reason)
        return None
    if pledge["purchase_id"] not in (None, pledge["failed_purchase_id"]):
        purchase, failure = await look_at_charge(services, pledge["purchase_id"], about=pledge["id"])
        if failure is not None:
            # Whoever reviews has said no: the card is not asked again.
            is_hard = failure.is_hard or purchase["status"] == Status.REJECTED
            await _fail(services, pledge, replace(failure, is_hard=is_hard))
            return None
        if purchase["status"] == Status.COMPLETED:
            return None
        await _note_action(services, pledge, purchase)
        return ask_again_at(purchase, now)
    if pledge["next_attempt_at"] is not None and now < pledge["next_attempt_at"]:
        return int(pledge["next_attempt_at"])
    failure = await _charge(services, settings, pledge)
    if failure is not None:
        await _fail(services, pledge, failure)
    return None


async def _charge(services: Services, settings: Settings, pledge: Row) -> Failure | None:
    request = await _request(services, settings, pledge)
    try:
        return await charge(services, request, about=pledge["id"], over=(PledgeOver,))
    except Invalid as refused:
        # Its gateway has left the YAML, or takes such an amount no more: the operator has until the last try.
        log.error("pledge_not_chargeable", pledge=pledge["id"], reason=refused.code)
        return Failure(refused.code, is_hard=False)


async def _request(services: Services, settings: Settings, pledge: Row) -> PurchaseRequest:
    """Return the purchase by which a pledge is charged: one an attempt, under a key of its own."""
    name = await creator_name(services, pledge["creator_id"])
    creator = need_creator(services, settings, name) if name in services.catalogs.active.creators else None
    title = name if creator is None else creator.shown_name
    is_virtual = services.catalogs.active.is_virtual(pledge["currency"])
    is_settled = creator is None or not creator.shows_settled or is_virtual
    tip = _tip_of(pledge, services.clock.now()) | {"is_settled": int(is_settled)}
    details: dict[str, Any] = {"tip": tip["id"], "creator": name, "creator_id": pledge["creator_id"],
                               "pledge": pledge["id"]}  # fmt: skip
    if not pledge["is_guest"]:  # a guest has nothing to put it into
        whose = {"about": tip["id"], "customer_id": pledge["customer_id"]}
        promised = promises(services, settings.terms(name).may_grant, msgspec.json.decode(pledge["gives"]), **whose)
        details |= {"grants": msgspec.to_builtins(promised)} if promised else {}

    def begin(plan: Plan, purchase: Mapping[str, Any]) -> None:
        told = {**tip, "purchase_id": purchase["id"], "total": purchase["total"]}
        add_charging(plan, pledge, told, purchase["id"])

    key = f"{pledge['id']}:{pledge['attempts']}"
    return PurchaseRequest(
        idempotency=IdempotencyKey(ACTOR, OPERATION, key, hashlib.sha256(key.encode()).digest()),
        customer_id=pledge["customer_id"],
        sku=SKU,
        pay_with=pledge["pay_with"],
        payment_method=pledge["method"],
        return_url=f"{services.public_url}/tip/{name}/pledged",
        country=pledge["country"],
        bill=Bill(
            id=tip["id"],
            currency=pledge["currency"],
            lines=(BillLine(f"Tip for {title}", pledge["amount"]),),
            catalog_version=services.catalogs.active.version,
            confirm_within_ms=CONFIRM_WITHIN_MS,
            begin=begin,
            details=details,
            hold=pledge["hold_id"] if await _is_held(services, pledge) else None,
        ),
    )


def _tip_of(pledge: Row, now: int) -> dict[str, Any]:
    """Return the row of the tip that a pledge becomes, without what only its purchase knows."""
    same = ("creator_id", "customer_id", "name", "message", "is_anonymous", "held_for", "currency", "amount", "tier",
            "rates", "share", "hold_ms")  # fmt: skip
    told = {name: pledge[name] for name in same}
    mine = {"id": new_id("tip"), "source": None, "is_held": int(pledge["held_for"] is not None), "is_name_only": 0,
            "max_per_minute": None, "sender": None}  # fmt: skip
    return {**told, **mine, **unpaid(now)}


async def _is_held(services: Services, pledge: Row) -> bool:
    """Tell whether a wallet's part is still set aside: after a long time without a server it is free again."""
    return pledge["hold_id"] is not None and (await show_hold(services, pledge["hold_id"]))["state"] == "open"


async def _note_action(services: Services, pledge: Row, purchase: Row) -> None:
    """Say once that the fan is to confirm a charge, and where."""
    payment, asked = await read_payment(services, purchase["id"]), f"action_required:{purchase['id']}"
    if payment is None or not payment["redirect_url"] or pledge["reason"] == asked:
        return
    plan = Plan(actor=ACTOR, anchors={pledge["customer_id"]})
    expect = {name: pledge[name] for name in ("state", "purchase_id", "reason")}
    changes = {"reason": asked, "updated_at": services.clock.now()}
    plan.add(Change(PLEDGES, (pledge["id"],), pledge["customer_id"], expect, changes))
    told = told_of(pledge, sku=SKU, purchase=purchase["id"], redirect_url=payment["redirect_url"],
                   expires_at=iso(purchase["expires_at"]))  # fmt: skip
    plan.emit("pledge.action_required", anchor=pledge["customer_id"], subject=pledge["id"], payload=told)
    await services.engine.commit(plan)


async def _fail(services: Services, pledge: Row, failure: Failure) -> None:
    """Note that an attempt failed, and what follows: another one, or the end.

    Raises:
        Stale: the pledge has moved on.
    """
    now = services.clock.now()
    again = None if failure.is_hard else RETRIES.after(pledge["failures"] + 1, now)
    # A refusal without a purchase leaves the one before failed, as it was: else that would fail once more.
    noted = {
        "state": CHARGING,
        "failures": pledge["failures"] + 1,
        "attempts": pledge["attempts"] + (failure.purchase_id is None),
        "failed_purchase_id": failure.purchase_id or pledge["failed_purchase_id"],
        "reason": failure.reason,
        "next_attempt_at": again,
        "updated_at": now,
    }
    plan = Plan(actor=ACTOR, anchors={pledge["customer_id"]})
    expect = {name: pledge[name] for name in ("state", "attempts", "purchase_id", "failed_purchase_id")}
    plan.add(Change(PLEDGES, (pledge["id"],), pledge["customer_id"], expect, noted))
    told = told_of({**pledge, **noted}, reason=failure.reason, next_attempt_at=None if again is None else iso(again))
    plan.emit("pledge.charge_failed", anchor=pledge["customer_id"], subject=pledge["id"], payload=told)
    if again is None:
        await _add_end(services, plan, {**pledge, **noted}, FAILED, reason=failure.reason)
    await services.engine.commit(plan)


async def _end(services: Services, pledge: Row, state: str, *, reason: str) -> None:
    plan = Plan(actor=ACTOR)
    await _add_end(services, plan, pledge, state, reason=reason)
    await services.engine.commit(plan)


async def _add_end(services: Services, plan: Plan, pledge: Mapping[str, Any], state: str, *, reason: str) -> None:
    """Add the end of a pledge that is not charged; what is set aside for it is free again."""
    add_ended(plan, pledge, state, reason=reason, now=services.clock.now())
    if await _is_held(services, pledge):
        plan.add(ReleaseHold(pledge["hold_id"], pledge["customer_id"], pledge["currency"]))


async def let_go(services: Services, pledge: Mapping[str, Any], method: str | None) -> None:
    """Forget a guest's saved method, unless something else of theirs still needs it. Safe to repeat.

    Raises:
        GatewayFailed: it is not known to be forgotten; call again.
    """
    if not pledge["is_guest"] or method is None:
        return
    asked = {"customer_id": pledge["customer_id"], "method": method}
    others = await services.reader.all(OF_METHOD, **asked)
    if any(one["id"] != pledge["id"] and one["state"] in LIVE for one in others):
        return  # whoever of them ends last lets it go
    try:
        await forget_method(services, pledge["customer_id"], method, actor=ACTOR)
    except NotFound:
        return  # it was never kept
