"""A payout goes on: approved by a second person, paid, or back with its creator. Each move is one commit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.clock import iso
from storefront.core.commit.apply import LateView
from storefront.core.commit.outcome import Answer, Outcome, Stale
from storefront.core.commit.plan import Change, IdempotencyKey, Late, Plan, Step, Steps, Transfer
from storefront.core.errors import Unavailable
from storefront.core.idempotency import answered_before
from storefront.core.privileged import record_action
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import MANUAL, paid_out, under_way
from storefront_fanfunding.passbook import Entry, Purse
from storefront_fanfunding.payout_rows import (
    CREATED,
    FAILED,
    IN_PROGRESS,
    PAID,
    PAYOUTS,
    PayoutNotPossible,
    SecondPersonNeeded,
    WrongPayoutState,
    need_payout,
    payout_event,
    payout_key,
    show_payout,
)
from storefront_fanfunding.payouts import add_beginning
from storefront_fanfunding.to_creators import give

GIVE_BACK = "give_payout_back"
RETURNED = "payout.returned"
TIMES_DECIDED = 8
_LABEL = "payout"


@dataclass(frozen=True, slots=True)
class Back:
    """What comes back of a payout: ``amount`` of it, in all ``returned`` then; the row must stand as ``before``."""

    before: Mapping[str, Any]
    changes: Mapping[str, Any]
    amount: int
    entry: Entry


async def approve(services: Services, payout_id: str, key: IdempotencyKey) -> tuple[Answer, bool]:
    """Let a payout begin, as another person than the one who created it; once per key.

    Raises:
        SecondPersonNeeded: it is the same one.
        PayoutNotPossible: it goes to a new account, and may not be approved yet.
        WrongPayoutState: it does not wait for that.
    """

    def decide(row: Row) -> Plan:
        if row["state"] != CREATED:
            raise _otherwise(row)
        if row["created_by"] == key.caller:
            raise SecondPersonNeeded("Who has created a payout cannot approve it.")
        now = services.clock.now()
        if row["approvable_from"] is not None and now < row["approvable_from"]:
            raise PayoutNotPossible(
                f"It goes to {row['account']}, where none went before: it can be approved from "
                f"{iso(row['approvable_from'])} on, so that a change of the account can be noticed.",
                reason="new_account",
                possible_from=iso(row["approvable_from"]),
            )
        changes = {"state": IN_PROGRESS, "approved_by": key.caller, "approved_at": now, "updated_at": now}
        plan = _plan_of(row, key.caller)
        _change(plan, row, changes)
        _record(services, plan, "payout.approved", row, {})
        add_beginning(plan, {**row, **changes}, now=now)
        return _answering(plan, key, {**row, **changes})

    return await _once(services, payout_id, key, decide)


async def mark_paid(services: Services, payout_id: str, reference: str, key: IdempotencyKey) -> tuple[Answer, bool]:
    """Say that a payout by hand has been sent, under ``reference``; once per key.

    Raises:
        WrongPayoutState: it waits for approval or is over, or a gateway sends it.
    """

    def decide(row: Row) -> Plan:
        if row["state"] != IN_PROGRESS or row["pay_with"] != MANUAL:
            raise _otherwise(row)
        plan, after = plan_of_paying(services, row, reference, actor=key.caller)
        _record(services, plan, "payout.paid", row, {"reference": reference})
        return _answering(plan, key, after)

    return await _once(services, payout_id, key, decide)


async def mark_failed(services: Services, payout_id: str, reason: str, key: IdempotencyKey) -> tuple[Answer, bool]:
    """Say that a payout comes to nothing, or has come back from the bank: its creator can be paid it anew.

    What a gateway was asked for ends by what that says alone: it may be on its way. Once per key.

    Raises:
        WrongPayoutState: it has failed already, or is at its gateway.
    """

    def decide(row: Row) -> Plan:
        if row["state"] == FAILED or (row["pay_with"] != MANUAL and row["state"] != CREATED):
            raise _otherwise(row)
        plan, after = plan_of_return(services, row, row["amount"], actor=key.caller, reason=reason)
        _record(services, plan, "payout.failed", row, {"reason": reason})
        return _answering(plan, key, after)

    return await _once(services, payout_id, key, decide)


def plan_of_paying(services: Services, row: Row, reference: str, *, actor: str) -> tuple[Plan, Mapping[str, Any]]:
    """Return the plan by which a payout in progress is paid, and the row as it is then."""
    purse, plan, now = Purse(row["creator_id"], row["currency"]), _plan_of(row, actor), services.clock.now()
    plan.entry("payout.paid", about=row["id"], anchor=purse.anchor, label=_LABEL)
    to = paid_out(row["pay_with"], purse.currency)
    plan.add(Transfer(_LABEL, under_way(purse.creator_id, purse.currency), to, row["amount"], purse.anchor))
    changes = {"state": PAID, "reference": reference, "paid_at": now, "updated_at": now}
    after = {**row, **changes}
    _change(plan, row, changes)
    plan.emit("payout.paid", anchor=purse.anchor, subject=row["id"], payload=payout_event(after))
    return plan, after


def plan_of_return(
    services: Services, row: Row, amount: int, *, actor: str, reason: str
) -> tuple[Plan, Mapping[str, Any]]:
    """Return the plan by which so much of a payout is its creator's again, and the row as it is then."""
    purse, plan, now = Purse(row["creator_id"], row["currency"]), _plan_of(row, actor), services.clock.now()
    entry_id = plan.entry(RETURNED, about=row["id"], anchor=purse.anchor, label=_LABEL)
    changes: dict[str, Any] = {"returned": row["returned"] + amount, "reason": reason, "updated_at": now}
    if changes["returned"] == row["amount"]:
        changes |= {"state": FAILED, "failed_at": now}
    back = Back(row, changes, amount, Entry(entry_id, RETURNED, row["id"]))
    reads = (payout_key(row["id"], purse.creator_id), *purse.reads)
    plan.add(Late(f"fanfunding.{GIVE_BACK}", reads, {"back": back}))
    return plan, {**row, **changes}


