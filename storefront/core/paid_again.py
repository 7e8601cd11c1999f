"""What a kind may also be whose offers are paid again and again: the console says each price with how often."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from storefront.core.config.model import Offer


@runtime_checkable
class PaidAgain(Protocol):
    """A kind whose offers are paid again and again, at a price of its own for each interval."""

    def prices_each(self, offer: Offer) -> Mapping[str, Mapping[str, int]]:
        """Return how often, in words (``a month``, ``every 3 months``) -> asset -> amount; the usual one first."""
        ...
