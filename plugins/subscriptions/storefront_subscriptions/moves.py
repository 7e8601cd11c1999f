"""How a subscription moves inside a commit: begun, charged, paid. Late steps, which see the rows as they are then.

The purchase that pays and the period that it pays for are one commit: whatever dies, both happened, or neither.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.clock import iso
from storefront.core.commit.apply import LateAnswer, LateStep, LateView
from storefront.core.commit.job_rows import job_row
from storefront.core.commit.plan import (
    Change,
    Emit,
    EndEntitlement,
    GrantEntitlement,
    Group,
    Insert,
    Key,
    Late,
    Plan,
    Remove,
    Step,
)
from storefront.core.commit.reads import reads_of
from storefront.core.kinds import Line
from storefront_subscriptions.closing import closing_steps, terms_after, told_of
from storefront_subscriptions.config import Settings, Tier
from storefront_subscriptions.intervals import Interval, period
from storefront_subscriptions.rows import (
    ACTIVE,
    DONE,
    DROPPED,
    INCOMPLETE,
    OPEN,
    OVER,
    PAID,
    RESUMING,
    SCHEDULED,
    TRIALING,
    AlreadySubscribed,
    NotDue,
    SubscriptionOver,
    change_key,
    current_key,
    event_of,
    invoice_key,
    moved_of,
    pause_key,
)

BEGIN, CHARGE, PAY = "begin", "charge", "pay"
PLUGIN = "subscriptions"
ADVANCE = "subscriptions.advance"


def note_begun(plan: Plan, row: Mapping[str, Any], invoice: Mapping[str, Any]) -> None:
    """Add to the plan of a first purchase the subscription and invoice that it is for; refused if there is one."""
    customer_id = row["customer_id"]
    reads = (
        current_key(customer_id, row["family"]),
        Key("subscriptions", (row["id"],), customer_id),
        invoice_key(invoice["id"], customer_id),
        *reads_of(_job(row, row["created_at"])),
    )
    plan.add(Late(f"{PLUGIN}.{BEGIN}", reads, {"row": dict(row), "invoice": dict(invoice)}))


def _begin(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    row, invoice = facts["row"], facts["invoice"]
    customer_id = row["customer_id"]
    found = view.row(current_key(customer_id, row["family"]))
    if found is not None:
        return already_subscribed(found)
    current = {"customer_id": customer_id, "family": row["family"], "subscription_id": row["id"]}
    return (
        Insert("subscriptions_current", (customer_id, row["family"]), customer_id, current),
        Insert("subscriptions", (row["id"],), customer_id, row),
        Insert("subscriptions_invoices", (invoice["id"],), customer_id, invoice),
        Emit(customer_id, "subscription.created", row["id"], event_of(row)),
        _job(row, row["created_at"]),
    )


def already_subscribed(found: Mapping[str, Any]) -> AlreadySubscribed:
    """Return the refusal of a second subscription of a family; ``found`` names the one that there is."""
    held = found["subscription_id"]
    return AlreadySubscribed(f"End or change the subscription {held} instead.", subscription=held)


def note_charged(plan: Plan, row: Mapping[str, Any], invoice: Mapping[str, Any], purchase_id: str) -> None:
    """Add to the plan of a renewal's purchase that this invoice is being paid by it; refused if it is no more due."""
    customer_id = row["customer_id"]
    reads = (Key("subscriptions", (row["id"],), customer_id), invoice_key(invoice["id"], customer_id))
    facts = {"id": row["id"], "customer_id": customer_id, "invoice": invoice["id"], "attempts": invoice["attempts"],
             "purchase_id": purchase_id}  # fmt: skip
    plan.add(Late(f"{PLUGIN}.{CHARGE}", reads, facts))


