"""Apply one plan to loaded rows: pure, in memory, all or nothing.

``apply_plan(state, plan, moment)`` either changes ``state`` and returns an ``Outcome``, or raises
(``Refused`` and its kin, ``Stale``) and leaves no trace. No I/O, no clock, no randomness: what a plan may
see was loaded because it named it. This is where the shop's rules about money live.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from storefront.core.commit.answered import idempotency_row, known_answer
from storefront.core.commit.changes import describe_changes
from storefront.core.commit.debt_steps import apply_forgive, apply_owe, apply_repayment
from storefront.core.commit.debts import Forgive, Owe
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.freeze_steps import apply_freeze, apply_take_frozen, apply_unfreeze
from storefront.core.commit.freezes import Freeze, TakeFrozen, Unfreeze
from storefront.core.commit.goods_steps import (
    apply_expire_item,
    apply_grant_entitlement,
    apply_grant_item,
    apply_take_item,
)
from storefront.core.commit.hold_steps import (
    apply_capture_hold,
    apply_lapse_wallet,
    apply_place_hold,
    apply_release_hold,
    once_expired_is_free,
)
from storefront.core.commit.lapse_steps import see_to_expiry
from storefront.core.commit.ledger_steps import Books, apply_deposit, apply_entry, apply_spend, apply_transfer
from storefront.core.commit.merge_steps import apply_merge_customer
from storefront.core.commit.merging import MergeCustomer
from storefront.core.commit.outcome import (
    REVIEW_REASONS,
    CustomerMerged,
    LimitReached,
    Moment,
    Outcome,
    ReviewUnplanned,
    Stale,
    Taken,
)
from storefront.core.commit.passing import PassItem, PassOn
from storefront.core.commit.passing_items import apply_pass_item
from storefront.core.commit.passing_steps import apply_pass_on
from storefront.core.commit.plan import (
    CaptureHold,
    Change,
    Claim,
    Count,
    Deposit,
    Emit,
    ExpireItem,
    FromResults,
    GrantEntitlement,
    GrantItem,
    Insert,
    Key,
    LapseWallet,
    Late,
    LotsOf,
    OpenEntry,
    Otherwise,
    PlaceHold,
    Plan,
    ReleaseHold,
    Remove,
    Spend,
    Step,
    TakeItem,
    Transfer,
)
from storefront.core.commit.restore_steps import (
    apply_end_entitlement,
    apply_restore,
    apply_take_back,
    refuse_second_reversal,
)
from storefront.core.commit.reversals import EndEntitlement, Restore, TakeBack
from storefront.core.commit.state import Draft, NotNamed, State
from storefront.core.commit.usage import CloseUsage, DrainUsage, MeterUsage
from storefront.core.commit.usage_steps import apply_close_usage, apply_drain_usage, apply_meter_usage
from storefront.core.commit.watch_steps import apply_watch, begin_top_ups, note_spent
from storefront.core.commit.watches import Watch
from storefront.core.errors import Refused

LateAnswer = Sequence[Step] | Refused | None
LateStep = Callable[["LateView", Mapping[str, Any]], "LateAnswer | Review"]


class Review:
    """A late verdict: take the plan's ``on_review`` branch instead of its steps. The reasons are for operators."""

    def __init__(self, reasons: Sequence[str] = ()) -> None:
        self.reasons = tuple(reasons)


class _ReviewWanted(Exception):
    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons


class LateStepFailed(Exception):
    """A late step raised what is no ordinary error; its plan alone fails."""


_BOOKS = frozenset(
    {
        "entries",
        "transfers",
        "draws",
        "credits",
        "lots",
        "accounts",
        "holds",
        "freezes",
        "debts",
        "events",
        "anchors",
        "shared_entries",
    }
    | {"usage_windows", "usage_periods", "usage_accounts", "usage_lines"}
)
"""Tables that only the steps made for them write: no plan sets a balance or an entry as a row."""


_ONLY_KNOWN_THEN = frozenset({LotsOf, FromResults})


class LateView:
    """What a late step may see: the rows it named, the plan's seed, the batch's time."""

    def __init__(self, draft: Draft, plan: Plan, moment: Moment, results: dict[str, Any]) -> None:
        self._draft = draft
        self._results = results
        self.seed = plan.seed
        self.moment = moment

    def row(self, key: Key) -> Mapping[str, Any] | None:
        return self._draft.row(key)

    def tell(self, label: str, value: object) -> None:
        """Leave a finding for the plan's answer, as the other steps do: ``outcome.results[label]``."""
        self._results[label] = value


class Applying:
    """One plan under way: its draft, the open entries, and what steps found out."""

    __slots__ = ("books", "draft", "late", "moment", "outcome", "plan")

    def __init__(self, state: State, plan: Plan, moment: Moment, late: Mapping[str, LateStep]) -> None:
        self.draft = Draft(state, plan.anchors)
        self.plan = plan
        self.moment = moment
        self.late = late
        self.start_over()

    def start_over(self) -> None:
        self.draft.clear()
        self.outcome = Outcome(self.moment)
        self.books = Books(self.plan.actor, self.moment, self.outcome.results)


