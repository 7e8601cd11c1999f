"""Payouts through a gateway: the payout is in progress before the gateway is called, under the payout's own id.

A lost reply, a crash, or two processes at it change nothing: the transfer is looked for before it is made, and made
under one key. What the gateway refuses is looked for once more before it counts as failed, so that a refusal of the
second call never hides the transfer of the first.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from storefront.core.alarms import add_alarm
from storefront.core.commit.plan import Plan
from storefront.core.errors import NotFound, Unavailable
from storefront.core.gateways import CreatorAccounts, GatewayRefused, OutcomeUnknown, TransferFacts, TransferRequest
from storefront.core.jobs import Again
from storefront.core.kinds import TransferMoved
from storefront.core.money import Money
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import MANUAL
from storefront_fanfunding.payout_moves import TIMES_DECIDED, plan_of_paying, plan_of_return, try_plan
from storefront_fanfunding.payout_rows import FAILED, IN_PROGRESS, PAID, need_payout

TOLD = "fanfunding.transfer"
"""The job that looks a transfer up of which its gateway has told."""
ACTOR = "plugin:fanfunding"

log = structlog.get_logger("storefront.payouts")


async def send(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Let its gateway transfer a payout that is in progress. Safe at any time, any number of times.

    Raises:
        GatewayFailed: it is not known what became of it, or nothing did; to be tried again.
    """
    row = await need_payout(services, payload["payout"])
    if row["state"] != IN_PROGRESS or row["pay_with"] == MANUAL:
        return None
    gateway, request = _gateway(services, row["pay_with"]), _request(row)
    try:
        facts = await gateway.transfer(request)
    except (GatewayRefused, NotFound) as refused:
        found = await gateway.find_transfer(request)
        if found is None:
            await _fail(services, row, refused.detail)
            return None
        facts = found
    await settle(services, row["id"], facts)
    return None


async def look_up(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Bring the payout of a transfer to where that is; the job of each telling of the gateway's."""
    facts = await _gateway(services, payload["gateway"]).look_up_transfer(payload["reference"])
    if facts.transfer_id is None:
        return None
    try:
        row = await need_payout(services, facts.transfer_id)
    except NotFound:
        return None  # other business on the same account
    if row["pay_with"] == payload["gateway"]:
        await settle(services, row["id"], facts)
    return None


def add_telling(plan: Plan, moved: TransferMoved) -> None:
    """Add the look-up that a gateway's telling of a transfer asks for."""
    plan.schedule(
        TOLD,
        anchor=moved.anchor,
        unique_key=f"{TOLD}:{moved.event}",
        due_at=moved.now,
        now=moved.now,
        payload={"gateway": moved.gateway, "reference": moved.reference},
    )


async def settle(services: Services, payout_id: str, facts: TransferFacts) -> None:
    """Bring a payout to where its transfer is: paid, or (partly) back. Safe to repeat and to race.

    Raises:
        OutcomeUnknown: the gateway speaks of another transfer than was asked for.
    """
    for _ in range(TIMES_DECIDED):
        row = await need_payout(services, payout_id)
        _check(services, row, facts)
        plan = _next(services, row, facts)
        if plan is None:
            return await _alarm_if_lost(services, row, facts)
        await try_plan(services, plan)
    raise Unavailable("Too much happens to this payout at once.")


def _next(services: Services, row: Row, facts: TransferFacts) -> Plan | None:
    """Return the next move of a payout towards its transfer; None where it is there."""
    if row["state"] == IN_PROGRESS:
        return plan_of_paying(services, row, facts.reference, actor=ACTOR)[0]
    back = facts.reversed_minor - row["returned"]
    if row["state"] == PAID and back > 0:
        reason = f"{row['pay_with']} has taken {facts.reversed_minor} of the transfer back"
        return plan_of_return(services, row, back, actor=ACTOR, reason=reason)[0]
    return None


async def _alarm_if_lost(services: Services, row: Row, facts: TransferFacts) -> None:
    """Raise an alarm for money that is with a creator whom a payout that has failed owes nothing any more."""
    if row["state"] != FAILED or facts.reversed_minor >= row["amount"]:
        return
    plan = Plan(actor=ACTOR)
    told = {
        "creator": row["creator"],
        "amount": row["amount"],
        "currency": row["currency"],
        "transfer": facts.reference,
    }
    add_alarm(services, plan, "failed_payout_was_sent", row["id"], told)
    await services.engine.commit(plan)


async def _fail(services: Services, row: Row, reason: str) -> None:
    log.error("payout_refused", payout=row["id"], reason=reason)
    for _ in range(TIMES_DECIDED):
        if row["state"] != IN_PROGRESS:
            return
        plan, _after = plan_of_return(services, row, row["amount"], actor=ACTOR, reason=reason)
        told = {"creator": row["creator"], "amount": row["amount"], "currency": row["currency"], "reason": reason}
        add_alarm(services, plan, "payout_failed", row["id"], told)
        if await try_plan(services, plan) is not None:
            return
        row = await need_payout(services, row["id"])
    raise Unavailable("Too much happens to this payout at once.")


def _check(services: Services, row: Row, facts: TransferFacts) -> None:
    wanted = (row["id"], row["account"], Money(row["amount"], row["currency"]), services.is_live)
    if (facts.transfer_id, facts.account, facts.amount, facts.is_live) != wanted:
        raise OutcomeUnknown("The gateway speaks of another transfer than was asked for.")


def _gateway(services: Services, name: str) -> CreatorAccounts:
    gateway = services.gateway(name)
    assert isinstance(gateway, CreatorAccounts), "the configuration was checked"
    return gateway


def _request(row: Row) -> TransferRequest:
    return TransferRequest(row["id"], row["account"], Money(row["amount"], row["currency"]))