def _charge(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    customer_id = facts["customer_id"]
    row = view.row(Key("subscriptions", (facts["id"],), customer_id))
    invoice = view.row(invoice_key(facts["invoice"], customer_id))
    assert row is not None, "an invoice is of a subscription"
    assert invoice is not None, "an invoice that is charged was written"
    if row["billing_state"] in OVER:
        return SubscriptionOver(subscription=row["id"])
    if invoice["state"] != OPEN or invoice["attempts"] != facts["attempts"]:
        return NotDue(invoice=invoice["id"])
    changes = {"attempts": facts["attempts"] + 1, "purchase_id": facts["purchase_id"]}
    return (Change("subscriptions_invoices", (invoice["id"],), customer_id, {"state": OPEN}, changes),)


def note_paid(plan: Plan, line: Line, settings: Settings, *, customer_id: str, purchase_id: str) -> None:
    """Add to the plan that completes a purchase what its subscription gains by it."""
    tier, rights = Tier.of(line.offer), dict(line.offer.grants)
    scheduled = line.details.get("scheduled", {"id": None, "ends": []})
    facts = {
        "id": line.details["subscription"],
        "invoice": line.details["bill"],
        "customer_id": customer_id,
        "family": tier.family,
        "purchase_id": purchase_id,
        "rights": rights,
        "trial_ms": line.details.get("trial_ms", 0),
        "grace_ms": settings.dunning.grace_ms,
        "change": scheduled["id"],
        "ends": scheduled["ends"],
        "pause": line.details.get("pause"),
    }
    reads: tuple[Key | Group, ...] = (
        Key("subscriptions", (line.details["subscription"],), customer_id),
        invoice_key(line.details["bill"], customer_id),
        *(() if scheduled["id"] is None else (change_key(scheduled["id"], customer_id),)),
        *(() if facts["pause"] is None else (pause_key(facts["pause"], customer_id),)),
        *(Group("entitlements", (customer_id, key), customer_id) for key in {*rights, *scheduled["ends"]}),
    )
    plan.add(Late(f"{PLUGIN}.{PAY}", reads, facts))


def _pay(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    customer_id = facts["customer_id"]
    row = view.row(Key("subscriptions", (facts["id"],), customer_id))
    invoice = view.row(invoice_key(facts["invoice"], customer_id))
    assert row is not None, "what is paid was begun"
    assert invoice is not None, "what is paid was asked for"
    if row["billing_state"] in OVER:
        return SubscriptionOver(subscription=row["id"])
    if invoice["state"] != OPEN:
        return NotDue(invoice=invoice["id"])
    changes, spans = _gained(row, invoice, facts, view.moment.now)
    after = {**row, **changes}
    access_until = never_back(row, until(after, facts["grace_ms"]), view.moment.now)
    rights = rights_until(after, facts["rights"], access_until)
    closed = {"state": PAID, "purchase_id": facts["purchase_id"], "closed_at": view.moment.now, **spans}
    return (
        Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]},
               {**changes, "access_until": access_until}),
        Change("subscriptions_invoices", (invoice["id"],), customer_id, {"state": OPEN}, closed),
        *_carried_out(view, row, after, facts),
        *_resumed(row, spans["period_start"], facts, view.moment.now),
        *(EndEntitlement(customer_id, key, row["id"]) for key in facts["ends"]),
        *rights,
        Emit(customer_id, _event(row, after), row["id"],
             moved_of(after, invoice=invoice["id"], purchase=facts["purchase_id"],
                      amount={"amount": invoice["total"], "currency": invoice["currency"]},
                      period=invoice["period"], attempts=invoice["attempts"], at=iso(after["period_end"]))),
    )  # fmt: skip


def _carried_out(
    view: LateView, row: Mapping[str, Any], after: Mapping[str, Any], facts: Mapping[str, Any]
) -> Sequence[Step]:
    """Return the steps that say that the change which waited for this period is done."""
    if facts["change"] is None:
        return ()
    made = view.row(change_key(facts["change"], row["customer_id"]))
    assert made is not None, "an invoice names a change that was written before it"
    closed = {"state": DONE, "closed_at": view.moment.now, "purchase_id": facts["purchase_id"]}
    told = told_of(after, {**made, **closed}, before=row["sku"])
    return (
        Change("subscriptions_changes", (made["id"],), row["customer_id"], {"state": SCHEDULED}, closed),
        Emit(row["customer_id"], "subscription.changed", row["id"], told),
    )


def _resumed(row: Mapping[str, Any], start: int | None, facts: Mapping[str, Any], now: int) -> Sequence[Step]:
    """Return the step that says that the pause is over which this period ends."""
    if facts["pause"] is None:
        return ()
    closed = {"state": DONE, "resumed_at": start, "closed_at": now}
    return (Change("subscriptions_pauses", (facts["pause"],), row["customer_id"], {"state": RESUMING}, closed),)


def _gained(
    row: Mapping[str, Any], invoice: Mapping[str, Any], facts: Mapping[str, Any], now: int
) -> tuple[dict[str, Any], dict[str, int | None]]:
    """Return how the subscription changes, and the span that the invoice has paid for."""
    stays = {"failures": 0, "next_attempt_at": None, "reason": None, "updated_at": now, "version": row["version"] + 1}
    is_first = row["billing_state"] == INCOMPLETE
    if is_first and facts["trial_ms"]:
        end = now + facts["trial_ms"]
        gained = {"billing_state": TRIALING, "anchor": end, "period_start": now, "period_end": end}
        return {**stays, **gained}, {"period_start": now, "period_end": end}
    anchor, first = now if invoice["anchor"] is None else invoice["anchor"], invoice["anchor_period"]
    span = period(anchor, Interval.parse(invoice["interval"]), invoice["period"] - first)
    is_late = facts["pause"] is not None and invoice["period_start"] is not None
    start = invoice["period_start"] if is_late else span.start
    gained = {"billing_state": ACTIVE, "anchor": anchor, "anchor_period": first, "period": invoice["period"],
              "period_start": start, "period_end": span.end}  # fmt: skip
    if facts["pause"] is not None:
        gained["pause_id"] = None
    if facts["change"] is not None:
        gained["change_id"] = None
    spans = {"period_start": start, "period_end": span.end, "anchor": anchor}
    return {**stays, **terms_after(row, invoice), **gained}, spans


