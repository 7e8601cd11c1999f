/**
 * The cached customer state: what may be answered from memory, and for how long.
 *
 * A state is good until `fresh_until`, reckoned with the server's time and the monotonic clock since, so a wrong local
 * clock changes nothing. A mutation's answer is merged when the cache holds the version that it began from; otherwise
 * the next read fetches. All times here are in seconds since 1970.
 */

import { frozen } from "./transport.js";

const STALE_AFTER_SECONDS = 60;
const MOST_DENIALS = 1000;

/** Where an answer may come from. */
export const POLICIES = Object.freeze(["cache_only", "fetch", "cached_or_fetched", "not_stale"]);

/** One customer's state in memory; `clock` has `monotonic()` and `wall()`, both in seconds. */
export class StateCache {
  document = null;
  etag = null;
  /** Whether the state came from the server to this very client, and not from a storage. */
  isFetched = false;
  /** What a verified lease says, as `{until, state}`; the offline rule goes by it. */
  lease = null;
  /** Counts what happened with unknown outcome: a fetch that began before tells nothing of it. */
  generation = 0;
  #clock;
  #graceSeconds;
  #knownGeneration = 0;
  #serverTime = 0;
  #serverTimeAt = 0;
  #askedAt = 0;
  #highest = 0;
  #noted = 0;
  #denials = new Map();

  constructor(clock, { grace_seconds = 0 } = {}) {
    this.#clock = clock;
    this.#graceSeconds = grace_seconds;
  }

  /** Seconds of the monotonic clock, to be handed back as `askedAt`. */
  get moment() {
    return this.#clock.monotonic();
  }

