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
from typing import TYPE_CHECKING, Any

from storefront.core.accounts import Account
from storefront.core.commit.debts import Forgive, MissingOf, Owe
from storefront.core.commit.freezes import Demand, Freeze, TakeFrozen, Unfreeze, WalletDemand
from storefront.core.commit.item_terms import EndOf, ExpireItem, ItemTerms
from storefront.core.commit.job_rows import job_row
from storefront.core.commit.merge_searches import searches_of
from storefront.core.commit.merging import MergeCustomer, Search
from storefront.core.commit.passing import PassItem, PassOn
from storefront.core.commit.reads import reads_of
from storefront.core.commit.reversals import EndEntitlement, LotPart, Restore, TakeBack
from storefront.core.commit.steps import (
    SHOP_ANCHOR,
    CaptureHold,
    Change,
    Claim,
    Count,
    Deposit,
    Emit,
    FromResults,
    GrantEntitlement,
    GrantItem,
    Group,
    IdempotencyKey,
    Insert,
    Key,
    LapseWallet,
    Late,
    LotsOf,
    LotTerms,
    OpenEntry,
    Otherwise,
    PlaceHold,
    ReleaseHold,
    Remove,
    Spend,
    Step,
    TakeItem,
    Transfer,
)
from storefront.core.commit.usage import CloseUsage, DrainUsage, MeterUsage
from storefront.core.commit.watches import Watch
from storefront.core.errors import Refused
from storefront.core.ids import new_id
from storefront.core.money import split_named

if TYPE_CHECKING:
    from storefront.core.commit.outcome import Answer, Outcome

__all__ = [
    "SHOP_ANCHOR",
    "CaptureHold",
    "Change",
    "Claim",
    "CloseUsage",
    "Count",
    "Demand",
    "Deposit",
    "DrainUsage",
    "Emit",
    "EndEntitlement",
    "EndOf",
    "ExpireItem",
    "Forgive",
    "Freeze",
    "FromResults",
    "GrantEntitlement",
    "GrantItem",
    "Group",
    "IdempotencyKey",
    "Insert",
    "ItemTerms",
    "Key",
    "LapseWallet",
    "Late",
    "LotPart",
    "LotTerms",
    "LotsOf",
    "MergeCustomer",
    "MeterUsage",
    "MissingOf",
    "OpenEntry",
    "Otherwise",
    "Owe",
    "PassItem",
    "PassOn",
    "PlaceHold",
    "Plan",
    "ReleaseHold",
    "Remove",
    "Restore",
    "Spend",
    "Step",
    "Steps",
    "TakeBack",
    "TakeFrozen",
    "TakeItem",
    "Transfer",
    "Unfreeze",
    "WalletDemand",
    "Watch",
]


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

    def moves_value(self, label: str = "entry") -> bool:
        """Tell whether the entry called ``label`` has a transfer so far: one without is never written.

        Of what only the commit knows (``TakeFrozen``, a partial ``TakeBack``, an ``Owe`` of what is missing) it is
        said that it moves: one of them does, if anything was demanded at all and what is missing is owed.
        """
        moving = (Transfer, Spend, Deposit, Restore, TakeBack, CaptureHold, TakeFrozen, Forgive, Owe, PassOn)
        return any(isinstance(step, moving) and step.entry == label for step in self.list)

    def split(
        self,
        total: int,
        parties: Mapping[str, tuple[Account, int]],
        *,
        source: Account,
        anchor: str,
        remainder: str = "platform",
        label: str = "entry",
    ) -> dict[str, int]:
        """Move ``total`` from ``source`` to the parties, ``name -> (account, weight)``, and return their shares.

        Each share is rounded down; what rounding leaves goes to the party called ``remainder``, which must be one
        of them. A share of zero moves nothing.
        """
        shares = split_named(total, {name: weight for name, (_, weight) in parties.items()}, remainder=remainder)
        for name, share in shares.items():
            if share:
                self.list.append(Transfer(label, source, parties[name][0], share, anchor))
        return shares

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
        row = job_row(kind, anchor=anchor, unique_key=unique_key, due_at=due_at, now=now, payload=payload)
        self.list.append(Insert("jobs", (row["id"],), anchor, row, once=True))


@dataclass(slots=True)
class Plan(Steps):
    """What one use case wants to happen, all or nothing.

    ``answer`` is called inside the commit with the outcome and must be pure; it renders the bytes that
    a retry of the same idempotency key gets. ``leaves_out_review``: the road of a review is not built, because few
    purchases take it; a late step that wants one leaves no trace, and the plan is decided again. ``is_alone``: it
    searches, and is a batch of its own.
    """

    actor: str
    anchors: set[str] = field(default_factory=set)
    idempotency: IdempotencyKey | None = None
    object_id: str | None = None
    answer: Callable[[Outcome], Answer] | None = None
    is_answer_open: bool = False
    on_refused: Steps = field(default_factory=Steps)
    on_review: Steps = field(default_factory=Steps)
    leaves_out_review: bool = False
    seed: int = 0
    is_alone: bool = False
    list: list[Step] = field(default_factory=list)

    def reads(self) -> Iterable[Key | Group]:
        """Name every row that applying this plan may need."""
        if self.idempotency is not None:
            yield self.idempotency.row
        for steps in (self.list, self.on_refused.list, self.on_review.list):
            for step in steps:
                yield from reads_of(step)

    def searches(self) -> Iterable[Search]:
        """Name what applying this plan looks up."""
        for step in self.list if self.is_alone else ():
            if isinstance(step, MergeCustomer):
                yield from searches_of(step)
