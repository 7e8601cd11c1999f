"""Merging two customers: one player, who had two accounts, has one.

All of it is one commit (``commit/merge_steps.py``). Afterwards the game's id of the source is a name of the target, and
whatever was decided about the source before is refused as ``CustomerMerged`` and decided again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import select, text

from storefront.core.clock import iso
from storefront.core.commit.merging import MergeCustomer
from storefront.core.commit.outcome import Answer, CustomerMerged, Outcome, Stale
from storefront.core.commit.plan import FromResults, IdempotencyKey, Plan
from storefront.core.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from storefront.core.idempotency import answered_before
from storefront.core.ids import is_id, new_id
from storefront.core.merging.moves import CORE_MOVES
from storefront.core.privileged import record_action
from storefront.core.redaction import redact_text
from storefront.core.services import Services

OPERATION = "POST /v1/customers/{customer}/merge"
KIND = "merge"
TIMES_DECIDED = 5


class AlreadyMerged(Conflict):
    code = "already_merged"
    title = "These two are one customer already"


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """Who becomes whom, named by the game's ids or by ours, and why."""

    idempotency: IdempotencyKey
    source: str
    target: str
    reason: str
    is_dry_run: bool = False

    def __post_init__(self) -> None:
        # It is kept for ever, in the events and the audit rows.
        object.__setattr__(self, "reason", redact_text(self.reason))


@dataclass(frozen=True, slots=True)
class _Pair:
    source_id: str
    target_id: str
    source: str
    target: str


async def merge(services: Services, wanted: MergeRequest) -> tuple[Answer, bool]:
    """Make everything of the source the target's, once per idempotency key; return the answer and if it is a replay.

    Raises:
        NotFound: one of them was never here.
        Invalid: nobody is merged into themselves.
        AlreadyMerged: they are one customer already.
        MergeNotPossible: something is under way at one of them, or both have what only one may have.
    """
    return await answered_before(services.reader, wanted.idempotency, _merge(services, wanted))


async def _merge(services: Services, wanted: MergeRequest) -> tuple[Answer, bool]:
    for _ in range(TIMES_DECIDED):
        pair = await _find(services, wanted)
        plan = await _decide(services, wanted, pair)
        try:
            if wanted.is_dry_run:
                outcome = await services.engine.preview(replace(plan, idempotency=None))
                return Answer(200, _shown(plan, pair, outcome, is_dry_run=True)), False
            outcome = await services.engine.commit(plan)
        except CustomerMerged:
            await services.learn_merges()
            continue
        except Stale:
            continue
        await services.learn_merges()
        assert outcome.answer is not None
        return outcome.answer, outcome.is_replay
    raise Unavailable("Too much is changing at once; try again.")


async def _find(services: Services, wanted: MergeRequest) -> _Pair:
    source_id, target_id = [await _need(services, named) for named in (wanted.source, wanted.target)]
    if source_id == target_id:
        if wanted.source == wanted.target:
            message = "must be another customer"
            raise Invalid("Nobody is merged into themselves.", errors=[FieldError("/into", message)])
        raise AlreadyMerged
    source, target = [await services.customers.external_id(one) for one in (source_id, target_id)]
    return _Pair(source_id, target_id, source, target)


async def _need(services: Services, named: str) -> str:
    """Return our id of a customer who is named by the game's id, or by ours."""
    found = await services.customers.find(named)
    if found is not None:
        return found
    if not is_id(named, "cus"):
        raise NotFound(f"There is no customer {named}.")
    return await services.customers.need(await services.customers.external_id(named))


async def _decide(services: Services, wanted: MergeRequest, pair: _Pair) -> Plan:
    merge_id, actor = new_id("mrg"), wanted.idempotency.caller
    moves = (*CORE_MOVES, *services.moves)
    plan = Plan(
        actor=actor,
        anchors={pair.source_id, pair.target_id},
        idempotency=wanted.idempotency,
        object_id=merge_id,
        is_alone=True,
    )
    # What hangs under a third customer, as a gift does under its buyer, is written under their anchor.
    for one in moves:
        if one.anchor is not None:
            where = text(one.search(pair.source_id).where)
            rows = await services.reader.scan(select(one.table).where(where))
            plan.anchors.update(one.anchor(row) for row in rows)
    entry_id = plan.entry(KIND, about=merge_id, anchor=pair.target_id)
    plan.add(MergeCustomer("entry", merge_id, pair.source_id, pair.target_id, moves))
    _tell(services, plan, wanted, pair, entry_id)
    plan.answer = lambda outcome: Answer(200, _shown(plan, pair, outcome, is_dry_run=False))
    return plan


def _tell(services: Services, plan: Plan, wanted: MergeRequest, pair: _Pair, entry_id: str) -> None:
    facts = {"source": pair.source_id, "target": pair.target_id, "reason": wanted.reason, "entry": entry_id}
    record_action(
        plan,
        "customer.merged",
        actor=plan.actor,
        about=pair.target_id,
        facts={"id": plan.object_id, **facts},
        now=services.clock.now(),
        wall=services.clock.wall(),
    )
    told = {name: FromResults(partial(_part, name)) for name in ("wallets", "debts", "items")}
    payload = {
        "id": plan.object_id,
        "source": {"id": pair.source, "customer_id": pair.source_id},
        "target": {"id": pair.target, "customer_id": pair.target_id},
        "reason": wanted.reason,
        **told,
    }
    plan.emit("customer.merged", anchor=pair.target_id, subject=pair.source_id, payload=payload)


def _part(name: str, results: Mapping[str, Any]) -> Any:
    return results["merged"][name]


def _shown(plan: Plan, pair: _Pair, outcome: Outcome, *, is_dry_run: bool) -> bytes:
    merged: Mapping[str, Any] = outcome.results["merged"]
    return msgspec.json.encode(
        {
            "id": None if is_dry_run else plan.object_id,
            "dry_run": is_dry_run,
            "source": {"id": pair.source},
            "target": {"id": pair.target},
            "merged_at": None if is_dry_run else iso(outcome.moment.now),
            **merged,
        }
    )
