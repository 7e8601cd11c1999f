"""What becomes of a top-up when its purchase moves: decided in the very commit that moves the purchase.

A purchase that tops a wallet up says so on its row. Whoever moves it adds one late step, which looks at the run and at
what was agreed as they are then: it counts, says how it ended, and watches the wallet again, waits, or pauses.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.auto_top_up_rows import (
    ACTION_REQUIRED,
    CHARGING,
    COMPLETED,
    DAILY_CAP,
    DAILY_COUNT,
    FAILED,
    OFF,
    ON,
    OPEN,
    PAUSED,
    WAITING,
    Link,
    count_charged,
    next_day,
    run_event,
    run_key,
    spent_key,
    terms_key,
    times_key,
    wallet_key,
)
from storefront.core.clock import HOUR_MS, iso
from storefront.core.commit.apply import LateAnswer, LateStep, LateView
from storefront.core.commit.job_rows import job_row
from storefront.core.commit.plan import Change, Emit, Group, Insert, Key, Late, Plan, Step, Watch
from storefront.core.commit.reads import wallet_reads
from storefront.core.reading import Row

MOVED, ASKED, DISTRUSTED = "auto_top_up.moved", "auto_top_up.asked", "auto_top_up.distrusted"
RETRY = "auto_top_up.retry"
MOST_FAILURES = 3
BACK_OFF_MS = (HOUR_MS, 6 * HOUR_MS)
_GONE = frozenset({"failed", "expired", "canceled", "rejected"})
_FOR_TODAY = frozenset({DAILY_CAP, DAILY_COUNT})
SOFT = frozenset({"too_many_pending", "limit_reached", "sold_out", "wallet_full", "amount_not_chargeable"})
"""Refusals before anything was charged that may be over tomorrow; all others wait for the customer."""


def note_moved(plan: Plan, purchase: Mapping[str, Any], to: str, *, reason: str | None, is_final: bool = False) -> None:
    """Add to the plan that moves a purchase what this means for the top-up it is for, if it is for one.

    ``is_final``: the payer's bank forbids to ask again.
    """
    link = Link.of(purchase)
    if link is None or to not in _GONE | {"completed"}:
        return
    told = {name: purchase[name] for name in ("customer_id", "currency", "total", "created_at")}
    facts = {"link": link, "purchase": told, "to": to, "reason": reason, "is_final": is_final}
    plan.add(Late(MOVED, _reads(purchase, link), facts))


def note_asked(plan: Plan, purchase: Mapping[str, Any], redirect_url: str | None) -> None:
    """Add to the plan that stores where a payer confirms their payment that a top-up waits for that."""
    link = Link.of(purchase)
    if link is not None and redirect_url:
        facts = {"link": link, "customer_id": purchase["customer_id"], "url": redirect_url,
                 "expires_at": purchase["expires_at"]}  # fmt: skip
        plan.add(Late(ASKED, (run_key(purchase["customer_id"], link),), facts))


def note_distrusted(plan: Plan, purchase: Mapping[str, Any], cause: str) -> None:
    """Switch off, in the plan of a dispute or a fraud warning, the top-up that made the purchase."""
    link = Link.of(purchase)
    if link is not None:
        facts = {"customer_id": purchase["customer_id"], "asset": link.asset, "cause": cause}
        customer_id = purchase["customer_id"]
        reads = (terms_key(customer_id, link.asset), *wallet_reads(customer_id, link.asset))
        plan.add(Late(DISTRUSTED, reads, facts))


def _reads(purchase: Mapping[str, Any], link: Link) -> tuple[Key | Group, ...]:
    customer_id, at = purchase["customer_id"], purchase["created_at"]
    counted = (times_key(customer_id, link.asset, at), spent_key(customer_id, link.asset, purchase["currency"], at))
    return (
        run_key(customer_id, link),
        terms_key(customer_id, link.asset),
        *wallet_reads(customer_id, link.asset),
        *(Key("counters", (key,), customer_id) for key in counted),
    )


def _moved(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Close the run that a purchase was for, or open its book again for money that came late."""
    link, purchase = facts["link"], facts["purchase"]
    customer_id = purchase["customer_id"]
    run, terms = view.row(run_key(customer_id, link)), view.row(terms_key(customer_id, link.asset))
    assert run is not None, "a purchase names a run that was written with it"
    assert terms is not None, "a run stands for what somebody agreed to"
    if facts["to"] == "completed":
        late = run["state"] == FAILED
        counts = count_charged(purchase, link.asset) if late else ()
        return (*counts, *_completed(run, terms, view.moment.now, is_late=late))
    if run["state"] not in OPEN:
        return ()
    is_unconfirmed = run["state"] == ACTION_REQUIRED and facts["to"] == "expired"
    reason = "not_confirmed" if is_unconfirmed else str(facts["reason"] or facts["to"])
    waits_for_customer = facts["is_final"] or is_unconfirmed or facts["to"] in ("canceled", "rejected")
    waits_for_customer = waits_for_customer or reason == "gateway_refused"
    failed = fail(run, terms, reason, view.moment.now, pauses=waits_for_customer)
    return (*count_charged(purchase, link.asset, sign=-1), *failed)


