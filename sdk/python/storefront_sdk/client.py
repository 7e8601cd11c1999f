"""The asynchronous client; ``blocking.py`` wraps it."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote as quoted

import aiohttp

from storefront_sdk.auto_top_ups import AutoTopUps
from storefront_sdk.cache import Policy, StateCache
from storefront_sdk.deliveries import Deliveries
from storefront_sdk.errors import RateLimited, Unavailable
from storefront_sdk.events import Events
from storefront_sdk.grants import Grants
from storefront_sdk.holds import Holds
from storefront_sdk.models import (
    Check,
    CustomerState,
    Document,
    Item,
    Offer,
    Opening,
    Purchase,
    Quote,
    Receipt,
    Refund,
    Wallet,
)
from storefront_sdk.payment_methods import PaymentMethods
from storefront_sdk.referrals import Referrals
from storefront_sdk.sessions import Sessions
from storefront_sdk.state import OwnState, ask
from storefront_sdk.subscriptions import Subscriptions
from storefront_sdk.transfers import Transfers
from storefront_sdk.transport import GetToken, Reply, Transport, understood
from storefront_sdk.usage import Usage

Price = tuple[int, str]


class StorefrontClient:
    """A game's view of one shop: ``async with StorefrontClient(url, token=…) as shop:``.

    Give ``token`` (a session), ``get_token`` (called for each request; mint anew when it expires) or ``key``
    (a server's secret key). ``session`` is an aiohttp session of yours; ``tries`` bounds the retries.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        get_token: GetToken | None = None,
        key: str | None = None,
        session: aiohttp.ClientSession | None = None,
        tries: int = 4,
        timeout_seconds: float = 15.0,
        pause_seconds: float = 0.25,
    ) -> None:
        given = [one for one in (token, get_token, key) if one is not None]
        if len(given) != 1:
            raise ValueError("give one of token, get_token and key")
        self._cache = StateCache()
        self._transport = Transport(
            base_url,
            get_token=get_token or _always(token or key or ""),
            customer_version=lambda: self._cache.version,
            session=session,
            tries=tries,
            timeout_seconds=timeout_seconds,
            pause_seconds=pause_seconds,
        )
        self._own = OwnState(self._transport, self._cache)
        self._is_server = key is not None
        self._catalog: tuple[str, list[Offer]] | None = None
        self.sessions = Sessions(self._transport)
        self.events = Events(self._transport)
        self.grants = Grants(self._transport)
        self.holds = Holds(self._transport)
        self.payment_methods = PaymentMethods(self._transport)
        self.auto_top_ups = AutoTopUps(self._transport)
        self.referrals = Referrals(self._transport)
        self.transfers = Transfers(self._transport)
        self.subscriptions = Subscriptions(self._transport)
        self.usage = Usage(self._transport)
        self.deliveries = Deliveries(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections that this client opened."""
        await self._own.close()
        await self._transport.close()

    async def catalog(self) -> list[Offer]:
        """Return what is on sale; fetched again only when it has changed."""
        headers = {"If-None-Match": self._catalog[0]} if self._catalog else {}
        reply = await self._transport.read("/v1/catalog", headers=headers)
        if reply.status != 304 or self._catalog is None:
            self._catalog = (reply.headers.get("ETag", ""), understood(_offers, reply.document))
        return list(self._catalog[1])

    async def me(self, policy: Policy = Policy.CACHED_OR_FETCHED, *, customer: str | None = None) -> CustomerState:
        """Return the customer state, from memory if ``policy`` allows.

        With a server key name the ``customer``: such a client serves many, so it always asks.

        Raises:
            NothingCached: ``cache_only``, and nothing was fetched yet.
        """
        if customer is None:
            return await self._own.get(Policy(policy))
        reply = await self._transport.read(f"/v1/customers/{quoted(customer, safe='')}")
        return understood(CustomerState.of, reply.document)

    async def wallet(
        self, asset: str, policy: Policy = Policy.CACHED_OR_FETCHED, *, customer: str | None = None
    ) -> Wallet:
        """Return a wallet; one that was never filled is empty."""
        return (await self.me(policy, customer=customer)).wallets.get(asset, Wallet())

    async def inventory(
        self, policy: Policy = Policy.CACHED_OR_FETCHED, *, customer: str | None = None
    ) -> tuple[Item, ...]:
        """Return what the customer owns."""
        return (await self.me(policy, customer=customer)).items

    async def check(
        self,
        key: str,
        amount: int = 1,
        *,
        policy: Policy = Policy.CACHED_OR_FETCHED,
        customer: str | None = None,
    ) -> Check:
        """Ask "may I?". A right that is held is answered from memory; a "no" is asked for, and then remembered too.

        An unknown key, and with a server key an unknown ``customer``, is ``reason="unknown"``, never an error.
        """
        if self._is_server or customer is not None:
            return Check.of(await ask(self._transport, key, amount, customer=customer))
        return await self._own.check(key, amount, Policy(policy))

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
        body = _body(
            sku=sku,
            quantity=quantity,
            currency=currency,
            pay_with=pay_with,
            amount=amount,
            customer=customer,
            **_codes(promo_code),
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
        body = _body(
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
            **_codes(promo_code),
        )
        reply = await self._transport.write("/v1/purchases", body, key=idempotency_key)
        bought = _purchase(reply)
        self._merge(reply.document, customer)
        return bought

    async def get_purchase(self, purchase: Purchase | str) -> Purchase:
        """Return a purchase as it is now."""
        return _purchase(await self._transport.read(f"/v1/purchases/{_id(purchase)}"))

    async def finalize(self, purchase: Purchase | str) -> Purchase:
        """Have the server ask the gateway now; call it when the buyer comes back from paying."""
        return await self._act(purchase, "finalize")

    async def cancel(self, purchase: Purchase | str) -> Purchase:
        """Cancel an unpaid purchase; one that was paid meanwhile comes back completed."""
        return await self._act(purchase, "cancel")

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
        body = _body(
            reason=reason, amount=amount, quantity=quantity, lines=named, strategy=strategy, dry_run=dry_run or None
        )
        reply = await self._transport.write(f"/v1/purchases/{_id(purchase)}/refunds", body, key=idempotency_key)
        return understood(partial(Refund.of, is_replay=reply.is_replay), reply.document)

    async def refunds(self, purchase: Purchase | str) -> tuple[Refund, ...]:
        """Return what took a purchase back, disputes too (``raw["cause"]``), oldest first; with a server key."""
        reply = await self._transport.read(f"/v1/purchases/{_id(purchase)}/refunds")
        return understood(_refunds, reply.document)

    async def receipt(self, purchase: Purchase | str) -> Receipt:
        """Return the signed receipt of a purchase that was paid in real money, with its credit notes.

        Raises:
            NoReceipt: it is not completed, or took no real money.
        """
        reply = await self._transport.read(f"/v1/purchases/{_id(purchase)}/receipt")
        return understood(Receipt.of, reply.document)

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
        body = _body(quantity=quantity, instance=instance, customer=customer)
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
        body = _body(client_seed=client_seed, odds_version=odds_version, customer=customer)
        path = f"/v1/microtransactions/containers/{quoted(sku, safe='')}/open"
        reply = await self._transport.write(path, body, key=idempotency_key)
        opened = understood(partial(Opening.of, is_replay=reply.is_replay), reply.document)
        self._merge(reply.document, customer)
        return opened

    async def _act(self, purchase: Purchase | str, verb: str) -> Purchase:
        reply = await self._transport.write(f"/v1/purchases/{_id(purchase)}/{verb}", takes_key=False)
        found = _purchase(reply)
        if found.is_settled:
            self._cache.invalidate()  # the answer does not say what changed
        return found

    def _merge(self, document: Document, customer: str | None) -> None:
        if customer is None:
            self._cache.merge(document["customer"])


def _always(credential: str) -> GetToken:
    async def get() -> str:
        return credential

    return get


def _body(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _codes(promo_code: str | Sequence[str] | None) -> dict[str, Any]:
    if promo_code is None or isinstance(promo_code, str):
        return {"promo_code": promo_code}
    return {"promo_codes": list(promo_code)}


def _offers(document: Document) -> list[Offer]:
    return [Offer.of(offer) for offer in document["offers"]]


def _refunds(document: Document) -> tuple[Refund, ...]:
    return tuple(Refund.of(one) for one in document["data"])


def _purchase(reply: Reply) -> Purchase:
    return understood(partial(Purchase.of, is_replay=reply.is_replay), reply.document)


def _remaining(document: Document) -> int:
    return int(document["remaining"])


def _id(purchase: Purchase | str) -> str:
    return purchase.id if isinstance(purchase, Purchase) else quoted(purchase, safe="")
