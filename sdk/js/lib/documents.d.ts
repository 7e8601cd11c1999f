/**
 * What is asked and answered.
 *
 * Documents are those of the HTTP API, frozen, with the API's names; members that are not named here may be there too.
 * Amounts are whole numbers in the smallest unit, times RFC 3339 texts in UTC. Texts such as `status` may take new
 * values.
 */

export interface JsonWebKeySet {
  readonly keys: readonly { readonly kid: string; readonly kty: string; readonly crv?: string; readonly x?: string }[];
}

export interface Money {
  readonly amount: number;
  readonly currency: string;
}

export interface Offer {
  readonly sku: string;
  readonly kind: string;
  readonly title: string;
  readonly description?: string | null;
  readonly prices: readonly Money[];
  readonly [member: string]: unknown;
}

export interface Wallet {
  readonly balance: number;
  readonly available: number;
  readonly held: number;
  readonly frozen: number;
  readonly expiring?: readonly { readonly amount: number; readonly at: string }[];
  readonly [member: string]: unknown;
}

export interface Item {
  readonly sku: string;
  readonly instance: string;
  readonly quantity: number;
  readonly expires_at: string | null;
  readonly [member: string]: unknown;
}

export interface Entitlement {
  readonly active: boolean;
  readonly reason: string;
  readonly value: boolean | number | string;
  readonly expires_at: string | null;
  readonly [member: string]: unknown;
}

/** Everything a client needs of its customer, at one version. */
export interface CustomerState {
  readonly customer: string;
  readonly version: number;
  readonly as_of: string;
  readonly fresh_until: string | null;
  readonly server_time: string;
  readonly sandbox: boolean;
  readonly entitlements: Readonly<Record<string, Entitlement>>;
  readonly features: Readonly<Record<string, unknown>>;
  readonly wallets: Readonly<Record<string, Wallet>>;
  readonly items: readonly Item[];
  readonly subscriptions: readonly unknown[];
  readonly badges: readonly string[];
  readonly lease?: string;
}

/** Whether a customer may do something, and why; `offers` are the SKUs that would help. */
export interface Check {
  readonly allowed: boolean;
  readonly reason: string;
  readonly required: number;
  readonly remaining: number | null;
  readonly resets_at: string | null;
  readonly value: boolean | number | string | null;
  readonly expires_at: string | null;
  readonly offers: readonly string[];
}

export interface QuoteOptions {
  quantity?: number;
  currency?: string;
  /** `"wallet"`, or the name of a payment gateway. */
  pay_with?: string;
  /** What the buyer chooses: a price in the smallest unit, or how much of an exact top-up. */
  amount?: number;
  /** One code, or several that are all stackable. */
  promo_code?: string | readonly string[];
  /** Who buys, with a server key. */
  customer?: string;
}

export interface PurchaseOptions extends QuoteOptions, Keyed {
  /** Refuse (`PriceChanged`) if it costs anything else. */
  expected_price?: Money;
  return_url?: string;
  /** The id of a saved payment method, which is charged at once. */
  payment_method?: string;
  save_payment_method?: boolean;
  metadata?: Readonly<Record<string, string>>;
  details?: Readonly<Record<string, unknown>>;
  /** For whom it is a gift. */
  recipient?: string;
}

export interface Keyed {
  /** Names this one intention; made if not given. Give it to go on after a restart. */
  idempotency_key?: string;
}

export interface Quote {
  readonly sku: string;
  readonly quantity: number;
  readonly total: Money;
  readonly lines: readonly { readonly type: string; readonly title: string; readonly total: Money }[];
  readonly pay_with: string;
  readonly [member: string]: unknown;
}

/** A purchase as it was when the server answered; while it is `pending` the buyer pays at `redirect_url`. */
export interface Purchase {
  readonly id: string;
  readonly customer: { readonly id: string; readonly [member: string]: unknown };
  readonly sku: string;
  readonly quantity: number;
  readonly status: string;
  readonly total: Money;
  readonly payment: Readonly<Record<string, unknown>>;
  readonly redirect_url: string | null;
  /** It is paid and the goods are given. */
  readonly is_completed: boolean;
  /** It is over: completed, or never to be. */
  readonly is_settled: boolean;
  /** The answer is that of an earlier request under the same idempotency key. */
  readonly is_replay: boolean;
  readonly [member: string]: unknown;
}

/** An object with an id, or the id. */
export type Named = string | { readonly id: string };

export interface RefundOptions extends Keyed {
  reason: string;
  amount?: number;
  quantity?: number;
  lines?: readonly { readonly sku: string; readonly quantity: number }[];
  /** `"floor"` writes off goods that are gone, `"debt"` lets the customer owe them. */
  strategy?: string;
  dry_run?: boolean;
}