def apply_plan(state: State, plan: Plan, moment: Moment, late: Mapping[str, LateStep]) -> Outcome:
    """Apply ``plan`` and return its outcome.

    Raises:
        Refused: a step refused and the plan says nothing about refusals; nothing was changed.
        Stale: a row moved since the plan was decided; decide again. ``CustomerMerged``: about somebody else.
        ReviewUnplanned: a late step wants a review, and the plan leaves its road out; decide again with it.
        KeyReused, KeyInFlight: the idempotency key belongs to another body, or is still running.
    """
    applying = Applying(state, plan, moment, late)
    if plan.idempotency is not None:
        known = known_answer(applying.draft, applying.moment, plan)
        if known is not None:
            return known
    _refuse_merged(state, plan)
    try:
        _run_or_review(applying)
    except Refused as refusal:
        applying.start_over()
        if not plan.on_refused:
            raise
        _run(applying, plan.on_refused.list)
        applying.outcome.refusal = refusal
    return _finish(applying)


def _refuse_merged(state: State, plan: Plan) -> None:
    """Refuse a plan about a customer who is another one by now: whatever it wants is theirs."""
    for customer_id in state.merged:
        if customer_id in plan.anchors:
            raise CustomerMerged(customer_id)


def _run_or_review(applying: Applying) -> None:
    """Apply the plan, or what it says of a review; either may be refused. What cannot wait is a refusal."""
    plan = applying.plan
    try:
        _run(applying, plan.list)
    except _ReviewWanted as wanted:
        if plan.leaves_out_review:
            raise ReviewUnplanned from None
        applying.start_over()
        applying.outcome.results[REVIEW_REASONS] = wanted.reasons
        _run(applying, (plan.on_review or plan.on_refused).list)
        applying.outcome.is_review = True


def _run(applying: Applying, steps: Sequence[Step]) -> None:
    for step in steps:
        _APPLY[type(step)](applying, step)


def _finish(applying: Applying) -> Outcome:
    plan, draft, outcome = applying.plan, applying.draft, applying.outcome
    begin_top_ups(draft, applying.books)
    # After a merge there is no difference to tell: both sides are read anew.
    outcome.changed = {} if draft.merged else describe_changes(draft, applying.moment.now)
    for customer_id in outcome.changed:
        draft.touch(customer_id)
    outcome.versions = draft.versions()
    # A plan that was refused, or that waits for a review which nobody holds, has no answer: its key stays free.
    is_decided = outcome.refusal is None and (not outcome.is_review or len(plan.on_review) > 0)
    if plan.answer is not None and is_decided:
        outcome.answer = plan.answer(outcome)
    if plan.idempotency is not None and is_decided:
        draft.put(plan.idempotency.row, idempotency_row(plan, outcome))
    draft.keep()
    return outcome


def _open_entry(applying: Applying, step: OpenEntry) -> None:
    refuse_second_reversal(applying.draft, step)
    apply_entry(applying.books, step)


def _spend(applying: Applying, step: Spend) -> None:
    once_expired_is_free(applying.draft, applying.books, step, apply_spend)
    note_spent(applying.draft, applying.books, step)


def _deposit(applying: Applying, step: Deposit) -> None:
    rest = apply_repayment(applying.draft, applying.books, step)
    if rest is not None:
        apply_deposit(applying.draft, applying.books, rest)
        see_to_expiry(applying.draft, applying.books, rest)


def _grant_item(applying: Applying, step: GrantItem) -> None:
    apply_grant_item(applying.draft, applying.moment, applying.outcome.results, step)


def _take_item(applying: Applying, step: TakeItem) -> None:
    left = apply_take_item(applying.draft, applying.moment, step)
    applying.outcome.results[f"left:{step.sku}"] = left


def _expire_item(applying: Applying, step: ExpireItem) -> None:
    apply_expire_item(applying.draft, applying.moment, step)


def _grant_entitlement(applying: Applying, step: GrantEntitlement) -> None:
    apply_grant_entitlement(applying.draft, applying.moment, step)


def _count(applying: Applying, step: Count) -> None:
    key = Key("counters", (step.key,), step.anchor)
    row = applying.draft.row(key)
    before = 0 if row is None else row["value"]
    by = step.by
    if step.at_most is not None and before + by > step.at_most:
        if step.otherwise is Otherwise.REFUSE:
            raise step.refusal or LimitReached(limit=step.at_most, used=before)
        by = max(0, step.at_most - before) if step.otherwise is Otherwise.CLIP else 0
    applying.outcome.results[f"count:{step.key}"] = by
    if by == 0:
        return
    applying.draft.put(key, {"key": step.key, "anchor": step.anchor, "value": before + by})
    for threshold, steps in step.on_cross:
        if before < threshold <= before + by:
            _run(applying, steps)


