"""A payout begins: what a creator can be paid is set aside for it, decided in the commit, under the money anchor."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import bindparam, case, or_, select

from storefront.core.commit.apply import LateAnswer, LateView
from storefront.core.commit.outcome import Answer, Outcome, Stale
from storefront.core.commit.plan import (
    Count,
    Emit,
    FromResults,
    IdempotencyKey,
    Insert,
    Key,
    Late,
    Plan,
    Step,
    Steps,
    Transfer,
)
from storefront.core.errors import FieldError, Invalid, NotFound, Unavailable
from storefront.core.idempotency import answered_before
from storefront.core.ids import new_id
from storefront.core.privileged import record_action
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import accounts
from storefront.design.money import is_real
from storefront_fanfunding.accounts import MANUAL, payable, under_way
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import find_creator_id
from storefront_fanfunding.passbook import Entry, Purse, add_line, next_line
from storefront_fanfunding.payout_rows import (
    CREATED,
    IN_PROGRESS,
    PAYOUTS,
    SEND,
    PayoutNotPossible,
    payout_event,
    send_key,
    show_payout,
)
from storefront_fanfunding.rows import value_of
from storefront_fanfunding.tables import payouts

CREATE_STEP = "create_payout"
KIND = "payout.created"
TIMES_DECIDED = 8
_LABEL = "payout"
_ACCOUNT = Query(select(accounts.c.id).where(accounts.c.id == bindparam("id")))
_LAST = Query(
    select(payouts.c.line)
    .where(payouts.c.creator_id == bindparam("creator_id"), payouts.c.currency == bindparam("currency"))
    .order_by(payouts.c.line.desc())
    .limit(1)
)
_LAST_ACCOUNT = Query(
    select(payouts.c.account)
    # What waits for approval, or never had it, makes no account known.
    .where(payouts.c.creator_id == bindparam("creator_id"), payouts.c.account.is_not(None),
           or_(payouts.c.four_eyes == 0, payouts.c.approved_at.is_not(None)))
    .order_by(case((payouts.c.currency == bindparam("currency"), 0), else_=1), payouts.c.created_at.desc(),
              payouts.c.line.desc())
    .limit(1)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """A payout as an operator asks for it; without ``amount`` (minor units) all that can be paid."""

    idempotency: IdempotencyKey
    creator: str
    currency: str
    amount: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the commit decides: how much there is, and whether that is enough.

    ``since`` is the line of the last payout that was looked at: whether this one goes to the same account. If not, it
    is approved by another person, after ``waits_ms``; else that is None.
    """

    payout_id: str
    entry_id: str
    purse: Purse
    amount: int | None
    minimum: int
    pay_with: str
    account: str | None
    is_four_eyes: bool
    actor: str
    since: int
    waits_ms: int | None

    @property
    def job(self) -> Key:
        return Key("jobs", (f"job:{send_key(self.payout_id)}",), self.purse.anchor)


async def create_payout(services: Services, settings: Settings, asked: PayoutRequest) -> tuple[Answer, bool]:
    """Begin a payout, once per key; return the answer and whether it is a replay.

    Raises:
        NotFound: there is no such creator.
        PayoutNotPossible: there is less, it is below the minimum, or nobody knows where to; nothing was written.
    """

    async def work() -> tuple[Answer, bool]:
        for _ in range(TIMES_DECIDED):
            with suppress(Stale):
                return await _create(services, settings, asked)
        raise Unavailable("Too much is paid out to this creator at once; try again.")

    return await answered_before(services.reader, asked.idempotency, work())


async def check_currency(services: Services, creator: str, currency: str) -> None:
    """Refuse what is neither money nor a currency of the shop's, and was none in which the creator has earned.

    Raises:
        Invalid: it is that.
    """
    if is_real(currency) or services.catalogs.active.is_virtual(currency):
        return
    identity = await find_creator_id(services, creator)
    account = None if identity is None else payable(identity, currency).id
    if account is None or await services.reader.first(_ACCOUNT, id=account) is None:
        raise Invalid("That is no currency.", errors=[FieldError("/currency", "must be a currency, like USD")])


async def _create(services: Services, settings: Settings, asked: PayoutRequest) -> tuple[Answer, bool]:
    await check_currency(services, asked.creator, asked.currency)
    creator_id = await find_creator_id(services, asked.creator)
    if creator_id is None:
        if asked.creator not in services.catalogs.active.creators:
            raise NotFound("There is no such creator.")
        raise _too_little(0, asked.currency)
    terms = settings.terms(asked.creator)
    pay_with = terms.payout if is_real(asked.currency) else MANUAL
    if pay_with != MANUAL and terms.account is None:
        raise PayoutNotPossible("The configuration names no account of this creator's.", reason="no_account")
    purse, payout_id = Purse(creator_id, asked.currency), new_id("pyt")
    plan = Plan(actor=asked.idempotency.caller, anchors={purse.anchor}, idempotency=asked.idempotency)
    plan.object_id = payout_id
    entry_id = plan.entry(KIND, about=payout_id, anchor=purse.anchor, label=_LABEL)
    account = None if pay_with == MANUAL else terms.account
    minimum = max(1, terms.payout_min.get(asked.currency, 1))
    since, is_moved = await _look_back(services, purse, account)
    wanted = Wanted(payout_id, entry_id, purse, asked.amount, minimum, pay_with, account,
                    settings.is_four_eyes or is_moved, plan.actor, since,
                    settings.new_account_ms if is_moved else None)  # fmt: skip
    plan.add(Late(f"fanfunding.{CREATE_STEP}", (*purse.reads, purse.stated, wanted.job), {"wanted": wanted}))
    _record(services, plan, wanted, asked.creator)

    def answer(outcome: Outcome) -> Answer:
        return Answer(201, msgspec.json.encode(show_payout(outcome.results[_LABEL], asked.creator)))

    plan.answer = answer
    outcome = await services.engine.commit(plan)
    assert outcome.answer is not None, "a plan with a key and an answer is answered"
    return outcome.answer, outcome.is_replay


