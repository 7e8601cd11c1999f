"""The steps that set funds aside: a hold pins lots; it is captured, released or over, once.

What a hold pins neither lapses nor is spent by others. A hold whose time is over pins nothing for anybody
who looks; the first plan that needs its funds, or its job, releases it.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from storefront.core.accounts import Account, wallet
from storefront.core.commit.debt_steps import collect_what_is_given_back, refuse_while_owing
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.freeze_rows import freeze_what_is_given_back
from storefront.core.commit.job_rows import HOLD_EXPIRE, hold_job_id, hold_key, job_row
from storefront.core.commit.lapse_steps import lapse_lots
from storefront.core.commit.ledger_steps import Books, Part, choose_lots, draw_lots
from storefront.core.commit.outcome import DebtOpen, HoldNotOpen, HoldTooSmall, InsufficientFunds, TooManyHolds
from storefront.core.commit.passing import PassOn
from storefront.core.commit.projection import Row, in_order_of_expiry, is_over, pins_of
from storefront.core.commit.reads import holds_group, lots_group
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import CaptureHold, Emit, Key, LapseWallet, PlaceHold, ReleaseHold, Spend
from storefront.core.commit.usage import USAGE
from storefront.core.errors import NotFound

MOST_OPEN_HOLDS = 256
Taking = TypeVar("Taking", Spend, PlaceHold, PassOn)


def once_expired_is_free(
    draft: Draft, books: Books, step: Taking, apply: Callable[[Draft, Books, Taking], None]
) -> None:
    """Apply a step that needs funds; if it is short, or a debt blocks it, first release the holds that are over."""
    try:
        refuse_while_owing(draft, step)
        apply(draft, books, step)
    except (DebtOpen, InsufficientFunds, TooManyHolds):
        if not release_expired(draft, books, step.customer_id, step.asset):
            raise
        refuse_while_owing(draft, step)
        apply(draft, books, step)


def apply_place_hold(draft: Draft, books: Books, step: PlaceHold) -> None:
    """Pin lots in drain order, write the hold, and order the job that ends it."""
    account, now = wallet(step.customer_id, step.asset), books.moment.now
    holds = holds_group(account, step.customer_id)
    if sum(hold["state"] == "open" for _, hold in draft.group(holds)) >= MOST_OPEN_HOLDS:
        raise TooManyHolds(limit=MOST_OPEN_HOLDS)
    chosen = choose_lots(draft.group(lots_group(account, step.customer_id)), step.asset, step.amount, now)
    for address, lot, amount in chosen:
        draft.put(Key("lots", address[1], step.customer_id), {**lot, "held": lot["held"] + amount})
    row = _hold_row(books, step, account, chosen)
    draft.put_member(holds, Key("holds", (step.hold_id,), step.customer_id), row)
    job = job_row(
        HOLD_EXPIRE,
        anchor=step.customer_id,
        unique_key=hold_key(step.hold_id),
        due_at=step.expires_at,
        now=now,
        payload={"customer_id": step.customer_id, "asset": step.asset, "due_at": step.expires_at},
    )
    draft.put(Key("jobs", (job["id"],), step.customer_id), job)
    _tell(draft, books, row, "hold.placed")


def apply_capture_hold(draft: Draft, books: Books, step: CaptureHold) -> None:
    """Take from the pinned lots, in the order in which they were pinned; the rest is free again."""
    hold = _need_open(draft, books, step)
    amount = hold["amount"] if step.amount is None else step.amount
    if amount > hold["amount"]:
        raise HoldTooSmall(held=hold["amount"], required=amount)
    capture(draft, books, hold, entry=step.entry, to=step.to, amount=amount, label=step.label)
    _strike_job(draft, step)
    lapse_lots(draft, books, step.customer_id, step.asset)


def capture(draft: Draft, books: Books, hold: Row, *, entry: str, to: Account, amount: int, label: str) -> None:
    """Take an amount of an open hold by the entry, give back the rest, and close the hold."""
    _unpin(draft, hold)
    taken = _first_of(draft, hold, amount)
    source, anchor = wallet(hold["customer_id"], hold["asset"]), hold["customer_id"]
    drawn = draw_lots(draft, books, entry=entry, source=source, to=to, anchor=anchor, taken=taken)
    books.results[f"lots:{label}"] = drawn
    captured = {lot["id"]: part for _, lot, part in taken}
    _give_back(draft, books, hold, ((lot, pin - captured.get(lot, 0)) for lot, pin in pins_of(hold)))
    _close(draft, books, hold, "captured", captured=amount, entry_id=books.entries[entry].entry_id)


def apply_release_hold(draft: Draft, books: Books, step: ReleaseHold) -> None:
    """Give all of it back; what lapsed meanwhile lapses now."""
    hold = _need_open(draft, books, step)
    _let_go(draft, books, hold)
    _close(draft, books, hold, "released")
    _strike_job(draft, step)
    lapse_lots(draft, books, step.customer_id, step.asset)


def apply_lapse_wallet(draft: Draft, books: Books, step: LapseWallet) -> None:
    """Release the holds that are over and lapse the lots that are; nothing if none is."""
    release_expired(draft, books, step.customer_id, step.asset)
    lapse_lots(draft, books, step.customer_id, step.asset)


def release_expired(draft: Draft, books: Books, customer_id: str, asset: str) -> bool:
    """Release the open holds of a wallet whose time is over, in that order; tell whether there were any."""
    group = holds_group(wallet(customer_id, asset), customer_id)
    holds = [hold for _, hold in draft.group(group) if hold["state"] == "open" and is_over(hold, books.moment.now)]
    for hold in in_order_of_expiry(holds):
        _let_go(draft, books, hold)
        _close(draft, books, hold, "expired")
    if holds:
        lapse_lots(draft, books, customer_id, asset)
    return bool(holds)


def _need_open(draft: Draft, books: Books, step: CaptureHold | ReleaseHold) -> Row:
    hold = draft.row(Key("holds", (step.hold_id,), step.customer_id))
    if hold is None or hold["account"] != wallet(step.customer_id, step.asset).id:
        raise NotFound("There is no such hold.")
    if is_over(hold, books.moment.now):
        state = "expired" if hold["state"] == "open" else hold["state"]
        raise HoldNotOpen(state=state, captured=hold["captured"])
    return hold


def _let_go(draft: Draft, books: Books, hold: Row) -> None:
    """Give back all that a hold pins."""
    _unpin(draft, hold)
    _give_back(draft, books, hold, pins_of(hold))


def _give_back(draft: Draft, books: Books, hold: Row, parts: Iterable[tuple[str, int]]) -> None:
    """Give parts of lots back: what an open freeze waits for is frozen at once, what a taken one does pays its debt."""
    left = freeze_what_is_given_back(draft, hold, parts)
    collect_what_is_given_back(draft, books, hold, left)


def _unpin(draft: Draft, hold: Row) -> None:
    for key, lot, amount in _pinned(draft, hold):
        draft.put(key, {**lot, "held": lot["held"] - amount})


def _first_of(draft: Draft, hold: Row, amount: int) -> list[Part]:
    """Return the parts of a hold's pins that make up ``amount``, in their order."""
    taken: list[Part] = []
    for key, lot, pinned in _pinned(draft, hold):
        part = min(amount, pinned)
        if part > 0:
            taken.append(((key.table, key.id), lot, part))
            amount -= part
    return taken


