"""Adding up usage within one commit: the hour and the period of a meter, and what its quantity costs."""

from typing import Any

from storefront.core.commit.projection import Row
from storefront.core.commit.reads import unique_key, usage_period_key, usage_window_key
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import Key
from storefront.core.commit.usage import Part
from storefront.core.commit.usage_purses import Purse
from storefront.core.config.model_usage import MICRO, Aggregation, Charge


class Tally:
    """One period of one meter, as it stands while the events of a step are counted."""

    __slots__ = ("charge", "cost", "events", "key", "latest_at", "part", "priced", "purse", "quantity", "row")

    def __init__(self, draft: Draft, customer_id: str, part: Part, charge: Charge | None, purse: Purse | None) -> None:
        self.part = part
        self.charge = charge
        self.purse = purse
        self.key = usage_period_key(customer_id, part, "" if charge is None else charge.key)
        self.row: Row | None = draft.row(self.key)
        row = self.row or {"quantity": "0", "cost": "0", "events": 0, "latest_at": None}
        self.quantity, self.cost = int(row["quantity"]), int(row["cost"])
        self.events: int = row["events"]
        self.latest_at: int | None = row["latest_at"]
        self.priced = 0 if self.charge is None else self.charge.cost(self.quantity)

    def put(self, draft: Draft, *, close_at: int) -> None:
        """Keep what was counted."""
        base: dict[str, Any] = dict(self.row) if self.row is not None else self._new()
        base |= {"quantity": str(self.quantity), "cost": str(self.cost), "events": self.events,
                 "latest_at": self.latest_at, "close_at": close_at}  # fmt: skip
        draft.put(self.key, base)

    def _new(self) -> dict[str, Any]:
        customer_id, meter, charge, start = self.key.id
        return {"customer_id": customer_id, "meter": meter, "charge": charge, "start": start,
                "ends_at": self.part.ends_at, "lined": "0", "lines": 0}  # fmt: skip


class Windows:
    """The hours that a step counts in, and the different values of the periods it counts in."""

    def __init__(self, draft: Draft, customer_id: str) -> None:
        self._draft = draft
        self._customer_id = customer_id
        self._rows: dict[tuple[str, int], dict[str, Any]] = {}
        self._seen: dict[Key, int] = {}

    def quantity_after(self, tally: Tally, part: Part) -> int:
        """Return what a period's quantity becomes with one more event; nothing is kept yet."""
        match part.aggregation:
            case Aggregation.COUNT:
                return tally.quantity + MICRO
            case Aggregation.SUM:
                return tally.quantity + int(part.value)
            case Aggregation.MAX:
                return max(tally.quantity, int(part.value))
            case Aggregation.LATEST:
                is_newer = tally.latest_at is None or part.at >= tally.latest_at
                return int(part.value) if is_newer else tally.quantity
            case Aggregation.UNIQUE:
                return tally.quantity + (0 if self._is_known(part) else MICRO)

    def count(self, tally: Tally, part: Part, quantity: int) -> None:
        """Count one event: ``quantity`` is what its period's becomes."""
        row = self._row(part)
        if part.aggregation is Aggregation.MAX:
            row["quantity"] = max(row["quantity"], int(part.value))
        elif part.aggregation is Aggregation.LATEST:
            if row["latest_at"] is None or part.at >= row["latest_at"]:
                row["quantity"], row["latest_at"] = int(part.value), part.at
        else:
            row["quantity"] += quantity - tally.quantity
        row["events"] += 1
        tally.quantity = quantity
        tally.events += 1
        if part.aggregation is Aggregation.LATEST:
            tally.latest_at = part.at if tally.latest_at is None else max(tally.latest_at, part.at)
        elif part.aggregation is Aggregation.UNIQUE and not self._is_known(part):
            self._seen[unique_key(self._customer_id, part)] = part.at

    def count_sum(self, tally: Tally, part: Part, events: int, added: int) -> None:
        """Count events of one hour that add ``added`` millionths, of a meter that counts or sums."""
        row = self._row(part)
        row["quantity"] += added
        row["events"] += events
        tally.quantity += added
        tally.events += events

    def put(self) -> None:
        """Keep what was counted."""
        for row in self._rows.values():
            key = Key("usage_windows", (self._customer_id, row["meter"], row["start"]), self._customer_id)
            self._draft.put(key, {**row, "quantity": str(row["quantity"])})
        for key, seen_at in self._seen.items():
            customer_id, meter, start, value = key.id
            self._draft.put(key, {"customer_id": customer_id, "meter": meter, "start": start, "value": value,
                                  "seen_at": seen_at})  # fmt: skip

    def _is_known(self, part: Part) -> bool:
        key = unique_key(self._customer_id, part)
        return key in self._seen or self._draft.row(key) is not None

    def _row(self, part: Part) -> dict[str, Any]:
        row = self._rows.get((part.meter, part.window))
        if row is None:
            row = self._rows[part.meter, part.window] = self._load(usage_window_key(self._customer_id, part))
        return row

    def _load(self, key: Key) -> dict[str, Any]:
        row = self._draft.row(key)
        if row is not None:
            return {**row, "quantity": int(row["quantity"])}
        customer_id, meter, start = key.id
        return {"customer_id": customer_id, "meter": meter, "start": start, "quantity": 0, "events": 0,
                "latest_at": None}  # fmt: skip
