"""The part of the typed configuration that analytics is read by."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Analytics:
    """``currency``: the one whose figures come first. ``rates``: another currency -> how many of it one of that is.

    Rates are decimals as text. Without them nothing of several currencies is ever added up.
    """

    currency: str | None = None
    rates: Mapping[str, str] = field(default_factory=dict)
