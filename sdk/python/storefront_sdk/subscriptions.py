"""A customer's subscriptions: begin and see them, give them, change, pause and end them."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from storefront_sdk.buying import codes_in, purchase_in
from storefront_sdk.connected import body_of
from storefront_sdk.documents import Document
from storefront_sdk.plans import ChangePreview, IncludedCredits, Subscription, SubscriptionInvoice
from storefront_sdk.sales import Purchase
from storefront_sdk.transport import Reply, Transport, understood

PATH = "/v1/subscriptions"


class Subscriptions:
    """``shop.subscriptions`` of a client with a session or a server key; the shop has the plugin ``subscriptions``.

    ``changed`` is called when something of the customer's state may have changed.
    """

    def __init__(self, transport: Transport, changed: Callable[[], None] | None = None) -> None:
        self._transport = transport
        self._changed = changed or (lambda: None)

    async def subscribe(
        self,
        sku: str,
        *,
        interval: str | None = None,
        seats: int | None = None,
        currency: str | None = None,
        pay_with: str | None = None,
        payment_method: str | None = None,
        return_url: str | None = None,
        promo_code: str | Sequence[str] | None = None,
        trial: bool = True,
        customer: str | None = None,
        idempotency_key: str | None = None,
    ) -> Purchase:
        """Begin a subscription, once per key; returns the purchase that pays, ``raw["details"]["subscription"]`` is it.

        A pending purchase is paid at ``redirect_url``. ``interval`` is ``"month"``, ``"year"``, ``"3 months"`` …, the
        tier's first if not given. With a server key name the ``customer``.

        Raises:
            Conflict: ``already_subscribed`` (facts: subscription); ``trial_used``: another account with this card or
                mailbox had the trial; ``trial=False`` begins to pay.
            InsufficientFunds, PaymentDeclined, OfferClosed, PromoCodeInvalid: nothing has begun.
            Unavailable: what happened is unknown; call again with the same ``idempotency_key``.
        """
        body = body_of(
            sku=sku,
            interval=interval,
            seats=seats,
            currency=currency,
            pay_with=pay_with,
            payment_method=payment_method,
            return_url=return_url,
            trial=None if trial else False,
            customer=customer,
            **codes_in(promo_code, several=True),
        )
        return await self._buy(PATH, body, idempotency_key)

    async def gift(
        self,
        sku: str,
        *,
        recipient: str,
        periods: int,
        interval: str | None = None,
        seats: int | None = None,
        currency: str | None = None,
        pay_with: str | None = None,
        payment_method: str | None = None,
        return_url: str | None = None,
        customer: str | None = None,
        idempotency_key: str | None = None,
    ) -> Purchase:
        """Give ``periods`` of a tier to somebody else, once per key; returns the giver's purchase.

        The recipient has them once it is paid, after the present period of just that plan; nothing renews by itself.

        Raises:
            Conflict: ``gift_needs_same_plan`` (with a server key; facts: possible): the recipient has another plan.
            GiftNotPossible: the same with a session, or there is no such customer.
            NotGiftable, TooManyGifts: it is not given, or not that often.
            Unavailable: what happened is unknown; call again with the same ``idempotency_key``.
        """
        body = body_of(
            sku=sku,
            recipient=recipient,
            periods=periods,
            interval=interval,
            seats=seats,
            currency=currency,
            pay_with=pay_with,
            payment_method=payment_method,
            return_url=return_url,
            customer=customer,
        )
        return await self._buy(PATH, body, idempotency_key)

    async def list(self, *, customer: str | None = None) -> tuple[Subscription, ...]:
        """Return a customer's subscriptions, newest first, those that are over too."""
        query = None if customer is None else {"customer": customer}
        return understood(_subscriptions, (await self._transport.read(PATH, query=query)).document)

    async def get(self, subscription_id: str) -> Subscription:
        """Return a subscription as it stands now."""
        return understood(Subscription.of, (await self._transport.read(_path(subscription_id))).document)

    async def invoices(self, subscription_id: str) -> tuple[SubscriptionInvoice, ...]:
        """Return what a subscription asked for, period by period, newest first."""
        return understood(_invoices, (await self._transport.read(f"{_path(subscription_id)}/invoices")).document)

    async def credits(self, subscription_id: str) -> IncludedCredits:
        """Return which included credits a subscription granted, and what it grants next."""
        reply = await self._transport.read(f"{_path(subscription_id)}/credits")
        return understood(IncludedCredits.of, reply.document)

    async def preview(
        self,
        subscription_id: str,
        tier: str,
        *,
        interval: str | None = None,
        seats: int | None = None,
        currency: str | None = None,
        timing: str | None = None,
        money: str | None = None,
    ) -> ChangePreview:
        """Return what a change would cost, line by line; its ``token`` pins that for ten minutes.

        ``timing`` is ``now`` or ``period_end``; the shop's rules say when, and what is paid, if they are not given.

        Raises:
            Conflict: ``nothing_to_change``, ``payment_due``, ``subscription_paused``, ``ends_with_period``,
                ``gift_ahead`` (facts: until), ``renewal_under_way``: not now.
        """
        body = body_of(tier=tier, interval=interval, seats=seats, currency=currency, timing=timing, money=money)
        reply = await self._transport.write(f"{_path(subscription_id)}/preview", body, takes_key=False)
        return understood(ChangePreview.of, reply.document)

    async def change(
        self,
        subscription_id: str,
        tier: str | None = None,
        *,
        token: str | None = None,
        interval: str | None = None,
        seats: int | None = None,
        currency: str | None = None,
        timing: str | None = None,
        money: str | None = None,
        payment_method: str | None = None,
        return_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> Purchase | Subscription:
        """Change the tier, once per key: to ``tier``, or exactly as the ``token`` of a preview says.

        Returns the purchase that pays for a change that happens now (pending: paid at ``redirect_url``, and the old
        tier goes on meanwhile), or the subscription, with its ``pending_change``, for one with the period's end.

        Raises:
            Conflict: as ``preview``; or ``change_outdated``: look at it again.
            InsufficientFunds, PaymentDeclined, PriceChanged: nothing was changed.
            Unavailable: what happened is unknown; call again with the same ``idempotency_key``.
        """
        body = body_of(
            tier=tier,
            token=token,
            interval=interval,
            seats=seats,
            currency=currency,
            timing=timing,
            money=money,
            payment_method=payment_method,
            return_url=return_url,
        )
        reply = await self._transport.write(f"{_path(subscription_id)}/change", body, key=idempotency_key)
        if "billing_state" in reply.document:
            return self._stands(reply)
        self._changed()
        return purchase_in(reply)

    async def revoke_change(self, subscription_id: str) -> Subscription:
        """Take back a change that is not done; without one nothing happens."""
        return self._stands(await self._transport.delete(f"{_path(subscription_id)}/change"))

    async def cancel(self, subscription_id: str, *, at: str = "period_end") -> Subscription:
        """End it with the period that is paid, which ``resume`` takes back, or with ``at="now"`` at once.

        Raises:
            Conflict: ``subscription_over``; or ``renewal_under_way``: its payment is being made.
        """
        return self._stands(await self._transport.write(f"{_path(subscription_id)}/cancel", {"at": at}))

    async def pause(
        self, subscription_id: str, *, at: str = "period_end", resume_at: str | None = None, keep_anchor: bool = False
    ) -> Subscription:
        """Pause it with the period that is paid, or with ``at="now"`` at once; or change until when it is paused.

        ``resume_at`` (RFC 3339) is when it goes on by itself. With ``keep_anchor`` its days of payment stay.

        Raises:
            Forbidden: ``pausing_not_offered``: this shop does not let customers pause; a server key may.
            Conflict: ``payment_due``, ``ends_with_period``, ``renewal_under_way``, ``pause_too_long``: not now.
        """
        body: dict[str, Any] = {"at": at, "keep_anchor": keep_anchor}
        if resume_at is not None:
            body["resume_at"] = resume_at
        reply = await self._transport.write(f"{_path(subscription_id)}/pause", body)
        return self._stands(reply)

    async def resume(self, subscription_id: str, *, keep_anchor: bool | None = None) -> Subscription:
        """Let it go on: its next period is charged at once. Or take back that it pauses, or ends with its period.

        A charge that fails is tried again by itself: then ``billing_state`` is ``past_due``, and access none yet.

        Raises:
            Conflict: ``no_payment_method``: there is nothing to charge; or ``subscription_over``.
        """
        body = {} if keep_anchor is None else {"keep_anchor": keep_anchor}
        reply = await self._transport.write(f"{_path(subscription_id)}/resume", body)
        return self._stands(reply)

    async def _buy(self, path: str, body: dict[str, Any], key: str | None) -> Purchase:
        reply = await self._transport.write(path, body, key=key)
        self._changed()
        return purchase_in(reply)

    def _stands(self, reply: Reply) -> Subscription:
        self._changed()
        return understood(Subscription.of, reply.document)


def _subscriptions(document: Document) -> tuple[Subscription, ...]:
    return tuple(Subscription.of(one) for one in document["data"])


def _invoices(document: Document) -> tuple[SubscriptionInvoice, ...]:
    return tuple(SubscriptionInvoice.of(one) for one in document["data"])


def _path(subscription_id: str) -> str:
    return f"/v1/subscriptions/{quote(subscription_id, safe='')}"
