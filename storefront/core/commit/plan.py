"""What a use case may ask for: a plan, as data.

A plan says *what is wanted* ("spend 120 gems from this wallet to the sink"). Lots are chosen, limits
checked and sequences given at commit time by ``apply``. A plan names its **anchors**; every row it can
change hangs under one of them, and ``apply`` refuses to touch anything else.

Steps are applied in order; the first that refuses undoes all of them, and ``on_refused`` is applied to
the same state instead. With an empty ``on_refused`` nothing is written and the idempotency key stays free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from storefront.core.accounts import Account, wallet
from storefront.core.errors import Refused
from storefront.core.ids import new_id

if TYPE_CHECKING:
    from storefront.core.commit.outcome import Answer, Outcome

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


@dataclass(frozen=True, slots=True)
class LotsOf:
    """A reference to the lots that an earlier ``Spend`` drew: ``[[lot_id, amount], …]`` once applied."""

    label: str


@dataclass(frozen=True, slots=True)
class LotTerms:
    """What a credit to a wallet is: where it came from, what was paid for it, until when it is good."""

    source: str = "purchased"
    payment: str | None = None
    cost_amount: int | None = None
    cost_currency: str | None = None
    priority: int = 100
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """One intention of one caller; the fingerprint is the hash of the canonical body."""

    caller: str
    operation: str
    key: str
    fingerprint: bytes

    @property
    def row(self) -> Key:
        return Key("idempotency", (self.caller, self.operation, self.key), None)


@dataclass(frozen=True, slots=True)
class OpenEntry:
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


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move value between accounts that keep no lots."""

    entry: str
    source: Account
    destination: Account
    amount: int
    anchor: str


@dataclass(frozen=True, slots=True)
class Spend:
    """Take value from a wallet; its lots are drawn in order when the plan is applied."""

    entry: str
    customer_id: str
    asset: str
    amount: int
    to: Account
    label: str = "spend"


@dataclass(frozen=True, slots=True)
class Deposit:
    """Put value into a wallet as a lot (or into an equal one that is open)."""

    entry: str
    customer_id: str
    asset: str
    amount: int
    source: Account
    terms: LotTerms


@dataclass(frozen=True, slots=True)
class GrantItem:
    """Give items. ``at_most`` bounds what the customer may own; 1 makes a durable."""

    customer_id: str
    sku: str
    quantity: int
    about: str
    at_most: int | None = None
    expires_at: int | None = None
    bought_with: LotsOf | None = None
    cause: str = "granted"


@dataclass(frozen=True, slots=True)
class TakeItem:
    """Take items away: consumed, given or taken back, as ``cause`` says."""

    customer_id: str
    sku: str
    quantity: int
    about: str
    cause: str = "consumed"


