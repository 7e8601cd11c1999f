/** Types of the JavaScript client of Storefront. */

import type {
  ChangePreview, ChangeTerms, Check, Creator, CustomerState, Event, FollowedEvent, Goal, Grant, GrantOptions, Hold, Item,
  JsonWebKeySet, Keyed, Leaderboard, Named, Offer, Purchase, PurchaseOptions, Quote, QuoteOptions, Receipt, Refund, RefundOptions,
  RejectedUsage, Session, SubscribeOptions, Subscription, Tip, TipOptions, UsageEvent, Wallet,
} from "./lib/documents.d.ts";

export type * from "./lib/documents.d.ts";
export * from "./lib/errors.js";

/** Where an answer may come from.
 *
 * `cache_only` never asks. `fetch` always asks. `cached_or_fetched` (default) answers from memory until something is
 * known to have changed; a state of more than a minute is answered too, and refreshed behind the scenes. `not_stale`
 * asks again after that minute before it answers.
 */
export type Policy = "cache_only" | "fetch" | "cached_or_fetched" | "not_stale";

export interface Options {
  /** A customer's session token. Give one of `token`, `get_token`, `key` and `public`. */
  token?: string;
  /** Called for a token, and once more when the server says that one is dead. Callers share one call. */
  get_token?: () => string | Promise<string>;
  /** A server's secret key. Never in a browser. */
  key?: string;
  /** Ask as everybody may: the catalog, creators, tips of guests. */
  public?: true;
  /** How often a request is tried at most (4). */
  tries?: number;
  /** How long one try may take (15). */
  timeout_seconds?: number;
  /** The pause before the second try (0.25); it doubles, with jitter. `Retry-After` wins, up to 30. */
  pause_seconds?: number;
  /** The pause before a lost line of `on("change")` is opened again (1); it grows to 30 times that, with jitter. */
  reconnect_seconds?: number;
  /** Where the state is kept between runs; with it, `customer` says whose. Without one it is kept in memory. */
  storage?: Storage | null;
  /** Whose states the storage keeps: the customer id that the token is for. */
  customer?: string;
  /** For how long after its end a right is still lent offline, if the lease lasts that long (0). */
  grace_seconds?: number;
  /** The keys by which leases are checked, in place of those that the shop publishes. */
  lease_keys?: JsonWebKeySet | null;
  /** Sends requests in place of `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
  /** Tells the time in place of `performance.now()` and `Date.now()`, both in seconds. */
  clock?: { monotonic(): number; wall(): number };
}

/** Anything that keeps texts; `set` replaces a text whole or not at all. */
export interface Storage {
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  set(key: string, text: string): void | Promise<void>;
}

/** `new StorefrontClient("https://shop.example", {token})`. */
export class StorefrontClient {
  /** `base_url` is the shop's address; in a page `""` is the page's own origin. */
  constructor(base_url: string, options: Options);
  readonly sessions: Sessions;
  readonly grants: Grants;
  readonly holds: Holds;
  readonly events: Events;
  readonly usage: Usage;
  readonly webhooks: Webhooks;
  readonly subscriptions: Subscriptions;
  readonly tips: Tips;
  close(): Promise<void>;
  catalog(): Promise<Offer[]>;
  me(options?: Asking): Promise<CustomerState>;
  wallet(asset: string, options?: Asking): Promise<Wallet>;
  inventory(options?: Asking): Promise<readonly Item[]>;
  check(key: string, amount?: number, options?: Asking): Promise<Check>;
  quote(sku: string, options?: QuoteOptions): Promise<Quote>;
  purchase(sku: string, options?: PurchaseOptions): Promise<Purchase>;
  getPurchase(purchase: Named): Promise<Purchase>;
  finalize(purchase: Named): Promise<Purchase>;
  cancel(purchase: Named): Promise<Purchase>;
  wait(purchase: Named, options?: { timeout_seconds?: number }): Promise<Purchase>;
  refund(purchase: Named, options: RefundOptions): Promise<Refund>;
  refunds(purchase: Named): Promise<Refund[]>;
  receipt(purchase: Named): Promise<Receipt>;
  consume(sku: string, options?: { quantity?: number; instance?: string; customer?: string } & Keyed): Promise<number>;
  on(name: "change", listener: (state: CustomerState) => void): () => void;
  on(name: "error", listener: (error: Error) => void): () => void;
  off(name: "change", listener: (state: CustomerState) => void): void;
  off(name: "error", listener: (error: Error) => void): void;
}

export interface Asking {
  policy?: Policy;
  /** Whose, with a server key, which always asks. */
  customer?: string;
}

export interface Sessions {
  create(customer: string, options?: { ttl_seconds?: number; country?: string }): Promise<Session>;
}

export interface Grants {
  create(customer: string, options: GrantOptions): Promise<Grant>;
  get(id: string): Promise<Grant>;
}