def give_back(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: what comes back of a payout pays what its creator owes meanwhile; the rest they can be paid."""
    back: Back = facts["back"]
    row, purse = back.before, Purse(back.before["creator_id"], back.before["currency"])
    source = under_way(purse.creator_id, purse.currency)
    if row["state"] == PAID:
        source = paid_out(row["pay_with"], purse.currency)
    steps = Steps()
    _change(steps, row, back.changes)
    give(view, steps, purse, back.entry, source=source, amount=back.amount, label=_LABEL)
    after = {**row, **back.changes}
    event = "payout.failed" if after["state"] == FAILED else RETURNED
    steps.emit(event, anchor=purse.anchor, subject=row["id"], payload=payout_event(after))
    return steps.list


async def _once(
    services: Services, payout_id: str, key: IdempotencyKey, decide: Callable[[Row], Plan]
) -> tuple[Answer, bool]:
    async def work() -> tuple[Answer, bool]:
        for _ in range(TIMES_DECIDED):
            outcome = await try_plan(services, decide(await need_payout(services, payout_id)))
            if outcome is not None:
                assert outcome.answer is not None, "a plan with a key and an answer is answered"
                return outcome.answer, outcome.is_replay
        raise Unavailable("Too much happens to this payout at once; try again.")

    return await answered_before(services.reader, key, work())


async def try_plan(services: Services, plan: Plan) -> Outcome | None:
    """Commit a plan; None if the payout has moved meanwhile, and is to be looked at anew."""
    try:
        return await services.engine.commit(plan)
    except Stale:
        return None


def _plan_of(row: Row, actor: str) -> Plan:
    purse = Purse(row["creator_id"], row["currency"])
    return Plan(actor=actor, anchors={purse.anchor})


def _change(steps: Steps, row: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    expect = {name: row[name] for name in ("state", "returned")}
    key = payout_key(row["id"], row["creator_id"])
    steps.add(Change(PAYOUTS, key.id, key.anchor or "", expect, changes))


def _record(services: Services, plan: Plan, action: str, row: Row, facts: Mapping[str, Any]) -> None:
    told = {"creator": row["creator"], "amount": row["amount"], "currency": row["currency"], **facts}
    now, wall = services.clock.now(), services.clock.wall()
    record_action(plan, action, actor=plan.actor, about=row["id"], facts=told, now=now, wall=wall)


def _answering(plan: Plan, key: IdempotencyKey, after: Mapping[str, Any]) -> Plan:
    plan.idempotency, plan.object_id = key, after["id"]
    body = msgspec.json.encode(show_payout(after, after["creator"]))
    plan.answer = lambda _: Answer(200, body)
    return plan


def _otherwise(row: Row) -> WrongPayoutState:
    by = "by hand" if row["pay_with"] == MANUAL else f"through {row['pay_with']}"
    return WrongPayoutState(f"This payout {by} is {row['state']}.", state=row["state"], pay_with=row["pay_with"])
