"""The steps of pay per use: count events once each, bill what is pending, write the lines of closed periods."""

from collections.abc import Collection

from storefront.core.accounts import sink
from storefront.core.commit.debt_steps import apply_owe
from storefront.core.commit.debts import Owe
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.hold_steps import capture
from storefront.core.commit.lapse_steps import lapse_lots
from storefront.core.commit.ledger_steps import Books, apply_entry
from storefront.core.commit.projection import Row
from storefront.core.commit.reads import usage_account_key
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import Emit, Key, OpenEntry
from storefront.core.commit.usage import (
    CloseUsage,
    Counted,
    DrainUsage,
    MeterUsage,
    Reading,
)
from storefront.core.commit.usage_counting import Counting
from storefront.core.commit.usage_purses import FreeFunds, open_hold, set_aside
from storefront.core.config.model_usage import PICO


def apply_meter_usage(draft: Draft, books: Books, step: MeterUsage) -> None:
    """Count each event once, in the order of the request; all of them at once where all can be paid."""
    counting = Counting(draft, books, step)
    unseen: dict[Key, Reading] = {}
    for reading in step.readings:
        if draft.row(reading.id) is None:
            unseen.setdefault(reading.id, reading)
    rejected: list[int] = []
    accepted: Collection[Key] = unseen
    duplicates = len(step.readings) - len(unseen)
    if not counting.take_all(unseen.values()):
        accepted, duplicates = _take_each(counting, step, unseen, rejected)
    for key in accepted:
        draft.put(key, {"hash": key.id[0], "received_at": books.moment.now})
    counting.put()
    if accepted:
        draft.touch(step.customer_id)
    books.results[f"usage:{step.customer_id}"] = Counted(len(accepted), duplicates, tuple(rejected))


def _take_each(
    counting: Counting, step: MeterUsage, unseen: Collection[Key], rejected: list[int]
) -> tuple[Collection[Key], int]:
    """Count events one by one, as long as there are funds; return the ids that count and how many had counted."""
    accepted: dict[Key, None] = {}
    duplicates = 0
    for reading in step.readings:
        if reading.id not in unseen or reading.id in accepted:
            duplicates += 1
        elif counting.take(reading):
            accepted[reading.id] = None
        else:
            rejected.append(reading.place)
    return accepted, duplicates


def apply_drain_usage(draft: Draft, books: Books, step: DrainUsage) -> None:
    """Bill the whole units that are pending; the fraction stays set aside. Nothing if there is none."""
    key = usage_account_key(step.customer_id, step.charge)
    found = draft.row(key)
    if found is None:
        return
    row = dict(found)
    pending = int(row["metered"]) - int(row["billed"]) - int(row["unbilled"])
    whole = pending // PICO
    hold = open_hold(draft, row)
    captured = min(whole, 0 if hold is None else int(hold["amount"]))
    owed = whole - captured if row["is_owed"] else 0
    row["drain_at"] = 0
    if captured or owed:
        _bill(draft, books, step, account=row, hold=hold, captured=captured, owed=owed)
        row["billed"] = str(int(row["billed"]) + (captured + owed) * PICO)
        if captured:
            row["hold_id"] = _back_the_rest(draft, books, row, pending - (captured + owed) * PICO)
    draft.put(key, row)


def _bill(
    draft: Draft, books: Books, step: DrainUsage, *, account: Row, hold: Row | None, captured: int, owed: int
) -> None:
    customer_id, asset = step.customer_id, step.asset
    entry_id = books.moment.new_id("ent")
    facts = {"feature": account["feature"]}
    apply_entry(books, OpenEntry("usage", entry_id, "usage.drained", account["id"], customer_id, facts=facts))
    if captured and hold is not None:
        capture(draft, books, hold, entry="usage", to=sink(asset), amount=captured, label="usage")
        lapse_lots(draft, books, customer_id, asset)
    if owed:
        apply_owe(draft, books, Owe("usage", customer_id, asset, owed, step.repay_percent, step.block_spending))
    payload = {"customer_id": customer_id, "feature": account["feature"], "asset": asset, "amount": captured + owed,
               "owed": owed}  # fmt: skip
    apply_emit(draft, books.moment, Emit(customer_id, "usage.drained", account["id"], payload))


def _back_the_rest(draft: Draft, books: Books, row: Row, rest: int) -> str | None:
    """Set the last fraction aside anew; a dispute may have frozen the unit that stood behind it."""
    units = -(-rest // PICO)
    closed = {**row, "hold_id": None}
    if units == 0 or FreeFunds(draft, books, row["customer_id"]).of(row["asset"], units) < units:
        return None
    return set_aside(draft, books, closed, units)


def apply_close_usage(draft: Draft, books: Books, step: CloseUsage) -> None:
    """Write what of a period's cost is on no line yet; the amounts of its lines make up its cost, rounded once."""
    key = Key("usage_periods", (step.customer_id, step.meter, step.charge, step.start), step.customer_id)
    row = draft.row(key)
    if row is None:
        return
    cost, lined = int(row["cost"]), int(row["lined"])
    if cost != lined or row["lines"] == 0:
        _, feature, currency = step.charge.split(":", 2)
        line = {
            "id": books.moment.new_id("uln"),
            "customer_id": step.customer_id,
            "feature": feature,
            "meter": step.meter,
            "charge": step.charge,
            "kind": "correction" if row["lines"] else "period",
            "start": step.start,
            "ends_at": row["ends_at"],
            "number": row["lines"] + 1,
            "quantity": row["quantity"],
            "cost": str(cost - lined),
            "amount": half_even(cost) - half_even(lined),
            "currency": currency,
            "created_at": books.moment.now,
        }
        draft.append("usage_lines", line)
        names = ("id", "customer_id", "feature", "kind", "start", "ends_at", "amount", "currency")
        payload = {name: line[name] for name in names}
        apply_emit(draft, books.moment, Emit(step.customer_id, "usage.invoiced", line["id"], payload))
        row = {**row, "lined": str(cost), "lines": row["lines"] + 1}
    draft.put(key, {**row, "close_at": 0})


def half_even(cost: int) -> int:
    """Round 10^-12 of the smallest unit to whole units, halves to the even one."""
    whole, rest = divmod(cost, PICO)
    return whole + int(rest * 2 > PICO or (rest * 2 == PICO and whole % 2 == 1))