async def _look_back(services: Services, purse: Purse, account: str | None) -> tuple[int, bool]:
    """Return the line of the last payout, and whether ``account`` is another than the last one of the creator's that a
    payout was begun to: in this currency, else in any."""
    last = await services.reader.first(_LAST, creator_id=purse.creator_id, currency=purse.currency)
    known = await services.reader.first(_LAST_ACCOUNT, creator_id=purse.creator_id, currency=purse.currency)
    since = 0 if last is None else int(last["line"])
    return since, account is not None and known is not None and known["account"] != account


def _record(services: Services, plan: Plan, wanted: Wanted, creator: str) -> None:
    """Record who begins the payout; how much it is, only the commit knows."""
    steps = Steps()
    record_action(steps, KIND, actor=wanted.actor, about=wanted.payout_id, facts={}, now=services.clock.now(),
                  wall=services.clock.wall())  # fmt: skip
    (step,) = steps.list
    assert isinstance(step, Insert), "a record is one row"

    def facts(results: Mapping[str, Any]) -> str:
        row = results[_LABEL]
        told = {"creator": creator, **{name: row[name] for name in ("amount", "currency", "pay_with", "account")}}
        return msgspec.json.encode(told).decode()

    plan.add(msgspec.structs.replace(step, row={**step.row, "facts": FromResults(facts)}))


def create_step(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Late step: set aside what a payout takes of what can be paid, or refuse it."""
    wanted: Wanted = facts["wanted"]
    purse, there = wanted.purse, _payable(view, wanted.purse)
    amount = there if wanted.amount is None else wanted.amount
    if there == 0 or amount > there:
        return _too_little(there, purse.currency)
    if amount < wanted.minimum:
        return PayoutNotPossible(
            f"The least that is paid out is {wanted.minimum} {purse.currency}, in its smallest unit.",
            reason="below_minimum",
            payable={"amount": there, "currency": purse.currency},
            minimum={"amount": wanted.minimum, "currency": purse.currency},
        )
    if wanted.account is not None and wanted.since != value_of(view.row(purse.stated)):
        raise Stale("another payout, which may have gone elsewhere")
    return _created(view, wanted, amount)


def _payable(view: LateView, purse: Purse) -> int:
    """Return what can be paid out: what a creator owes stays, should they be given something back meanwhile."""
    return max(0, value_of(view.row(purse.payable), "balance") - value_of(view.row(purse.debt), "balance"))


def _too_little(there: int, currency: str) -> PayoutNotPossible:
    detail = f"Of this creator's money {there} {currency} can be paid now, in its smallest unit."
    return PayoutNotPossible(detail, reason="not_payable", payable={"amount": there, "currency": currency})


def _created(view: LateView, wanted: Wanted, amount: int) -> Sequence[Step]:
    purse, steps = wanted.purse, Steps()
    since, line = value_of(view.row(purse.stated)), next_line(view, purse)
    row = _row(wanted, amount, since=since, line=line, now=view.moment.now)
    view.tell(_LABEL, row)
    source = payable(purse.creator_id, purse.currency)
    steps.add(
        Transfer(_LABEL, source, under_way(purse.creator_id, purse.currency), amount, purse.anchor),
        Insert(PAYOUTS, (wanted.payout_id,), purse.anchor, row),
        Count(str(purse.stated.id[0]), purse.anchor, line - since),
    )
    add_line(view, steps, purse, Entry(wanted.entry_id, KIND, wanted.payout_id), amount=-amount)
    steps.add(Emit(purse.anchor, "payout.created", wanted.payout_id, payout_event({**row, "state": CREATED})))
    if row["state"] == IN_PROGRESS:
        add_beginning(steps, row, now=view.moment.now)
    return steps.list


def add_beginning(steps: Steps, row: Mapping[str, Any], *, now: int) -> None:
    """Add what it means that a payout is in progress from now on: its gateway is asked by a job."""
    purse = Purse(row["creator_id"], row["currency"])
    steps.emit("payout.in_progress", anchor=purse.anchor, subject=row["id"], payload=payout_event(row))
    if row["pay_with"] != MANUAL:
        steps.schedule(SEND, anchor=purse.anchor, unique_key=send_key(row["id"]), due_at=now, now=now,
                       payload={"payout": row["id"]})  # fmt: skip


def _row(wanted: Wanted, amount: int, *, since: int, line: int, now: int) -> dict[str, Any]:
    return {
        "id": wanted.payout_id,
        "creator_id": wanted.purse.creator_id,
        "currency": wanted.purse.currency,
        "state": CREATED if wanted.is_four_eyes else IN_PROGRESS,
        "pay_with": wanted.pay_with,
        "created_by": wanted.actor,
        "account": wanted.account,
        "reference": None,
        "reason": None,
        "approved_by": None,
        "amount": amount,
        "returned": 0,
        "four_eyes": int(wanted.is_four_eyes),
        "since": since,
        "line": line,
        "created_at": now,
        "updated_at": now,
        "approved_at": None,
        "paid_at": None,
        "failed_at": None,
        "approvable_from": None if wanted.waits_ms is None else now + wanted.waits_ms,
    }
