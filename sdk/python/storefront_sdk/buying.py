"""What a client buys: quoted, bought once, brought to its end."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from storefront_sdk.connected import Connected, body_of, id_of
from storefront_sdk.errors import RateLimited, Unavailable
from storefront_sdk.models import Purchase, Quote
from storefront_sdk.transport import Reply, understood

Price = tuple[int, str]


class Buying(Connected):
    """``shop.quote()``, ``purchase()`` and what becomes of it."""

    async def quote(
        self,
        sku: str,
        *,
        quantity: int = 1,
        currency: str | None = None,
        pay_with: str | None = None,
        amount: int | None = None,
        promo_code: str | Sequence[str] | None = None,
        customer: str | None = None,
    ) -> Quote:
        """Return exactly what something would cost; nothing is written.

        ``amount`` is what the buyer chooses: a price in the smallest unit, or how much of an exact top-up.
        ``promo_code`` makes it cheaper; of several codes all must be stackable.

        Raises:
            UnknownOffer, OfferClosed, AmountOutOfRange: it cannot be bought like that.
            PromoCodeInvalid: it cannot be used for this; facts: reason.
        """
        body = body_of(
            sku=sku,
            quantity=quantity,
            currency=currency,
            pay_with=pay_with,
            amount=amount,
            customer=customer,
            **codes_in(promo_code),
        )
        return understood(Quote.of, (await self._transport.write("/v1/quotes", body, takes_key=False)).document)

    async def purchase(
        self,
        sku: str,
        *,
        quantity: int = 1,
        currency: str | None = None,
        pay_with: str | None = None,
        amount: int | None = None,
        expected_price: Price | None = None,
        return_url: str | None = None,
        payment_method: str | None = None,
        save_payment_method: bool = False,
        metadata: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
        promo_code: str | Sequence[str] | None = None,
        customer: str | None = None,
        recipient: str | None = None,
        idempotency_key: str | None = None,
    ) -> Purchase:
        """Buy one offer, once, however often the call is retried under its key; for a ``recipient`` it is a gift.

        Returns a completed purchase, or a pending one whose buyer pays at ``redirect_url``. ``payment_method`` (its id)
        charges a saved one at once; the buyer's bank may still ask for them, at ``redirect_url``.
        ``save_payment_method`` keeps what the buyer pays with for later. ``amount`` is what the buyer chooses: a price
        in the smallest unit, or how much of an exact top-up.

        Raises:
            InsufficientFunds, AlreadyOwned, LimitReached, SoldOut, PriceChanged, OfferClosed: nothing was bought.
            PromoCodeInvalid: nothing was bought; facts: reason.
            PaymentDeclined, CheckoutTooLate, AmountNotChargeable, AmountOutOfRange, DebtOpen: nothing was charged.
            Unavailable: what happened is unknown; call again with the same ``idempotency_key``.
        """
        price = None if expected_price is None else {"amount": expected_price[0], "currency": expected_price[1]}
        body = body_of(
            sku=sku,
            quantity=quantity,
            currency=currency,
            pay_with=pay_with,
            amount=amount,
            expected_price=price,
            return_url=return_url,
            payment_method=payment_method,
            save_payment_method=save_payment_method or None,
            metadata=metadata,
            details=details,
            customer=customer,
            recipient=recipient,
            **codes_in(promo_code),
        )
        reply = await self._transport.write("/v1/purchases", body, key=idempotency_key)
        bought = purchase_in(reply)
        self._merge(reply.document, customer)
        return bought

    async def get_purchase(self, purchase: Purchase | str) -> Purchase:
        """Return a purchase as it is now."""
        return purchase_in(await self._transport.read(f"/v1/purchases/{id_of(purchase)}"))

    async def finalize(self, purchase: Purchase | str) -> Purchase:
        """Have the server ask the gateway now; call it when the buyer comes back from paying."""
        return await self._act(purchase, "finalize")

    async def cancel(self, purchase: Purchase | str) -> Purchase:
        """Cancel an unpaid purchase; one that was paid meanwhile comes back completed."""
        return await self._act(purchase, "cancel")

    async def wait(self, purchase: Purchase | str, *, timeout_seconds: float = 60.0) -> Purchase:
        """Ask until the purchase is settled: completed, or over without it.

        Raises:
            TimeoutError: it is still open after ``timeout_seconds``.
            Unavailable, RateLimited: and the last answer was this.
        """
        until = time.monotonic() + timeout_seconds
        pause = 0.2
        while True:
            failure: Exception
            try:
                found = await self.finalize(purchase)
            except (Unavailable, RateLimited) as error:
                failure = error
            else:
                if found.is_settled:
                    return found
                failure = TimeoutError(f"{found.id} is still {found.status}")
            if time.monotonic() + pause > until:
                raise failure
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 3.0)

    async def _act(self, purchase: Purchase | str, verb: str) -> Purchase:
        reply = await self._transport.write(f"/v1/purchases/{id_of(purchase)}/{verb}", takes_key=False)
        found = purchase_in(reply)
        if found.is_settled:
            self._changed()  # the answer does not say what changed
        return found


def codes_in(promo_code: str | Sequence[str] | None, *, several: bool = False) -> dict[str, Any]:
    """Return how a request names codes; ``several``: always as a list."""
    if promo_code is None or (isinstance(promo_code, str) and not several):
        return {"promo_code": promo_code}
    if isinstance(promo_code, str):
        return {"promo_codes": [promo_code]}
    return {"promo_codes": list(promo_code)}


def purchase_in(reply: Reply) -> Purchase:
    return understood(partial(Purchase.of, is_replay=reply.is_replay), reply.document)
