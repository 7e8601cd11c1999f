"""What an item is besides a count: whether its time runs out, and whether each unit is a thing of its own.

The terms are part of the steps that give, take and freeze items, because a plan names its rows before they are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ItemTerms:
    """How the units of one SKU behave.

    ``span``: business ms that one unit adds to the item's end; 0 for what has none. ``rights`` are the entitlement
    keys that end with it. ``is_unique``: every unit is an instance with an id and a serial number. ``source``: a
    reversal takes the instances first that this purchase, grant or opening gave.
    """

    span: int = 0
    rights: tuple[str, ...] = ()
    is_unique: bool = False
    source: str = ""

    @property
    def lasts(self) -> bool:
        """Tell whether its time runs out."""
        return self.span > 0


COUNTED = ItemTerms()
"""The terms of what is merely counted."""
NUMBERED = ItemTerms(is_unique=True)
"""The terms of what may have units that are things of their own."""


@dataclass(frozen=True, slots=True)
class EndOf:
    """The end of an item as it stands in the commit: a right that was bought with it ends when it does."""

    sku: str


@dataclass(frozen=True, slots=True)
class ExpireItem:
    """Take away an item whose time is over, and tell; one that lasts on, or is gone, stays as it is."""

    customer_id: str
    sku: str
    terms: ItemTerms = field(default=COUNTED)


def terms_of(demanded: Mapping[str, ItemTerms], sku: str) -> ItemTerms:
    """Return the terms of one SKU of a demand; what it does not name is counted."""
    return demanded.get(sku, COUNTED)
