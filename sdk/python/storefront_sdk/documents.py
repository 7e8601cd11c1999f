"""What all answers are made of: documents of the wire, amounts of money, moments."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

Document = Mapping[str, Any]


class Money(NamedTuple):
    """An amount in the smallest unit: ``Money(499, "USD")`` is 4.99 dollars."""

    amount: int
    currency: str

    @classmethod
    def of(cls, document: Document) -> "Money":
        return cls(document["amount"], document["currency"])


def seconds(text: str) -> float:
    """Read a time of the wire: seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()