  /** The last version that was seen or heard of, to be sent with requests; null before the first. */
  get version() {
    const held = this.isFetched ? this.document.version : 0;
    return Math.max(held, this.#noted) || null;
  }

  /** Remember a version that was heard of: nobody is to answer with an older one. */
  note(version) {
    this.#noted = Math.max(this.#noted, version);
  }

  /**
   * Keep a fetched state, unless a newer one is there already; tells whether it was kept.
   *
   * `askedAt` and `generation` are those of the moment when the request was sent. The lease of the state before goes on
   * until `vouch` says what the new one's is; a state without one ends it.
   */
  put(document, etag, { askedAt, generation }) {
    const isBound = this.isFetched || this.lease !== null;
    if (isBound && this.document !== null && isOlder(document, this.document)) return false;
    this.document = frozen(document);
    this.etag = etag;
    if (!document.lease) this.lease = null;
    this.isFetched = true;
    // In a sandbox whose business time was moved, the state's own times run ahead of the machine's.
    this.#serverTime = Math.max(seconds(document.server_time), seconds(document.as_of));
    this.#serverTimeAt = askedAt;
    this.confirm({ askedAt, generation });
    return true;
  }

  /** Take what the lease of a state says, once that is known (null: it is not right), if the state is still held. */
  vouch(document, lease) {
    if (this.document.lease === document.lease) this.lease = lease;
  }

  /** Take a state from a storage: it is shown, and says yes to nothing that `lease` does not vouch for. */
  restore(document, { lease, seen = 0 }) {
    this.document = frozen(document);
    this.etag = null; // "unchanged" would tell neither the time nor a new lease
    this.lease = lease;
    this.isFetched = false;
    this.#knownGeneration = -1;
    const told = lease === null ? 0 : Math.max(seconds(lease.state.server_time), seconds(lease.state.as_of));
    this.#highest = Math.max(this.#highest, seen, told);
  }

  /** Note that the server has just said that the state is right. */
  confirm({ askedAt, generation }) {
    this.#askedAt = askedAt;
    this.#knownGeneration = Math.max(this.#knownGeneration, generation);
    this.#denials.clear();
  }

  /** Merge the `customer` member of a mutation's answer; one that is known already changes nothing. */
  merge(change) {
    if (!this.isFetched) return this.invalidate(); // a first fetch may be under way, from before this change
    if (change.version <= this.document.version) return undefined;
    const changed = change.changed ?? {};
    const rights = Object.values(changed.entitlements ?? {});
    // What a subscription gives is told whole by the state alone.
    const isPart = rights.some((right) => right.source.type === "subscription");
    if (change.from_version !== this.document.version || isPart) return this.invalidate();
    this.document = frozen(merged(this.document, change.version, changed));
    this.etag = null;
    // It began from the version that is held: nothing else has happened until then.
    this.#knownGeneration = this.generation;
    this.#denials.clear();
    return undefined;
  }

  /** Fetch before the next answer: something may have changed. */
  invalidate() {
    this.generation += 1;
    this.#denials.clear();
  }

  /** Whether nothing in the state is known to have changed. */
  get isGood() {
    return this.isFetched && this.#knownGeneration === this.generation && !this.#hasLapsed();
  }

  /** Whether the server was last asked more than a minute ago. */
  get isStale() {
    return this.moment - this.#askedAt >= STALE_AFTER_SECONDS;
  }

  /** Whether the cached state may answer under this policy. */
  mayAnswer(policy) {
    if (policy === "cache_only") return this.document !== null;
    if (policy === "fetch" || !this.isGood) return false;
    return policy === "cached_or_fetched" || !this.isStale;
  }

  /** The right that is held and in force now, as the server told this client; or null. */
  right(key) {
    return this.isFetched ? inForce(this.document, key, this.now(), 0) : null;
  }

  /** The right that the lease vouches for while nobody can be asked; or null. Rather denied than lent too long. */
  offlineRight(key) {
    if (this.lease === null) return null;
    const now = this.offlineNow();
    const state = this.isFetched ? this.document : this.lease.state;
    return now < this.lease.until ? inForce(state, key, now, this.#graceSeconds) : null;
  }

  /** The server's "no" to this question, if it was asked since the state last changed. */
  denial(key, amount) {
    return this.#denials.get(JSON.stringify([key, amount])) ?? null;
  }

  /** What to remember of the state before asking something about it. */
  get mark() {
    return `${this.generation} ${this.isFetched ? this.document.version : ""}`;
  }

  /** Remember a "no" for as long as the state stays what it was at `mark`. */
  keepDenial(key, amount, answer, mark) {
    if (mark !== this.mark || !this.isGood || this.#denials.size >= MOST_DENIALS) return;
    this.#denials.set(JSON.stringify([key, amount]), answer);
  }

  /** The server's time as reckoned here; rather late than early. */
  now() {
    return this.#serverTime + (this.moment - this.#serverTimeAt);
  }

  /** The time by which leases end: an earlier local clock counts as the highest server time that was seen. */
  offlineNow() {
    return Math.max(this.#clock.wall(), this.seen);
  }

  /** The highest server time that was seen, also by earlier runs that kept it. */
  get seen() {
    this.#highest = Math.max(this.#highest, this.isFetched ? this.now() : 0);
    return this.#highest;
  }

  #hasLapsed() {
    const until = this.document.fresh_until;
    const isOver = until !== null && this.now() >= seconds(until);
    return isOver || (this.lease !== null && this.now() >= this.lease.until);
  }
}

/** Read a time of the wire. */
export function seconds(text) {
  return Date.parse(text) / 1000;
}

function merged(document, version, changed) {
  const touched = new Map((changed.items ?? []).map((item) => [item.instance, item]));
  const kept = document.items.filter((item) => !touched.has(item.instance));
  return {
    ...document,
    version,
    wallets: { ...document.wallets, ...changed.wallets },
    entitlements: { ...document.entitlements, ...changed.entitlements },
    items: [...kept, ...[...touched.values()].filter((item) => item.quantity > 0)],
    fresh_until: earliest([document.fresh_until, ...instants(changed)]),
  };
}

/** Find when something in a change will change by itself. */
function* instants(changed) {
  for (const wallet of Object.values(changed.wallets ?? {})) for (const part of wallet.expiring ?? []) yield part.at;
  for (const item of changed.items ?? []) yield item.expires_at;
  for (const right of Object.values(changed.entitlements ?? {})) yield right.active ? right.expires_at : null;
}

function earliest(times) {
  const ahead = times.filter((time) => time !== null && time !== undefined);
  return ahead.length ? ahead.reduce((first, time) => (seconds(time) < seconds(first) ? time : first)) : null;
}

function isOlder(document, than) {
  if (document.version !== than.version) return document.version < than.version;
  return seconds(document.as_of) < seconds(than.as_of);
}

function inForce(state, key, now, grace) {
  const right = Object.hasOwn(state.entitlements, key) ? state.entitlements[key] : null;
  if (right === null || !right.active) return null;
  const ends = right.expires_at ?? null;
  return ends === null || now < seconds(ends) + grace ? right : null;
}
