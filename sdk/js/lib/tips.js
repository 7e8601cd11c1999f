/** Tips for creators: give one with or without an account, see what became of it, and what creators have. */

import { purchaseIn } from "./buying.js";
import { given, having, understood } from "./transport.js";

const PATH = "/v1/fanfunding";

/** `shop.tips`; the shop has the plugin `fanfunding`. A client without a credential gives as a guest. */
export class Tips {
  #transport;
  #merge;

  /** `merge` takes an answer and whose it is: a tip from a wallet changes its owner's state. */
  constructor(transport, merge) {
    this.#transport = transport;
    this.#merge = merge;
  }

  /** Return the creators, in the order of their files; texts in `language`, else in the shop's. */
  async creators({ language } = {}) {
    return all(await this.#transport.read(`${PATH}/creators`, { query: { language } }));
  }

  /** Return a creator: what they take (`min`, `max`, `presets`), and what becomes of it on stream (`tiers`). */
  async creator(id, { language } = {}) {
    const reply = await this.#transport.read(creatorPath(id), { query: { language } });
    return understood((found) => having(found, "id", "name", "min", "tiers"), reply.document);
  }

  /**
   * Give a tip, once, however often the call is retried under its key; returns its purchase.
   *
   * `details.tip` of the purchase is the tip's id. A pending purchase is paid at `redirect_url`. Whoever has no account
   * is a guest, the same one for the same `fan`: a secret of 16 to 128 characters that the browser keeps. With a server
   * key name the `customer`.
   *
   * Throws `AmountOutOfRange`, `InsufficientFunds`, `Invalid`: nothing was given. `Unavailable`: call again with the same
   * `idempotency_key`.
   */
  async give(creator, { idempotency_key, ...options }) {
    const path = `${creatorPath(creator)}/tips`;
    const reply = await this.#transport.write(path, given(options), { key: idempotency_key });
    const bought = purchaseIn(reply);
    this.#merge(reply.document, options.customer);
    return bought;
  }

  /** Return what everybody may see of a tip, as it is now. */
  async get(id) {
    return tip(await this.#transport.read(tipPath(id)));
  }

  /** Have the server ask the gateway now; call it when the fan comes back from paying. */
  async finalize(id) {
    return tip(await this.#transport.write(`${tipPath(id)}/finalize`, undefined, { takesKey: false }));
  }

  /** Return `{tips, next}`: a creator's newest tips, and the `before` of older ones (null: there are none). */
  async list(creator, { limit = 20, before } = {}) {
    const reply = await this.#transport.read(`${creatorPath(creator)}/tips`, { query: { limit, before } });
    const { data, next } = understood((found) => having(found, "data", "next"), reply.document);
    return { tips: [...data], next };
  }

  /** Return a creator's goals and how they stand. */
  async goals(creator, { language } = {}) {
    return all(await this.#transport.read(`${creatorPath(creator)}/goals`, { query: { language } }));
  }

  /** Return who gave a creator most: `{span, currency, data}`; `span` is `all`, `month` or `day` (UTC). */
  async leaderboard(creator, { span, currency, limit, language } = {}) {
    const reply = await this.#transport.read(`${creatorPath(creator)}/leaderboard`,
      { query: { span, currency, limit, language } });
    return understood((found) => having(found, "span", "currency", "data"), reply.document);
  }
}

function tip(reply) {
  return understood((found) => having(found, "id", "creator", "state", "amount"), reply.document);
}

function all(reply) {
  return understood((found) => [...having(found, "data").data], reply.document);
}

function creatorPath(id) {
  return `${PATH}/creators/${encodeURIComponent(id.id ?? id)}`;
}

function tipPath(id) {
  return `${PATH}/tips/${encodeURIComponent(id.id ?? id)}`;
}
