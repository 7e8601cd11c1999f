/** What a client buys: quoted, bought once, brought to its end, given back. */

import { RateLimited, TimedOut, Unavailable } from "./errors.js";
import { given, having, pause, understood } from "./transport.js";

const SETTLED = new Set(["completed", "expired", "failed", "canceled", "rejected"]);

/** The part of a client that buys; `own.merge` takes what changed, `changed` tells that something may have. */
export class Buying {
  #transport;
  #own;
  #changed;

  constructor(transport, own, changed) {
    this.#transport = transport;
    this.#own = own;
    this.#changed = changed;
  }

  async quote(sku, { promo_code, ...options }) {
    const body = given({ sku, ...options, ...codesIn(promo_code) });
    const reply = await this.#transport.write("/v1/quotes", body, { takesKey: false });
    return understood((found) => having(found, "sku", "total", "lines"), reply.document);
  }

  async purchase(sku, { idempotency_key, promo_code, ...options }) {
    const body = given({ sku, ...options, ...codesIn(promo_code) });
    const reply = await this.#transport.write("/v1/purchases", body, { key: idempotency_key });
    const bought = purchaseIn(reply);
    this.merge(reply.document, options.customer);
    return bought;
  }

  async get(purchase) {
    return purchaseIn(await this.#transport.read(path(purchase)));
  }

  /** Do what `verb` says, which the server does once however often it is asked. */
  async act(purchase, verb) {
    const found = purchaseIn(await this.#transport.write(`${path(purchase)}/${verb}`, undefined, { takesKey: false }));
    if (found.is_settled) this.#changed(); // the answer does not say what changed
    return found;
  }

  async wait(purchase, { timeout_seconds = 60 }) {
    const until = performance.now() + timeout_seconds * 1000;
    for (let wait = 0.2; ; wait = Math.min(wait * 1.5, 3)) {
      let failure;
      try {
        const found = await this.act(purchase, "finalize");
        if (found.is_settled) return found;
        failure = new TimedOut(`${found.id} is still ${found.status}.`, { code: "timed_out" });
      } catch (error) {
        if (!(error instanceof Unavailable) && !(error instanceof RateLimited)) throw error;
        failure = error;
      }
      if (performance.now() + wait * 1000 > until) throw failure;
      await pause(wait, this.#transport.closed);
    }
  }

  async refund(purchase, { idempotency_key, ...options }) {
    const reply = await this.#transport.write(`${path(purchase)}/refunds`, given(options), { key: idempotency_key });
    const refund = understood((found) => having(found, "id", "purchase", "amount", "state"), reply.document);
    return Object.freeze({ ...refund, is_replay: reply.isReplay });
  }

  async refunds(purchase) {
    const reply = await this.#transport.read(`${path(purchase)}/refunds`);
    return understood((found) => [...having(found, "data").data], reply.document);
  }

  async receipt(purchase) {
    const reply = await this.#transport.read(`${path(purchase)}/receipt`);
    return understood((found) => having(found, "purchase", "jws"), reply.document);
  }

  async consume(sku, { idempotency_key, ...options }) {
    const where = `/v1/microtransactions/inventory/${encodeURIComponent(sku)}/consume`;
    const reply = await this.#transport.write(where, given(options), { key: idempotency_key });
    const { remaining } = understood((found) => having(found, "remaining"), reply.document);
    this.merge(reply.document, options.customer);
    return remaining;
  }

  /** Merge what an answer says of the customer whose token the client carries. */
  merge(document, customer) {
    if (customer === undefined || customer === null) this.#own.merge(understood(changeIn, document));
  }
}

/** Return how a request names promo codes: one, or a list. */
export function codesIn(code, { isList = false } = {}) {
  if (Array.isArray(code)) return { promo_codes: code };
  return isList && code ? { promo_codes: [code] } : { promo_code: code };
}

/** Return the purchase in an answer, with what follows from its members. */
export function purchaseIn(reply) {
  const found = understood((one) => having(one, "id", "customer", "sku", "status", "total", "payment"), reply.document);
  return Object.freeze({
    ...found,
    redirect_url: found.payment.redirect_url ?? null,
    is_completed: found.status === "completed",
    is_settled: SETTLED.has(found.status),
    is_replay: reply.isReplay,
  });
}

function changeIn(document) {
  return having(having(document, "customer").customer, "version");
}

function path(purchase) {
  return `/v1/purchases/${encodeURIComponent(purchase.id ?? purchase)}`;
}
