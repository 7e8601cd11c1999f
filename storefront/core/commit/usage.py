"""The steps of pay per use, as data: count usage events, bill what they cost, write the line of a closed period.

A step takes all events of one customer in a batch at once; ``usage_steps.py`` says what it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from storefront.core.config.model_usage import Aggregation, Charge, ChargeMode

if TYPE_CHECKING:
    from storefront.core.commit.steps import Key

USAGE = "usage"
"""Who places the holds behind pending usage; no caller has this name, so nobody else may capture or release them."""
USAGE_DRAIN = "usage.drain"
USAGE_CLOSE = "usage.close"


class Part(NamedTuple):
    """What one event says to one meter: where it counts, when it was, and its value.

    ``window`` and ``period`` are the UTC starts of its hour and period, ``ends_at`` the period's end (None: never).
    ``value`` is in millionths, of ``unique`` the hash of a text. Events that only count may share the part of one of
    them, with its time.
    """

    meter: str
    aggregation: Aggregation
    window: int
    period: int
    ends_at: int | None
    at: int
    value: int | str


class Reading(NamedTuple):
    """One event: its place in the request, the row of its (source, id), and what it says to each meter."""

    place: int
    id: Key
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class MeterUsage:
    """Count events of one customer, each once; those that cannot be paid are refused as their charge says.

    ``charges`` is meter → what it costs. ``results["usage:<customer>"]`` is a ``Counted``. With ``is_strict`` usage
    that cannot be paid refuses the plan (``InsufficientFunds``).
    """

    customer_id: str
    readings: tuple[Reading, ...]
    charges: Mapping[str, Charge]
    drain_after_ms: int
    close_after_ms: int
    is_strict: bool = False

    def charge_keys(self) -> Mapping[str, str]:
        """Return meter → the key under which its periods are kept; a meter that is not in it has the empty one."""
        return {meter: charge.key for meter, charge in self.charges.items()}

    def prepaid(self) -> Iterable[Charge]:
        """Yield the charges that drain a wallet."""
        return (charge for charge in self.charges.values() if charge.mode is ChargeMode.PREPAID)


class Counted(NamedTuple):
    """What became of a step's events: how many count now, how many had counted before, which cannot be paid."""

    accepted: int
    duplicates: int
    rejected: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DrainUsage:
    """Move the whole units of pending usage out of the wallet, by one entry; the fraction stays pending.

    Of usage that may be owed, what the wallet lacks becomes a debt on these terms.
    """

    customer_id: str
    charge: str
    asset: str
    repay_percent: int = 100
    block_spending: bool = False


@dataclass(frozen=True, slots=True)
class CloseUsage:
    """Write the line of a period of postpaid usage, or a line that corrects those it has."""

    customer_id: str
    meter: str
    charge: str
    start: int
