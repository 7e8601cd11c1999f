"""What pays for prepaid usage within one commit: the part of a wallet that is set aside for it, and what is free.

Pending usage is backed by a hold of its own, rounded up to whole units. So whatever else the customer spends, and
however long the wallet is not drained, it can be paid: a purchase sees only what is available beside it.
"""

from typing import Any

import msgspec

from storefront.core.accounts import wallet
from storefront.core.clock import LATEST_MS
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.hold_steps import release_expired
from storefront.core.commit.ledger_steps import Books, choose_lots
from storefront.core.commit.projection import Row, available_of, pins_of
from storefront.core.commit.reads import debt_key, holds_group, lots_group, usage_account_key
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import Emit, Key
from storefront.core.commit.usage import USAGE
from storefront.core.config.model_usage import PICO, Charge, OnExhausted


class FreeFunds:
    """What of each wallet can still be set aside, less what this step will set aside."""

    def __init__(self, draft: Draft, books: Books, customer_id: str) -> None:
        self._draft = draft
        self._books = books
        self._customer_id = customer_id
        self._free: dict[str, int] = {}
        self._has_released: set[str] = set()

    def of(self, asset: str, wanted: int) -> int:
        """Return what is free; if that is less than ``wanted``, holds that are over are released first."""
        if asset not in self._free:
            self._free[asset] = self._available(asset)
        if self._free[asset] < wanted and asset not in self._has_released:
            self._has_released.add(asset)
            before = self._available(asset)
            if release_expired(self._draft, self._books, self._customer_id, asset):
                self._free[asset] += self._available(asset) - before
        return self._free[asset]

    def take(self, asset: str, units: int) -> None:
        """Remember that so much will be set aside."""
        self._free[asset] -= units

    def _available(self, asset: str) -> int:
        debt = self._draft.row(debt_key(self._customer_id, asset))
        if debt is not None and debt["amount"] > 0 and debt["block_spending"]:
            return 0
        lots = self._draft.group(lots_group(wallet(self._customer_id, asset), self._customer_id))
        return available_of((lot for _, lot in lots), self._books.moment.now)


class Purse:
    """Prepaid usage of one feature by one customer, as it stands while the events of a step are counted."""

    def __init__(self, draft: Draft, books: Books, customer_id: str, charge: Charge) -> None:
        self._draft = draft
        self._books = books
        self._customer_id = customer_id
        self.charge = charge
        self.must_pay = charge.on_exhausted is OnExhausted.REJECT
        self._key = usage_account_key(customer_id, charge.key)
        self.row: dict[str, Any] = dict(draft.row(self._key) or self._new())
        self.metered, self.unbilled = int(self.row["metered"]), int(self.row["unbilled"])
        self._settled = int(self.row["billed"]) + self.unbilled
        hold = open_hold(draft, self.row)
        self.pinned = 0 if hold is None else int(hold["amount"])
        self.wanted = self.pinned
        self.was_short = False
        self.was_paid = False

    @property
    def pending(self) -> int:
        return self.metered - self._settled

    def units_for(self, cost: int) -> int:
        """Return how many more units must be set aside for usage of this cost."""
        more = -(-(self.metered - self._settled + cost) // PICO) - self.wanted
        return more if more > 0 else 0

    def pay(self, cost: int, funds: FreeFunds) -> None:
        """Count usage of this cost, set aside what it takes, and write off or owe what is not there."""
        more = self.units_for(cost)
        there = min(more, funds.of(self.charge.asset, more)) if more else 0
        self.metered += cost
        if there < more:
            self.was_short = True
            if self.charge.on_exhausted in (OnExhausted.CAP, OnExhausted.ALLOW):
                written_off = min(cost, self.pending - (self.wanted + there) * PICO)
                self.unbilled += written_off
                self._settled += written_off
        else:
            self.was_paid = True
        if there:
            self.wanted += there
            funds.take(self.charge.asset, there)

    def put(self, funds: FreeFunds) -> None:
        """Keep what was counted, set aside what it takes, and tell when the wallet begins to run out."""
        if self.wanted > self.pinned:
            self.row["hold_id"] = set_aside(self._draft, self._books, self.row, self.wanted - self.pinned)
        self.row |= {"metered": str(self.metered), "unbilled": str(self.unbilled),
                     "is_owed": int(self.charge.on_exhausted is OnExhausted.DEBT)}  # fmt: skip
        self._tell(funds)
        self._draft.put(self._key, self.row)

    def _tell(self, funds: FreeFunds) -> None:
        free, low_at = funds.of(self.charge.asset, 0), self.charge.low_at
        is_exhausted = self.was_short or (bool(self.row["is_exhausted"]) and not self.was_paid)
        is_low = low_at is not None and free <= low_at
        for name, happened, flag in (
            ("usage.low", is_low, "is_low"),
            ("usage.exhausted", is_exhausted, "is_exhausted"),
        ):
            if happened and not self.row[flag]:
                payload = {"customer_id": self._customer_id, "feature": self.charge.feature,
                           "asset": self.charge.asset, "available": free}  # fmt: skip
                apply_emit(self._draft, self._books.moment, Emit(self._customer_id, name, self.row["id"], payload))
            self.row[flag] = int(happened)

    def _new(self) -> dict[str, Any]:
        return {
            "customer_id": self._customer_id,
            "charge": self.charge.key,
            "id": self._books.moment.new_id("usg"),
            "feature": self.charge.feature,
            "asset": self.charge.asset,
            **dict.fromkeys(("metered", "billed", "unbilled"), "0"),
            "hold_id": None,
            **dict.fromkeys(("drain_at", "is_owed", "is_exhausted", "is_low"), 0),
        }


def open_hold(draft: Draft, account: Row) -> Row | None:
    """Return the hold behind an account's pending usage, if there is one."""
    if account["hold_id"] is None:
        return None
    group = holds_group(wallet(account["customer_id"], account["asset"]), account["customer_id"])
    return next((hold for _, hold in draft.group(group) if hold["id"] == account["hold_id"]
                 and hold["state"] == "open"), None)  # fmt: skip


def set_aside(draft: Draft, books: Books, account: Row, units: int) -> str:
    """Pin so many more units of the wallet behind an account's pending usage, and return the hold's id."""
    customer_id, asset = account["customer_id"], account["asset"]
    place = wallet(customer_id, asset)
    chosen = choose_lots(draft.group(lots_group(place, customer_id)), asset, units, books.moment.now)
    for address, lot, amount in chosen:
        draft.put(Key("lots", address[1], customer_id), {**lot, "held": lot["held"] + amount})
    hold = open_hold(draft, account)
    pins = {} if hold is None else dict(pins_of(hold))
    for _, lot, amount in chosen:
        pins[lot["id"]] = pins.get(lot["id"], 0) + amount
    written = {"amount": sum(pins.values()), "pins": msgspec.json.encode(list(pins.items())).decode()}
    if hold is not None:
        draft.put(Key("holds", (hold["id"],), customer_id), {**hold, **written})
        return str(hold["id"])
    row = {
        "id": books.moment.new_id("hold"),
        "customer_id": customer_id,
        "account": place.id,
        "asset": asset,
        "captured": 0,
        "state": "open",
        "reason": f"usage of {account['feature']}",
        "actor": USAGE,
        "entry_id": None,
        "created_at": books.moment.now,
        "expires_at": LATEST_MS,
        "closed_at": None,
        **written,
    }
    draft.put_member(holds_group(place, customer_id), Key("holds", (row["id"],), customer_id), row)
    return str(row["id"])
