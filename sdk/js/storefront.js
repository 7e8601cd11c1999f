/** JavaScript client of Storefront, for browsers and Node: buy, check entitlements, follow changes and events. */

import { Buying } from "./lib/buying.js";
import { StateCache } from "./lib/cache.js";
import { Events, Grants, Holds, Sessions, Usage } from "./lib/server.js";
import { OwnState, ask } from "./lib/state.js";
import { Changes } from "./lib/stream.js";
import { Subscriptions } from "./lib/subscriptions.js";
import { Tips } from "./lib/tips.js";
import { Credential, Transport, having, understood } from "./lib/transport.js";
import { Webhooks } from "./lib/webhooks.js";

export * from "./lib/errors.js";
export { canVerifyLeases, verifyLease } from "./lib/lease.js";
export { usageEvent } from "./lib/server.js";
export { BrowserStorage, MemoryStorage } from "./lib/storage.js";
export { verifyWebhook } from "./lib/webhooks.js";

const EMPTY_WALLET = Object.freeze({ balance: 0, available: 0, held: 0, frozen: 0, expiring: Object.freeze([]) });
const CLOCK = { monotonic: () => performance.now() / 1000, wall: () => Date.now() / 1000 };
const DEFAULTS = { tries: 4, timeout_seconds: 15, pause_seconds: 0.25, reconnect_seconds: 1, grace_seconds: 0,
  storage: null, lease_keys: null, clock: CLOCK, fetch: (request) => globalThis.fetch(request) };
const OPTIONS = new Set(["token", "get_token", "key", "public", "customer", ...Object.keys(DEFAULTS)]);

/**
 * A game's view of one shop: `new StorefrontClient(url, {token})`.
 *
 * Give one of `token` (a session), `get_token` (asked for a token, and again when one is dead) and `key` (a server's
 * secret key; never in a browser), or `public: true` for what everybody may do. What the other options do stands in `storefront.d.ts`. Names in options and answers
 * are those of the HTTP API. Answers are frozen: they are shared with the cache.
 */
export class StorefrontClient {
  #cache;
  #transport;
  #own;
  #buying;
  #changes;
  #isServer;
  #catalog = null;
  #listeners = { change: new Set(), error: new Set() };

