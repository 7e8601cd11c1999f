"""Errors by the server's ``code``; every one carries what the problem document said.

    StorefrontError
    ├── Invalid (400, 405, 413,        UnknownOffer, IdempotencyKeyReused, AmountNotChargeable,
    │        415, 422, 431)            AmountOutOfRange
    ├── Unauthorized (401)
    ├── InsufficientFunds (402), PaymentDeclined (402)
    ├── Forbidden (403)                PurchaseRefused
    ├── NotFound (404)
    ├── Conflict (409)                 AlreadyOwned, LimitReached, SoldOut, PriceChanged, OfferClosed,
    │                                  NotEnoughItems, NotConsumable, OddsChanged,
    │                                  HoldNotOpen, HoldTooSmall, InFlight,
    │                                  AlreadyRefunded, RefundTooLarge, RefundTooFine,
    │                                  GoodsUsed, NotRefundable, RefundFailed, NoReceipt,
    │                                  CheckoutTooLate, DebtOpen, PromoCodeInvalid, ReferralRefused,
    │                                  LeaseLost, HoldOfPlugin, GoalNotOpen, AlreadyPledged, PledgeOver
    ├── RateLimited (429)
    ├── Unavailable (408, 5xx)         ConnectionLost, GatewayUnavailable, GatewayRefused, TokenUnavailable
    ├── UnreadableAnswer               something answered that is not this API
    ├── WebhookInvalid                 a message is not the shop's
    └── NothingCached                  ``cache_only`` was asked for and nothing is there

A code that this release does not know becomes the class of its status: new codes break nobody.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_ENVELOPE = frozenset({"type", "title", "status", "detail", "code", "request_id", "errors"})


class StorefrontError(Exception):
    """What the server refused. ``facts`` hold the refusal's own members, ``errors`` wrong fields by pointer.

    ``code`` is stable and for programs, ``detail`` for people; ``request_id`` finds the request in the
    server's log. ``status`` is 0 where no answer came.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str = "error",
        status: int = 0,
        title: str = "",
        request_id: str | None = None,
        facts: Mapping[str, Any] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{detail} [{code}]" + (f" (request {request_id})" if request_id else ""))
        self.detail = detail
        self.code = code
        self.status = status
        self.title = title or detail
        self.request_id = request_id
        self.facts: Mapping[str, Any] = facts or {}
        self.errors = tuple(errors)
        self.retry_after_seconds = retry_after_seconds


class Invalid(StorefrontError):
    """The request cannot be meant; ``errors`` points at the fields."""


class UnknownOffer(Invalid):
    """The catalog has no such SKU."""


class IdempotencyKeyReused(Invalid):
    """The idempotency key was used before, for another request."""


class AmountNotChargeable(Invalid):
    """The payment gateway cannot charge this amount; ``detail`` says why."""


class AmountOutOfRange(Invalid):
    """The buyer may not choose that amount; facts: min, max."""


class Unauthorized(StorefrontError):
    """The credential is missing or dead: mint a new session."""


class Forbidden(StorefrontError):
    """The credential may not do this."""


class PurchaseRefused(Forbidden):
    """The shop refuses this purchase and says no more."""


class NotFound(StorefrontError):
    """Not there, or not yours."""


class InsufficientFunds(StorefrontError):
    """The wallet is short; facts: required, available, short_by, top_up_offers, and perhaps exact_top_up."""


class PaymentDeclined(StorefrontError):
    """The payment was declined; another means of payment needs a new purchase. Facts: reason."""


class Conflict(StorefrontError):
    """It clashes with the present state."""


class AlreadyOwned(Conflict):
    """It can be owned once, and it is."""


class LimitReached(Conflict):
    """This customer may buy no more of it now."""


class SoldOut(Conflict):
    """Nobody may: there is none left."""


class PriceChanged(Conflict):
    """The price is not the expected one; facts: expected, price."""


class OfferClosed(Conflict):
    """It is not on sale now."""


class NotGiftable(Conflict):
    """It is sold to its buyer alone; buy it without a recipient."""


class GiftNotPossible(Conflict):
    """It cannot be given to that recipient; a customer is not told why."""


class TooManyGifts(Conflict):
    """This customer has given as much today as they may; facts: at_most."""


class NotTransferable(Conflict):
    """It cannot be passed on."""


class TransferNotPossible(Conflict):
    """It cannot be passed on to that recipient; a customer is not told why."""


class TransferLimitReached(Conflict):
    """This customer has passed on as much today as they may; facts: at_most."""


class NotEnoughItems(Conflict):
    """The inventory holds fewer; facts: required, available."""


class NotConsumable(Conflict):
    """It lasts until its end, or it is a container, which is opened; fact: sku."""


class OddsChanged(Conflict):
    """The container's odds are others than were shown; facts: expected, odds_version."""


class LeaseLost(Conflict):
    """Your lease was over, and somebody else has the command by now; facts: lost."""


class AlreadyRefunded(Conflict):
    """All of the purchase is refunded."""


class RefundTooLarge(Conflict):
    """There is not that much left to refund; facts: left, quantity_left."""


class RefundTooFine(Conflict):
    """The payment gateway cannot give back so exact an amount; facts: step, nearest."""


class GoodsUsed(Conflict):
    """Not all of the goods are still there; facts: missing. The strategy ``floor`` writes them off."""


class NotRefundable(Conflict):
    """The purchase took nothing that could go back, or its gateway gives no money back."""