def _pinned(draft: Draft, hold: Row) -> Iterable[tuple[Key, Row, int]]:
    for lot_id, amount in pins_of(hold):
        key = Key("lots", (lot_id,), hold["customer_id"])
        lot = draft.row(key)
        assert lot is not None, "what is pinned is left in its lot, so the lot is open and was loaded"
        yield key, lot, amount


def _close(
    draft: Draft, books: Books, hold: Row, state: str, *, captured: int = 0, entry_id: str | None = None
) -> None:
    closed_at = hold["expires_at"] if state == "expired" else books.moment.now
    changes = {"state": state, "captured": captured, "entry_id": entry_id, "closed_at": closed_at}
    row = {**hold, **changes}
    draft.put(Key("holds", (hold["id"],), hold["customer_id"]), row)
    _tell(draft, books, row, f"hold.{state}")


def _strike_job(draft: Draft, step: CaptureHold | ReleaseHold) -> None:
    key = Key("jobs", (hold_job_id(step.hold_id),), step.customer_id)
    if draft.row(key) is not None:
        draft.put(key, None)


def _tell(draft: Draft, books: Books, row: Row, event: str) -> None:
    books.results[f"hold:{row['id']}"] = row
    if row["actor"] == USAGE:
        return  # it grows with every call: ``usage.drained`` tells what it took
    shown: tuple[str, ...] = ("id", "customer_id", "asset", "amount", "captured", "state")
    if event == "hold.placed":
        shown += ("reason", "expires_at")
    payload = {name: row[name] for name in shown}
    apply_emit(draft, books.moment, Emit(row["customer_id"], event, row["id"], payload))


def _hold_row(books: Books, step: PlaceHold, account: Account, chosen: list[Part]) -> dict[str, Any]:
    pins = [[lot["id"], amount] for _, lot, amount in chosen]
    return {
        "id": step.hold_id,
        "customer_id": step.customer_id,
        "account": account.id,
        "asset": step.asset,
        "amount": step.amount,
        "captured": 0,
        "state": "open",
        "pins": msgspec.json.encode(pins).decode(),
        "reason": step.reason,
        "actor": books.actor,
        "entry_id": None,
        "created_at": books.moment.now,
        "expires_at": step.expires_at,
        "closed_at": None,
    }