  constructor(base_url, options = {}) {
    const { token, get_token, key, public: isPublic, customer, ...rest } = checked(options);
    const settings = { ...DEFAULTS, ...rest };
    const report = (failure) => this.#report(failure);
    const base = addressOf(base_url);
    this.#isServer = key !== undefined;
    this.#cache = new StateCache(settings.clock, settings);
    this.#transport = new Transport(base, {
      ...settings,
      credential: new Credential(isPublic ? null : (token ?? key ?? null), get_token),
      customerVersion: () => this.#cache.version,
    });
    const store = settings.storage && { storage: settings.storage, customer, key: `storefront:${base}:${customer}` };
    this.#own = new OwnState(this.#transport, this.#cache, { report, store, keys: settings.lease_keys });
    const changed = () => this.#cache.invalidate();
    this.#buying = new Buying(this.#transport, this.#own, changed);
    this.#changes = new Changes(this.#transport, this.#own, this.#cache, {
      told: (state) => this.#tell("change", state),
      report,
      reconnectSeconds: settings.reconnect_seconds,
    });
    this.sessions = new Sessions(this.#transport);
    this.grants = new Grants(this.#transport);
    this.holds = new Holds(this.#transport);
    this.events = new Events(this.#transport, report);
    this.usage = new Usage(this.#transport, report);
    this.webhooks = new Webhooks(settings.clock.wall);
    this.subscriptions = new Subscriptions(this.#transport, changed);
    this.tips = new Tips(this.#transport, (document, customer) => this.#buying.merge(document, customer));
  }

  /** Hang up, give up what is under way, and wait for what is being written to the storage. */
  async close() {
    this.#changes.stop();
    this.#transport.close();
    await this.#own.saved();
  }

  /** Return the offers on sale; fetched again only when they have changed. */
  async catalog() {
    const headers = this.#catalog === null ? {} : { "If-None-Match": this.#catalog.etag };
    const reply = await this.#transport.read("/v1/catalog", { headers });
    if (reply.status !== 304 || this.#catalog === null) {
      const { offers } = understood((found) => having(found, "offers"), reply.document);
      this.#catalog = { etag: reply.headers.get("ETag") ?? "", offers };
    }
    return [...this.#catalog.offers];
  }

  /**
   * Return the customer state, from memory if `policy` allows. With a server key name the `customer`: such a client
   * serves many, so it always asks. Throws `NothingCached`: `cache_only`, and there is nothing yet.
   */
  async me({ policy = "cached_or_fetched", customer } = {}) {
    if (customer === undefined) return this.#own.get(policy);
    const reply = await this.#transport.read(`/v1/customers/${encodeURIComponent(customer)}`);
    return understood((found) => having(found, "customer", "version", "wallets", "items"), reply.document);
  }

  /** Return a wallet; one that was never filled is empty. */
  async wallet(asset, options = {}) {
    const { wallets } = await this.me(options);
    return Object.hasOwn(wallets, asset) ? wallets[asset] : EMPTY_WALLET;
  }

  /** Return what the customer owns. */
  async inventory(options = {}) {
    return (await this.me(options)).items;
  }

  /**
   * Ask "may I?". A right that is held is answered from memory; a "no" is asked for, and then remembered too.
   *
   * An unknown key, and with a server key an unknown `customer`, is `reason: "unknown"`, never an error. Where the shop
   * cannot be reached, a lease that still holds answers; without one `Unavailable` is thrown.
   */
  async check(key, amount = 1, { policy = "cached_or_fetched", customer } = {}) {
    if (this.#isServer || customer !== undefined) return ask(this.#transport, key, amount, customer);
    return this.#own.check(key, amount, policy);
  }

  /** Return exactly what something would cost; nothing is written. Takes the options of `purchase`. */
  quote(sku, options = {}) {
    return this.#buying.quote(sku, options);
  }

  /**
   * Buy one offer, once, however often the call is retried under its key.
   *
   * Returns a completed purchase, or a pending one whose buyer pays at `redirect_url`. Throws `InsufficientFunds`,
   * `AlreadyOwned`, `LimitReached`, `SoldOut`, `PriceChanged` …: nothing was bought. `Unavailable`: what happened is
   * unknown; call again with the same `idempotency_key`.
   */
  purchase(sku, options = {}) {
    return this.#buying.purchase(sku, options);
  }

  /** Return a purchase as it is now. */
  getPurchase(purchase) {
    return this.#buying.get(purchase);
  }

  /** Have the server ask the gateway now; call it when the buyer comes back from paying. */
  finalize(purchase) {
    return this.#buying.act(purchase, "finalize");
  }

  /** Cancel an unpaid purchase; one that was paid meanwhile comes back completed. */
  cancel(purchase) {
    return this.#buying.act(purchase, "cancel");
  }

  /** Ask until the purchase is settled. Throws `TimedOut`, `Unavailable` or `RateLimited` after `timeout_seconds`. */
  wait(purchase, options = {}) {
    return this.#buying.wait(purchase, options);
  }

  /** Give money back the way it came; with a server key. Throws `GoodsUsed`, `RefundTooLarge`, `AlreadyRefunded` … */
  refund(purchase, options) {
    return this.#buying.refund(purchase, options);
  }

  /** Return what took a purchase back, disputes too, oldest first; with a server key. */
  refunds(purchase) {
    return this.#buying.refunds(purchase);
  }

  /** Return the signed receipt of a purchase that was paid in real money. Throws `NoReceipt`. */
  receipt(purchase) {
    return this.#buying.receipt(purchase);
  }

  /** Use up items and return how many are left; `instance` names one of those that have numbers. */
  consume(sku, options = {}) {
    return this.#buying.consume(sku, options);
  }

  /**
   * Listen: `change` is called with each new customer state, `error` with what goes wrong behind the scenes.
   *
   * The first listener for `change` opens the line, which comes back by itself after 1 to 30 seconds; the last one to
   * leave closes it. After an `Unauthorized` or `Forbidden` the line stays closed. Returns a function that ends this
   * listening. Without a listener for `error` the console is told.
   */
  on(name, listener) {
    const listeners = this.#listenersOf(name);
    if (typeof listener !== "function") throw new TypeError("a listener is a function");
    listeners.add(listener);
    if (name === "change") this.#changes.start();
    return () => this.off(name, listener);
  }

  /** Stop listening. */
  off(name, listener) {
    this.#listenersOf(name).delete(listener);
    if (this.#listeners.change.size === 0) this.#changes.stop();
  }

  #listenersOf(name) {
    if (!Object.hasOwn(this.#listeners, name)) throw new TypeError("there are the events change and error");
    return this.#listeners[name];
  }

  #report(failure) {
    if (this.#listeners.error.size) this.#tell("error", failure);
    else console.warn("storefront:", failure.message);
  }

  /** Call each listener; one that throws stops no other, and is an uncaught error of the program as with events. */
  #tell(name, value) {
    for (const listener of [...this.#listeners[name]]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

function checked(options) {
  const unknown = Object.keys(options).filter((name) => !OPTIONS.has(name));
  if (unknown.length) throw new TypeError(`unknown options: ${unknown.join(", ")}`);
  const given = ["token", "get_token", "key", "public"].filter((name) => options[name] !== undefined);
  if (given.length !== 1) throw new TypeError("give one of token, get_token, key and public");
  if (options.storage && !options.customer) throw new TypeError("with a storage say whose states it keeps: customer");
  return options;
}

/** Return the shop's address without a slash at its end; in a page `""` is the page's own origin. */
function addressOf(base_url) {
  return new URL(base_url || "/", globalThis.location?.href).href.replace(/[#?].*$/, "").replace(/\/+$/, "");
}