@dataclass(frozen=True, slots=True)
class GrantEntitlement:
    """Give a right because of one source; other sources of the same right stay untouched."""

    customer_id: str
    key: str
    value: bool | int | str
    source_type: str
    source_id: str
    sku: str | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """Add to a counter, within a limit; ``on_cross`` runs steps when a threshold is reached."""

    key: str
    anchor: str
    by: int
    at_most: int | None = None
    otherwise: Otherwise = Otherwise.REFUSE
    refusal: Refused | None = None
    on_cross: tuple[tuple[int, tuple[Step, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """Take a name that can be taken once, for ever (a gateway payment, a trial identity)."""

    key: str
    about: str
    skip_if_taken: bool = False


@dataclass(frozen=True, slots=True)
class Insert:
    """Write a new row. With ``once`` a row that is already there wins silently, with ``replace`` it gives way."""

    table: str
    id: tuple[str | int, ...]
    anchor: str | None
    row: Mapping[str, Any]
    once: bool = False
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Compare and set: ``expect`` must still hold, else the plan is stale and is decided again."""

    table: str
    id: tuple[str | int, ...]
    anchor: str
    expect: Mapping[str, Any]
    set: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete a row of a table that is not append-only, if it is there."""

    table: str
    id: tuple[str | int, ...]
    anchor: str | None


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the world: an event in the anchor's sequence, written with what it tells."""

    anchor: str
    type: str
    subject: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Late:
    """Ask a pure function, registered by name at start, to decide with the loaded values."""

    name: str
    reads: tuple[Key, ...]
    facts: Mapping[str, Any]


Step = (
    OpenEntry
    | Transfer
    | Spend
    | Deposit
    | GrantItem
    | TakeItem
    | GrantEntitlement
    | Count
    | Claim
    | Insert
    | Change
    | Remove
    | Emit
    | Late
)


class Steps:
    """A list of steps with verbs to add to it; a plan has three of them."""

    def __init__(self) -> None:
        self.list: list[Step] = []

    def __len__(self) -> int:
        return len(self.list)

    def add(self, *steps: Step) -> None:
        self.list.extend(steps)

    def entry(
        self,
        kind: str,
        *,
        about: str,
        anchor: str,
        reverses: str | None = None,
        facts: Mapping[str, Any] | None = None,
        label: str = "entry",
    ) -> str:
        """Start an entry and return its id; its transfers name ``label``."""
        entry_id = new_id("ent")
        self.list.append(OpenEntry(label, entry_id, kind, about, anchor, reverses, facts))
        return entry_id

    def count(
        self,
        key: str,
        *,
        anchor: str,
        by: int = 1,
        at_most: int | None = None,
        otherwise: Otherwise = Otherwise.REFUSE,
        refusal: Refused | None = None,
        on_cross: Sequence[tuple[int, Sequence[Step]]] = (),
    ) -> None:
        crossings = tuple((threshold, tuple(steps)) for threshold, steps in on_cross)
        self.list.append(Count(key, anchor, by, at_most, otherwise, refusal, crossings))

    def emit(self, type: str, *, anchor: str, subject: str, payload: Mapping[str, Any]) -> None:
        self.list.append(Emit(anchor, type, subject, payload))

    def schedule(
        self, kind: str, *, anchor: str, unique_key: str, due_at: int, now: int, payload: Mapping[str, Any]
    ) -> None:
        """Insert a job that is due at ``due_at`` (business ms); one that waits under ``unique_key`` already stays."""
        job_id = f"job:{unique_key}"
        row = {
            "id": job_id,
            "unique_key": unique_key,
            "anchor": anchor,
            "kind": kind,
            "payload": msgspec.json.encode(payload).decode(),
            "state": "waiting",
            "due_at": due_at,
            "attempts": 0,
            "lease_until": 0,
            "last_error": None,
            "created_at": now,
        }
        self.list.append(Insert("jobs", (job_id,), anchor, row, once=True))


@dataclass(slots=True)
class Plan(Steps):
    """What one use case wants to happen, all or nothing.

    ``answer`` is called inside the commit with the outcome and must be pure; it renders the bytes that
    a retry of the same idempotency key gets.
    """

    actor: str
    anchors: set[str] = field(default_factory=set)
    idempotency: IdempotencyKey | None = None
    object_id: str | None = None
    answer: Callable[[Outcome], Answer] | None = None
    is_answer_open: bool = False
    on_refused: Steps = field(default_factory=Steps)
    on_review: Steps = field(default_factory=Steps)
    seed: int = 0
    list: list[Step] = field(default_factory=list)

    def reads(self) -> Iterable[Key | Group]:
        """Name every row that applying this plan may need."""
        if self.idempotency is not None:
            yield self.idempotency.row
        for steps in (self.list, self.on_refused.list, self.on_review.list):
            for step in steps:
                yield from reads_of(step)


def account_key(account: Account, anchor: str) -> Key:
    return Key("accounts", (account.id,), anchor)


def lots_group(account: Account, anchor: str) -> Group:
    return Group("lots", (account.id,), anchor)


def _reads_wallet(step: Spend | Deposit) -> Iterable[Key | Group]:
    account = wallet(step.customer_id, step.asset)
    return (account_key(account, step.customer_id), lots_group(account, step.customer_id))


def _reads_transfer(step: Transfer) -> Iterable[Key | Group]:
    return [account_key(a, step.anchor) for a in (step.source, step.destination) if a.is_guarded]


def _reads_item(step: GrantItem | TakeItem) -> Iterable[Key | Group]:
    return (Key("items", (step.customer_id, step.sku), step.customer_id),)


def _reads_count(step: Count) -> Iterable[Key | Group]:
    yield Key("counters", (step.key,), step.anchor)
    for _, steps in step.on_cross:
        for nested in steps:
            yield from reads_of(nested)


def _reads_insert(step: Insert) -> Iterable[Key | Group]:
    return (Key(step.table, step.id, step.anchor),) if step.once or step.replace else ()


_READS: dict[type, Callable[[Any], Iterable[Key | Group]]] = {
    OpenEntry: lambda step: (),
    Emit: lambda step: (),
    Transfer: _reads_transfer,
    Spend: _reads_wallet,
    Deposit: _reads_wallet,
    GrantItem: _reads_item,
    TakeItem: _reads_item,
    GrantEntitlement: lambda step: (Group("entitlements", (step.customer_id, step.key), step.customer_id),),
    Count: _reads_count,
    Claim: lambda step: (Key("claims", (step.key,), None),),
    Insert: _reads_insert,
    Change: lambda step: (Key(step.table, step.id, step.anchor),),
    Remove: lambda step: (Key(step.table, step.id, step.anchor),),
    Late: lambda step: step.reads,
}


def reads_of(step: Step) -> Iterable[Key | Group]:
    """Name the rows that one step needs."""
    return _READS[type(step)](step)
