/** The game's server: vouch for customers, give, hold, report usage, follow what happens. */

import { RateLimited, Unavailable } from "./errors.js";
import { given, having, pause, randomText, understood } from "./transport.js";

const MOST_PER_REQUEST = 500;
const LONGEST_PAUSE_SECONDS = 30;

/** `shop.sessions` of a client with a server key. */
export class Sessions {
  #transport;

  constructor(transport) {
    this.#transport = transport;
  }

  /** Mint a session for a customer, who is made on first sight; its `token` goes to the game's client. */
  async create(customer, { ttl_seconds, country } = {}) {
    const body = given({ customer, ttl_seconds, country });
    const reply = await this.#transport.write("/v1/sessions", body, { takesKey: false });
    return understood((found) => having(found, "token", "customer", "expires_at"), reply.document);
  }
}

/** `shop.grants` of a client with a server or operator key. */
export class Grants {
  #transport;

  constructor(transport) {
    this.#transport = transport;
  }

  /** Give a customer `amount` of a virtual `asset`, or `quantity` of the goods of `sku`; nobody pays. */
  async create(customer, { idempotency_key, ...options }) {
    return grant(await this.#transport.write("/v1/grants", given({ customer, ...options }), { key: idempotency_key }));
  }

  /** Return a grant. */
  async get(id) {
    return grant(await this.#transport.read(`/v1/grants/${encodeURIComponent(id)}`));
  }
}

/** `shop.holds` of a client with a server key. */
export class Holds {
  #transport;

  constructor(transport) {
    this.#transport = transport;
  }

  /** Set funds aside for at most 30 days; what is held cannot be spent. Throws `InsufficientFunds`: nothing is held. */
  async place(customer, asset, amount, { expires_in_seconds, reason, idempotency_key }) {
    const body = { customer, asset, amount, expires_in_seconds, reason };
    return hold(await this.#transport.write("/v1/holds", body, { key: idempotency_key }));
  }

  /** Take what is held for good, or `amount` of it; the rest is free. Throws `HoldNotOpen`, `HoldTooSmall`. */
  async capture(id, { amount, idempotency_key } = {}) {
    return hold(await this.#transport.write(`${holdPath(id)}/capture`, given({ amount }), { key: idempotency_key }));
  }

  /** Give all of it back; throws `HoldNotOpen`. */
  async release(id, { idempotency_key } = {}) {
    return hold(await this.#transport.write(`${holdPath(id)}/release`, undefined, { key: idempotency_key }));
  }

  /** Return a hold as it is now. */
  async get(id) {
    return hold(await this.#transport.read(holdPath(id)));
  }

  /** Yield holds, newest first, a page at a time: of one `customer` or everybody, in any `state` or in one. */
  async *list({ customer, state } = {}) {
    for (let after; ; ) {
      const reply = await this.#transport.read("/v1/holds", { query: { customer, state, after } });
      const page = understood((found) => having(found, "data", "next"), reply.document);
      yield* page.data;
      if (page.next === null) return;
      after = page.next;
    }
  }
}

/** `shop.events` of a client with a server key: everything that happened, in order, at least once. */
export class Events {
  #transport;
  #report;

  constructor(transport, report) {
    this.#transport = transport;
    this.#report = report;
  }

  /** Return the events behind a cursor (null: from the beginning) and `next`, the cursor to go on with. */
  async read(after = null, { limit = 100 } = {}) {
    const reply = await this.#transport.read("/v1/events", { query: { after, limit } });
    const { data, next } = understood((found) => having(found, "data", "next"), reply.document);
    const last = data.length - 1;
    return { events: data.map((event, at) => ({ ...event, cursor: at === last ? next : after })), next };
  }

  /**
   * Yield events for ever, also those to come; a server that is away is waited for, and `on("error", …)` told.
   *
   * Store `event.cursor` when the event is handled, and begin with it the next time. `signal` ends it.
   */
  async *follow(after = null, { pause_seconds = 1, signal } = {}) {
    for (let failed = 0; !signal?.aborted; ) {
      let events = [];
      try {
        ({ events, next: after } = await this.read(after));
        failed = 0;
      } catch (failure) {
        if (!(failure instanceof Unavailable) && !(failure instanceof RateLimited)) throw failure;
        failed += 1;
        this.#report(failure);
      }
      yield* events;
      const wait = Math.min(pause_seconds * 2 ** Math.min(failed, 10), LONGEST_PAUSE_SECONDS);
      if (events.length) continue;
      await pause(wait, this.#transport.closed, signal).catch((reason) => {
        if (!signal?.aborted) throw reason;
      });
    }
  }
}

/** `shop.usage` of a client with a server key. */
export class Usage {
  #transport;
  #report;

  constructor(transport, report) {
    this.#transport = transport;
    this.#report = report;
  }

  /**
   * Report events in requests of up to 500; returns `{accepted, duplicates, rejected: [{event, reason, detail}]}`.
   *
   * Make events by `usageEvent`. Throws `Unavailable`, `RateLimited`: some may count already; report the same events
   * again, each counts once by its id.
   */
  async report(events) {
    const waiting = [...events];
    if (!waiting.every((event) => event.id && event.source)) {
      throw new TypeError("events are made by usageEvent(): only with an id can they be told again");
    }
    const sum = { accepted: 0, duplicates: 0, rejected: [] };
    for (let at = 0; at < waiting.length; at += MOST_PER_REQUEST) {
      const sent = waiting.slice(at, at + MOST_PER_REQUEST);
      const reply = await this.#transport.write("/v1/usage", sent, { takesKey: false });
      const found = understood((one) => having(one, "accepted", "duplicates", "rejected"), reply.document);
      sum.accepted += found.accepted;
      sum.duplicates += found.duplicates;
      for (const { index, reason, detail } of found.rejected) sum.rejected.push({ event: sent[index], reason, detail });
    }
    return sum;
  }

  /** Gather events and report them `most` at a time, or after a while; see `UsageBuffer`. */
  buffered({ most = 100, every_seconds = 1 } = {}) {
    return new UsageBuffer(this, this.#report, { most, every_seconds });
  }
}

/** Events on their way. What could not be sent is kept, and sent again with what comes next. */
class UsageBuffer {
  /** Events that do not count, and why. */
  rejected = [];
  #usage;
  #report;
  #most;
  #everySeconds;
  #waiting = [];
  #timer = null;
  #sending = Promise.resolve();

  constructor(usage, report, { most, every_seconds }) {
    this.#usage = usage;
    this.#report = report;
    this.#most = most;
    this.#everySeconds = every_seconds;
  }

  /** How many events are waiting. */
  get size() {
    return this.#waiting.length;
  }

  /** Take an event; it is sent soon. What goes wrong on the way is told to `on("error", …)`, and tried again. */
  add(event) {
    this.#waiting.push(event);
    if (this.#waiting.length >= this.#most) this.#flushSoon(0);
    else if (this.#timer === null) this.#flushSoon(this.#everySeconds);
  }

  /** Send what is waiting now; throws if it cannot, and what was not sent goes on waiting. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const sent = this.#sending.then(() => this.#send());
    this.#sending = sent.catch(() => undefined); // whoever called is told
    return sent;
  }

  /** Send what is left. */
  close() {
    return this.flush();
  }

  async #send() {
    while (this.#waiting.length) {
      const part = this.#waiting.slice(0, this.#most);
      const { rejected } = await this.#usage.report(part);
      this.rejected.push(...rejected);
      this.#waiting.splice(0, part.length);
    }
  }

  #flushSoon(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush().catch((failure) => this.#failed(failure)), seconds * 1000);
  }

  #failed(failure) {
    this.#report(failure);
    const mayHelp = failure instanceof Unavailable || failure instanceof RateLimited;
    if (mayHelp && this.#timer === null) this.#flushSoon(failure.retry_after_seconds ?? this.#everySeconds);
  }
}

/**
 * Make a usage event (CloudEvents 1.0): something that a customer used. `type` is what a meter counts.
 *
 * Its id is made once, here: report the same event again and it still counts once. Fractions in `data` are exact as
 * text (`"0.1"`).
 */
export function usageEvent(type, customer, data = {}, { id = randomText(), source = "storefront-sdk",
  time = new Date().toISOString() } = {}) {
  return Object.freeze({ specversion: "1.0", id, source, type, subject: customer, time, data });
}

function grant(reply) {
  const found = understood((one) => having(one, "id", "customer", "reason"), reply.document);
  return Object.freeze({ ...found, is_replay: reply.isReplay });
}

function hold(reply) {
  const found = understood((one) => having(one, "id", "customer", "asset", "amount", "state"), reply.document);
  return Object.freeze({ ...found, is_replay: reply.isReplay });
}

function holdPath(id) {
  return `/v1/holds/${encodeURIComponent(id.id ?? id)}`;
}
