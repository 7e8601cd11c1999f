"""The steps of pay per use: count events once each, bill what is pending, write the lines of closed periods."""

from typing import NamedTuple

from storefront.core.accounts import sink
from storefront.core.commit.debt_steps import apply_owe
from storefront.core.commit.debts import Owe
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.hold_steps import capture
from storefront.core.commit.job_rows import job_row
from storefront.core.commit.lapse_steps import lapse_lots
from storefront.core.commit.ledger_steps import Books, apply_entry
from storefront.core.commit.outcome import InsufficientFunds
from storefront.core.commit.projection import Row
from storefront.core.commit.reads import usage_account_key, usage_id_key
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import Emit, Key, OpenEntry
from storefront.core.commit.usage import (
    USAGE_CLOSE,
    USAGE_DRAIN,
    CloseUsage,
    Counted,
    DrainUsage,
    MeterUsage,
    Part,
    Reading,
)
from storefront.core.commit.usage_purses import FreeFunds, Purse, open_hold, set_aside
from storefront.core.commit.usage_tally import Tally, Windows
from storefront.core.config.model_usage import PICO, Charge, ChargeMode


def apply_meter_usage(draft: Draft, books: Books, step: MeterUsage) -> None:
    """Count each event once, in the order of the request."""
    counting = _Counting(draft, books, step)
    accepted = duplicates = 0
    rejected: list[int] = []
    for reading in step.readings:
        key = usage_id_key(reading.id_hash)
        if draft.row(key) is not None:
            duplicates += 1
        elif counting.take(reading):
            draft.put(key, {"hash": reading.id_hash, "received_at": books.moment.now})
            accepted += 1
        else:
            rejected.append(reading.place)
    counting.put()
    if accepted:
        draft.touch(step.customer_id)
    books.results[f"usage:{step.customer_id}"] = Counted(accepted, duplicates, tuple(rejected))


class _Change(NamedTuple):
    """What one event does to one meter: its period's new quantity, and what that costs more."""

    part: Part
    tally: Tally
    quantity: int
    cost: int


class _Counting:
    """Counts the events of one step."""

    def __init__(self, draft: Draft, books: Books, step: MeterUsage) -> None:
        self._draft = draft
        self._books = books
        self._step = step
        self._windows = Windows(draft, step.customer_id)
        self._funds = FreeFunds(draft, books, step.customer_id)
        self._tallies: dict[tuple[str, int], Tally] = {}
        self._purses: dict[str, Purse] = {}

    def take(self, reading: Reading) -> bool:
        """Count one event for all its meters, or for none if it cannot be paid; tell whether it counts."""
        changes = [self._change(part) for part in reading.parts]
        due = [one for one in changes if one.tally.purse is not None and one.tally.purse.must_pay]
        if due and not self._can_pay(due):
            return False
        if len(changes) > 1:
            # What must be paid is set aside before what need not be: both may want the same wallet's last unit.
            changes = due + [one for one in changes if one not in due]
        for part, tally, quantity, cost in changes:
            self._windows.count(tally, part, quantity)
            if cost:
                if tally.purse is not None:
                    tally.purse.pay(cost, self._funds)
                tally.cost += cost
                tally.priced += cost
        return True

    def _change(self, part: Part) -> _Change:
        tally = self._tallies.get((part.meter, part.period)) or self._tally(part)
        quantity = self._windows.quantity_after(tally, part)
        return _Change(part, tally, quantity, 0 if tally.charge is None else tally.charge.cost(quantity) - tally.priced)

    def _can_pay(self, due: list[_Change]) -> bool:
        """Tell whether the wallets can pay for all that one event must be paid for."""
        wanted: dict[str, int] = {}
        for one in due:
            purse = one.tally.purse
            assert purse is not None, "only what a purse pays for is due"
            units = purse.units_for(one.cost)
            if units == 0:
                continue
            asset = purse.charge.asset
            wanted[asset] = units = units + wanted.get(asset, 0)
            if units > self._funds.of(asset, units):
                if self._step.is_strict:
                    raise self._refusal(asset, units)
                purse.was_short = True
                return False
        return True

    def put(self) -> None:
        """Keep what was counted, and order the jobs that bill it."""
        self._windows.put()
        for tally in self._tallies.values():
            if tally.row is None or tally.events != tally.row["events"]:
                tally.put(self._draft, close_at=self._close_at(tally))
        for purse in self._purses.values():
            if purse.was_short or purse.metered != int(purse.row["metered"]):
                self._order_drain(purse)
                purse.put(self._funds)

    def _tally(self, part: Part) -> Tally:
        charge = self._step.charges.get(part.meter)
        tally = Tally(self._draft, self._step.customer_id, part, charge, self._purse(charge))
        self._tallies[part.meter, part.period] = tally
        return tally

    def _purse(self, charge: Charge | None) -> Purse | None:
        if charge is None or charge.mode is not ChargeMode.PREPAID:
            return None
        found = self._purses.get(charge.key)
        if found is None:
            found = self._purses[charge.key] = Purse(self._draft, self._books, self._step.customer_id, charge)
        return found

    def _refusal(self, asset: str, needed: int) -> InsufficientFunds:
        free = self._funds.of(asset, needed)
        return InsufficientFunds(asset=asset, required=needed, available=free, short_by=needed - free)

    def _order_drain(self, purse: Purse) -> None:
        """Order one job for all that becomes pending until it runs; it says when it has run by ``drain_at`` 0."""
        if purse.row["drain_at"] or purse.pending < PICO:
            return
        purse.row["drain_at"] = due_at = self._books.moment.now + self._step.drain_after_ms
        payload = {"customer_id": self._step.customer_id, "charge": purse.charge.key, "asset": purse.charge.asset,
                   "due_at": due_at}  # fmt: skip
        self._order(USAGE_DRAIN, f"{purse.row['id']}:{due_at}", due_at, payload)

    def _close_at(self, tally: Tally) -> int:
        """Return when the period's next line is due, and order it; a late event orders a correction."""
        if tally.charge is None or tally.charge.mode is not ChargeMode.POSTPAID or tally.part.ends_at is None:
            return 0
        if tally.row is not None and tally.row["close_at"]:
            return int(tally.row["close_at"])
        due_at = max(tally.part.ends_at, self._books.moment.now) + self._step.close_after_ms
        customer_id, meter, charge, start = tally.key.id
        payload = {"customer_id": customer_id, "meter": meter, "charge": charge, "start": start, "due_at": due_at}
        self._order(USAGE_CLOSE, f"{customer_id}:{meter}:{charge}:{start}:{due_at}", due_at, payload)
        return due_at

    def _order(self, kind: str, name: str, due_at: int, payload: Row) -> None:
        now = self._books.moment.now
        anchor = self._step.customer_id
        row = job_row(kind, anchor=anchor, unique_key=f"{kind}:{name}", due_at=due_at, now=now, payload=payload)
        self._draft.put(Key("jobs", (row["id"],), anchor), row)


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