def _event(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if after["billing_state"] == TRIALING:
        return "subscription.trial_started"
    if before["billing_state"] == INCOMPLETE:
        return "subscription.started"
    return "subscription.renewed" if before["pause_id"] == after["pause_id"] else "subscription.resumed"


def until(row: Mapping[str, Any], grace_ms: int) -> int:
    """Return when access ends if nothing more happens: with the period, or a grace later where a renewal follows.

    So nobody is locked out between a period's end and its renewal's charge, however long a server was down. No renewal
    follows a period that ends in a pause; one that was given follows also where nothing is renewed.
    """
    is_last = (row["ends_with_period"] and not row["gifted"]) or row["pause_id"] is not None
    return int(row["period_end"]) + (0 if is_last else grace_ms)


def never_back(row: Mapping[str, Any], access_until: int, now: int) -> int:
    """Return when access ends by a rule (business ms), but not before now where it has gone on: what was had was had.

    ``row`` is of the subscription as it stood.
    """
    return max(access_until, min(now, row["access_until"] or 0))


def renewed_rights(row: Mapping[str, Any], rights: Mapping[str, Any], grace_ms: int) -> Sequence[Step]:
    """Return the steps that give a subscription's rights until its access ends."""
    return rights_until(row, rights, until(row, grace_ms))


def rights_until(row: Mapping[str, Any], rights: Mapping[str, Any], expires_at: int) -> Sequence[Step]:
    return [
        GrantEntitlement(
            row["customer_id"], key, value, "subscription", row["id"], sku=row["sku"], expires_at=expires_at
        )
        for key, value in rights.items()
    ]


def ending(
    row: Mapping[str, Any],
    rights: Mapping[str, Any],
    state: str,
    *,
    reason: str,
    access_until: int,
    now: int,
    change: Mapping[str, Any] | None,
    pause: Mapping[str, Any] | None,
    uncollectible: Mapping[str, Any] | None = None,
) -> Sequence[Step]:
    """Return the steps that end a subscription: its rights end at ``access_until``, or now if that is past.

    ``change`` is the one that was agreed to and not done, if there is one: it is dropped, as is a ``pause`` that is not
    over. What was given to it is let go of by ``gifts.letting_go``. ``uncollectible`` is the invoice of a renewal that
    is given up with it.
    """
    customer_id = row["customer_id"]
    changes = {"billing_state": state, "reason": reason, "ended_at": now, "next_attempt_at": None, "updated_at": now,
               "access_until": access_until, "change_id": None, "pause_id": None, "gifted": 0,
               "version": row["version"] + 1}  # fmt: skip
    given_up = None
    if uncollectible is not None and uncollectible["period"] > 0:
        given_up = {"amount": uncollectible["total"], "currency": uncollectible["currency"]}
    left: Sequence[Step] = (
        [EndEntitlement(customer_id, key, row["id"]) for key in rights]
        if access_until <= now
        else rights_until(row, rights, access_until)
    )
    return (
        Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, changes),
        Remove("subscriptions_current", (customer_id, row["family"]), customer_id),
        *left,
        *(() if change is None else closing_steps(row, change, DROPPED, now)),
        *(() if pause is None else (pause_closed(row, pause, DROPPED, now),)),
        Emit(customer_id, f"subscription.{state}", row["id"],
             moved_of({**row, **changes}, reason=reason, at=iso(access_until), uncollectible=given_up)),
    )  # fmt: skip


def pause_closed(row: Mapping[str, Any], pause: Mapping[str, Any], state: str, now: int) -> Change:
    """Return the step that closes a pause from which nothing is resumed."""
    closed = {"state": state, "closed_at": now}
    return Change("subscriptions_pauses", (pause["id"],), row["customer_id"], {"state": pause["state"]}, closed)


def _job(row: Mapping[str, Any], due_at: int) -> Insert:
    """Order the one job that goes on with a subscription as long as there is anything to do."""
    made = job_row(ADVANCE, anchor=row["customer_id"], unique_key=f"{ADVANCE}:{row['id']}", due_at=due_at,
                   now=row["created_at"], payload={"subscription": row["id"]})  # fmt: skip
    return Insert("jobs", (made["id"],), row["customer_id"], made, once=True)


LATE_STEPS: Mapping[str, LateStep] = {BEGIN: _begin, CHARGE: _charge, PAY: _pay}
