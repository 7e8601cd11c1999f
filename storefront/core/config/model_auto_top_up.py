"""The section ``auto_top_up`` as the rest of the shop sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AutoTopUp:
    """Whether customers may have their wallets topped up by themselves, and within what.

    ``minimum_below``: asset -> the lowest threshold that may be agreed to. ``most_per_day`` is per wallet and UTC day.
    """

    allowed: bool = False
    most_per_day: int = 5
    confirm_within_hours: int = 23
    minimum_below: Mapping[str, int] = field(default_factory=dict)
