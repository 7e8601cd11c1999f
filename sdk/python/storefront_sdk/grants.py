"""Server side: give by hand."""

from functools import partial

from storefront_sdk.models import Grant
from storefront_sdk.transport import Transport, understood


class Grants:
    """``shop.grants`` of a client with a server or operator key."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        customer: str,
        *,
        reason: str,
        asset: str | None = None,
        amount: int | None = None,
        expires_at: str | None = None,
        sku: str | None = None,
        quantity: int | None = None,
        idempotency_key: str | None = None,
    ) -> Grant:
        """Give a customer ``amount`` of a virtual ``asset``, or ``quantity`` of an offer's goods; nobody pays.

        Raises:
            AlreadyOwned, LimitReached: the customer may not own (so many) more; nothing was given.
            Unavailable: what happened is unknown; call again with the same ``idempotency_key``.
        """
        wanted = {
            "customer": customer,
            "reason": reason,
            "asset": asset,
            "amount": amount,
            "expires_at": expires_at,
            "sku": sku,
            "quantity": quantity,
        }
        body = {name: value for name, value in wanted.items() if value is not None}
        reply = await self._transport.write("/v1/grants", body, key=idempotency_key)
        return understood(partial(Grant.of, is_replay=reply.is_replay), reply.document)

    async def get(self, grant_id: str) -> Grant:
        """Return a grant."""
        return understood(Grant.of, (await self._transport.read(f"/v1/grants/{grant_id}")).document)