def _claim(applying: Applying, step: Claim) -> None:
    key = Key("claims", (step.key,), None)
    row = applying.draft.row(key)
    if row is None:
        applying.draft.put(key, {"key": step.key, "about": step.about})
    elif not step.skip_if_taken:
        raise Taken(step.key, row["about"])


def _refuse_books(table: str) -> None:
    if table in _BOOKS:
        raise NotNamed(f"{table} belongs to the books: use the steps that move value, hold it and tell of it")


def _insert(applying: Applying, step: Insert) -> None:
    _refuse_books(step.table)
    key = Key(step.table, step.id, step.anchor)
    if step.once and applying.draft.row(key) is not None:
        applying.outcome.results[f"kept:{step.table}"] = True
        return
    applying.draft.put(key, _values(applying, step.row))


def _change(applying: Applying, step: Change) -> None:
    _refuse_books(step.table)
    key = Key(step.table, step.id, step.anchor)
    row = applying.draft.row(key)
    if row is None or any(row[name] != value for name, value in step.expect.items()):
        raise Stale(f"{step.table} {step.id}")
    applying.draft.put(key, {**row, **_values(applying, step.set)})


def _values(applying: Applying, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's values, with those that only the commit knows."""
    if _ONLY_KNOWN_THEN.isdisjoint(map(type, told.values())):
        return dict(told)
    values, results = dict(told), applying.outcome.results
    for name, value in told.items():
        if type(value) is LotsOf:
            values[name] = msgspec.json.encode(results.get(f"lots:{value.label}", [])).decode()
        elif type(value) is FromResults:
            values[name] = value.render(results)
    return values


def _remove(applying: Applying, step: Remove) -> None:
    _refuse_books(step.table)
    key = Key(step.table, step.id, step.anchor)
    if applying.draft.row(key) is not None:
        applying.draft.put(key, None)


def _emit(applying: Applying, step: Emit) -> None:
    told = Emit(step.anchor, step.type, step.subject, _values(applying, step.payload))
    apply_emit(applying.draft, applying.moment, told)


def _late(applying: Applying, step: Late) -> None:
    function = applying.late.get(step.name)
    if function is None:
        raise NotNamed(f"no late step is registered as {step.name}")
    view = LateView(applying.draft, applying.plan, applying.moment, applying.outcome.results)
    try:
        answer = function(view, step.facts)
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:  # foreign code that raises CancelledError or SystemExit must not end the writer
        raise LateStepFailed(f"the late step {step.name} raised {type(error).__name__}") from error
    if isinstance(answer, Refused):
        raise answer
    if isinstance(answer, Review):
        raise _ReviewWanted(answer.reasons)
    _run(applying, answer or ())


def _end_entitlement(applying: Applying, step: EndEntitlement) -> None:
    apply_end_entitlement(applying.draft, applying.moment, step)


def _place_hold(applying: Applying, step: PlaceHold) -> None:
    once_expired_is_free(applying.draft, applying.books, step, apply_place_hold)


def _capture_hold(applying: Applying, step: CaptureHold) -> None:
    apply_capture_hold(applying.draft, applying.books, step)
    note_spent(applying.draft, applying.books, step)


def _drain_usage(applying: Applying, step: DrainUsage) -> None:
    apply_drain_usage(applying.draft, applying.books, step)
    note_spent(applying.draft, applying.books, step)


def _on_books(apply: Callable[[Draft, Books, Any], None]) -> Callable[[Applying, Any], None]:
    """Return what does a step that needs nothing but the draft and the books."""
    return lambda applying, step: apply(applying.draft, applying.books, step)


_APPLY: dict[type, Callable[[Applying, Any], None]] = {
    OpenEntry: _open_entry,
    Transfer: _on_books(apply_transfer),
    Spend: _spend,
    Deposit: _deposit,
    GrantItem: _grant_item,
    TakeItem: _take_item,
    ExpireItem: _expire_item,
    GrantEntitlement: _grant_entitlement,
    Count: _count,
    Claim: _claim,
    Insert: _insert,
    Change: _change,
    Remove: _remove,
    Emit: _emit,
    Late: _late,
    Restore: _on_books(apply_restore),
    TakeBack: _on_books(apply_take_back),
    EndEntitlement: _end_entitlement,
    PlaceHold: _place_hold,
    CaptureHold: _capture_hold,
    ReleaseHold: _on_books(apply_release_hold),
    LapseWallet: _on_books(apply_lapse_wallet),
    Freeze: _on_books(apply_freeze),
    Unfreeze: _on_books(apply_unfreeze),
    TakeFrozen: _on_books(apply_take_frozen),
    Forgive: _on_books(apply_forgive),
    Owe: _on_books(apply_owe),
    PassOn: _on_books(apply_pass_on),
    PassItem: _on_books(apply_pass_item),
    Watch: _on_books(apply_watch),
    MeterUsage: _on_books(apply_meter_usage),
    DrainUsage: _drain_usage,
    CloseUsage: _on_books(apply_close_usage),
    MergeCustomer: _on_books(apply_merge_customer),
}
