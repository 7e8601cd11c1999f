"""What customers may give each other, as the operator said: gifts when buying, and transfers of what they have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Clawback(StrEnum):
    """What becomes of currency that was passed on, when the money that bought it is taken back."""

    FOLLOW = "follow"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Gifts:
    """Whether something may be bought for somebody else: by whom, which kinds (empty: all), how many a UTC day."""

    allowed: bool = True
    by_customers: bool = True
    kinds: tuple[str, ...] = ()
    per_day: int = 20


@dataclass(frozen=True, slots=True)
class AssetTransfers:
    """How one virtual currency may be passed on: amounts in its smallest unit, of one transfer and of one UTC day.

    ``fee_basis_points`` of each transfer go to the sink, rounded up. What money paid for rests ``hold_back_days`` in
    a wallet before it can be passed on.
    """

    minimum: int = 1
    maximum: int | None = None
    per_day: int | None = None
    fee_basis_points: int = 0
    hold_back_days: int = 0


@dataclass(frozen=True, slots=True)
class Transfers:
    """What customers may pass on: ``assets`` by code, items of offers that say ``transferable``."""

    by_customers: bool = False
    clawback: Clawback = Clawback.FOLLOW
    items_per_day: int = 100
    assets: Mapping[str, AssetTransfers] = field(default_factory=dict)
