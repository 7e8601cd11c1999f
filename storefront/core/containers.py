"""Things that their owners open to see what comes out: what the shop page asks of a kind of offer that brings such."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from storefront.core.commit.outcome import Answer
from storefront.core.commit.plan import IdempotencyKey
from storefront.core.services import Services


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Which container a customer opens, with what they add to its draw, and by which odds, if they say."""

    idempotency: IdempotencyKey
    customer_id: str
    sku: str
    client_seed: str = ""
    odds_version: str | None = None


@runtime_checkable
class Opens(Protocol):
    """A kind whose things are opened; its ``use_of`` says which of them customers open on their own."""

    async def open(self, services: Services, wanted: OpenRequest) -> tuple[Answer, bool]:
        """Open one, once per idempotency key; return the answer, whose JSON has an ``id``, and whether it is a replay.

        Raises:
            NotFound: there is no such container in the catalog.
            Conflict: there is none left, or other odds are in force now than were shown; nothing was written.
        """
        ...

    async def opening(self, services: Services, opening_id: str, *, owner: str) -> dict[str, Any]:
        """Return what came out: ``{id, sku, number, gave: {items, credits, withheld}, odds, …}``.

        Raises:
            NotFound: there is no such opening of this customer's.
        """
        ...
