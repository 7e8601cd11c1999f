"""The steps of a plan, as data: what may be asked for in a commit.

Steps are applied in order; the first that refuses undoes all of them. ``reads.py`` says which rows each
step needs, ``apply.py`` what it does. They are structs and no dataclasses: a purchase makes a dozen and more of them,
and a struct is made in a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from storefront.core.accounts import Account
from storefront.core.commit.debts import Forgive, Owe
from storefront.core.commit.freezes import Freeze, TakeFrozen, Unfreeze
from storefront.core.commit.item_terms import COUNTED, EndOf, ExpireItem, ItemTerms
from storefront.core.commit.merging import MergeCustomer
from storefront.core.commit.passing import PassItem, PassOn
from storefront.core.commit.reversals import EndEntitlement, Restore, TakeBack
from storefront.core.commit.usage import CloseUsage, DrainUsage, MeterUsage
from storefront.core.commit.watches import Watch
from storefront.core.errors import Refused

SHOP_ANCHOR = "shop"


class Key(NamedTuple):
    """Names one row: its table, its primary key, and the anchor it hangs under (None: insert only)."""

    table: str
    id: tuple[str | int, ...]
    anchor: str | None


class Group(NamedTuple):
    """Names a few rows that are loaded together: the open lots of a wallet, the sources of a right."""

    table: str
    id: tuple[str, ...]
    anchor: str


class Otherwise(StrEnum):
    """What a counter does that would pass its limit."""

    REFUSE = "refuse"
    SKIP = "skip"
    CLIP = "clip"


class LotsOf(msgspec.Struct, frozen=True):
    """A reference to the lots that an earlier ``Spend`` drew: ``[[lot_id, amount], …]`` once applied."""

    label: str


class FromResults(msgspec.Struct, frozen=True):
    """A column's value that only the commit knows: ``render`` is pure and gets what earlier steps found out."""

    render: Callable[[Mapping[str, Any]], Any]


class LotTerms(msgspec.Struct, frozen=True):
    """What a credit to a wallet is: where it came from, what was paid for it, until when it is good."""

    source: str = "purchased"
    payment: str | None = None
    cost_amount: int | None = None
    cost_currency: str | None = None
    priority: int = 100
    expires_at: int | None = None


class IdempotencyKey(msgspec.Struct, frozen=True):
    """One intention of one caller; the fingerprint is the hash of the canonical body."""

    caller: str
    operation: str
    key: str
    fingerprint: bytes

    @property
    def row(self) -> Key:
        return Key("idempotency", (self.caller, self.operation, self.key), None)


class OpenEntry(msgspec.Struct, frozen=True):
    """Start an entry; the transfers that name its ``label`` belong to it.

    ``facts`` are kept with it for ever: a rate and its rounding, a reason. Nothing personal.
    """

    label: str
    entry_id: str
    kind: str
    about: str
    anchor: str
    reverses: str | None = None
    facts: Mapping[str, Any] | None = None


class Transfer(msgspec.Struct, frozen=True):
    """Move value between accounts that keep no lots."""

    entry: str
    source: Account
    destination: Account
    amount: int
    anchor: str


class Spend(msgspec.Struct, frozen=True):
    """Take value from a wallet; its lots are drawn in order when the plan is applied."""

    entry: str
    customer_id: str
    asset: str
    amount: int
    to: Account
    label: str = "spend"


class Deposit(msgspec.Struct, frozen=True):
    """Put value into a wallet as a lot (or into an equal one that is open)."""

    entry: str
    customer_id: str
    asset: str
    amount: int
    source: Account
    terms: LotTerms


class GrantItem(msgspec.Struct, frozen=True):
    """Give items. ``at_most`` bounds what the customer may own; 1 makes a durable.

    What lasts (``terms``) ends ``quantity`` spans after it would have; what is unique gets its numbers here, and the
    plan names the anchor of ``serial_counter``. ``instances`` are unique ones that were taken, and come back.
    """

    customer_id: str
    sku: str
    quantity: int
    about: str
    at_most: int | None = None
    expires_at: int | None = None
    bought_with: LotsOf | None = None
    cause: str = "granted"
    terms: ItemTerms = COUNTED
    instances: tuple[str, ...] = ()


class TakeItem(msgspec.Struct, frozen=True):
    """Take items away: consumed, given or taken back, as ``cause`` says.

    Of what lasts, time is taken: it ends as many spans earlier, at once if that is over. Of unique ones ``instance``
    names one, else what has no number goes first, then what ``terms.source`` gave, then the oldest. An item whose
    units have numbers is ``Stale`` for a step whose terms do not say so.
    """

    customer_id: str
    sku: str
    quantity: int
    about: str
    cause: str = "consumed"
    terms: ItemTerms = COUNTED
    instance: str | None = None


