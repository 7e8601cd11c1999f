"""What a policy is told of a charge that failed, and what it answers: when to try again.

When a renewal that was declined softly is charged again is said by a ``RetryPolicy``: the schedule of the YAML, or one
that a plugin is which the YAML names (``plugins.subscriptions.dunning.policy``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from storefront.core.money import Money


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """When a charge failed (business ms), and what its gateway said: ``declined:insufficient_funds``."""

    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class FailedCharge:
    """A charge that failed and may be tried again; amounts before tax.

    ``attempts`` are all that failed, the oldest first; the last one failed just now. ``due_at`` is when the charge was
    due first (business ms). ``pay_with`` is a gateway, or ``wallet``.
    """

    customer_id: str
    subscription: str
    invoice: str
    sku: str
    amount: Money
    pay_with: str
    due_at: int
    attempts: Sequence[FailedAttempt]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The fixed policy: a wait (ms) after each failure of one charge; then never."""

    waits: tuple[int, ...]

    def after(self, failures: int, at: int) -> int | None:
        """Return when to try again after so many failures, of which the last was at an instant."""
        return at + self.waits[failures - 1] if failures <= len(self.waits) else None


@runtime_checkable
class RetryPolicy(Protocol):
    """A plugin, or a part of one, that says when a charge which failed softly is tried again.

    It is asked after each failure, and its answer is written with that failure and told (``next_attempt_at``); a
    decline for good is never asked about. Whatever it raises, or an answer that is no time ahead, leaves that failure
    to the schedule of the YAML.
    """

    async def next_attempt(self, failed: FailedCharge) -> int | None:
        """Return when to try again (business ms, later than the last attempt), or None: never. Asked once or more."""
