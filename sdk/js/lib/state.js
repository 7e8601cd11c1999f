/** The customer's own state: held in memory, fetched by one request at a time, kept in a storage, asked "may I?". */

import { POLICIES } from "./cache.js";
import { NotFound, NothingCached, Unavailable, Unsupported } from "./errors.js";
import { verifyLease } from "./lease.js";
import { given, having, understood } from "./transport.js";

const REFRESH_PAUSE_SECONDS = 10;
const MOST_ROUNDS = 3;
const STATE = ["customer", "version", "as_of", "server_time", "fresh_until", "wallets", "items", "entitlements"];

/** What is held of the customer whose token the client carries. */
export class OwnState {
  #transport;
  #cache;
  #report;
  #store;
  #keys;
  #isPinned;
  #loading = null;
  /** Settles when it is known whether the lease of the held state is right. */
  #leasing = Promise.resolve();
  #saving = Promise.resolve();
  #flight = null;
  #refreshedAt = -Infinity;

  /** `store` is null or `{storage, key, customer}`; `keys` a JWK set that alone is trusted, or null: the shop's. */
  constructor(transport, cache, { report, store, keys }) {
    this.#transport = transport;
    this.#cache = cache;
    this.#report = report;
    this.#store = store;
    this.#keys = keys;
    this.#isPinned = keys !== null;
  }

  /** Return the state, from memory if `policy` allows. */
  async get(policy) {
    if (!POLICIES.includes(policy)) throw new TypeError(`policy must be one of ${POLICIES.join(", ")}`);
    await this.#loaded();
    const cache = this.#cache;
    if (!cache.mayAnswer(policy)) {
      if (policy === "cache_only") throw new NothingCached("There is no state yet.", { code: "nothing_cached" });
      await this.#fetch();
      // A change may have come in while the answer was on its way.
      for (let round = 0; round < MOST_ROUNDS && !cache.isGood; round += 1) await this.#fetch();
    } else if (policy === "cached_or_fetched" && cache.isStale) {
      this.#refresh();
    }
    return cache.document;
  }