class RefundFailed(Conflict):
    """The payment gateway did not make this refund; facts: reason. Nothing went back, nothing was taken."""


class NoReceipt(Conflict):
    """There is no receipt: it is not completed, or took no real money."""


class CheckoutTooLate(Conflict):
    """The payment page could not be opened in time; nothing was charged. Buy again with a new key."""


class PromoCodeInvalid(Conflict):
    """The promo code cannot be used for this; facts: reason (``unknown``, ``expired``, ``used_up`` …)."""


class ReferralRefused(Conflict):
    """The referral code cannot be used; facts: reason (``unknown``, ``own``, ``already``, ``not_new``, ``circle``)."""


class DebtOpen(Conflict):
    """This cannot be spent while there is a debt; facts: asset, owed."""


class HoldNotOpen(Conflict):
    """It was captured or released before, or its time is over; facts: state, captured."""


class HoldTooSmall(Conflict):
    """The hold has set less aside; facts: held, required."""


class HoldOfPlugin(Conflict):
    """A plugin has set it aside, and ends it by itself; facts: plugin."""


class GoalNotOpen(Conflict):
    """This goal takes no pledges now; facts: reason (``over``, ``keep_it_all``, ``inactive``)."""


class AlreadyPledged(Conflict):
    """This fan has an open pledge to this goal; withdraw it to pledge another amount."""


class PledgeOver(Conflict):
    """It is too late to withdraw this pledge; facts: state."""


class InFlight(Conflict):
    """The first request with this idempotency key is still at work, also after waiting."""


class RateLimited(StorefrontError):
    """Too many requests, also after waiting, or the wait would be too long (``retry_after_seconds``)."""


class Unavailable(StorefrontError):
    """The server cannot answer; the same call may be made again under the same key."""


class ConnectionLost(Unavailable):
    """The server could not be reached, or its reply was lost. What happened is unknown."""


class GatewayUnavailable(Unavailable):
    """The payment gateway does not answer. Call again with the same key: nobody is charged or refunded twice."""


class GatewayRefused(Unavailable):
    """The payment gateway refused the shop's request: the purchase has failed and nothing was charged."""


class UnreadableAnswer(StorefrontError):
    """Something answered that is not this API: a proxy, a sign-in page, a wrong address."""


class TokenUnavailable(Unavailable):
    """``get_token`` has failed, for the ``__cause__``: nobody could be asked."""


class WebhookInvalid(StorefrontError):
    """A webhook is not the shop's, is older than is allowed, or is cut."""


class NothingCached(StorefrontError):
    """``cache_only`` was asked for and there is no state yet."""


_BY_CODE: Mapping[str, type[StorefrontError]] = {
    "unknown_offer": UnknownOffer,
    "idempotency_key_reused": IdempotencyKeyReused,
    "idempotency_key_in_flight": InFlight,
    "insufficient_funds": InsufficientFunds,
    "payment_declined": PaymentDeclined,
    "already_owned": AlreadyOwned,
    "limit_reached": LimitReached,
    "sold_out": SoldOut,
    "price_changed": PriceChanged,
    "offer_closed": OfferClosed,
    "not_enough_items": NotEnoughItems,
    "not_consumable": NotConsumable,
    "odds_changed": OddsChanged,
    "already_refunded": AlreadyRefunded,
    "not_giftable": NotGiftable,
    "gift_not_possible": GiftNotPossible,
    "too_many_gifts": TooManyGifts,
    "not_transferable": NotTransferable,
    "transfer_not_possible": TransferNotPossible,
    "transfer_limit_reached": TransferLimitReached,
    "refund_too_large": RefundTooLarge,
    "refund_too_fine": RefundTooFine,
    "goods_used": GoodsUsed,
    "not_refundable": NotRefundable,
    "refund_failed": RefundFailed,
    "no_receipt": NoReceipt,
    "checkout_too_late": CheckoutTooLate,
    "debt_open": DebtOpen,
    "promo_code_invalid": PromoCodeInvalid,
    "referral_refused": ReferralRefused,
    "amount_not_chargeable": AmountNotChargeable,
    "amount_out_of_range": AmountOutOfRange,
    "gateway_unavailable": GatewayUnavailable,
    "hold_not_open": HoldNotOpen,
    "hold_too_small": HoldTooSmall,
    "hold_of_plugin": HoldOfPlugin,
    "goal_not_open": GoalNotOpen,
    "already_pledged": AlreadyPledged,
    "pledge_over": PledgeOver,
    "lease_lost": LeaseLost,
    "purchase_refused": PurchaseRefused,
    "gateway_refused": GatewayRefused,
}
_BY_STATUS: Mapping[int, type[StorefrontError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    408: Unavailable,
    409: Conflict,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: RateLimited,
    431: Invalid,
}


def error_from(
    status: int,
    document: Mapping[str, Any],
    *,
    request_id: str | None = None,
    retry_after_seconds: float | None = None,
) -> StorefrontError:
    """Make the error that a problem document describes; unknown codes are told by their status."""
    code = str(document.get("code", f"http_{status}"))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or (Unavailable if status >= 500 else StorefrontError)
    return kind(
        str(document.get("detail") or document.get("title") or f"status {status}"),
        code=code,
        status=status,
        title=str(document.get("title", "")),
        request_id=document.get("request_id", request_id),
        facts={name: value for name, value in document.items() if name not in _ENVELOPE},
        errors=document.get("errors", ()),
        retry_after_seconds=retry_after_seconds,
    )