class GrantEntitlement(msgspec.Struct, frozen=True):
    """Give a right because of one source; other sources of the same right stay untouched.

    ``given_by`` is who bought it, if that is somebody else.
    """

    customer_id: str
    key: str
    value: bool | int | str
    source_type: str
    source_id: str
    sku: str | None = None
    expires_at: int | EndOf | None = None
    given_by: str | None = None


class Count(msgspec.Struct, frozen=True):
    """Add to a counter, within a limit; ``on_cross`` runs steps when a threshold is reached."""

    key: str
    anchor: str
    by: int
    at_most: int | None = None
    otherwise: Otherwise = Otherwise.REFUSE
    refusal: Refused | None = None
    on_cross: tuple[tuple[int, tuple[Step, ...]], ...] = ()


class Claim(msgspec.Struct, frozen=True):
    """Take a name that can be taken once, for ever (a gateway payment, a trial identity)."""

    key: str
    about: str
    skip_if_taken: bool = False


class Insert(msgspec.Struct, frozen=True):
    """Write a new row. With ``once`` a row that is already there wins silently, with ``replace`` it gives way."""

    table: str
    id: tuple[str | int, ...]
    anchor: str | None
    row: Mapping[str, Any]
    once: bool = False
    replace: bool = False


class Change(msgspec.Struct, frozen=True):
    """Compare and set: ``expect`` must still hold, else the plan is stale and is decided again."""

    table: str
    id: tuple[str | int, ...]
    anchor: str | None
    expect: Mapping[str, Any]
    set: Mapping[str, Any]


class Remove(msgspec.Struct, frozen=True):
    """Delete a row of a table that is not append-only, if it is there."""

    table: str
    id: tuple[str | int, ...]
    anchor: str | None


class Redact(msgspec.Struct, frozen=True):
    """Write over the one text of a row of the books that an erasure may write over (``append_only.WRITTEN_OVER``)."""

    table: str
    id: tuple[str | int, ...]
    anchor: str | None
    text: str


class Unmoved(msgspec.Struct, frozen=True):
    """The plan is stale unless nothing has happened to an anchor since this version of it."""

    anchor: str
    version: int


class StillOperator(msgspec.Struct, frozen=True):
    """The plan is refused unless an operator still has a role, and was not ended."""

    operator_id: str
    role: str

    @property
    def anchor(self) -> str:
        return f"operator:{self.operator_id}"


class Emit(msgspec.Struct, frozen=True):
    """Tell the world: an event in the anchor's sequence, written with what it tells (``FromResults`` too)."""

    anchor: str
    type: str
    subject: str
    payload: Mapping[str, Any]


class Late(msgspec.Struct, frozen=True):
    """Ask a pure function, registered by name at start, to decide with the loaded values."""

    name: str
    reads: tuple[Key | Group, ...]
    facts: Mapping[str, Any]


class PlaceHold(msgspec.Struct, frozen=True):
    """Set funds of a wallet aside until ``expires_at`` (business ms): its lots are pinned in the order of a spend."""

    hold_id: str
    customer_id: str
    asset: str
    amount: int
    expires_at: int
    reason: str


class CaptureHold(msgspec.Struct, frozen=True):
    """Take what an open hold has set aside, or a part of it; the rest is given back at once.

    ``amount`` None takes all. The entry may take nothing else out of that wallet. ``LotsOf(label)`` names
    the lots that were drawn.
    """

    entry: str
    hold_id: str
    customer_id: str
    asset: str
    to: Account
    amount: int | None = None
    label: str = "spend"


class ReleaseHold(msgspec.Struct, frozen=True):
    """Give back all that an open hold has set aside."""

    hold_id: str
    customer_id: str
    asset: str


class LapseWallet(msgspec.Struct, frozen=True):
    """Do what time has done to a wallet: holds that are over are released, lots that are over go to breakage."""

    customer_id: str
    asset: str


Step = (
    OpenEntry
    | Transfer
    | Spend
    | Deposit
    | GrantItem
    | TakeItem
    | ExpireItem
    | GrantEntitlement
    | Count
    | Claim
    | Insert
    | Change
    | Remove
    | Redact
    | Unmoved
    | StillOperator
    | Emit
    | Late
    | Restore
    | TakeBack
    | EndEntitlement
    | PlaceHold
    | CaptureHold
    | ReleaseHold
    | LapseWallet
    | Freeze
    | Unfreeze
    | TakeFrozen
    | Forgive
    | Owe
    | PassOn
    | PassItem
    | Watch
    | MeterUsage
    | DrainUsage
    | CloseUsage
    | MergeCustomer
)
