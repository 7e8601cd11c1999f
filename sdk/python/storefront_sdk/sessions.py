"""Server side: vouch for a customer."""

from storefront_sdk.models import Session
from storefront_sdk.transport import Transport, understood


class Sessions:
    """``shop.sessions`` of a client with a server key."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, customer: str, *, ttl_seconds: int | None = None, country: str | None = None) -> Session:
        """Mint a session for a customer, who is made on first sight; the token goes to the game's client."""
        wanted = {"customer": customer, "ttl_seconds": ttl_seconds, "country": country}
        body = {name: value for name, value in wanted.items() if value is not None}
        reply = await self._transport.write("/v1/sessions", body, takes_key=False)
        return understood(Session.of, reply.document)