export interface Holds {
  place(customer: string, asset: string, amount: number,
    options: { expires_in_seconds: number; reason: string } & Keyed): Promise<Hold>;
  capture(hold: Named, options?: { amount?: number } & Keyed): Promise<Hold>;
  release(hold: Named, options?: Keyed): Promise<Hold>;
  get(hold: Named): Promise<Hold>;
  list(options?: { customer?: string; state?: string }): AsyncGenerator<Hold, void, undefined>;
}

export interface Events {
  read(after?: string | null, options?: { limit?: number }): Promise<{ events: FollowedEvent[]; next: string }>;
  follow(after?: string | null,
    options?: { pause_seconds?: number; signal?: AbortSignal }): AsyncGenerator<FollowedEvent, void, undefined>;
}

export interface Usage {
  report(events: Iterable<UsageEvent>): Promise<{ accepted: number; duplicates: number; rejected: RejectedUsage[] }>;
  buffered(options?: { most?: number; every_seconds?: number }): UsageBuffer;
}

export interface UsageBuffer {
  readonly rejected: RejectedUsage[];
  readonly size: number;
  add(event: UsageEvent): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface WebhookOptions {
  /** How far the message's time may be from ours (300). */
  tolerance_seconds?: number;
  now_seconds?: number;
}

export type WebhookHeaders = Headers | Map<string, string> | Readonly<Record<string, string | string[] | undefined>>;
export type WebhookBody = string | ArrayBuffer | Uint8Array;

export interface Webhooks {
  verify(secret: string, headers: WebhookHeaders, body: WebhookBody, options?: WebhookOptions): Promise<Event>;
}

export interface Subscriptions {
  subscribe(sku: string, options?: SubscribeOptions): Promise<Purchase>;
  gift(sku: string, options: Omit<SubscribeOptions, "promo_code" | "trial"> & { recipient: string; periods: number }):
    Promise<Purchase>;
  list(options?: { customer?: string }): Promise<Subscription[]>;
  get(id: string): Promise<Subscription>;
  invoices(id: string): Promise<Readonly<Record<string, unknown>>[]>;
  credits(id: string): Promise<{ readonly data: readonly unknown[]; readonly next: readonly unknown[] }>;
  preview(id: string, tier: string, options?: ChangeTerms): Promise<ChangePreview>;
  change(id: string, options: ChangeTerms & Keyed &
    { tier?: string; token?: string; payment_method?: string; return_url?: string }): Promise<Purchase | Subscription>;
  revokeChange(id: string): Promise<Subscription>;
  cancel(id: string, options?: { at?: "now" | "period_end" }): Promise<Subscription>;
  pause(id: string, options?: { at?: "now" | "period_end"; resume_at?: string; keep_anchor?: boolean }):
    Promise<Subscription>;
  resume(id: string, options?: { keep_anchor?: boolean }): Promise<Subscription>;
}

export interface Tips {
  creators(options?: { language?: string }): Promise<Creator[]>;
  creator(id: Named, options?: { language?: string }): Promise<Creator>;
  give(creator: Named, options: TipOptions): Promise<Purchase>;
  get(tip: Named): Promise<Tip>;
  finalize(tip: Named): Promise<Tip>;
  list(creator: Named, options?: { limit?: number; before?: number | string }):
    Promise<{ tips: Tip[]; next: string | null }>;
  goals(creator: Named, options?: { language?: string }): Promise<Goal[]>;
  leaderboard(creator: Named,
    options?: { span?: "all" | "month" | "day"; currency?: string; limit?: number; language?: string }):
    Promise<Leaderboard>;
}

/** Make a usage event; its id is made once, here, so that it counts once however often it is reported. */
export function usageEvent(type: string, customer: string, data?: Readonly<Record<string, unknown>>,
  options?: { id?: string; source?: string; time?: string }): UsageEvent;

/** Return the event of a webhook that is the shop's and new; throws `WebhookInvalid` for every other message. */
export function verifyWebhook(secret: string, headers: WebhookHeaders, body: WebhookBody, options?: WebhookOptions):
  Promise<Event>;

/** Return what a lease says and until when (seconds since 1970), or null if it is not right. Throws `Unsupported`. */
export function verifyLease(jws: string, jwks: JsonWebKeySet):
  Promise<{ until: number; state: Omit<CustomerState, "lease"> & { lease_until: string } } | null>;

/** Tell whether this runtime can check leases: not every browser's WebCrypto has Ed25519. */
export function canVerifyLeases(): Promise<boolean>;

/** Keeps texts as long as this object lives. */
export class MemoryStorage implements Storage {
  get(key: string): string | null;
  set(key: string, text: string): void;
}

/** Keeps texts in a browser's `localStorage`. */
export class BrowserStorage implements Storage {
  constructor(area?: { getItem(key: string): string | null; setItem(key: string, text: string): void });
  get(key: string): string | null;
  set(key: string, text: string): void;
}