def _completed(run: Row, terms: Row, now: int, *, is_late: bool) -> Sequence[Step]:
    anchor = run["customer_id"]
    over = {"state": COMPLETED, "reason": None, "updated_at": now, "closed_at": now}
    steps: list[Step] = [
        Change("auto_top_up_runs", (run["id"],), anchor, {"state": run["state"]}, over),
        Emit(anchor, "auto_top_up.completed", run["id"], run_event(run)),
    ]
    # Money that came late finds another run open, perhaps: then that one will watch the wallet again.
    if is_late and terms["state"] != WAITING:
        return steps
    changes: dict[str, Any] = {}
    if terms["state"] in (ON, WAITING):
        changes = {"state": ON, "failures": 0, "reason": None, "retry_at": None}
        steps.append(Watch(anchor, run["asset"], terms["below"], expect=None))
    return [*steps, _change(terms, changes, now)]


def fail(run: Row, terms: Row, reason: str, now: int, *, pauses: bool) -> Sequence[Step]:
    """Return the steps that close an open run as failed: after a while it is tried again, or the customer is asked.

    A day that is full waits for the next. Failures in a row wait longer and longer, the third (or one that ``pauses``)
    waits for the customer.
    """
    anchor = run["customer_id"]
    failures, retry_at = _retry(terms, reason, now, pauses=pauses)
    is_on = terms["state"] == ON
    retry_at = retry_at if is_on else None
    over = {"state": FAILED, "reason": reason, "updated_at": now, "closed_at": now}
    told = run_event(run, reason=reason, retry_at=None if retry_at is None else iso(retry_at))
    steps: list[Step] = [
        Change("auto_top_up_runs", (run["id"],), anchor, {"state": run["state"]}, over),
        Emit(anchor, "auto_top_up.failed", run["id"], told),
    ]
    changes: dict[str, Any] = {}
    if is_on:
        state = PAUSED if retry_at is None else WAITING
        changes = {"state": state, "failures": failures, "reason": reason, "retry_at": retry_at}
    steps.append(_change(terms, changes, now))
    if is_on and retry_at is None:
        steps.append(Emit(anchor, "auto_top_up.paused", terms["id"], terms_event(terms, reason=reason)))
    if retry_at is not None:
        payload = {"customer_id": anchor, "asset": run["asset"]}
        row = job_row(RETRY, anchor=anchor, unique_key=f"{RETRY}:{run['id']}", due_at=retry_at, now=now,
                      payload=payload)  # fmt: skip
        steps.append(Insert("jobs", (row["id"],), anchor, row))
    return steps


def _retry(terms: Row, reason: str, now: int, *, pauses: bool) -> tuple[int, int | None]:
    """Return how many failures in a row that makes, and when it is tried again: None once it is up to the customer."""
    if reason in _FOR_TODAY:
        return terms["failures"], next_day(now)
    failures = terms["failures"] + 1
    if pauses or failures >= MOST_FAILURES:
        return failures, None
    return failures, now + BACK_OFF_MS[failures - 1]


def _asked(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Say that a payer is to confirm; once, however often the bank's page is stored."""
    anchor, link = facts["customer_id"], facts["link"]
    run = view.row(run_key(anchor, link))
    if run is None or run["state"] != CHARGING:
        return ()
    changes = {"state": ACTION_REQUIRED, "updated_at": view.moment.now}
    told = run_event(run, redirect_url=facts["url"], expires_at=iso(facts["expires_at"]))
    return (
        Change("auto_top_up_runs", (run["id"],), anchor, {"state": CHARGING}, changes),
        Emit(anchor, "auto_top_up.action_required", run["id"], told),
    )


def _distrusted(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    anchor, asset = facts["customer_id"], facts["asset"]
    terms, account = view.row(terms_key(anchor, asset)), view.row(wallet_key(anchor, asset))
    if terms is None or terms["state"] == OFF:
        return ()
    return switch_off(terms, None if account is None else account["top_up_below"], facts["cause"], view.moment.now)


def switch_off(terms: Row, armed: int | None, reason: str, now: int) -> Sequence[Step]:
    """Return the steps that end an agreement; ``armed`` is the wallet's threshold as it was read."""
    anchor = terms["customer_id"]
    return (
        _change(terms, {"state": OFF, "reason": reason, "retry_at": None}, now),
        Watch(anchor, terms["asset"], None, expect=armed),
        Emit(anchor, "auto_top_up.switched_off", terms["id"], terms_event(terms, reason=reason)),
    )


def terms_event(terms: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return what an event tells of an agreement."""
    return {**{name: terms[name] for name in ("id", "customer_id", "asset")}, **more}


def _change(terms: Row, changes: Mapping[str, Any], now: int) -> Change:
    """Change an agreement, and its version with it: whoever decided by the one before decides again."""
    told = {**changes, "updated_at": now, "version": terms["version"] + 1}
    identity = (terms["customer_id"], terms["asset"])
    return Change("auto_top_ups", identity, terms["customer_id"], {"version": terms["version"]}, told)


LATE_STEPS: Mapping[str, LateStep] = {MOVED: _moved, ASKED: _asked, DISTRUSTED: _distrusted}
"""What the engine is told at start."""
