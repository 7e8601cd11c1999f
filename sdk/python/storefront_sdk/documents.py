"""What all answers are made of: documents of the wire, and amounts of money."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Document = Mapping[str, Any]


class Money(NamedTuple):
    """An amount in the smallest unit: ``Money(499, "USD")`` is 4.99 dollars."""

    amount: int
    currency: str

    @classmethod
    def of(cls, document: Document) -> "Money":
        return cls(document["amount"], document["currency"])
