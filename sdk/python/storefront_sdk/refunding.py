"""What was bought and goes back, and the receipts of both."""

from collections.abc import Mapping
from functools import partial

from storefront_sdk.connected import Connected, body_of, id_of
from storefront_sdk.models import Document, Purchase, Receipt, Refund
from storefront_sdk.transport import understood


class Refunding(Connected):
    """``shop.refund()``, ``refunds()`` and ``receipt()``."""

    async def refund(
        self,
        purchase: Purchase | str,
        *,
        reason: str,
        amount: int | None = None,
        quantity: int | None = None,
        lines: Mapping[str, int] | None = None,
        strategy: str | None = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Refund:
        """Refund a purchase, whole or in part, once per key; with a server or operator key.

        What a payment gateway was paid goes back through it: while it takes its time the refund ``is_pending``, and
        ``refunds()`` tells how it ended. ``lines`` are units of what is in a bundle, SKU -> quantity.
        ``strategy="floor"`` writes off goods that are gone, ``"debt"`` lets the customer owe them; ``dry_run`` shows
        what would be done.

        Raises:
            GoodsUsed, RefundTooLarge, RefundTooFine, AlreadyRefunded, NotRefundable, RefundFailed:
                nothing was refunded.
            Unavailable: what happened is unknown; call again with the same ``idempotency_key``.
        """
        named = None if lines is None else [{"sku": sku, "quantity": units} for sku, units in lines.items()]
        body = body_of(
            reason=reason, amount=amount, quantity=quantity, lines=named, strategy=strategy, dry_run=dry_run or None
        )
        reply = await self._transport.write(f"/v1/purchases/{id_of(purchase)}/refunds", body, key=idempotency_key)
        return understood(partial(Refund.of, is_replay=reply.is_replay), reply.document)

    async def refunds(self, purchase: Purchase | str) -> tuple[Refund, ...]:
        """Return what took a purchase back, disputes too (``raw["cause"]``), oldest first; with a server key."""
        reply = await self._transport.read(f"/v1/purchases/{id_of(purchase)}/refunds")
        return understood(_refunds, reply.document)

    async def receipt(self, purchase: Purchase | str) -> Receipt:
        """Return the signed receipt of a purchase that was paid in real money, with its credit notes.

        Raises:
            NoReceipt: it is not completed, or took no real money.
        """
        reply = await self._transport.read(f"/v1/purchases/{id_of(purchase)}/receipt")
        return understood(Receipt.of, reply.document)


def _refunds(document: Document) -> tuple[Refund, ...]:
    return tuple(Refund.of(one) for one in document["data"])
