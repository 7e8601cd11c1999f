/** A customer's subscriptions: begin and see them, give them, change, pause and end them. */

import { purchaseIn, codesIn } from "./buying.js";
import { given, having, understood } from "./transport.js";

const PATH = "/v1/subscriptions";

/** `shop.subscriptions` of a client with a session or a server key; the shop has the plugin `subscriptions`. */
export class Subscriptions {
  #transport;
  #changed;

  /** `changed` is called when something of the customer's state may have changed. */
  constructor(transport, changed) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /**
   * Begin a subscription, once per key; returns the purchase that pays, `details.subscription` is its id.
   *
   * A pending purchase is paid at `redirect_url`. `interval` is `"month"`, `"year"`, `"3 months"` …, the tier's first
   * if not given; `trial: false` begins to pay. With a server key name the `customer`.
   *
   * Throws `Conflict` (`already_subscribed`, `trial_used`), `InsufficientFunds`, `PaymentDeclined`, `OfferClosed`,
   * `PromoCodeInvalid`: nothing has begun. `Unavailable`: call again with the same `idempotency_key`.
   */
  subscribe(sku, { idempotency_key, promo_code, ...options } = {}) {
    return this.#buy({ sku, ...options, ...codesIn(promo_code, { isList: true }) }, idempotency_key);
  }

  /**
   * Give `periods` of a tier to `recipient`, once per key; returns the giver's purchase.
   *
   * Throws `GiftNotPossible`, `NotGiftable`, `TooManyGifts`, `Conflict` (`gift_needs_same_plan`, with a server key).
   */
  gift(sku, { recipient, periods, idempotency_key, ...options }) {
    return this.#buy({ sku, recipient, periods, ...options }, idempotency_key);
  }

  /** Return a customer's subscriptions, newest first, those that are over too. */
  async list({ customer } = {}) {
    return all(await this.#transport.read(PATH, { query: { customer } }));
  }

  /** Return a subscription as it stands now. */
  async get(id) {
    return subscription(await this.#transport.read(path(id)));
  }

  /** Return what a subscription asked for, period by period, newest first. */
  async invoices(id) {
    return all(await this.#transport.read(`${path(id)}/invoices`));
  }

  /** Return `{data, next}`: which included credits a subscription granted, and what it grants next. */
  async credits(id) {
    const reply = await this.#transport.read(`${path(id)}/credits`);
    return understood((found) => having(found, "data", "next"), reply.document);
  }

  /**
   * Return what a change to `tier` would cost, line by line; its `token` pins that for ten minutes.
   *
   * Throws `Conflict` (`nothing_to_change`, `payment_due`, `subscription_paused` …): not now.
   */
  async preview(id, tier, options = {}) {
    const reply = await this.#transport.write(`${path(id)}/preview`, given({ tier, ...options }), { takesKey: false });
    return understood((found) => having(found, "lines", "total", "token"), reply.document);
  }

  /**
   * Change the tier, once per key: `change(id, {tier: "gold"})`, or exactly as a preview says: `change(id, {token})`.
   *
   * Returns the purchase that pays for a change that happens now, or the subscription, with its `pending_change`, for
   * one with the period's end.
   */
  async change(id, { idempotency_key, ...options }) {
    const reply = await this.#transport.write(`${path(id)}/change`, given(options), { key: idempotency_key });
    if ("billing_state" in reply.document) return this.#stands(reply);
    this.#changed();
    return purchaseIn(reply);
  }

  /** Take back a change that is not done; without one nothing happens. */
  async revokeChange(id) {
    return this.#stands(await this.#transport.delete(`${path(id)}/change`));
  }

  /** End it with the period that is paid, which `resume` takes back, or with `at: "now"` at once. */
  cancel(id, { at = "period_end" } = {}) {
    return this.#act(id, "cancel", { at });
  }

  /** Pause it with the period that is paid, or with `at: "now"` at once; or change until when it is paused. */
  pause(id, { at = "period_end", resume_at, keep_anchor = false } = {}) {
    return this.#act(id, "pause", { at, resume_at, keep_anchor });
  }

  /** Let it go on: its next period is charged at once. Or take back that it pauses, or ends with its period. */
  resume(id, { keep_anchor } = {}) {
    return this.#act(id, "resume", { keep_anchor });
  }

  async #act(id, verb, body) {
    return this.#stands(await this.#transport.write(`${path(id)}/${verb}`, given(body)));
  }

  async #buy(body, key) {
    const reply = await this.#transport.write(PATH, given(body), { key });
    this.#changed();
    return purchaseIn(reply);
  }

  #stands(reply) {
    this.#changed();
    return subscription(reply);
  }
}

function subscription(reply) {
  return understood((found) => having(found, "id", "sku", "billing_state", "has_access"), reply.document);
}

function all(reply) {
  return understood((found) => [...having(found, "data").data], reply.document);
}

function path(id) {
  return `${PATH}/${encodeURIComponent(id)}`;
}
