"""What a client does with what is owned: items are used up, containers opened."""

from functools import partial
from urllib.parse import quote as quoted

from storefront_sdk.connected import Connected, body_of
from storefront_sdk.models import Document, Opening
from storefront_sdk.transport import understood


class Using(Connected):
    """``shop.consume()``, ``next_opening()`` and ``open_container()``."""

    async def consume(
        self,
        sku: str,
        *,
        quantity: int = 1,
        instance: str | None = None,
        customer: str | None = None,
        idempotency_key: str | None = None,
    ) -> int:
        """Use up items and return how many are left; ``instance`` names one of those that have numbers."""
        body = body_of(quantity=quantity, instance=instance, customer=customer)
        path = f"/v1/microtransactions/inventory/{quoted(sku, safe='')}/consume"
        reply = await self._transport.write(path, body, key=idempotency_key)
        remaining = understood(_remaining, reply.document)
        self._merge(reply.document, customer)
        return remaining

    async def next_opening(self, sku: str, *, customer: str | None = None) -> Document:
        """Return ``number``, ``commitment`` and ``odds_version`` of the next opening of a container."""
        path = f"/v1/microtransactions/containers/{quoted(sku, safe='')}/next"
        query = None if customer is None else {"customer": customer}
        return (await self._transport.read(path, query=query)).document

    async def open_container(
        self,
        sku: str,
        *,
        client_seed: str = "",
        odds_version: str | None = None,
        customer: str | None = None,
        idempotency_key: str | None = None,
    ) -> Opening:
        """Open a container, once per key; ``raw`` of what it returns is what ``verify_draw.py`` computes again.

        Raises:
            NotEnoughItems: there is none to open.
            OddsChanged: other odds than ``odds_version`` are in force; nothing was opened.
        """
        body = body_of(client_seed=client_seed, odds_version=odds_version, customer=customer)
        path = f"/v1/microtransactions/containers/{quoted(sku, safe='')}/open"
        reply = await self._transport.write(path, body, key=idempotency_key)
        opened = understood(partial(Opening.of, is_replay=reply.is_replay), reply.document)
        self._merge(reply.document, customer)
        return opened


def _remaining(document: Document) -> int:
    return int(document["remaining"])
