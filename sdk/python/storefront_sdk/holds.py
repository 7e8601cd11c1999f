"""Server side: set a customer's funds aside, then take them or give them back."""

from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import quote as quoted

from storefront_sdk.models import Document, Hold
from storefront_sdk.transport import Reply, Transport, understood


class Holds:
    """``shop.holds`` of a client with a server key."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def place(
        self,
        customer: str,
        asset: str,
        amount: int,
        *,
        expires_in_seconds: int,
        reason: str,
        idempotency_key: str | None = None,
    ) -> Hold:
        """Set funds aside for at most 30 days; what is held cannot be spent and does not expire.

        Raises:
            InsufficientFunds: nothing is held.
        """
        body = {
            "customer": customer,
            "asset": asset,
            "amount": amount,
            "expires_in_seconds": expires_in_seconds,
            "reason": reason,
        }
        return _hold(await self._transport.write("/v1/holds", body, key=idempotency_key))

    async def capture(self, hold: Hold | str, amount: int | None = None, *, idempotency_key: str | None = None) -> Hold:
        """Take what is held for good, or ``amount`` of it; the rest is available again.

        Raises:
            HoldNotOpen: it was captured or released before, or its time is over.
            HoldTooSmall: less than ``amount`` is held; it stays held.
        """
        body = {} if amount is None else {"amount": amount}
        return _hold(await self._transport.write(f"{_path(hold)}/capture", body, key=idempotency_key))

    async def release(self, hold: Hold | str, *, idempotency_key: str | None = None) -> Hold:
        """Give all of it back; raises ``HoldNotOpen``."""
        return _hold(await self._transport.write(f"{_path(hold)}/release", key=idempotency_key))

    async def get(self, hold: Hold | str) -> Hold:
        """Return a hold as it is now."""
        return _hold(await self._transport.read(_path(hold)))

    async def list(self, customer: str | None = None, *, state: str | None = None) -> AsyncIterator[Hold]:
        """Yield holds, newest first, a page at a time: one customer's or everybody's, in any state or in one.

        ``state`` is ``open``, ``captured``, ``released`` or ``expired``.
        """
        wanted = {"customer": customer, "state": state}
        query = {name: value for name, value in wanted.items() if value is not None}
        while True:
            document = (await self._transport.read("/v1/holds", query=query)).document
            for hold in understood(_holds, document):
                yield hold
            if document["next"] is None:
                return
            query["after"] = document["next"]


def _holds(document: Document) -> tuple[Hold, ...]:
    return tuple(Hold.of(one) for one in document["data"])


def _hold(reply: Reply) -> Hold:
    return understood(partial(Hold.of, is_replay=reply.is_replay), reply.document)


def _path(hold: Hold | str) -> str:
    return f"/v1/holds/{quoted(hold.id if isinstance(hold, Hold) else hold, safe='')}"
