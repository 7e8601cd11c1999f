/**
 * From a problem document to its error.
 *
 * A code that this release does not know becomes the class of its status: new codes break nobody.
 */

import {
  AlreadyOwned, AlreadyPledged, AlreadyRefunded, AmountNotChargeable, AmountOutOfRange, CheckoutTooLate, Conflict,
  DebtOpen, Forbidden, GatewayRefused, GatewayUnavailable, GiftNotPossible, GoalNotOpen, GoodsUsed, HoldNotOpen,
  HoldOfPlugin, HoldTooSmall,
  IdempotencyKeyReused, InFlight, InsufficientFunds, Invalid, LeaseLost, LimitReached, NoReceipt, NotConsumable,
  NotEnoughItems, NotFound, NotGiftable, NotRefundable, NotTransferable, OddsChanged, OfferClosed, PaymentDeclined,
  PledgeOver, PriceChanged, PromoCodeInvalid, PurchaseRefused, RateLimited, ReferralRefused, RefundFailed, RefundTooFine,
  RefundTooLarge, SoldOut, StorefrontError, TooManyGifts, TransferLimitReached, TransferNotPossible, Unauthorized,
  Unavailable, UnknownOffer,
} from "./errors.js";

const ENVELOPE = new Set(["type", "title", "status", "detail", "code", "request_id", "errors"]);

/** The class of each documented code that has one of its own. */
export const BY_CODE = {
  unknown_offer: UnknownOffer,
  idempotency_key_reused: IdempotencyKeyReused,
  idempotency_key_in_flight: InFlight,
  insufficient_funds: InsufficientFunds,
  payment_declined: PaymentDeclined,
  already_owned: AlreadyOwned,
  limit_reached: LimitReached,
  sold_out: SoldOut,
  price_changed: PriceChanged,
  offer_closed: OfferClosed,
  not_enough_items: NotEnoughItems,
  not_consumable: NotConsumable,
  odds_changed: OddsChanged,
  already_refunded: AlreadyRefunded,
  not_giftable: NotGiftable,
  gift_not_possible: GiftNotPossible,
  too_many_gifts: TooManyGifts,
  not_transferable: NotTransferable,
  transfer_not_possible: TransferNotPossible,
  transfer_limit_reached: TransferLimitReached,
  refund_too_large: RefundTooLarge,
  refund_too_fine: RefundTooFine,
  goods_used: GoodsUsed,
  not_refundable: NotRefundable,
  refund_failed: RefundFailed,
  no_receipt: NoReceipt,
  checkout_too_late: CheckoutTooLate,
  debt_open: DebtOpen,
  promo_code_invalid: PromoCodeInvalid,
  referral_refused: ReferralRefused,
  amount_not_chargeable: AmountNotChargeable,
  amount_out_of_range: AmountOutOfRange,
  gateway_unavailable: GatewayUnavailable,
  hold_not_open: HoldNotOpen,
  hold_too_small: HoldTooSmall,
  hold_of_plugin: HoldOfPlugin,
  goal_not_open: GoalNotOpen,
  already_pledged: AlreadyPledged,
  pledge_over: PledgeOver,
  lease_lost: LeaseLost,
  purchase_refused: PurchaseRefused,
  gateway_refused: GatewayRefused,
};

/** The class of a status, for every other code. */
export const BY_STATUS = {
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
};

/** Make the error that a problem document describes; unknown codes are told by their status. */
export function errorFrom(status, document, { request_id = null, retry_after_seconds = null } = {}) {
  const code = String(document.code ?? `http_${status}`);
  const byCode = Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined;
  const Kind = byCode ?? BY_STATUS[status] ?? (status >= 500 ? Unavailable : StorefrontError);
  return new Kind(String(document.detail || document.title || `status ${status}`), {
    code,
    status,
    title: String(document.title ?? ""),
    request_id: document.request_id ?? request_id,
    facts: Object.fromEntries(Object.entries(document).filter(([name]) => !ENVELOPE.has(name))),
    errors: document.errors ?? [],
    retry_after_seconds,
  });
}