export interface Refund {
  readonly id: string | null;
  readonly purchase: string;
  readonly number: number;
  readonly amount: Money;
  readonly state: string;
  readonly is_replay: boolean;
  readonly [member: string]: unknown;
}

export interface Receipt {
  readonly purchase: string;
  readonly label: string | null;
  readonly document: Readonly<Record<string, unknown>>;
  readonly jws: string | null;
  readonly [member: string]: unknown;
}

export interface Session {
  readonly token: string;
  readonly customer: string;
  readonly expires_at: string;
  readonly links: Readonly<Record<string, string>>;
}

export interface Grant {
  readonly id: string;
  readonly reason: string;
  readonly asset: string | null;
  readonly amount: number | null;
  readonly sku: string | null;
  readonly quantity: number | null;
  readonly is_replay: boolean;
  readonly [member: string]: unknown;
}

export interface GrantOptions extends Keyed {
  reason: string;
  asset?: string;
  amount?: number;
  expires_at?: string;
  sku?: string;
  quantity?: number;
}

/** Funds set aside: `state` is `open`, `captured`, `released` or `expired`. */
export interface Hold {
  readonly id: string;
  readonly asset: string;
  readonly amount: number;
  readonly captured: number;
  readonly state: string;
  readonly reason: string;
  readonly expires_at: string;
  readonly [member: string]: unknown;
}

/** Something that happened (CloudEvents 1.0). */
export interface Event {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

/**
 * An event of the feed. `cursor` may be stored as soon as it is handled: nothing is lost. Within a page it is the
 * page's beginning, so that after a stop some events come again: remember their ids.
 */
export interface FollowedEvent extends Event {
  readonly cursor: string | null;
}

export interface UsageEvent {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event that does not count, and why: `exhausted` may count later, anything else is wrong for good. */
export interface RejectedUsage {
  readonly event: UsageEvent;
  readonly reason: string;
  readonly detail: string;
}

/** How a subscription stands. */
export interface Subscription {
  readonly id: string;
  readonly sku: string;
  readonly billing_state: string;
  readonly has_access: boolean;
  readonly will_renew: boolean;
  readonly period_end: string | null;
  readonly pending_change: Readonly<Record<string, unknown>> | null;
  readonly credit: Money;
  readonly owed: Money;
  readonly [member: string]: unknown;
}

/** Somebody who takes tips; `min`, `max` and `presets` are by currency. */
export interface Creator {
  readonly id: string;
  readonly name: string;
  readonly title: string | null;
  readonly min: Readonly<Record<string, number>>;
  readonly max: Readonly<Record<string, number>>;
  readonly presets: Readonly<Record<string, readonly number[]>>;
  readonly tiers: readonly Readonly<Record<string, unknown>>[];
  readonly [member: string]: unknown;
}

/** What everybody may see of a tip: no name of who is anonymous, no words of what waits to be read. */
export interface Tip {
  readonly id: string;
  readonly creator: string;
  readonly state: string;
  readonly sequence: number | null;
  readonly name: string | null;
  readonly message: string | null;
  readonly anonymous: boolean;
  readonly held: boolean;
  readonly amount: Money;
  readonly tier: string | null;
  readonly paid_at: string | null;
  readonly [member: string]: unknown;
}

export interface TipOptions extends Keyed {
  amount: Money;
  name: string;
  message?: string;
  anonymous?: boolean;
  /** The browser's secret, by which a guest is the same one again. */
  fan?: string;
  customer?: string;
  pay_with?: string;
  payment_method?: string;
  return_url?: string;
}

/** A goal; `aim` is what is collected for now: the goal or, once that is reached, what comes after it. */
export interface Goal {
  readonly id: string;
  readonly title: string;
  readonly amount: Money;
  readonly target: Money;
  readonly reached: boolean;
  readonly aim: { readonly title: string; readonly target: Money; readonly percent: number };
  readonly [member: string]: unknown;
}

export interface Leaderboard {
  readonly span: string;
  readonly currency: string | null;
  readonly data: readonly { readonly rank: number; readonly name: string | null; readonly amount: Money }[];
}

export interface SubscribeOptions extends Keyed {
  interval?: string;
  seats?: number;
  currency?: string;
  pay_with?: string;
  payment_method?: string;
  return_url?: string;
  promo_code?: string | readonly string[];
  trial?: boolean;
  customer?: string;
}

export interface ChangeTerms {
  interval?: string;
  seats?: number;
  currency?: string;
  timing?: "now" | "period_end";
  money?: string;
}

export interface ChangePreview {
  readonly lines: readonly { readonly title: string; readonly total: Money; readonly kind?: string }[];
  readonly timing: string;
  readonly change_at: string;
  readonly total: Money;
  readonly token: string;
  readonly expires_at: string;
  readonly [member: string]: unknown;
}
