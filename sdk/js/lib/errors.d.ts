/** What can go wrong, by the server's `code`; a code that this release does not know is told by its status. */

/** What the server refused, by `code`; `facts` hold the refusal's own members, `errors` wrong fields by pointer. */
export class StorefrontError extends Error {
  readonly detail: string;
  readonly code: string;
  /** 0 where no answer came. */
  readonly status: number;
  readonly title: string;
  readonly request_id: string | null;
  readonly facts: Readonly<Record<string, any>>;
  readonly errors: readonly { readonly pointer: string; readonly message: string }[];
  readonly retry_after_seconds: number | null;
}

/** The request cannot be meant; `errors` points at the fields. */
export class Invalid extends StorefrontError {}
/** The catalog has no such SKU. */
export class UnknownOffer extends Invalid {}
/** The idempotency key was used before, for another request. */
export class IdempotencyKeyReused extends Invalid {}
/** The payment gateway cannot charge this amount; `detail` says why. */
export class AmountNotChargeable extends Invalid {}
/** The buyer may not choose that amount; facts: min, max. */
export class AmountOutOfRange extends Invalid {}
/** The credential is missing or dead: mint a new session. */
export class Unauthorized extends StorefrontError {}
/** The credential may not do this. */
export class Forbidden extends StorefrontError {}
/** The shop refuses this purchase and says no more. */
export class PurchaseRefused extends Forbidden {}
/** Not there, or not yours. */
export class NotFound extends StorefrontError {}
/** The wallet is short; facts: required, available, short_by, top_up_offers, and perhaps exact_top_up. */
export class InsufficientFunds extends StorefrontError {}
/** The payment was declined; another means of payment needs a new purchase. Facts: reason. */
export class PaymentDeclined extends StorefrontError {}
/** It clashes with the present state. */
export class Conflict extends StorefrontError {}
/** It can be owned once, and it is. */
export class AlreadyOwned extends Conflict {}
/** This customer may buy no more of it now. */
export class LimitReached extends Conflict {}
/** Nobody may: there is none left. */
export class SoldOut extends Conflict {}
/** The price is not the expected one; facts: expected, price. */
export class PriceChanged extends Conflict {}
/** It is not on sale now. */
export class OfferClosed extends Conflict {}
/** It is sold to its buyer alone; buy it without a recipient. */
export class NotGiftable extends Conflict {}
/** It cannot be given to that recipient; a customer is not told why. */
export class GiftNotPossible extends Conflict {}
/** This customer has given as much today as they may; facts: at_most. */
export class TooManyGifts extends Conflict {}
/** It cannot be passed on. */
export class NotTransferable extends Conflict {}
/** It cannot be passed on to that recipient; a customer is not told why. */
export class TransferNotPossible extends Conflict {}
/** This customer has passed on as much today as they may; facts: at_most. */
export class TransferLimitReached extends Conflict {}
/** The inventory holds fewer; facts: required, available. */
export class NotEnoughItems extends Conflict {}
/** It lasts until its end, or it is a container, which is opened; fact: sku. */
export class NotConsumable extends Conflict {}
/** The container's odds are others than were shown; facts: expected, odds_version. */
export class OddsChanged extends Conflict {}
/** Your lease was over, and somebody else has the command by now; facts: lost. */
export class LeaseLost extends Conflict {}
/** All of the purchase is refunded. */
export class AlreadyRefunded extends Conflict {}
/** There is not that much left to refund; facts: left, quantity_left. */
export class RefundTooLarge extends Conflict {}
/** The payment gateway cannot give back so exact an amount; facts: step, nearest. */
export class RefundTooFine extends Conflict {}
/** Not all of the goods are still there; facts: missing. The strategy `floor` writes them off. */
export class GoodsUsed extends Conflict {}
/** The purchase took nothing that could go back, or its gateway gives no money back. */
export class NotRefundable extends Conflict {}
/** The payment gateway did not make this refund; facts: reason. Nothing went back, nothing was taken. */
export class RefundFailed extends Conflict {}
/** There is no receipt: it is not completed, or took no real money. */
export class NoReceipt extends Conflict {}
/** The payment page could not be opened in time; nothing was charged. Buy again with a new key. */
export class CheckoutTooLate extends Conflict {}
/** The promo code cannot be used for this; facts: reason (`unknown`, `expired`, `used_up` …). */
export class PromoCodeInvalid extends Conflict {}
/** The referral code cannot be used; facts: reason (`unknown`, `own`, `already`, `not_new`, `circle`). */
export class ReferralRefused extends Conflict {}
/** This cannot be spent while there is a debt; facts: asset, owed. */
export class DebtOpen extends Conflict {}
/** It was captured or released before, or its time is over; facts: state, captured. */
export class HoldNotOpen extends Conflict {}
/** The hold has set less aside; facts: held, required. */
export class HoldTooSmall extends Conflict {}
/** A plugin has set it aside, and ends it by itself; facts: plugin. */
export class HoldOfPlugin extends Conflict {}
/** This goal takes no pledges now; facts: reason (`over`, `keep_it_all`, `inactive`). */
export class GoalNotOpen extends Conflict {}
/** This fan has an open pledge to this goal; withdraw it to pledge another amount. */
export class AlreadyPledged extends Conflict {}
/** It is too late to withdraw this pledge; facts: state. */
export class PledgeOver extends Conflict {}
/** The first request with this idempotency key is still at work, also after waiting. */
export class InFlight extends Conflict {}
/** Too many requests, also after waiting, or the wait would be too long (`retry_after_seconds`). */
export class RateLimited extends StorefrontError {}
/** The server cannot answer; the same call may be made again under the same key. */
export class Unavailable extends StorefrontError {}
/** The server could not be reached, or its reply was lost. What happened is unknown. */
export class ConnectionLost extends Unavailable {}
/** The payment gateway does not answer. Call again with the same key: nobody is charged or refunded twice. */
export class GatewayUnavailable extends Unavailable {}
/** The payment gateway refused the shop's request: the purchase has failed and nothing was charged. */
export class GatewayRefused extends Unavailable {}
/** Something answered that is not this API: a proxy, a sign-in page, a wrong address. */
export class UnreadableAnswer extends StorefrontError {}
/** `cache_only` was asked for and there is no state yet. */
export class NothingCached extends StorefrontError {}
/** A webhook is not the shop's, is older than is allowed, or is cut. */
export class WebhookInvalid extends StorefrontError {}
/** `get_token` has failed, for `cause`: nobody could be asked. */
export class TokenUnavailable extends Unavailable {}
/** What was waited for has not happened in time. */
export class TimedOut extends StorefrontError {}
/** This runtime's WebCrypto cannot do what is asked; `detail` says what is missing. */
export class Unsupported extends StorefrontError {}