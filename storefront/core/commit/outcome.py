"""What came of a plan, and the errors that a commit can end in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storefront.core.errors import Conflict, Invalid, Refused, Unavailable
from storefront.core.ids import new_id

REVIEW_REASONS = "review_reasons"
"""What the reasons of a late step that wants a review are called among a plan's results."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes a caller gets, stored so that a retry gets them again."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where in the order a batch commits: business and wall time (ms), commit number.

    ``new_id`` makes the ids of rows that only ``apply`` knows of; it is handed in, so apply stays pure.
    """

    now: int
    wall: int
    commit_no: int
    new_id: Callable[[str], str] = new_id


@dataclass(slots=True)
class Outcome:
    """The result of one plan.

    ``versions`` is ``anchor -> (before, after)`` for anchors whose own objects changed; ``changed`` is
    ``customer id -> {"wallets": …, "items": …, "entitlements": …}`` with only what this plan touched;
    ``results`` holds what steps found out, by label (lots drawn, counts clipped).
    """

    moment: Moment
    versions: dict[str, tuple[int, int]] = field(default_factory=dict)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    answer: Answer | None = None
    is_replay: bool = False
    refusal: Refused | None = None
    is_review: bool = False

    @property
    def review_reasons(self) -> tuple[str, ...]:
        """Why a late step wanted a review, for operators."""
        return tuple(self.results.get(REVIEW_REASONS, ()))

    def customer_change(self, customer_id: str) -> Mapping[str, Any]:
        """Return the ``customer`` member of an answer: id left to the caller, versions and changes."""
        before, after = self.versions.get(customer_id, (0, 0))
        return {"from_version": before, "version": after, "changed": self.changed.get(customer_id, {})}


class Stale(Exception):
    """A row moved since the plan was decided; the use case decides again."""


class CustomerMerged(Stale, Unavailable):
    """A plan is about a customer who has become another one since it was decided, or since somebody looked them up."""

    code = "customer_merged"
    title = "This customer has just been merged into another; send it again"

    def __init__(self, customer_id: str) -> None:
        super().__init__(retry_after_seconds=1)
        self.customer_id = customer_id


class ReviewUnplanned(Stale):
    """A late verdict wants a review, the road of which the plan leaves out (``Plan.leaves_out_review``): decide again
    with it."""


class KeyReused(Invalid):
    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used with another body"


class KeyInFlight(Conflict):
    code = "idempotency_key_in_flight"
    title = "The first request with this Idempotency-Key is still running"

    def __init__(self, object_id: str | None = None, *, retry_after_seconds: int = 2) -> None:
        super().__init__()
        self.object_id = object_id
        self.retry_after_seconds = retry_after_seconds


class Taken(Refused):
    """A unique claim is already held; ``holder`` is what it was taken for."""

    code = "already_claimed"
    title = "This was already taken"

    def __init__(self, key: str, holder: str) -> None:
        super().__init__()
        self.key = key
        self.holder = holder


class InsufficientFunds(Refused):
    code = "insufficient_funds"
    title = "There is not enough in the wallet"


class ReversalTooLarge(Refused):
    code = "reversal_too_large"
    title = "That would give back more than was taken"


class ReversalOfReversal(Refused):
    code = "reversal_of_reversal"
    title = "A reversal cannot be reversed"


class LimitReached(Refused):
    code = "limit_reached"
    title = "The limit for this offer is reached"


class AlreadyOwned(Refused):
    code = "already_owned"
    title = "This is already owned"


class NotEnoughItems(Refused):
    code = "not_enough_items"
    title = "There are not enough of these in the inventory"


class NotConsumable(Refused):
    code = "not_consumable"
    title = "This is not used up by using it"


class NotTransferable(Refused):
    code = "not_transferable"
    title = "This cannot be passed on"


class HoldNotOpen(Refused):
    code = "hold_not_open"
    title = "This hold is over"


class DebtOpen(Refused):
    """``owed`` is what is left of the debt, in the smallest unit of ``asset``."""

    code = "debt_open"
    title = "This cannot be spent while there is a debt"


class WalletFull(Refused):
    code = "wallet_full"
    title = "So much does not fit: an account takes 2^53−1 of the smallest unit"


class HoldTooSmall(Refused):
    code = "hold_too_small"
    title = "The hold has set less aside than that"


class TooManyHolds(Refused):
    code = "too_many_holds"
    title = "This wallet has as many open holds as it may"


class Overloaded(Unavailable):
    code = "overloaded"
    title = "The shop is busy"


class DatabaseAway(Unavailable):
    code = "database_unavailable"
    title = "The shop cannot reach its books right now"


class CommitUnknown(Unavailable):
    """The database went away between COMMIT and its reply, and did not come back to say what became of it."""

    code = "outcome_unknown"
    title = "It is not known yet whether this happened; send it again under the same key"