  /** Answer from what is held if that says yes; else ask, once per question and state. */
  async check(key, amount, policy) {
    if (policy === "fetch") return ask(this.#transport, key, amount);
    if (policy === "cache_only") return this.#checkHeld(key, amount);
    try {
      await this.get(policy);
      return this.#known(key, amount) ?? (await this.#ask(key, amount));
    } catch (failure) {
      await this.#leasing;
      if (!(failure instanceof Unavailable) || this.#cache.lease === null) throw failure;
      return this.#offline(key, amount);
    }
  }

  /** Merge the `customer` member of a mutation's answer. */
  merge(change) {
    this.#cache.merge(change);
    this.#save();
  }

  /** Wait until what is held has been written to the storage. */
  saved() {
    return this.#saving;
  }

  async #checkHeld(key, amount) {
    await this.#loaded();
    if (!this.#cache.isFetched) return this.#offline(key, amount);
    return this.#known(key, amount) ?? no(amount, "unknown");
  }

  #known(key, amount) {
    const right = this.#cache.right(key);
    if (right !== null && isEnough(right.value, amount)) return yes(right, amount);
    return this.#cache.denial(key, amount);
  }

  #offline(key, amount) {
    const right = this.#cache.offlineRight(key);
    if (right !== null && isEnough(right.value, amount)) return yes(right, amount);
    return no(amount, this.#cache.lease === null ? "unknown" : "offline");
  }

  async #ask(key, amount) {
    const { mark } = this.#cache;
    const answer = await ask(this.#transport, key, amount);
    if (!answer.allowed) this.#cache.keepDenial(key, amount, answer, mark);
    return answer;
  }

  /** Fetch; callers that come meanwhile share the one request, unless something has happened since it was sent. */
  #fetch() {
    const { generation } = this.#cache;
    if (this.#flight?.generation !== generation) {
      const flight = { generation };
      flight.landed = this.#fetchOnce(generation).finally(() => {
        if (this.#flight === flight) this.#flight = null;
      });
      this.#flight = flight;
    }
    return this.#flight.landed;
  }

  /** Fetch behind the scenes, now and then; what goes wrong is told to whoever listens for errors. */
  #refresh() {
    if (this.#cache.moment - this.#refreshedAt < REFRESH_PAUSE_SECONDS) return;
    this.#refreshedAt = this.#cache.moment;
    this.#fetch().catch((failure) => {
      if (!this.#transport.closed.aborted) this.#report(failure); // else it was given up on purpose
    });
  }

  async #fetchOnce(generation) {
    const cache = this.#cache;
    const { etag, moment: askedAt } = cache;
    const reply = await this.#transport.read("/v1/me", { headers: etag ? { "If-None-Match": etag } : {} });
    if (reply.status === 304) {
      cache.confirm({ askedAt, generation });
    } else {
      const document = understood((found) => having(found, ...STATE), reply.document);
      this.#refuseStranger(document);
      const isKept = cache.put(document, reply.headers.get("ETag"), { askedAt, generation });
      // Nobody waits for that but who is offline: the state itself came from the shop.
      if (isKept && document.lease) this.#leasing = this.#vouch(document);
    }
    this.#save();
  }

  async #vouch(document) {
    this.#cache.vouch(document, await this.#leaseOf(document, () => this.#fetchKeys()));
  }

  #refuseStranger({ customer }) {
    if (this.#store === null || this.#store.customer === customer) return;
    throw new TypeError(`the token is ${customer}'s, and the states of ${this.#store.customer} are kept here`);
  }

  /** Return what the lease in a state says; null without one, or with one that cannot be trusted. */
  async #leaseOf(document, fetchKeys) {
    if (!document.lease) return null;
    try {
      let lease = await verifyLease(document.lease, this.#keys);
      if (lease === null && !this.#isPinned && fetchKeys !== null) {
        await fetchKeys();
        lease = await verifyLease(document.lease, this.#keys);
      }
      return lease?.state.customer === document.customer ? lease : null;
    } catch (failure) {
      if (this.#transport.closed.aborted) return null; // it was given up on purpose
      if (!(failure instanceof Unsupported) && !(failure instanceof Unavailable)) throw failure;
      this.#report(failure); // the state is good all the same, but nothing will be answered offline
      return null;
    }
  }

  async #fetchKeys() {
    const reply = await this.#transport.read("/.well-known/jwks.json", { isPublic: true });
    this.#keys = understood((found) => having(found, "keys"), reply.document);
  }

  #loaded() {
    this.#loading ??= this.#store === null ? Promise.resolve() : this.#load(this.#store);
    return this.#loading;
  }

  /** Take over what an earlier run has kept; a lease that is not right makes all of it as good as absent. */
  async #load({ storage, key, customer }) {
    const kept = readKept(await storage.get(key));
    if (kept === null || kept.document.customer !== customer) return;
    if (!this.#isPinned) this.#keys = kept.keys;
    const lease = await this.#leaseOf(kept.document, null);
    if (kept.document.lease && lease === null) return;
    const { lease_until: _, ...state } = lease?.state ?? kept.document;
    this.#cache.restore(lease === null ? state : { ...state, lease: kept.document.lease }, { lease, seen: kept.seen });
  }

  /** Write what is held as one text, one write after the other, each with a lease that is known to be right. */
  #save() {
    if (this.#store === null || !this.#cache.isFetched) return;
    this.#saving = this.#saving.then(() => this.#leasing).then(() => this.#write()).catch(this.#report);
  }

  async #write() {
    const { storage, key } = this.#store;
    const { document, lease, seen } = this.#cache;
    // A lease vouches for the state that it was made with, not for what was merged since.
    const told = lease === null ? { ...document, lease: undefined } : { ...lease.state, lease: document.lease };
    const text = JSON.stringify({ document: told, seen, keys: this.#isPinned ? null : this.#keys });
    await storage.set(key, text);
  }
}

/** Ask the server for a check; what is not there at all is answered as unknown. */
export async function ask(transport, key, amount, customer) {
  if (["", ".", ".."].includes(key)) return no(amount, "unknown"); // no address can name these
  try {
    const query = given({ amount: String(amount), customer });
    const reply = await transport.read(`/v1/entitlements/${encodeURIComponent(key)}`, { query });
    return Object.freeze(understood((found) => having(found, "allowed", "reason"), reply.document));
  } catch (failure) {
    if (failure instanceof NotFound) return no(amount, "unknown");
    throw failure;
  }
}

function yes({ reason, value, expires_at = null }, amount) {
  const remaining = Number.isInteger(value) ? value : null;
  return Object.freeze(
    { allowed: true, reason, required: amount, remaining, resets_at: null, value, expires_at, offers: [] });
}

function no(amount, reason) {
  return Object.freeze({ allowed: false, reason, required: amount, remaining: null, resets_at: null, value: null,
    expires_at: null, offers: [] });
}

function isEnough(value, amount) {
  return typeof value === "number" ? value >= amount : Boolean(value);
}

function readKept(text) {
  if (!text) return null;
  try {
    const kept = JSON.parse(text);
    having(having(kept, "document", "seen").document, ...STATE);
    return Number.isFinite(kept.seen) ? kept : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null; // of another release, or cut
    throw error;
  }
}
