"""Counting the events of one customer within one commit: what they add up to, and whether it can be paid."""

from collections.abc import Collection, Iterable
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from storefront.core.commit.job_rows import job_row
from storefront.core.commit.ledger_steps import Books
from storefront.core.commit.outcome import InsufficientFunds
from storefront.core.commit.projection import Row
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import Key
from storefront.core.commit.usage import USAGE_CLOSE, USAGE_DRAIN, MeterUsage, Part, Reading
from storefront.core.commit.usage_purses import FreeFunds, Purse
from storefront.core.commit.usage_tally import Tally, Windows
from storefront.core.config.model_usage import MICRO, PICO, Aggregation, Charge, ChargeMode

_Sums = dict[tuple[str, int], tuple[Part, int, int]]
"""(meter, hour) → one of the parts, how many events, and the quantity that they add, in millionths."""


class _Change(NamedTuple):
    """What usage does to one period of a meter: its new quantity, and what that costs more."""

    part: Part
    tally: Tally
    quantity: int
    cost: int


class Counting:
    """Counts the events of one step: all at once if they can be, otherwise one by one."""

    def __init__(self, draft: Draft, books: Books, step: MeterUsage) -> None:
        self._draft = draft
        self._books = books
        self._step = step
        self._windows = Windows(draft, step.customer_id)
        self._funds = FreeFunds(draft, books, step.customer_id)
        self._tallies: dict[tuple[str, int], Tally] = {}
        self._purses: dict[str, Purse] = {}

    def take_all(self, readings: Collection[Reading]) -> bool:
        """Count all events at once, if their meters only add up and all of it can be paid; tell whether they count.

        What is prepaid never gets cheaper by more usage, so if all of it can be paid, each event could be in its turn.
        """
        sums = self._sum_up(readings)
        if sums is None:
            return False
        added: dict[tuple[str, int], int] = {}
        for (meter, _), (part, _, quantity) in sums.items():
            added[meter, part.period] = added.get((meter, part.period), 0) + quantity
            if (meter, part.period) not in self._tallies:
                self._tally(part)
        changes = [self._added(self._tallies[name], quantity) for name, quantity in added.items()]
        if not self._has_funds(changes):
            return False
        for part, events, quantity in sums.values():
            self._windows.count_sum(self._tallies[part.meter, part.period], part, events, quantity)
        for one in changes:
            self._pay(one)
        return True

    def _sum_up(self, readings: Collection[Reading]) -> _Sums | None:
        """Add up what events say to each meter in each hour, or return None if one of them does not add up."""
        sums: _Sums = {}
        # Events of one hour that say the same share their parts, and come one after the other.
        for parts, same in groupby(readings, key=itemgetter(2)):
            events = sum(1 for _ in same)
            for part in parts:
                if part.aggregation is Aggregation.COUNT:
                    quantity = events * MICRO
                elif part.aggregation is Aggregation.SUM:
                    quantity = events * int(part.value)
                else:
                    return None
                known = sums.get((part.meter, part.window))
                before = (0, 0) if known is None else known[1:]
                sums[part.meter, part.window] = part, before[0] + events, before[1] + quantity
        return sums

    def _has_funds(self, changes: Iterable[_Change]) -> bool:
        """Tell whether the wallets have all that prepaid usage costs, whatever is to become of what they lack."""
        wanted: dict[str, int] = {}
        costs: dict[str, int] = {}
        for one in changes:
            if one.tally.purse is not None:
                charge = one.tally.purse.charge
                costs[charge.key] = costs.get(charge.key, 0) + one.cost
        for key, cost in costs.items():
            purse = self._purses[key]
            asset = purse.charge.asset
            wanted[asset] = wanted.get(asset, 0) + purse.units_for(cost)
        return all(units <= self._funds.of(asset, units) for asset, units in wanted.items() if units)

    def take(self, reading: Reading) -> bool:
        """Count one event for all its meters, or for none if it cannot be paid; tell whether it counts."""
        changes = [self._change(part) for part in reading.parts]
        due = [one for one in changes if one.tally.purse is not None and one.tally.purse.must_pay]
        if due and not self._can_pay(due):
            return False
        if len(changes) > 1:
            # What must be paid is set aside before what need not be: both may want the same wallet's last unit.
            changes = due + [one for one in changes if one not in due]
        for one in changes:
            self._windows.count(one.tally, one.part, one.quantity)
            self._pay(one)
        return True

    def _change(self, part: Part) -> _Change:
        tally = self._tallies.get((part.meter, part.period)) or self._tally(part)
        quantity = self._windows.quantity_after(tally, part)
        return _Change(part, tally, quantity, 0 if tally.charge is None else tally.charge.cost(quantity) - tally.priced)

    def _added(self, tally: Tally, added: int) -> _Change:
        quantity = tally.quantity + added
        cost = 0 if tally.charge is None else tally.charge.cost(quantity) - tally.priced
        return _Change(tally.part, tally, quantity, cost)

    def _pay(self, change: _Change) -> None:
        tally, cost = change.tally, change.cost
        if cost:
            if tally.purse is not None:
                tally.purse.pay(cost, self._funds)
            tally.cost += cost
            tally.priced += cost

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
